#!/usr/bin/env bash
# 50 clients of which 25 leave: the others get the bytes of undisturbed runs, and no step is begun for nobody.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
settings=(--queue-limit 64)
start_server

restore_as() {
  curl -s --max-time "$2" -o "$work/$1.png" -w '%{http_code}' -F "image=@$picture" \
    "$url/restore?force=true&steps=$3&seed=$4" >"$work/$1.status" || true
}

evaluations() {
  curl -s "$url/metrics" | sed -n 's/^restored_step_duration_seconds_count //p'
}

for seed in 0 1 2 3 4; do
  restore_as "alone-$seed" 120 2 "$seed"
  [ "$(cat "$work/alone-$seed.status")" = 200 ] || fail "undisturbed: $(cat "$work/alone-$seed.status")"
done

RANDOM=7
staying=()
leaving=()
for client in $(seq 25); do
  restore_as "gone-$client" "0.$((RANDOM % 90 + 10))" 100 "$client" &
  leaving+=($!)
  restore_as "stays-$client" 150 2 $((client % 5)) &
  staying+=($!)
done
wait "${staying[@]}"
wait "${leaving[@]}"
# What was under way when the last one left may end; the answer to its end is the server's own.
sleep 1
count=$(evaluations)
sleep 1.5
[ "$(evaluations)" = "$count" ] || fail "steps go on for nobody: $count, then $(evaluations)"
for client in $(seq 25); do
  [ "$(cat "$work/stays-$client.status")" = 200 ] || fail "client $client got $(cat "$work/stays-$client.status")"
  cmp "$work/stays-$client.png" "$work/alone-$((client % 5)).png" || fail "client $client got other bytes"
  [ "$(cat "$work/gone-$client.status")" = 000 ] || fail "a client that left got $(cat "$work/gone-$client.status")"
done
# Workers let go of their memory when there has been nothing to do for a while.
for _ in $(seq 200); do
  metrics=$(curl -s "$url/metrics")
  ! grep -q '^restored_memory_budget_used_bytes 0$' <<<"$metrics" || break
  sleep 0.1
done
for line in 'restored_samples_in_flight 0' 'restored_memory_budget_used_bytes 0' 'restored_running 0' 'restored_queue_depth 0'; do
  grep -q "^$line\$" <<<"$metrics" || fail "expected '$line': $(grep "^${line% *}" <<<"$metrics")"
done
