#!/usr/bin/env bash
# Builds the Testcontainers program, once per version of its sources, and prints where it is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=tests/brokers/lib.sh
. ../lib.sh
program=$CACHE/provision-$(cat main.go go.mod go.sum | sha256sum | cut -c1-16)
if [ ! -x "$program" ]; then
  command -v go >/dev/null || die "Go is needed for Testcontainers: run tests/setup.sh containers"
  start=$(now_ms)
  mkdir -p "$CACHE"
  go build -buildvcs=false -o "$program.$$" . >&2
  mv -f "$program.$$" "$program"
  echo "Testcontainers program built in $(elapsed "$start")" >&2
fi
echo "$program"
