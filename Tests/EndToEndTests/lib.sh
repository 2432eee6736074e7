# What the shell-level tests share; sourced by each.
# shellcheck shell=bash disable=SC2034
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=${RESTORED_PROGRAM:-$root/.build/release/restored}
bundle=$root/Weights/mini
picture=$root/Tests/Fixtures/Images/source.png # 61x45
photograph=$root/Tests/Fixtures/Images/rgb.jpg
work=$(mktemp -d)
server=
settings=()
url=

# Settings of whoever runs the tests must not reach them.
for variable in $(compgen -e | grep '^RESTORED_'); do unset "$variable"; done

clean_up() {
  local status=$?
  if [ -n "$server" ]; then
    kill -KILL "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  if [ "$status" != 0 ] && [ -s "$work/log" ]; then
    echo "--- the server's log"
    tail -n 20 "$work/log"
  fi
  rm -rf "$work"
}
trap clean_up EXIT

fail() {
  echo "$*"
  exit 1
}

# Starts a server on a free loopback port with the flags in settings and waits until it is ready; sets url and server.
start_server() {
  # There before the server is: its own opening may come after the first look.
  : >"$work/log"
  "$program" serve --host 127.0.0.1 --port 0 --bundle "$bundle" --log-format json "${settings[@]}" 2>>"$work/log" &
  server=$!
  local port=
  for _ in $(seq 600); do
    kill -0 "$server" 2>/dev/null || fail "the server ended instead of serving"
    [ -n "$port" ] || port=$(sed -n '/"listening"/s/.*"port":"\{0,1\}\([0-9]*\).*/\1/p' "$work/log" | head -n 1)
    if [ -n "$port" ]; then
      url=http://127.0.0.1:$port
      [ "$(curl -s -o /dev/null -w '%{http_code}' "$url/health/ready")" != 200 ] || return 0
    fi
    sleep 0.1
  done
  fail "the server was not ready within a minute"
}

# So many restorations of a file ($2, of type $3, with query $4 and seeds 1, 2, ...; $5 seconds each at most) at the same
# time, by the process $client: answers go to $work/answer-N, heads to $work/head-N, statuses to $work/statuses.
restore_at_once() {
  local arguments=() number
  for number in $(seq "$1"); do
    arguments+=(--data-binary "@$2" -H "Content-Type: $3" --max-time "$5" -o "$work/answer-$number")
    arguments+=(-D "$work/head-$number" -w '%{http_code}\n' "$url/restore?$4&seed=$number" --next)
  done
  unset 'arguments[-1]'
  curl -sS --parallel --parallel-immediate --parallel-max "$1" "${arguments[@]}" >"$work/statuses" &
  client=$!
}

# Until so many restorations wait for their turn.
until_waiting() {
  local waiting=
  for _ in $(seq 400); do
    waiting=$(curl -s "$url/metrics" | sed -n 's/^restored_queue_depth //p')
    [ "$waiting" != "$1" ] || return 0
    sleep 0.02
  done
  fail "expected $1 to wait, found '$waiting'"
}

# One request with curl's arguments: the body goes to $work/body, the head to $work/head, the status to $status.
request() {
  status=$(curl -sS --max-time 120 -o "$work/body" -D "$work/head" -w '%{http_code}' "$@")
}

# The value of a field of the last answer; field names are written in any case.
field() {
  sed -n "s/^$1: *//Ip" "$work/head" | tr -d '\r' | tail -n 1
}

# The start of the last answer's body, whatever it is, as text.
body_text() {
  head -c 500 "$work/body" | tr -cd '[:print:]\n'
}

expect_status() {
  [ "$status" = "$1" ] || fail "expected status $1, found $status: $(body_text)"
}

expect_field() {
  [ "$(field "$1")" = "$2" ] || fail "expected '$1: $2', found '$(field "$1")'"
}

expect_body() {
  grep -q -e "$1" "$work/body" || fail "expected '$1' in the answer: $(body_text)"
}

# The last answer is a problem document with this status (RFC 9457).
expect_problem() {
  expect_status "$1"
  case $(field content-type) in
    application/problem+json*) ;;
    *) fail "expected a problem document, found '$(field content-type)'" ;;
  esac
  expect_body "\"status\": *$1"
  expect_body '"title"'
  expect_body '"detail"'
  expect_body '"instance"'
}

# Width and height of a PNG file, from its header: "61x45".
png_size() {
  [ "$(head -c 8 "$1" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ] || fail "$1 is no PNG"
  local bytes
  read -r -a bytes < <(od -An -tu1 -j 16 -N 8 -w8 "$1")
  echo "$(((bytes[0] << 24) + (bytes[1] << 16) + (bytes[2] << 8) + bytes[3]))x$(((bytes[4] << 24) + (bytes[5] << 16) + (bytes[6] << 8) + bytes[7]))"
}

# Runs the program and expects an exit status; what it prints is in $work/out and $work/err.
expect_exit() {
  local expected=$1 found=0
  shift
  "$program" "$@" >"$work/out" 2>"$work/err" || found=$?
  [ "$found" = "$expected" ] || fail "expected exit $expected from '$*', found $found: $(head -c 500 "$work/err")"
}
