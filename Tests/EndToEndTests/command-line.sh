#!/usr/bin/env bash
# The command line restores and classifies without a server, and its exit statuses tell what went wrong.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
expect_exit 0 --version
expect_exit 64 --no-such-flag
expect_exit 64 serve --port 70000
expect_exit 64 restore "$picture" -o "$work/out.png" --steps 0
expect_exit 64 restore "$picture" -o "$work/out.png" --degradation rainy,rainy

expect_exit 0 restore "$picture" -o "$work/first.png" --bundle "$bundle" --steps 1 --seed 3
expect_exit 0 restore "$picture" -o "$work/again.png" --bundle "$bundle" --steps 1 --seed 3
[ "$(png_size "$work/first.png")" = 61x45 ] || fail "the picture has another size"
cmp -s "$work/first.png" "$work/again.png" || fail "the same seed gave other bytes"

expect_exit 0 classify "$picture" --bundle "$bundle" --json
grep -q '"degradation"' "$work/out" || fail "no label: $(cat "$work/out")"

expect_exit 66 restore "$work/missing.png" -o "$work/out.png" --bundle "$bundle"
head -c 600 "$picture" >"$work/cut.png"
expect_exit 65 restore "$work/cut.png" -o "$work/out.png" --bundle "$bundle"
[ ! -e "$work/out.png" ] || fail "a file was written for a broken picture"
