#!/usr/bin/env bash
# keeper.sh RUN_DIR <PIPE : started by provision.sh. Waits until the other end of PIPE is closed - provision.sh is
# done, or died, be it by kill -9 - and then stops every broker of RUN_DIR and removes the directory.
set -uo pipefail
trap '' INT TERM HUP
# shellcheck source=tests/brokers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
RUN_DIR=${1:?usage: keeper.sh RUN_DIR}
cat >/dev/null
# A command that still runs has lost its brokers, and a start script has lost the one who asked for it.
for f in "$RUN_DIR"/command.pid "$RUN_DIR"/*.starter; do
  [ ! -f "$f" ] || kill -- "-$(cat "$f")" 2>/dev/null
done
if [ -f "$RUN_DIR/command.pid" ]; then
  p=$(cat "$RUN_DIR/command.pid")
  stop_pid "$p" 10
  kill -9 -- "-$p" 2>/dev/null
fi
if [ -f "$RUN_DIR/containers.pid" ]; then # ends by itself: its standard input closed with ours
  p=$(cat "$RUN_DIR/containers.pid") end=$((SECONDS + 60))
  while alive "$p" && [ $SECONDS -lt $end ]; do sleep 0.05; done
  stop_pid "$p" 5
  "$(cat "$RUN_DIR/containers.program")" </dev/null >>"$RUN_DIR/containers.log" 2>&1 # if it was killed: removes what it left
fi
stops=()
for broker in kafka amqp secured-kafka secured-amqp; do
  [ -d "$RUN_DIR/$broker" ] || continue
  case $broker in *kafka) script=start-kafka.sh ;; *) script=start-rabbitmq.sh ;; esac
  "$BROKERS/$script" stop "$RUN_DIR/$broker" &
  stops+=($!)
done
[ ${#stops[@]} = 0 ] || wait "${stops[@]}"
if [ -n "${FAIRLEAD_BROKER_LOGS:-}" ]; then
  rm -rf "$FAIRLEAD_BROKER_LOGS"
  mkdir -p "$FAIRLEAD_BROKER_LOGS"
  for f in {,secured-}{kafka/1/log,kafka/1/server.properties,amqp/1/out,amqp/1/log} containers.log; do
    [ ! -e "$RUN_DIR/$f" ] || cp -r "$RUN_DIR/$f" "$FAIRLEAD_BROKER_LOGS/${f//\//-}"
  done
fi
rm -rf --one-file-system "$RUN_DIR"
