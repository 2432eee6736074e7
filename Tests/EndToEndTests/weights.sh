#!/usr/bin/env bash
# Weights are listed and verified; broken ones are one line and exit 65.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
expect_exit 0 weights inspect "$bundle/daclip.safetensors"
grep -q 'visual_control' "$work/out" || fail "no tensors listed"
expect_exit 0 weights inspect "$bundle/daclip.safetensors" --json
grep -q '"dtype": *"float16"' "$work/out" || fail "no types listed"

head -c 100000 "$bundle/unet.safetensors" >"$work/cut.safetensors"
expect_exit 65 weights inspect "$work/cut.safetensors"
[ "$(wc -l <"$work/err")" = 1 ] || fail "expected one line: $(cat "$work/err")"
echo 'not weights' >"$work/text.pth"
expect_exit 65 weights inspect "$work/text.pth"
expect_exit 66 weights inspect "$work/missing.pth"

expect_exit 0 weights list
grep -q '^daclip-universal: ' "$work/out" || fail "no catalogue"
expect_exit 0 weights convert "$bundle/unet.safetensors" -o "$work/converted.safetensors"
expect_exit 0 weights inspect "$work/converted.safetensors"
expect_exit 64 weights convert "$bundle/unet.safetensors" -o "$work/converted.pth"
# A plain word is a file of the folder that the program was started in; a folder may be the one it was started in.
mkdir "$work/here"
cp "$bundle"/* "$work/here"
(
  cd "$work/here"
  expect_exit 0 weights convert unet.safetensors -o copy.safetensors
  rm copy.safetensors
  expect_exit 0 weights convert . --no-check
  [ -s bundle.json ] || fail "the folder is another"
  [ "$(find "$work" -maxdepth 1 -name '.*' -newer "$work/here" | wc -l)" = 0 ] || fail "something was left beside it"
)

expect_exit 0 weights verify "$bundle"
expect_exit 0 weights verify "$bundle" --run
grep -q 'computes what was recorded' "$work/out" || fail "nothing compared: $(cat "$work/out")"
cp -r "$bundle" "$work/changed"
chmod -R u+w "$work/changed"
printf '\x55\xaa\x55\xaa' | dd of="$work/changed/unet.safetensors" bs=1 seek=9000000 conv=notrunc status=none
expect_exit 65 weights verify "$work/changed"
