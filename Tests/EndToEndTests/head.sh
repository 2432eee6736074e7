#!/usr/bin/env bash
# HEAD gives the head of GET and no body, and the connection goes on.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
start_server

request "$url/health"
length=$(field content-length)
request --head "$url/health"
expect_status 200
expect_field content-length "$length"

# An event stream has no length, and its HEAD says so as well.
request -F "image=@$picture" -H 'Prefer: respond-async' "$url/restore?steps=1&force=true"
expect_status 202
request --head "$url$(field location)/events"
expect_status 200
expect_field transfer-encoding chunked
[ -z "$(field content-length)" ] || fail "a stream has a length: $(field content-length)"

# Two answers on one connection: a body after the first head would shift the second.
port=${url##*:}
printf 'HEAD /health HTTP/1.1\r\nHost: a\r\n\r\nGET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' \
  | timeout 10 nc 127.0.0.1 "$port" >"$work/both"
[ "$(grep -c '^HTTP/1.1 200' "$work/both")" = 2 ] || fail "expected two answers: $(cat "$work/both")"
[ "$(grep -c '"status"' "$work/both")" = 1 ] || fail "expected one body: $(cat "$work/both")"
