#!/usr/bin/env bash
# A result on disk: links are followed, a file keeps its mode and is replaced when whole, and where it can't be written the
# exit is 74 and everything is as it was.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
cd "$work"
cp "$photograph" a.jpg
options=(--bundle "$bundle" --steps 1 --seed 3 --degradation noisy)

mode() { stat -c %a "$1"; }
# Nothing is left of files that were begun.
expect_no_rest() {
  [ -z "$(find "$1" -name '.restored*')" ] || fail "left behind: $(find "$1" -name '.restored*')"
}

# The link stays, and its target has the picture: also through two links, into another folder, and where none was yet.
mkdir store
echo old >store/target.png
chmod 640 store/target.png
ln -s store/target.png link.png
ln -s "$work/link.png" second.png
ln -s store/new.png dangling.png
for link in link.png second.png dangling.png; do
  expect_exit 0 restore a.jpg -o "$link" "${options[@]}"
  [ -L "$link" ] || fail "$link is no link any more"
  [ "$(png_size "$link")" = 61x45 ] || fail "$link leads to another size"
done
if [ -L store/target.png ] || [ -L store/new.png ]; then fail "a target became a link"; fi
[ "$(mode store/target.png)" = 640 ] || fail "the target's mode is $(mode store/target.png)"
ln -s loop.png loop.png
expect_exit 74 restore a.jpg -o loop.png "${options[@]}"
# 40 links in a row are followed, and not one more.
ln -s end.png chain-1.png
for number in $(seq 2 41); do ln -s "chain-$((number - 1)).png" "chain-$number.png"; done
expect_exit 0 restore a.jpg -o chain-40.png "${options[@]}"
[ "$(png_size end.png)" = 61x45 ] || fail "nothing at the end of 40 links"
rm end.png
expect_exit 74 restore a.jpg -o chain-41.png "${options[@]}"
[ ! -e end.png ] || fail "41 links were followed"

# Modes: a new file's by the umask, an old file's its own; owners as far as the program may.
(umask 027 && expect_exit 0 restore a.jpg -o masked.png "${options[@]}")
[ "$(mode masked.png)" = 640 ] || fail "under umask 027 the mode is $(mode masked.png)"
chmod 4751 masked.png
[ "$(id -u)" != 0 ] || chown 12345:54321 masked.png
chmod 751 masked.png
expect_exit 0 restore a.jpg -o masked.png "${options[@]}"
[ "$(mode masked.png)" = 751 ] || fail "the mode became $(mode masked.png)"
[ "$(id -u)" != 0 ] || [ "$(stat -c %u:%g masked.png)" = 12345:54321 ] || fail "the owner became $(stat -c %u:%g masked.png)"

# Replaced, not written over: whoever has the old file open sees it whole.
echo old >open.png
exec 3<open.png
expect_exit 0 restore a.jpg -o open.png "${options[@]}"
[ "$(cat <&3)" = old ] || fail "the old file was written over"
exec 3<&-

# A folder that is missing, and a name that can't be.
for place in missing/out.png a.jpg/out.png "$(printf 'x%.0s' {1..300}).png"; do
  expect_exit 74 restore a.jpg -o "$place" "${options[@]}"
done
# A limit on the size of files ends the command in words, not by a signal. Blocks of 1024 bytes; the log is a file too.
(ulimit -f 2 && expect_exit 74 restore a.jpg -o open.png "${options[@]}")
[ "$(png_size open.png)" = 61x45 ] || fail "the old file went with the new one"
expect_no_rest .

# Full and read-only file systems, in a namespace of its own.
[ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || exit 0
full_and_read_only() {
  mkdir full fixed
  mount -t tmpfs -o size=8k none full
  mount -t tmpfs none fixed
  echo old >full/old.png
  # One page is taken, so that less is left than the picture wants.
  head -c 2000 /dev/zero >full/filler
  echo old >fixed/old.png
  mount -o remount,ro fixed
  for place in full/old.png full/new.png fixed/old.png fixed/new.png fixed/new/; do
    expect_exit 74 restore a.jpg -o "$place" "${options[@]}"
    grep -qE 'No space left|Read-only' err || fail "another reason: $(cat err)"
  done
  [ "$(cat full/old.png fixed/old.png)" = $'old\nold' ] || fail "an old file is not what it was"
  [ ! -e full/new.png ] || fail "half a file is there"
  expect_no_rest full
}
export -f full_and_read_only expect_exit expect_no_rest fail
export program work
shared=$(declare -p options)
unshare -m bash -euc "$shared; full_and_read_only"
