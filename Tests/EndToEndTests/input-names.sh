#!/usr/bin/env bash
# Pictures are read whatever their files are called and whatever kind they are of: names in any bytes, pipes, standard input.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
cd "$work"
cp "$photograph" a.jpg
options=(--bundle "$bundle" --steps 1 --seed 3 --degradation noisy)
expect_exit 0 restore a.jpg -o expected.png "${options[@]}"
expect_exit 0 classify a.jpg --bundle "$bundle" --json
sed 's/"file":"[^"]*"//' out >label

# Latin-1, Shift-JIS, a lone continuation byte, a private character that stands for bytes inside the program, a newline, an
# escape sequence, a byte cut out of a longer character.
names=($'caf\xe9' $'\x83\x65\x83\x58\x83\x67' $'\x80' $'\xef\x9f\xa9' $'two\nlines' $'\e[31mred' $'\xf0\x9f\x8f' 'back\slash' 'Grüße 山')
for name in "${names[@]}"; do
  cp a.jpg "$name.jpg"
  expect_exit 0 restore "$name.jpg" -o "$name.png" "${options[@]}"
  cmp "$name.png" expected.png || fail "another result under another name"
  [ "$(wc -l <out)" = 1 ] || fail "a name took more than one line: $(cat -v out)"
  LC_ALL=C grep -q $'[\x01-\x09\x0b-\x1f]' out && fail "a name's control characters were printed: $(cat -v out)"
  iconv -f UTF-8 -t UTF-8 out >/dev/null || fail "what is printed is not UTF-8: $(cat -v out)"
  expect_exit 0 classify "$name.jpg" --bundle "$bundle" --json
  iconv -f UTF-8 -t UTF-8 out >/dev/null || fail "the JSON is not UTF-8: $(cat -v out)"
  sed 's/"file":"[^"]*"//' out | cmp - label || fail "another label under another name"
  rm "$name.jpg" "$name.png"
  expect_exit 66 classify "$name.jpg" --bundle "$bundle"
  [ "$(wc -l <err)" = 1 ] || fail "a name took more than one line: $(cat -v err)"
done
cp a.jpg $'caf\xe9.jpg'
expect_exit 0 classify $'caf\xe9.jpg' --bundle "$bundle"
grep -qF 'caf\xE9.jpg: ' out || fail "the name is not shown: $(cat -v out)"
expect_exit 0 restore $'caf\xe9.jpg' -o $'f\xe9/' "${options[@]}"
cmp $'f\xe9/caf\xe9.png' expected.png || fail "nothing under the name in the folder"
# Both differ in one byte that is no text: they are two files.
cp a.jpg $'caf\xe8.jpg'
expect_exit 0 restore $'caf\xe9.jpg' $'caf\xe8.jpg' -o $'f\xe9' "${options[@]}"
cmp $'f\xe9/caf\xe8.png' expected.png || fail "nothing under the second name"

cp a.jpg ./-a.jpg
expect_exit 0 classify --bundle "$bundle" -- -a.jpg
expect_exit 0 restore "${options[@]}" -o=-a.png -- -a.jpg
cmp ./-a.png expected.png || fail "nothing under a name with a dash"

# Weights and key files too.
cp -r "$bundle" $'w\xe9'
expect_exit 0 classify a.jpg --bundle $'w\xe9'
RESTORED_BUNDLE=$'w\xe9' expect_exit 0 classify a.jpg
expect_exit 0 weights verify $'w\xe9'
expect_exit 0 weights inspect $'w\xe9/unet.safetensors'
expect_exit 66 weights inspect $'w\xe8'
: >$'k\xe9'
expect_exit 64 serve --port 0 --api-key-file $'k\xe9'
expect_exit 66 serve --port 0 --api-key-file $'k\xe8'

# Pipes and standard input, which can't be read twice; a short read is no end.
slowly() { head -c 3 a.jpg && sleep 0.2 && tail -c +4 a.jpg; }
slowly | expect_exit 0 restore - -o piped.png "${options[@]}"
cmp piped.png expected.png || fail "another result from standard input"
slowly | expect_exit 0 restore /dev/stdin -o piped.png "${options[@]}"
cmp piped.png expected.png || fail "another result from /dev/stdin"
expect_exit 0 restore <(slowly) -o piped.png "${options[@]}"
cmp piped.png expected.png || fail "another result from a process"
mkfifo pipe
slowly >pipe &
expect_exit 0 classify pipe --bundle "$bundle" --json
sed 's/"file":"[^"]*"//' out | cmp - label || fail "another label from a pipe"
expect_exit 0 classify - --bundle "$bundle" --json <a.jpg
grep -q '"file":"-"' out || fail "standard input is called: $(cat out)"
expect_exit 64 classify - - --bundle "$bundle"
expect_exit 64 restore - /dev/stdin -o folder --bundle "$bundle"
expect_exit 65 classify - --bundle "$bundle" </dev/null
expect_exit 66 classify . --bundle "$bundle"

# What has no end is no picture from its first bytes on; a file over the limit is not read.
expect_exit 65 classify /dev/zero --bundle "$bundle"
grep -q 'neither a JPEG nor a PNG' err || fail "another reason: $(cat err)"
for size in $((1 << 30)) $(((1 << 30) + 1)); do
  truncate -s "$size" large.png
  expect_exit 65 classify large.png --bundle "$bundle"
  [ "$size" = $((1 << 30)) ] || grep -q 'more than 1073741824 bytes' err || fail "another reason: $(cat err)"
done

# One that begins with a dash is no wish for help, whatever its letters.
cp a.jpg -- -hazy.jpg
for command in classify restore; do
  expect_exit 64 "$command" -hazy.jpg --bundle "$bundle"
  grep -qF './-hazy.jpg' err || fail "what $command says of -hazy.jpg: $(cat err)"
done
expect_exit 0 classify ./-hazy.jpg --bundle "$bundle"
expect_exit 0 classify --bundle "$bundle" -- -hazy.jpg
