#!/usr/bin/env bash
# Requests that lead nowhere are problem documents: unknown paths, methods and types.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
start_server

request "$url/nowhere"
expect_problem 404
request -X DELETE "$url/restore"
expect_problem 405
case ", $(field allow)," in
  *', POST,'*) ;;
  *) fail "expected POST in Allow, found '$(field allow)'" ;;
esac
request --data-binary "@$picture" -H 'Content-Type: application/json' "$url/restore"
expect_problem 415
request -F "image=@$picture" -H 'Accept: text/html' "$url/restore"
expect_problem 406
request -H 'X-Request-ID: order-66' "$url/nowhere"
expect_problem 404
expect_field x-request-id order-66
expect_body '"instance":"[^"]*order-66"'
