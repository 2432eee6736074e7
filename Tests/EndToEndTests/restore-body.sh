#!/usr/bin/env bash
# A picture as the body itself is restored; the same seed gives the same bytes, another seed others.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
start_server

restore() {
  request --data-binary "@$photograph" -H 'Content-Type: image/jpeg' "$url/restore?steps=2&degradation=noisy&seed=$1"
  expect_status 200
  expect_field content-type image/png
  cp "$work/body" "$2"
}
restore 1 "$work/first"
restore 1 "$work/again"
restore 2 "$work/other"
cmp -s "$work/first" "$work/again" || fail "the same seed gave other bytes"
! cmp -s "$work/first" "$work/other" || fail "another seed gave the same bytes"
