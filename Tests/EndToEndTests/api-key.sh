#!/usr/bin/env bash
# With a key set, requests need it; probes do not.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
settings=(--api-key open-sesame)
start_server

request -F "image=@$picture" "$url/classify"
expect_problem 401
[ -n "$(field www-authenticate)" ] || fail "no WWW-Authenticate"
request -F "image=@$picture" -H 'Authorization: Bearer wrong' "$url/classify"
expect_problem 401
request -F "image=@$picture" -H 'Authorization: Bearer open-sesame' "$url/classify"
expect_status 200
request "$url/health/ready"
expect_status 200
! grep -q open-sesame "$work/log" || fail "the key is in the log"
