#!/usr/bin/env bash
# A body over the limit is refused, one at the limit is read.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
size=$(wc -c <"$picture")
settings=(--body-limit "$size")
start_server

request --data-binary "@$picture" -H 'Content-Type: image/png' "$url/classify"
expect_status 200
{ cat "$picture" && printf x; } >"$work/longer"
request --data-binary "@$work/longer" -H 'Content-Type: image/png' "$url/classify"
expect_problem 413
request --data-binary "@$work/longer" -H 'Content-Type: image/png' -H 'Transfer-Encoding: chunked' "$url/classify"
expect_problem 413
