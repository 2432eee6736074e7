#!/usr/bin/env bash
# System calls that fail are survived: the service answers as before afterwards and holds no more descriptors.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
command -v strace >/dev/null || fail "strace is not installed"
start_server

descriptors() {
  find "/proc/$server/fd" -mindepth 1 | wc -l
}

# Requests as clients send them, each on a connection of its own; what comes back is of no interest here.
send_some() {
  for _ in 1 2 3 4; do
    curl -s -o /dev/null --max-time 5 "$url/health" || true
    curl -s -o /dev/null --max-time 5 --data-binary "@$work/large" -H 'Content-Type: image/png' "$url/classify" || true
  done
  curl -s -o /dev/null --max-time 20 --data-binary "@$picture" -H 'Content-Type: image/png' "$url/restore?steps=1" || true
}

# Makes calls fail while some requests are sent; strace's arguments say which.
with_faults() {
  strace -f -p "$server" -o "$work/trace" "$@" 2>"$work/strace" &
  local tracer=$!
  for _ in $(seq 100); do
    grep -q attached "$work/strace" && break
    kill -0 $tracer 2>/dev/null || fail "strace can't attach (as root it can): $(cat "$work/strace")"
    sleep 0.02
  done
  send_some
  kill -INT $tracer
  wait $tracer || true
  kill -0 "$server" 2>/dev/null || fail "the server ended under $*"
  grep -q INJECTED "$work/trace" || fail "no call failed under $*"
  request "$url/health"
  expect_status 200
  request --data-binary "@$picture" -H 'Content-Type: image/png' "$url/restore?steps=1"
  expect_status 200
}

{ cat "$picture" && head -c 2000000 /dev/zero; } >"$work/large"
send_some
before=$(descriptors)
# The first, third, ... call of each thread fails.
for fault in accept4:error=EINTR accept4:error=EMFILE accept4:error=ENOMEM accept4:error=ECONNABORTED \
  recvfrom:error=EINTR recvfrom:error=ENOMEM recvfrom:error=ECONNRESET \
  sendto:error=EINTR sendto:error=EPIPE sendto:error=ENOMEM sendto:error=EAGAIN setsockopt:error=ENOBUFS; do
  with_faults -e "trace=${fault%%:*}" -e "inject=$fault:when=1+2"
done
# Out of descriptors, and the spare one can't be had back either.
with_faults -e trace=accept4,openat -e inject=accept4:error=EMFILE:when=1+2 -e inject=openat:error=EMFILE:when=1
# Memory for bodies so large that malloc asks the system for each; what the system refuses is found elsewhere.
{ cat "$picture" && head -c 30000000 /dev/zero; } >"$work/large"
with_faults -e trace=mmap -e inject=mmap:error=ENOMEM:when=1+2
# The log; other writes of the process wake its threads.
for fault in EINTR EPIPE EIO ENOSPC; do
  with_faults -P "$work/log" -e trace=write -e "inject=write:error=$fault:when=1+2"
done

for _ in $(seq 100); do
  [ "$(descriptors)" -gt "$before" ] || exit 0
  sleep 0.1
done
fail "descriptors went from $before to $(descriptors)"
