#!/usr/bin/env bash
# What can't fit is 422, what doesn't fit now is 503 with Retry-After, and the process stays within its budgets.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
settings=(--memory-budget 67108864 --megapixel-limit 13 --request-memory 224000000 --result-memory 60000000 --timeout 86400)
start_server

# Waits until nothing holds memory any more.
all_is_given_back() {
  local metrics _
  for _ in $(seq 100); do
    metrics=$(curl -s "$url/metrics")
    grep -q '^restored_request_memory_bytes 0$' <<<"$metrics" \
      && grep -q '^restored_memory_budget_used_bytes 0$' <<<"$metrics" && return 0
    sleep 0.1
  done
  return 1
}

"$(dirname "$0")/flat-jpeg" 4000 3000 >"$work/large.jpg"

request -F "image=@$work/large.jpg" -F tile=1024 "$url/restore"
expect_problem 422
expect_body 'picture-too-large'
request -F "image=@$work/large.jpg" -F tile=192 -F overlap=96 -F steps=1 -F force=true -H 'Prefer: respond-async' "$url/restore"
[ "$status" = 202 ] || fail "an overlap that fits was answered $status: $(body_text)"
request -X DELETE "$url$(field location)"
all_is_given_back || fail "a job that was deleted holds memory"

# Files wait for their turn, one picture at a time; those that find no room for their file are refused. They leave again,
# for a whole restoration takes minutes.
cp "$work/large.jpg" "$work/heavy.jpg"
head -c 20000000 /dev/zero >>"$work/heavy.jpg"
clients=()
for client in $(seq 8); do
  curl -s --max-time 15 -o /dev/null -D "$work/head-$client" -w '%{http_code}' --data-binary "@$work/heavy.jpg" \
    -H 'Content-Type: image/jpeg' -H 'Expect:' "$url/restore?force=true&steps=50" >"$work/status-$client" &
  clients+=($!)
  # One file after the other: those that arrive at the same time might leave room for none of them.
  sleep 0.5
done
# Beside them a small one is served.
request -F "image=@$picture" "$url/restore?force=true&steps=1"
expect_status 200
wait "${clients[@]}" || true
refused=0
for client in $(seq 8); do
  case $(cat "$work/status-$client") in
    000) ;; # It left.
    503)
      refused=$((refused + 1))
      grep -qi '^retry-after: [1-9]' "$work/head-$client" || fail "a 503 without Retry-After"
      ;;
    *) fail "expected 503 or to be served, found $(cat "$work/status-$client")" ;;
  esac
done
# One is in the memory of work, and 64 MB are for those that wait, each of them 20 MB and twice that for a moment.
[ "$refused" -ge 4 ] || fail "only $refused of 8 were refused"
[ "$refused" -lt 7 ] || fail "$refused of 8 were refused"
request "$url/health"
expect_status 200

peak=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$server/status")
# Both budgets, and 200 MB for the program and its weights.
[ "$peak" -lt $(((67108864 + 224000000 + 200000000) / 1024)) ] || fail "the process took $peak kB"
all_is_given_back || fail "memory is still held"
