#!/usr/bin/env bash
# Builds the library with seeded faults, starts a Kafka and a RabbitMQ on free loopback ports, and shows for each fault
# that the tests notice it (mutants.py):
#   tests/torture/mutants.sh [--only FAULT]... [--seed N]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
tests/setup.sh build brokers
launcher=()
if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
mkdir -p build
cmake --preset faults "${launcher[@]}" >build/faults.configure.log 2>&1 || {
  cat build/faults.configure.log >&2
  exit 1
}
cmake --build build/faults -j"$(nproc)" --target torture_producer torture_consumer torture_proxy fairlead_cli conformance unit_amqp unit_consume unit_resilience
exec tests/brokers/provision.sh --kafka --amqp --mode processes -- python3 -B tests/torture/mutants.py --programs build/faults/bin "$@"
