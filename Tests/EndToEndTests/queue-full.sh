#!/usr/bin/env bash
# With the queue full exactly the excess is refused, with 429 and Retry-After, and what was accepted is answered.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
settings=(--queue-limit 4)
start_server

# 16 take turns and 4 wait.
places=20
sent=30
restore_at_once "$sent" "$picture" image/png "steps=40&force=true" 120
# While all places are taken /health answers all the same, and a classification is refused like a restoration.
until_waiting 4
request "$url/health"
expect_status 200
request --data-binary "@$picture" -H 'Content-Type: image/png' "$url/classify"
expect_problem 429
[ "$(field retry-after)" -ge 1 ] || fail "expected seconds in Retry-After, found '$(field retry-after)'"

wait "$client"
[ "$(grep -c '^200' "$work/statuses")" = $places ] || fail "answers: $(sort "$work/statuses" | uniq -c)"
[ "$(grep -c '^429' "$work/statuses")" = $((sent - places)) ] || fail "answers: $(sort "$work/statuses" | uniq -c)"
for number in $(seq $sent); do
  if grep -q '^HTTP/1.1 200' "$work/head-$number"; then
    [ "$(png_size "$work/answer-$number")" = 61x45 ] || fail "the picture of request $number has another size"
  else
    grep -qiE '^retry-after: [1-9][0-9]*' "$work/head-$number" || fail "a 429 came without Retry-After"
  fi
done

request --data-binary "@$picture" -H 'Content-Type: image/png' "$url/restore?steps=1"
expect_status 200
