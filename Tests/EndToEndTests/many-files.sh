#!/usr/bin/env bash
# Many files are restored together; a broken one is named, the others are there, and the exit status is the first failure's.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
inputs=()
for number in $(seq 10); do
  cp "$picture" "$work/in-$number.png"
  inputs+=("$work/in-$number.png")
done
head -c 600 "$picture" >"$work/in-3.png"
expect_exit 0 restore "$picture" -o "$work/alone.png" --bundle "$bundle" --steps 2 --seed 3 --force
expect_exit 65 restore "${inputs[@]}" "$work/missing.png" -o "$work/all" --bundle "$bundle" --steps 2 --seed 3 --force --json
grep -q "in-3.png" "$work/err" || fail "the broken file isn't named: $(cat "$work/err")"
grep -q "missing.png" "$work/err" || fail "the missing file isn't named: $(cat "$work/err")"
[ "$(wc -l <"$work/out")" = 9 ] || fail "expected 9 lines, found: $(cat "$work/out")"
[ ! -e "$work/all/in-3.png" ] || fail "a file was written for a broken picture"
for number in 1 2 4 5 6 7 8 9 10; do
  cmp "$work/all/in-$number.png" "$work/alone.png" || fail "company changed bytes of file $number"
done
expect_exit 66 restore "$work/missing.png" "${inputs[@]}" -o "$work/all" --bundle "$bundle" --steps 1 --seed 3 --force

# A picture is never written over, however its place is written.
for place in "$work" "$work/." "$work/all/../in-1.png"; do
  expect_exit 64 restore "$work/in-1.png" -o "$place" --bundle "$bundle" --steps 1
done
cmp "$work/in-1.png" "$picture" || fail "the input was written over"

# One progress line, on a terminal only.
grep -q '%' "$work/err" && fail "a progress line without a terminal"
if command -v script >/dev/null; then
  script -qec "'$program' restore ${inputs[0]} ${inputs[1]} -o $work/all --bundle $bundle --steps 2 --force 2>&1" /dev/null >"$work/tty"
  grep -q 'of 2 files' "$work/tty" || fail "no progress on a terminal: $(head -c 300 "$work/tty")"
fi
