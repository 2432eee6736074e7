#!/usr/bin/env bash
# Started without standard streams, as some supervisors and at-jobs do: their descriptors stay taken, so that nothing the
# program opens is taken for one of them.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
cd "$work"
cp "$photograph" a.jpg
options=(--bundle "$bundle" --steps 1 --seed 3 --degradation noisy)
expect_exit 0 restore a.jpg -o expected.png "${options[@]}"

# What can't be read or printed is an error that says so.
expect_closed() {
  local expected=$1 found=0
  shift
  "$program" "$@" "${options[@]}" || found=$?
  [ "$found" = "$expected" ] || fail "expected exit $expected from '$*', found $found"
}
expect_closed 66 restore - -o from.png <&- 2>err
grep -qx 'restored: -: Bad file descriptor' err || fail "another reason: $(cat err)"
[ ! -e from.png ] || fail "a result of nothing"
expect_closed 74 restore a.jpg -o - >&- 2>err
grep -qx 'restored: -: Bad file descriptor' err || fail "another reason: $(cat err)"
expect_closed 74 restore a.jpg -o printed.png >&- 2>err
grep -q 'standard output: Bad file descriptor' err || fail "another reason: $(cat err)"
cmp printed.png expected.png || fail "the line went into the picture"
# Nobody to tell: the status alone says it.
expect_closed 66 restore missing.png -o none.png 2>&-
expect_closed 66 restore a.jpg missing.png -o folder <&- >/dev/null 2>&-
cmp folder/a.png expected.png || fail "the message went into the picture"

# A service takes no socket, and nothing of its own, for its log.
"$program" serve --port 0 --unix-socket "$work/socket" --bundle "$bundle" <&- >&- 2>&- &
server=$!
for _ in $(seq 600); do
  [ "$(curl -s -o /dev/null -w '%{http_code}' --unix-socket socket http://x/health)" != 200 ] || break
  sleep 0.1
done
for number in 0 1 2; do
  [ "$(readlink "/proc/$server/fd/$number")" = /dev/null ] \
    || fail "descriptor $number is $(readlink "/proc/$server/fd/$number")"
done
kill "$server"
wait "$server" || fail "it ended with $?"
server=
