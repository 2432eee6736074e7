#!/usr/bin/env bash
# The variables that Kubernetes makes for services named restored, or restored- and more, are no settings; a misspelt
# setting still is an error that names it.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

for name in RESTORED RESTORED_API RESTORED_GPU_2; do
  export "${name}_SERVICE_HOST=10.0.0.1" "${name}_SERVICE_PORT=8080" "${name}_SERVICE_PORT_HTTP=8080"
  export "${name}_PORT=tcp://10.0.0.1:8080" "${name}_PORT_8080_TCP=tcp://10.0.0.1:8080"
  export "${name}_PORT_8080_TCP_PROTO=tcp" "${name}_PORT_8080_TCP_PORT=8080" "${name}_PORT_8080_TCP_ADDR=10.0.0.1"
done
start_server
grep -q '"variables ignored".*RESTORED_PORT ' "$work/log" || fail "nothing says that they are ignored: $(cat "$work/log")"
kill "$server"
wait "$server" || fail "it ended badly"
server=
expect_exit 0 classify "$picture" --bundle "$bundle"

for variable in RESTORED_PROT=80 RESTORED_API_PORT=80 RESTORED_API_SERVICE_HOST=localhost RESTORED_API=1 \
  RESTORED_HEAD_TIMEOUTS=5; do
  found=0
  env "$variable" "$program" serve --port 0 --bundle "$bundle" 2>"$work/err" || found=$?
  [ "$found" = 64 ] || fail "expected exit 64 from $variable, found $found"
  grep -q "${variable%%=*}" "$work/err" || fail "it does not name $variable: $(cat "$work/err")"
done
