#!/usr/bin/env bash
# A key file or variable without a key in it ends the start: without keys the service would be open to everybody.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

: >"$work/empty"
printf '# the key is not here yet\n\n' >"$work/comments"
for file in "$work/empty" "$work/comments"; do
  expect_exit 64 serve --port 0 --bundle "$bundle" --api-key-file "$file"
  grep -q -e '--api-key-file' "$work/err" || fail "it does not say which: $(cat "$work/err")"
done
for value in '' ','; do
  RESTORED_API_KEY=$value expect_exit 64 serve --port 0 --bundle "$bundle"
  grep -q RESTORED_API_KEY "$work/err" || fail "it does not say which: $(cat "$work/err")"
done
