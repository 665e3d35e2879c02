#!/usr/bin/env bash
# Builds the order pipeline and runs it: the same programs and the same configuration on each broker.
#   examples/run.sh [memory|kafka|amqp|all] [--count N]      default: memory, 100000 orders
# kafka and amqp use FAIRLEAD_KAFKA_URL and FAIRLEAD_AMQP_URL where set; else real brokers are started on free loopback
# ports and stopped afterwards. On them every part is a process of its own: a producer, two members of billing, one of
# shipping and one of notification. Ends with 0 when every group handled every order, in order per user.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=$root/build/release/bin
config=$root/examples/orders.yaml

usage() {
  sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" | sed '$d' >&2
  exit 2
}

# What is run inside provision.sh, once for each broker: run_pipeline KIND COUNT
run_pipeline() {
  local kind=$1 count=$2 url dir pids=() member status=0
  case $kind in
  kafka) url=$FAIRLEAD_KAFKA_URL ;;
  amqp) url=$FAIRLEAD_AMQP_URL ;;
  esac
  export BROKER_URL=$url
  dir=$(mktemp -d)
  for member in billing.1 billing.2 shipping.1 notification.1; do
    "$bin/order_consumer" --config "$config" --group "${member%.*}" --out "$dir/$member.txt" 2>"$dir/$member.log" &
    pids+=($!)
    # The producer starts when everybody is there; a member that ended is not waited for.
    until grep -q 'is ready' "$dir/$member.log" || ! kill -0 $! 2>/dev/null; do sleep 0.05; done
  done
  "$bin/order_producer" --config "$config" --count "$count" --out "$dir/produced.txt" || status=1
  for pid in "${pids[@]}"; do wait "$pid" || status=1; done
  if [ $status != 0 ]; then cat "$dir"/*.log >&2; fi
  "$bin/order_report" --dir "$dir" --broker "$kind" || status=1
  rm -rf "$dir"
  return $status
}

if [ "${1:-}" = --inside ]; then # called by provision.sh
  run_pipeline "$2" "$3"
  exit
fi

kind=memory count=100000
while [ $# -gt 0 ]; do
  case $1 in
  memory | kafka | amqp | all) kind=$1 ;;
  --count) count=${2:?--count needs a number} && shift ;;
  *) usage ;;
  esac
  shift
done

groups=(build)
[ "$kind" = memory ] || groups+=(brokers)
"$root/tests/setup.sh" "${groups[@]}"
launcher=()
if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
cmake --preset release -S "$root" "${launcher[@]}" >/dev/null
cmake --build "$root/build/release" -j "$(nproc)" --target order_pipeline order_producer order_consumer order_report

failed=()
for each in memory kafka amqp; do
  [ "$kind" = "$each" ] || [ "$kind" = all ] || continue
  if [ "$each" = memory ]; then
    BROKER_URL=memory://demo "$bin/order_pipeline" --config "$config" --count "$count" || failed+=("$each")
  else
    "$root/tests/brokers/provision.sh" "--$each" -- "${BASH_SOURCE[0]}" --inside "$each" "$count" || failed+=("$each")
  fi
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "failed on: ${failed[*]}" >&2
  exit 1
fi
