#!/usr/bin/env bash
# Three bundles in one service whose memory has room for two: each is loaded when it is asked for, the least recently used goes,
# and its memory with it; SIGHUP takes up what has changed; broken and unknown ones are errors and stop nothing.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

shipped=$bundle
# A copy of the bundle that ships, under another name.
make_bundle() {
  mkdir -p "$work/bundles/$1"
  sed "s/\"name\": \"mini\"/\"name\": \"$1\"/; s/\"version\": \"[^\"]*\"/\"version\": \"${2:-1}\"/" "$shipped/bundle.json" \
    >"$work/bundles/$1/bundle.json.new"
  mv "$work/bundles/$1/bundle.json.new" "$work/bundles/$1/bundle.json"
  local file
  for file in daclip unet; do ln -sf "$shipped/$file.safetensors" "$work/bundles/$1/$file.safetensors"; done
}
for name in a b c; do make_bundle "$name"; done
bundle=$work/bundles

# What one takes in memory, where there is room for all of them.
start_server
weights=$(curl -sS "$url/metrics" | sed -n 's/^restored_bundle_weight_bytes{bundle="a"} //p')
kill -TERM "$server"
wait "$server" || fail "expected exit 0"
server=
settings=(--weights-memory $((2 * weights + weights / 2)))
start_server

restore_with() {
  request -F "image=@$picture" "$url/restore?seed=1&steps=1&force=true&bundle=$1"
}
expect_states() {
  local found
  found=$(curl -sS "$url/metrics" | sed -n 's/^restored_bundle_loaded{bundle="\(.*\)"} /\1 /p' | paste -sd' ')
  [ "$found" = "$1" ] || fail "expected '$1' in memory, found '$found'"
}
resident() {
  sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$server/status"
}
until_log() {
  for _ in $(seq 200); do
    ! grep -q -e "$1" "$work/log" || return 0
    sleep 0.05
  done
  fail "no '$1' in the log"
}

# The first is there from the start, and for requests that name none.
expect_states "a 1 b 0 c 0"
request -F "image=@$picture" "$url/restore?seed=1&steps=1&force=true"
expect_status 200
expect_field Restored-Bundle a/1
cp "$work/body" "$work/reference"
for name in b a c b; do
  restore_with "$name"
  expect_status 200
  expect_field Restored-Bundle "$name/1"
  cmp -s "$work/body" "$work/reference" || fail "$name made another picture of the same weights"
done
expect_states "a 0 b 1 c 1"
request "$url/metrics"
expect_body '^restored_bundle_evictions_total{bundle="a"} 1'

restore_with unknown
expect_problem 400
expect_body "one of a, b, c"

# One goes, and with it its memory; another is new; the third has a new version.
full=$(resident)
rm -r "$bundle/c"
kill -HUP "$server"
until_log '"bundle removed"'
for _ in $(seq 200); do
  left=$(resident)
  [ $((full - left)) -lt $((weights / 4096)) ] || break
  sleep 0.05
done
[ $((full - left)) -ge $((weights / 4096)) ] || fail "of $full KiB with two bundles $left are left with one"
restore_with c
expect_problem 400
expect_states "a 0 b 1"
make_bundle b 2
make_bundle d
kill -HUP "$server"
for _ in $(seq 200); do
  restore_with b
  [ "$(field Restored-Bundle)" != b/1 ] || { sleep 0.05 && continue; }
  break
done
expect_field Restored-Bundle b/2
restore_with d
expect_field Restored-Bundle d/1

# What is broken leaves the version in memory serving; elsewhere it is an error, and nothing stops.
sed -i 's/"clean",$/"dirty",/' "$bundle/d/bundle.json"
rm "$bundle/a/unet.safetensors"
kill -HUP "$server"
until_log '"bundle unusable"'
restore_with d
expect_status 200
expect_field Restored-Bundle d/1
restore_with a
expect_problem 503
expect_body "unet.safetensors"
restore_with b
expect_status 200
request "$url/health/ready"
expect_status 200

# Names and folders on the command line.
expect_exit 0 restore "$picture" -o "$work/out.png" --bundle "$bundle/b" --seed 1 --steps 1 --force
cmp -s "$work/out.png" "$work/reference" || fail "the command makes another picture"
RESTORED_BUNDLE=$bundle/b,$root/Weights expect_exit 0 restore "$picture" -o "$work/out.png" --bundle mini --seed 1 --steps 1 --force --json
grep -q '"bundle":"mini/' "$work/out" || fail "mini was not found by its name"
expect_exit 66 restore "$picture" -o "$work/out.png" --bundle nothing
