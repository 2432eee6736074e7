#!/usr/bin/env bash
# A name is listened for at every address that can be had, whichever families the machine has, and health finds it.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
cd "$work"

# Starts a server with flags, in a network of its own that the command before -- prepares, and asks it at the URLs; $addresses
# is where it listens.
serve_in() {
  local prepare=$1 host=$2
  shift 2
  : >log
  # shellcheck disable=SC2016 # That shell expands it.
  unshare -n -m bash -euc '
    prepare=$1 host=$2 program=$3 bundle=$4
    shift 4
    mount -t proc none /proc
    ip link set lo up
    eval "$prepare"
    "$program" serve --host "$host" --port 8407 --bundle "$bundle" --log-format json 2>>log &
    for _ in $(seq 600); do
      grep -q "\"ready\"" log && break
      kill -0 $! || exit 1
      sleep 0.1
    done
    for url in "$@"; do curl -gsSf --max-time 10 -o /dev/null "$url/health/ready"; done
    RESTORED_HOST=$host RESTORED_PORT=8407 "$program" health >/dev/null
    kill $!
    wait $!
  ' _ "$prepare" "$host" "$program" "$bundle" "$@" || fail "no service for $host where '$prepare': $(cat log)"
  addresses=$(sed -n '/"ready"/s/.*"addresses":"\([^"]*\)".*/\1/p' log)
}

# The message says all addresses where none can be had.
start_server
port=${url##*:}
expect_exit 69 serve --host 127.0.0.1 --port "$port" --bundle "$bundle"
grep -q "127.0.0.1:$port: Address already in use" err || fail "another reason: $(cat err)"
expect_exit 69 serve --host no-such-name.invalid --port 0 --bundle "$bundle"
grep -q 'no-such-name.invalid' err || fail "another reason: $(cat err)"

[ "$(id -u)" = 0 ] && command -v ip >/dev/null && unshare -n -m true 2>/dev/null || exit 0
only_ipv6='ip addr del 127.0.0.1/8 dev lo'
only_ipv4='echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
[ -e /proc/sys/net/ipv6/conf/all/disable_ipv6 ] || exit 0
serve_in "$only_ipv6" localhost 'http://[::1]:8407'
[ "$addresses" = '[::1]:8407' ] || fail "it listens on $addresses"
grep -q '"address unavailable".*127.0.0.1:8407' log || fail "the missing address is not told: $(cat log)"
serve_in "$only_ipv4" localhost http://127.0.0.1:8407
[ "$addresses" = 127.0.0.1:8407 ] || fail "it listens on $addresses"
serve_in true localhost http://127.0.0.1:8407 'http://[::1]:8407'
[ "$addresses" = '127.0.0.1:8407 [::1]:8407' ] || fail "it listens on $addresses"
serve_in true :: http://127.0.0.1:8407 'http://[::1]:8407'
serve_in "$only_ipv4" :: http://127.0.0.1:8407
serve_in "$only_ipv6" :: 'http://[::1]:8407'
# A name of the operator's own with addresses of both families, one of them twice and one of no interface.
hosts='printf "127.0.0.1 photos.test\n::1 photos.test\n127.0.0.1 photos.test\n192.0.2.1 photos.test\n" >hosts
  mount --bind hosts /etc/hosts'
serve_in "$hosts" photos.test http://127.0.0.1:8407 'http://[::1]:8407'
[ "$(tr ' ' '\n' <<<"$addresses" | sort | tr '\n' ' ')" = '127.0.0.1:8407 [::1]:8407 ' ] || fail "it listens on $addresses"

# A kernel without IPv6.
command -v strace >/dev/null || exit 0
: >log
strace -f -o trace -e trace=socket -e inject=socket:error=EAFNOSUPPORT:when=1 \
  "$program" serve --host :: --port 0 --bundle "$bundle" --log-format json 2>>log &
tracer=$!
for _ in $(seq 600); do
  grep -q '"ready"' log && break
  kill -0 $tracer 2>/dev/null || fail "it ended instead of serving: $(cat log)"
  sleep 0.1
done
kill -TERM "$(sed -n '1s/ .*//p' trace)"
wait $tracer || fail "it ended badly: $(cat log)"
grep -q '"ready","addresses":"0.0.0.0:' log || fail "it does not listen on IPv4: $(cat log)"
