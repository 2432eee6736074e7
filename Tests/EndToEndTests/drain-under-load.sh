#!/usr/bin/env bash
# At SIGTERM with running and waiting work that fits the drain time: all of it is answered, new work is refused, exit 0.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
settings=(--drain-timeout 120)
start_server

accepted=20
restore_at_once "$accepted" "$picture" image/png "steps=40&force=true" 150
# 16 take turns; the others wait.
until_waiting $((accepted - 16))
kill -TERM "$server"
for _ in $(seq 100); do
  request "$url/health/ready"
  [ "$status" = 200 ] || break
done
expect_status 503
[ -n "$(field retry-after)" ] || fail "a draining server said no Retry-After"
request --data-binary "@$picture" -H 'Content-Type: image/png' "$url/restore?steps=1"
expect_problem 503
[ -n "$(field retry-after)" ] || fail "new work was refused without Retry-After"

wait "$client"
[ "$(grep -c '^200' "$work/statuses")" = $accepted ] || fail "answers: $(sort "$work/statuses" | uniq -c)"
for number in $(seq $accepted); do
  [ "$(png_size "$work/answer-$number")" = 61x45 ] || fail "the picture of request $number has another size"
done
exit_status=0
wait "$server" || exit_status=$?
server=
[ "$exit_status" = 0 ] || fail "expected exit 0, found $exit_status"
