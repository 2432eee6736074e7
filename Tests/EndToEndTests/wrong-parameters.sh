#!/usr/bin/env bash
# A parameter that is unknown or out of range is refused by its name, never ignored.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
start_server

refuse() {
  request -F "image=@$picture" "$url/restore?$1"
  expect_problem 400
  expect_body "$2"
}
refuse 'stepz=4' stepz
refuse 'steps=0' steps
refuse 'steps=101' steps
refuse 'steps=4&steps=5' steps
refuse 'sampler=ddim' sampler
refuse 'sampler=ode&steps=9' steps
refuse 'seed=18446744073709551616' seed
refuse 'degradation=ugly' ugly
refuse 'format=gif' format
refuse 'quality=90' quality
refuse 'tile=63' tile

# The same where there are none at all.
for path in health health/live metrics capabilities openapi.yaml jobs/x; do
  request "$url/$path?verbose=1"
  expect_problem 400
  expect_body verbose
done

request -F "image=@$picture" -F overlap=3000 "$url/restore"
expect_problem 400
expect_body overlap
