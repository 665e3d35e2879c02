#!/usr/bin/env bash
# Builds the benchmarks, starts real brokers and runs Fairlead beside the raw client libraries.
#   tests/bench/run.sh [--quick] [--only TEXT] [--rounds N] [--json FILE]
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
"$root/tests/setup.sh" build brokers
cmake --preset release -S "$root" >/dev/null
programs=(fairlead_bench raw_kafka raw_amqp)
cmake --build "$root/build/release" --target "${programs[@]}"
exec "$root/tests/brokers/provision.sh" --kafka --amqp -- \
  python3 "$root/tests/bench/compare.py" --bin "$root/build/release/bin" "$@"
