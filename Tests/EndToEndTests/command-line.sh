#!/usr/bin/env bash
# The command line restores and classifies without a server, and its exit statuses tell what went wrong.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
expect_exit 0 --version
expect_exit 64 --no-such-flag
expect_exit 64 serve --port 70000
expect_exit 64 restore "$picture" -o "$work/out.png" --steps 0
expect_exit 64 restore "$picture" -o "$work/out.png" --degradation rainy,rainy
expect_exit 64 restore "$picture" -o "$work/out.png" --bundle "$bundle" --steps 101
grep -q 'from 1 to 100 with the sampler posterior' "$work/err" || fail "no bounds: $(cat "$work/err")"
expect_exit 64 restore "$picture" -o "$work/out.png" --bundle "$bundle" --sampler ode --steps 9
expect_exit 64 restore "$picture" -o "$work/out.png" --bundle "$bundle" --sampler euler

# No picture may be longer than what a JPEG can hold; one that is is refused before it is decoded.
"$(dirname "$0")/flat-jpeg" 65504 8 >"$work/long.jpg"
RESTORED_SIDE_LIMIT=65501 expect_exit 64 restore "$work/long.jpg" -o "$work/out.jpg" --bundle "$bundle"
grep -q 'from 64 to 65500 pixels' "$work/err" || fail "another reason: $(cat "$work/err")"
RESTORED_SIDE_LIMIT=65500 expect_exit 65 restore "$work/long.jpg" -o "$work/out.jpg" --bundle "$bundle"
grep -q '65500' "$work/err" || fail "another reason: $(cat "$work/err")"

expect_exit 0 restore "$picture" -o "$work/first.png" --bundle "$bundle" --steps 1 --seed 3 --force
expect_exit 0 restore "$picture" -o "$work/again.png" --bundle "$bundle" --steps 1 --seed 3 --force
[ "$(png_size "$work/first.png")" = 61x45 ] || fail "the picture has another size"
cmp -s "$work/first.png" "$work/again.png" || fail "the same seed gave other bytes"

expect_exit 0 classify "$picture" --bundle "$bundle" --json
grep -q '"degradation"' "$work/out" || fail "no label: $(cat "$work/out")"

expect_exit 66 restore "$work/missing.png" -o "$work/out.png" --bundle "$bundle"
head -c 600 "$picture" >"$work/cut.png"
expect_exit 65 restore "$work/cut.png" -o "$work/out.png" --bundle "$bundle"
[ ! -e "$work/out.png" ] || fail "a file was written for a broken picture"
