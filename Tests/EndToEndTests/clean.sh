#!/usr/bin/env bash
# A photograph in which nothing is found wrong is returned as it was, and the answer says so; force restores it anyway.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
start_server
photograph=$root/Tests/Fixtures/Photographs/kodim20.png

request --data-binary "@$photograph" -H 'Content-Type: image/png' "$url/restore"
expect_status 200
expect_field restored-degradation clean
expect_field restored-unchanged true
cmp -s "$work/body" "$photograph" || fail "an untouched picture without metadata is not the very file that was sent"
cp "$work/body" "$work/untouched"

request --data-binary "@$work/untouched" -H 'Content-Type: image/png' "$url/restore"
expect_field restored-unchanged true
cmp -s "$work/body" "$work/untouched" || fail "what was returned untouched comes back as other bytes"

request --data-binary "@$photograph" -H 'Content-Type: image/png' "$url/restore?force=true"
expect_status 200
! grep -qi '^restored-unchanged' "$work/head" || fail "a forced restoration claims to have changed nothing"
! cmp -s "$work/body" "$work/untouched" || fail "a forced restoration changed nothing"
