#!/usr/bin/env bash
# A JPEG is given where one is asked for, and a JSON answer carries the picture.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
start_server

request -F "image=@$picture" "$url/restore?steps=1&force=true&seed=1&format=jpeg&quality=80"
expect_status 200
expect_field content-type image/jpeg
[ "$(head -c 3 "$work/body" | od -An -tx1 | tr -d ' \n')" = ffd8ff ] || fail "the body is no JPEG"

request -F "image=@$picture" -H 'Accept: application/json' "$url/restore?steps=1&force=true&seed=18446744073709551615"
expect_status 200
expect_field content-type application/json
expect_body '"seed":"18446744073709551615"'
expect_body '"width":61'
expect_body '"height":45'
expect_body '"image":"iVBORw0KGgo'
