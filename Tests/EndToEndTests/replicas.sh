#!/usr/bin/env bash
# Jobs in a store outlive the replicas that do them, and a restart of the store: three replicas over one Redis, one of them
# killed while it works; each job ends with the bytes of a lone run, and states, events and DELETE work at every replica.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
if ! command -v redis-server >/dev/null; then
  echo "redis-server is not installed: nothing was tried"
  exit 0
fi

declare -A process address
store=

stop_all() {
  local status=$? number
  for number in "${process[@]}" ${store:+"$store"}; do
    kill -KILL "$number" 2>/dev/null || true
    wait "$number" 2>/dev/null || true
  done
  if [ "$status" != 0 ]; then tail -n 5 "$work"/log-* 2>/dev/null || true; fi
  clean_up
}
trap stop_all EXIT

# Starts the store where it was, or on a port that is free.
start_store() {
  local try
  mkdir -p "$work/store"
  for try in $(seq 20); do
    [ -n "${store_port:-}" ] || store_port=$((30000 + RANDOM % 30000))
    redis-server --port "$store_port" --bind 127.0.0.1 --dir "$work/store" --appendonly yes --save '' \
      --logfile "$work/store/log" >/dev/null &
    store=$!
    for _ in $(seq 100); do
      kill -0 "$store" 2>/dev/null || break
      if redis-cli -p "$store_port" ping 2>/dev/null | grep -q PONG; then return 0; fi
      sleep 0.05
    done
    wait "$store" 2>/dev/null || true
    store_port=
  done
  fail "no store after $try tries"
}

# Starts a replica by its name, with more flags, and waits until it is ready and has found the store.
start_replica() {
  local name=$1 port=
  shift
  : >"$work/log-$name"
  "$program" serve --host 127.0.0.1 --port 0 --bundle "$bundle" --log-format json --threads 1 --workers 1 --job-lease 1s \
    --job-store "redis://127.0.0.1:$store_port/0" "$@" 2>>"$work/log-$name" &
  process[$name]=$!
  for _ in $(seq 400); do
    kill -0 "${process[$name]}" 2>/dev/null || fail "replica $name ended: $(tail -n 3 "$work/log-$name")"
    [ -n "$port" ] || port=$(sed -n '/"listening"/s/.*"port":"\{0,1\}\([0-9]*\).*/\1/p' "$work/log-$name" | head -n 1)
    if [ -n "$port" ]; then
      address[$name]=http://127.0.0.1:$port
      curl -s "${address[$name]}/health/ready" | grep -q '"job_store":"available","status":"ready"' && return 0
    fi
    sleep 0.05
  done
  fail "replica $name was not ready"
}

metric() { curl -s "${address[$1]}/metrics" | sed -n "s/^$2 //p"; }

state() { curl -s "${address[$1]}$2" | sed -n 's/.*"state":"\([a-z]*\)".*/\1/p'; }

# Starts a job of seed $2 and of $3 steps at replica $1; its path is in $job.
start_job() {
  request -H 'Prefer: respond-async' -H 'Content-Type: image/png' --data-binary "@$picture" \
    "${address[$1]}/restore?seed=$2&force=true&steps=$3"
  expect_status 202
  job=$(field location)
}

start_store
start_replica front --role front
start_replica one
start_replica two --role worker

readonly steps=30 count=8
for seed in $(seq $count); do
  request -H 'Content-Type: image/png' --data-binary "@$picture" "${address[one]}/restore?seed=$seed&force=true&steps=$steps"
  expect_status 200
  mv "$work/body" "$work/alone-$seed"
done

# Where no replica does the job: a front end waits for a worker, and gives its bytes.
request -H 'Content-Type: image/png' --data-binary "@$picture" "${address[front]}/restore?seed=1&force=true&steps=$steps"
expect_status 200
expect_field restored-seed 1
cmp -s "$work/body" "$work/alone-1" || fail "a front end's answer has other bytes"

jobs=()
for seed in $(seq $count); do
  start_job front "$seed" "$steps"
  jobs+=("$job")
done
start_job one 99 100
cancelled=$job
curl -sN --max-time 60 "${address[one]}${jobs[count - 1]}/events" >"$work/events" &
watcher=$!

# Killed as soon as it has begun one.
for _ in $(seq 400); do
  [ "$(metric two restored_job_claims_total)" = 0 ] || break
  sleep 0.02
done
kill -KILL "${process[two]}"
wait "${process[two]}" 2>/dev/null || true
# At a replica that may do it or not.
[ "$(curl -s -o /dev/null -w '%{http_code}' -X DELETE "${address[front]}$cancelled")" = 204 ] || fail "DELETE was refused"
[ "$(state one "$cancelled")" = cancelled ] || fail "a cancelled job reads $(state one "$cancelled")"

# The store goes: jobs are refused, direct requests are not, and what was accepted is there again after it.
kill -KILL "$store"
wait "$store" 2>/dev/null || true
for _ in $(seq 200); do
  request -H 'Prefer: respond-async' --data-binary "@$picture" "${address[one]}/restore"
  [ "$status" != 503 ] || break
  sleep 0.02
done
expect_problem 503
[ -n "$(field retry-after)" ] || fail "no Retry-After"
request --data-binary "@$picture" "${address[one]}/restore"
expect_status 200
request "${address[one]}/health"
expect_status 200
expect_body '"job_store":"unavailable"'
request "${address[front]}/health/ready"
expect_status 503
start_store
start_replica two --role worker

for seed in $(seq $count); do
  job=${jobs[seed - 1]}
  for _ in $(seq 600); do
    case $(state front "$job") in
      queued | running | '') sleep 0.05 ;;
      *) break ;;
    esac
  done
  [ "$(state one "$job")" = 'done' ] || fail "job $seed reads $(state one "$job")"
  request "${address[one]}$job/result"
  expect_status 200
  cmp -s "$work/body" "$work/alone-$seed" || fail "job $seed has other bytes than a lone run"
done
# It may have lost its connection to a store that went, and then ended; where it did not, it has heard the end.
wait "$watcher" || true
grep -q '^event: done' "$work/events" || fail "the stream of events ended without its end: $(tail -n 3 "$work/events")"
[ "$(redis-cli -p "$store_port" xlen restored:jobs)" = 0 ] || fail "entries of ended jobs are left"
for name in one two; do
  kill -TERM "${process[$name]}"
  wait "${process[$name]}" || fail "replica $name ended with $?"
  unset "process[$name]"
done
