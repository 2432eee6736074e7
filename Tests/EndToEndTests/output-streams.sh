#!/usr/bin/env bash
# A result that goes through a pipe, a device or standard output: they stay what they are, messages keep out of the way,
# and what can't be written is exit 74.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
cd "$work"
cp "$photograph" a.jpg
options=(--bundle "$bundle" --steps 1 --seed 3 --degradation noisy)
expect_exit 0 restore a.jpg -o expected.png "${options[@]}"
expect_exit 0 restore a.jpg -o expected.jpg "${options[@]}"
expect_same() { cmp "$1" "${2:-expected.png}" || fail "$1 holds something else"; }

# Standard output by each of its names, also by way of a link; the line about it is on standard error.
ln -s /dev/stdout link.png
for name in - /dev/stdout /dev/fd/1 /proc/self/fd/1 link.png; do
  expect_exit 0 restore a.jpg -o "$name" "${options[@]}" --json
  expect_same out
  grep -q '"degradation"' err || fail "$name: no line on standard error"
done
[ -L link.png ] || fail "the link to standard output is none any more"
expect_exit 0 restore a.jpg -o - "${options[@]}" --format jpeg
expect_same out expected.jpg
# What is there already stays in front.
printf front >appended
"$program" restore a.jpg -o /dev/stdout "${options[@]}" >>appended 2>/dev/null
{ printf front && cat expected.png; } >wanted
expect_same appended wanted
"$program" restore a.jpg -o - "${options[@]}" 2>/dev/null | cat >piped
expect_same piped
# Another descriptor, and a process that reads.
"$program" restore a.jpg -o /dev/fd/7 "${options[@]}" 7>seventh >out
expect_same seventh
expect_exit 74 restore a.jpg -o /dev/fd/8 "${options[@]}"
(expect_exit 74 restore a.jpg -o /dev/fd/0 "${options[@]}" </dev/null)

# Pipes, with and without an ending.
mkfifo pipe pipe.jpg
for name in pipe pipe.jpg; do
  cat "$name" >"from-$name" &
  expect_exit 0 restore a.jpg -o "$name" "${options[@]}"
  wait $!
  [ -p "$name" ] || fail "$name is no pipe any more"
done
expect_same from-pipe
expect_same from-pipe.jpg expected.jpg
# A reader that has left by the time there is something to read.
for name in - /dev/stdout; do
  found=0
  { "$program" restore a.jpg -o "$name" "${options[@]}" 2>err || echo $? >found; } | true
  [ "$(cat found)" = 74 ] || fail "expected exit 74 where nobody reads, found $(cat found)"
  rm found
done

# What can't be printed is an error as well.
for command in "classify a.jpg" "classify a.jpg --json" "restore a.jpg -o other.png --steps 1"; do
  found=0
  # shellcheck disable=SC2086
  "$program" $command --bundle "$bundle" >/dev/full 2>err || found=$?
  [ "$found" = 74 ] || fail "expected exit 74 from '$command' with a full output, found $found"
done

# As root, in a /dev of its own: devices stay devices.
[ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || exit 0
private_devices() {
  mount -t tmpfs none /dev
  mknod /dev/null c 1 3
  mknod /dev/full c 1 7
  mknod /dev/zero c 1 5
  mknod /dev/urandom c 1 9
  ln -s /proc/self/fd /dev/fd
  ln -s /proc/self/fd/1 /dev/stdout
  expect_exit 74 restore a.jpg -o /dev/full "${options[@]}"
  grep -q 'No space left' err || fail "another reason: $(cat err)"
  expect_exit 0 restore a.jpg -o /dev/null "${options[@]}"
  expect_exit 0 restore a.jpg -o /dev/stdout "${options[@]}"
  cmp out expected.png || fail "standard output has something else"
  if ! { [ -c /dev/full ] && [ -c /dev/null ] && [ -L /dev/stdout ]; }; then fail "a device became a file: $(ls -l /dev)"; fi
}
export -f private_devices expect_exit fail
export program work
shared=$(declare -p options)
unshare -m bash -euc "$shared; private_devices"
