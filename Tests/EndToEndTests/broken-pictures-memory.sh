#!/usr/bin/env bash
# A thousand broken pictures leave the server's memory as it was.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
start_server

resident() {
  sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$server/status"
}

size=$(wc -c <"$picture")
for part in $(seq 15); do head -c $((size * part / 16)) "$picture" >"$work/cut-$part"; done
# A head that promises 64,250 x 64,250 pixels.
{
  head -c 16 "$picture"
  printf '\x00\x00\xfa\xfa\x00\x00\xfa\xfa'
  tail -c +25 "$picture"
} >"$work/cut-16"

# As many requests as curl is given URLs, over one connection; a try's body is one of the broken files.
send() {
  local arguments=() number
  for number in $(seq "$1"); do
    arguments+=(--data-binary "@$work/cut-$((number % 16 + 1))" -H 'Content-Type: application/octet-stream')
    arguments+=(-o /dev/null -w '%{http_code}\n' "$url/restore" --next)
  done
  unset 'arguments[-1]'
  curl -sS --max-time 100 "${arguments[@]}" | sort | uniq -c
}

send 100 >/dev/null
before=$(resident)
answers=$(send 1000)
after=$(resident)
echo "$answers" | grep -qE '^ *[0-9]+ 200$' && fail "a broken picture was restored: $answers"
[ "$(echo "$answers" | awk '$2 == 400 || $2 == 422 { sum += $1 } END { print sum }')" = 1000 ] || fail "answers: $answers"
[ $((after - before)) -lt 4096 ] || fail "resident memory grew from $before to $after kB"
