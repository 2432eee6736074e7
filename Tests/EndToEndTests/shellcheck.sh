#!/usr/bin/env bash
# Every script of the project is free of shellcheck's findings.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
command -v shellcheck >/dev/null || fail "shellcheck is not installed"
cd "$root"
shellcheck -x -P SCRIPTDIR .ci/run Deploy/run Deploy/test Deploy/test-container Deploy/common.sh \
  Tests/Benchmarks/peers/compare Tests/Fuzz/run Tests/Hardness/schema Tests/Programs/run Tests/EndToEndTests/run Tests/EndToEndTests/flat-jpeg Tests/EndToEndTests/*.sh
