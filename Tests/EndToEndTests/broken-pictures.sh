#!/usr/bin/env bash
# Broken and unfit pictures get the status of their fault, never a half-grey result.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
start_server

send() {
  request --data-binary "@$1" -H 'Content-Type: application/octet-stream' "$url/restore?steps=1"
}
: >"$work/empty"
send "$work/empty"
expect_problem 400

echo 'not a picture' >"$work/text"
send "$work/text"
expect_problem 415

size=$(wc -c <"$picture")
for part in 4 8 12; do
  head -c $((size * part / 16)) "$picture" >"$work/cut"
  send "$work/cut"
  expect_problem 400
done

# One bit of the image data turned: the checksum of the chunk tells.
cp "$picture" "$work/turned"
printf '\x01' | dd of="$work/turned" bs=1 seek=$((size / 2)) conv=notrunc status=none
cmp -s "$picture" "$work/turned" && printf '\x02' | dd of="$work/turned" bs=1 seek=$((size / 2)) conv=notrunc status=none
send "$work/turned"
expect_problem 400

send "$root/Tests/Fixtures/Images/cmyk.jpg"
expect_problem 422
send "$root/Tests/Fixtures/Images/arithmetic.jpg"
expect_problem 422

# Said to be a JPEG, but a PNG.
request --data-binary "@$picture" -H 'Content-Type: image/jpeg' "$url/restore?steps=1"
expect_problem 415
request -F "other=1" "$url/restore"
expect_problem 400

request "$url/health"
expect_status 200
