#!/usr/bin/env bash
# At SIGTERM with more work than fits the drain time every open request still gets its 503 with Retry-After; exit 75.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
settings=(--drain-timeout 1)
start_server

# A hundred steps each of twenty pictures take longer than the drain.
accepted=20
restore_at_once "$accepted" "$photograph" image/jpeg "steps=100&force=true" 60
# 16 take turns; the others wait.
until_waiting $((accepted - 16))
kill -TERM "$server"
wait "$client" || fail "a client was left without an answer"
[ "$(grep -c '^503' "$work/statuses")" = $accepted ] || fail "answers: $(sort "$work/statuses" | uniq -c)"
for number in $(seq $accepted); do
  grep -qiE '^retry-after: [1-9][0-9]*' "$work/head-$number" || fail "a 503 came without Retry-After"
  grep -q '"status": *503' "$work/answer-$number" || fail "a 503 is no problem document"
done
exit_status=0
wait "$server" || exit_status=$?
server=
[ "$exit_status" = 75 ] || fail "expected exit 75, found $exit_status"
