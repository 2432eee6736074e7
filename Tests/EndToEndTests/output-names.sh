#!/usr/bin/env bash
# What form a result has, and where it goes in a folder: what is unclear is refused before any work.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
cd "$work"
cp "$photograph" a.jpg
cp "$picture" b.png
options=(--bundle "$bundle" --steps 1 --seed 3 --degradation noisy)
is_png() { [ "$(head -c 4 "$1" | od -An -tx1 | tr -d ' ')" = 89504e47 ] || fail "$1 is no PNG"; }
is_jpeg() { [ "$(head -c 3 "$1" | od -An -tx1 | tr -d ' ')" = ffd8ff ] || fail "$1 is no JPEG"; }

# Endings: PNG or JPEG in any case; any other, or none, wants --format.
for name in r.webp r.tiff r.png.bak r .png; do
  expect_exit 64 restore a.jpg -o "$name" "${options[@]}"
  grep -q 'PNG or a JPEG' err || fail "it does not say PNG or JPEG: $(cat err)"
  [ ! -e "$name" ] || fail "$name was made"
done
expect_exit 0 restore a.jpg -o r.webp --format jpeg "${options[@]}"
is_jpeg r.webp
expect_exit 0 restore a.jpg -o r --format png "${options[@]}"
is_png r
# As the service has it, jpg is jpeg.
expect_exit 0 restore a.jpg -o r.bin --format jpg --quality 80 "${options[@]}"
is_jpeg r.bin
expect_exit 64 restore a.jpg -o r.bin --format webp "${options[@]}"
expect_exit 0 restore a.jpg -o R.JpEg "${options[@]}"
is_jpeg R.JpEg
expect_exit 0 restore a.jpg -o R.PNG "${options[@]}"
is_png R.PNG
expect_exit 64 restore a.jpg -o '' "${options[@]}"
expect_exit 64 restore a.jpg -o q.png --quality 80 "${options[@]}"

# Folders: made where the name ends in a slash, or for several pictures.
expect_exit 0 restore a.jpg -o new/ "${options[@]}"
is_png new/a.png
expect_exit 0 restore a.jpg -o new --format jpeg "${options[@]}"
is_jpeg new/a.jpg
expect_exit 0 restore a.jpg b.png -o several "${options[@]}"
is_png several/a.png && is_png several/b.png
ln -s several linked
expect_exit 0 restore a.jpg -o linked "${options[@]}" --format jpeg
is_jpeg several/a.jpg && [ -L linked ]
expect_exit 0 restore - -o new/ "${options[@]}" <a.jpg
is_png new/stdin.png
expect_exit 74 restore a.jpg -o missing/new/ "${options[@]}"
expect_exit 64 restore a.jpg -o b.png/ "${options[@]}"
for place in - /dev/null b.png; do
  expect_exit 64 restore a.jpg R.PNG -o "$place" "${options[@]}"
done

# Two results of one name, by name or by a link in the folder, and results that are inputs: nothing is begun.
mkdir other
cp a.jpg other/a.jpeg
expect_exit 64 restore a.jpg other/a.jpeg -o fresh "${options[@]}"
[ ! -e fresh ] || fail "a folder was made for nothing"
expect_exit 64 restore a.jpg -o fresh/ --bundle "$bundle" --degradation fog
[ ! -e fresh ] || fail "a folder was made before the options were looked at"
rm new/*
touch new/a.png
ln new/a.png new/b.png
expect_exit 64 restore a.jpg b.png -o new "${options[@]}"
ln -s a.jpg same.jpg
for place in a.jpg ./a.jpg same.jpg; do
  expect_exit 64 restore a.jpg -o "$place" "${options[@]}"
  expect_exit 64 restore - -o "$place" "${options[@]}" <a.jpg
done
# The same by a descriptor that leads there.
expect_exit 64 restore a.jpg -o /dev/fd/3 "${options[@]}" 3<>a.jpg
for place in - /dev/stdout; do
  found=0
  # shellcheck disable=SC2094 # Reading and writing one file is what is refused.
  "$program" restore a.jpg -o "$place" "${options[@]}" >>a.jpg 2>"$work/err" || found=$?
  [ "$found" = 64 ] || fail "expected exit 64 from -o $place into the input, found $found"
done
cmp a.jpg "$photograph" || fail "the input was written over"
