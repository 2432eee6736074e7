#!/usr/bin/env bash
# SIGHUP has the bundles read again, and never cuts a drain short; where it says that the terminal is gone it drains as SIGTERM
# does. SIGUSR1 and SIGUSR2 change nothing, before it is ready or after.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

# The signals given, while a request is under way: it is answered, and the exit is 0.
drains_at() {
  start_server
  kill -USR1 "$server"
  kill -USR2 "$server"
  curl -sS --max-time 120 -o "$work/restored.png" -w '%{http_code}' -F "image=@$picture" \
    "$url/restore?steps=100&seed=1&force=true" >"$work/status" &
  local client=$! found=0 signal
  for _ in $(seq 100); do
    curl -s "$url/metrics" | grep -q '^restored_http_requests_in_flight [2-9]' && break
    sleep 0.05
  done
  for signal in "$@"; do
    kill -s "$signal" "$server"
    # The next one while it still drains.
    sleep 0.02
  done
  wait "$client"
  wait "$server" || found=$?
  server=
  [ "$(cat "$work/status")" = 200 ] || fail "$*: the request under way was answered $(cat "$work/status")"
  [ "$found" = 0 ] || fail "$*: expected exit 0, found $found"
  grep -q '"draining"' "$work/log" || fail "$*: no drain in the log"
}
# systemd may send SIGHUP behind SIGTERM.
drains_at TERM HUP

# Read again, the bundle is what it was: the same service goes on.
start_server
for _ in 1 2; do
  kill -HUP "$server"
  sleep 0.1
done
for _ in $(seq 100); do
  ! grep -q '"reading bundles again"' "$work/log" || break
  sleep 0.05
done
grep -q '"reading bundles again"' "$work/log" || fail "SIGHUP was not heard: $(cat "$work/log")"
request -F "image=@$picture" "$url/restore?steps=1"
expect_status 200
kill -TERM "$server"
wait "$server" || fail "expected exit 0"
server=

# A terminal that goes takes the service with it, which drains.
: >"$work/log"
script -qc "sh -c 'echo \$\$ >\"$work/pid\"; exec \"$program\" serve --host 127.0.0.1 --port 0 --bundle \"$bundle\" --log-format json 2>>\"$work/log\"'" \
  /dev/null </dev/null >/dev/null &
terminal=$!
for _ in $(seq 600); do
  ! grep -q '"ready"' "$work/log" || break
  sleep 0.1
done
server=$(cat "$work/pid")
kill -KILL "$terminal"
wait "$terminal" || true
for _ in $(seq 600); do
  ! grep -q '"stopped"' "$work/log" || break
  sleep 0.05
done
grep -q '"stopped".*"complete":"\{0,1\}true' "$work/log" || fail "it did not drain: $(cat "$work/log")"
server=

# As soon as there is a process that runs the program.
: >"$work/log"
"$program" serve --port 0 --bundle "$bundle" --log-format json 2>>"$work/log" &
server=$!
# Until then the shell's copy of itself would take the signals. SIGUSR1 is the bit 0x200 of what a process ignores.
until [ $((0x$(sed -n 's/^SigIgn:[[:space:]]*//p' "/proc/$server/status") & 0x200)) != 0 ]; do
  kill -0 "$server" || fail "it ended at once"
done
for _ in $(seq 200); do
  kill -USR1 "$server" || fail "SIGUSR1 or SIGUSR2 ended it: $(cat "$work/log")"
  kill -USR2 "$server" || fail "SIGUSR1 ended it: $(cat "$work/log")"
  grep -q '"ready"' "$work/log" && break
  sleep 0.05
done
kill -TERM "$server"
found=0
wait "$server" || found=$?
server=
[ "$found" = 0 ] || fail "expected exit 0, found $found"

# Under nohup it stays for its user who leaves.
settings=()
trap '' HUP
start_server
trap - HUP
kill -HUP "$server"
sleep 0.3
request "$url/health/ready"
expect_status 200
