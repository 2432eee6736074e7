#!/usr/bin/env bash
# Classification names a label with its probability and lists them all.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
start_server

request -F "image=@$picture" "$url/classify"
expect_status 200
expect_field content-type application/json
expect_body '"degradation":"'
expect_body '"confidence":'
expect_body '"width":61'
labels=$(grep -o '"label"' "$work/body" | wc -l)
[ "$labels" = 11 ] || fail "expected 11 labels, found $labels"
