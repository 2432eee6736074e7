#!/usr/bin/env bash
# What real clients send, byte for byte and by curl: served, and the events of a job as an EventSource wants them.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
settings=(--cors-origin https://photos.example)
start_server
port=${url##*:}

for file in "$root"/Tests/Fixtures/Cases/*.http; do
  timeout 60 nc 127.0.0.1 "$port" <"$file" >"$work/answer"
  [ "$(grep -a -c '^HTTP/1.1 200' "$work/answer")" = 1 ] || fail "$(basename "$file"): $(head -c 500 "$work/answer")"
done

# curl's own type, and none.
request --data-binary "@$picture" "$url/classify"
expect_status 200
request --data-binary "@$picture" -H 'Content-Type:' "$url/classify"
expect_status 200
request -F "image=@$picture;type=image/*;filename=$(printf 'caf\351.png')" -F steps= -F format= "$url/restore?steps=1"
expect_status 200

# The front page and its neighbours.
request "$url/"
expect_status 200
expect_body restored
[ -n "$(field content-security-policy)" ] || fail "the page has no policy"
expect_field keep-alive 'timeout=75, max=999'
request --head "$url/"
expect_status 200
request -X OPTIONS "$url/"
expect_status 200

# Why something was no request can be read by the page that sent it.
printf 'GET /%0*d HTTP/1.1\r\nHost: a\r\n\r\n' 9000 0 | timeout 10 nc 127.0.0.1 "$port" >"$work/answer"
grep -q '^HTTP/1.1 414' "$work/answer" || fail "expected 414: $(head -c 300 "$work/answer")"
grep -q '^Access-Control-Allow-Origin: https://photos.example' "$work/answer" || fail "no cross-origin field in a 414"

# Events: an id each, nothing held back on the way, and 204 after the last.
request -F "image=@$picture" -H 'Prefer: respond-async' "$url/restore?steps=2&force=true"
expect_status 202
events=$url$(field location)/events
request "$events"
expect_status 200
expect_field x-accel-buffering no
[ "$(grep -c '^id: ' "$work/body")" = "$(grep -c '^event: ' "$work/body")" ] || fail "an event has no id: $(body_text)"
last=$(sed -n 's/^id: //p' "$work/body" | tail -n 1)
request -H "Last-Event-ID: $last" "$events"
expect_status 204
