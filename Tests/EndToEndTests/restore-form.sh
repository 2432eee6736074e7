#!/usr/bin/env bash
# A picture in a form comes back as a PNG of the same size, and the answer says what was done.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
start_server

request -F "image=@$picture" -F steps=1 -F force=true -F seed=7 "$url/restore"
expect_status 200
expect_field content-type image/png
expect_field restored-seed 7
expect_field restored-steps 1
[ -n "$(field restored-degradation)" ] || fail "no Restored-Degradation"
[ -n "$(field restored-sampler)" ] || fail "no Restored-Sampler"
[ -n "$(field restored-bundle)" ] || fail "no Restored-Bundle"
[ -n "$(field x-request-id)" ] || fail "no X-Request-ID"
[ -n "$(field server-timing)" ] || fail "no Server-Timing"
[ "$(png_size "$work/body")" = 61x45 ] || fail "expected 61x45, found $(png_size "$work/body")"
