#!/usr/bin/env bash
# Installs what is missing, builds, and runs the tests with a real Kafka and RabbitMQ on free loopback ports:
#   tests/run.sh [--quick] [--containers] [--preset P] [-- CTEST-ARGUMENTS...]
#     --quick        no brokers: what needs them is left out
#     --containers   brokers by Testcontainers; an engine is started if none answers, images are built if missing
#     --preset P     release (default), dev; asan, tsan: unit tests, conformance and torture runs of the smoke profile
# Set FAIRLEAD_KAFKA_URL or FAIRLEAD_AMQP_URL to use a broker of your own. The exit code is ctest's.
set -euo pipefail
# shellcheck source=tests/brokers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/brokers/lib.sh"
ROOT=$(cd "$BROKERS/../.." && pwd)
cd "$ROOT"

usage="usage: tests/run.sh [--quick] [--containers] [--preset P] [-- CTEST-ARGUMENTS...]"
QUICK='' CONTAINERS='' PRESET=release
while [ $# -gt 0 ]; do
  case $1 in
  --quick) QUICK=1 ;;
  --containers) CONTAINERS=1 ;;
  --preset) PRESET=${2:?$usage} && shift ;;
  --) shift && break ;;
  -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" && exit 0 ;;
  *) die "$usage" ;;
  esac
  shift
done
[ -z "$QUICK" ] || [ -z "$CONTAINERS" ] || die "--quick leaves the brokers out, --containers starts them: choose one"

step() { # NAME COMMAND... : output is shown, then the time it took
  local name=$1 start code=0
  shift
  start=$(now_ms)
  echo "==> $name"
  "$@" || code=$?
  if [ "$code" = 0 ]; then echo "==> $name ... $(elapsed "$start")"; else echo "==> $name FAILED after $(elapsed "$start")"; fi
  return "$code"
}

groups=(build)
[ -n "$QUICK" ] || [ -n "$CONTAINERS" ] || groups+=(brokers)
[ -z "$CONTAINERS" ] || groups+=(brokers containers) # the Kafka image takes its jars from Maven
step "setup (${groups[*]})" "$BROKERS/../setup.sh" "${groups[@]}"

configure() {
  local launcher=()
  if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
  cmake --preset "$PRESET" "${launcher[@]}" >"$ROOT/build/$PRESET.configure.log" 2>&1 || {
    cat "$ROOT/build/$PRESET.configure.log" >&2
    return 1
  }
}
targets=(--target all)
# Most tests wait for a broker, so that more run at once than there are cores.
results=$ROOT/build/$PRESET/tests.xml
ctest=(ctest --test-dir "build/$PRESET" --output-on-failure --no-tests=error -j "$(($(nproc) + 1))"
  --output-junit "$results" --test-output-size-failed 65536)
case $PRESET in
asan | tsan)
  targets=(--target sanitized)
  # A throughput that is compared says nothing under a sanitizer, whose runtime has to be loaded before a false clock.
  leave_out='Poison\.|ClockJump\.|_NOT_BUILT'
  # With TSan the child of a process that has threads cannot start any.
  if [ "$PRESET" = tsan ]; then leave_out+='|ChildMayOpenABroker'; fi
  ctest+=(-L 'unit|conformance|process|rabbitmq|security|torture_smoke' -E "$leave_out")
  export TSAN_OPTIONS="suppressions=$ROOT/tests/tsan.supp${TSAN_OPTIONS:+:$TSAN_OPTIONS}"
  # Sanitizers want an address space that is not laid out at random.
  if setarch -R true 2>/dev/null; then ctest=(setarch -R "${ctest[@]}"); fi
  ;;
esac
ctest+=("$@")
export CCACHE_BASEDIR=$ROOT CCACHE_NOHASHDIR=1 # another checkout finds what this one has compiled
mkdir -p build
step "configure ($PRESET)" configure
step "build ($PRESET)" cmake --build "build/$PRESET" -j"$(nproc)" "${targets[@]}"

run_tests() { # NAME COMMAND... : a step; what failed is said again at the end, where a log is read first
  local code=0
  rm -f "$results"
  step "$@" || code=$?
  if [ "$code" != 0 ] && [ -f "$results" ]; then "$ROOT/tests/failed.py" "$results"; fi
  return "$code"
}

if [ -n "$QUICK" ]; then
  echo "--quick: Kafka and RabbitMQ tests are left out"
  unset FAIRLEAD_KAFKA_URL FAIRLEAD_AMQP_URL FAIRLEAD_REQUIRE_BROKERS FAIRLEAD_BROKER_DIR
  run_tests "test ($PRESET, without brokers)" "${ctest[@]}" -LE broker
  exit
fi

mode=auto
if [ -n "$CONTAINERS" ]; then
  mode=containers
  "$BROKERS/start-dockerd.sh" answers || {
    export DOCKER_HOST
    DOCKER_HOST=$("$BROKERS/start-dockerd.sh" host)
    # shellcheck disable=SC2317 # called by the trap
    stop_engine() {
      local code=$?
      "$BROKERS/start-dockerd.sh" stop >&2 || true
      exit "$code"
    }
    trap stop_engine EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    step "start a Docker engine" "$BROKERS/start-dockerd.sh" start
  }
  step "broker images" "$BROKERS/docker/build.sh" --missing
fi
export FAIRLEAD_REQUIRE_BROKERS=1
export FAIRLEAD_BROKER_LOGS=${FAIRLEAD_BROKER_LOGS:-$ROOT/build/$PRESET/broker-logs}
run_tests "test ($PRESET, with brokers)" "$BROKERS/provision.sh" --kafka --amqp --secured --mode "$mode" -- "${ctest[@]}"
