#!/usr/bin/env bash
# Health answers at three paths, and the program can ask for it itself.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
start_server

for path in /health /health/live /health/ready; do
  request "$url$path"
  expect_status 200
  expect_field content-type application/json
done
expect_exit 0 health "$url/health/ready"
expect_exit 0 health --timeout 1m "$url/health/ready"
expect_exit 64 health --timeout 0s "$url/health/ready"
kill -KILL "$server"
wait "$server" 2>/dev/null || true
server=
expect_exit 69 health "$url/health/ready"
