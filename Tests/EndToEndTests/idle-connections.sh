#!/usr/bin/env bash
# A thousand idle connections cost few threads and little memory, and others are served meanwhile.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
start_server

of_status() {
  sed -n "s/^$1:[^0-9]*\([0-9]*\).*/\1/p" "/proc/$server/status"
}

connections=1000
ulimit -n 2048
port=${url##*:}
before=$(of_status VmRSS)
descriptors=$(find "/proc/$server/fd" -mindepth 1 | wc -l)
sockets=()
for _ in $(seq $connections); do
  exec {socket}<>"/dev/tcp/127.0.0.1/$port"
  printf 'GET /health HTTP/1.1\r\nHost: a\r\n\r\n' >&"$socket"
  sockets+=("$socket")
done
# The last has its answer, and with it all before.
IFS= read -r -t 10 line <&"$socket"
[ "$line" = $'HTTP/1.1 200 OK\r' ] || fail "the last connection was answered '$line'"
request "$url/metrics"
open=$(sed -n 's/^restored_http_connections //p' "$work/body")
[ "$open" -ge $connections ] || fail "expected $connections connections, found $open"
[ "$(of_status Threads)" -lt 32 ] || fail "$(of_status Threads) threads"
grown=$(($(of_status VmRSS) - before))
[ $grown -lt 65536 ] || fail "resident memory grew by $grown KiB"

for socket in "${sockets[@]}"; do exec {socket}>&-; done
for _ in $(seq 100); do
  [ "$(find "/proc/$server/fd" -mindepth 1 | wc -l)" -gt "$descriptors" ] || exit 0
  sleep 0.05
done
fail "descriptors did not go back to $descriptors: $(find "/proc/$server/fd" -mindepth 1 | wc -l)"
