#!/usr/bin/env bash
# At SIGTERM the work under way is answered and the program exits 0.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
start_server

curl -sS --max-time 120 -o "$work/restored.png" -w '%{http_code}' -F "image=@$picture" "$url/restore?steps=20&seed=1&force=true" \
  >"$work/status" &
client=$!
for _ in $(seq 100); do
  curl -s "$url/metrics" | grep -q '^restored_http_requests_in_flight [2-9]' && break
  sleep 0.05
done
kill -TERM "$server"
# Whoever asks meanwhile does so once: the next time at another instance.
for _ in $(seq 100); do
  [ "$(curl -s -o "$work/ready" -D "$work/head" -w '%{http_code}' "$url/health/ready" || true)" = 200 ] || break
  sleep 0.05
done
grep -qi '^connection: close' "$work/head" || fail "an answer in the drain keeps its connection: $(cat "$work/head")"
wait "$client"
[ "$(cat "$work/status")" = 200 ] || fail "the request under way was answered $(cat "$work/status")"
[ "$(png_size "$work/restored.png")" = 61x45 ] || fail "the picture has another size"
exit_status=0
wait "$server" || exit_status=$?
server=
[ "$exit_status" = 0 ] || fail "expected exit 0, found $exit_status"
