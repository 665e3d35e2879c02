#!/usr/bin/env bash
# RabbitMQ (the distribution's rabbitmq-server) as plain processes on 127.0.0.1: own node name, cookie, epmd,
# directories and free ports, so that it meets no other node on the machine.
#   start-rabbitmq.sh start DIR    start NODES nodes; prints KEY=VALUE lines, also written to DIR/env
#   start-rabbitmq.sh stop DIR
#   start-rabbitmq.sh kill|term|restart DIR [N]    start-rabbitmq.sh ctl DIR N ARGS...   (rabbitmqctl)
# Environment:
#   NODES (1)  RMQ_PORTS ("p1 p2 ..", else free ones)  RMQ_PLUGINS (comma list)  RMQ_CONF (more lines of rabbitmq.conf)
#   CERTS  directory of make-certs.sh: adds amqps      RMQ_TLS_VERIFY (1: a client certificate is required)
set -euo pipefail
# shellcheck source=tests/brokers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
NODES=${NODES:-1}
# Not /usr/sbin/rabbitmq-server: that wrapper insists on the system's user rabbitmq.
LIB=${RABBITMQ_HOME:-/usr/lib/rabbitmq}
[ -x "$LIB/bin/rabbitmq-server" ] || die "rabbitmq-server is not installed: run tests/setup.sh brokers"

# shellcheck disable=SC1090,SC1091,SC2153 # DIR/N/ports sets AMQP AMQPS DIST EPMD CTLMIN
node_env() { # DIR N : all that keeps this node apart from any other
  . "$1/$2/ports"
  export HOME=$1 RABBITMQ_HOME='' RABBITMQ_CONF_ENV_FILE=/dev/null
  export RABBITMQ_NODENAME=t$2-$AMQP@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1
  export RABBITMQ_NODE_PORT=$AMQP RABBITMQ_DIST_PORT=$DIST
  export ERL_EPMD_PORT=$EPMD ERL_EPMD_ADDRESS=127.0.0.1
  export RABBITMQ_MNESIA_BASE=$1/$2/mnesia RABBITMQ_LOG_BASE=$1/$2/log RABBITMQ_PID_FILE=$1/$2/pid
  export RABBITMQ_CONFIG_FILE=$1/$2/rabbitmq.conf RABBITMQ_ADVANCED_CONFIG_FILE=$1/$2/advanced
  export RABBITMQ_ENABLED_PLUGINS_FILE=$1/$2/enabled_plugins RABBITMQ_FEATURE_FLAGS_FILE=$1/$2/feature_flags
  export RABBITMQ_GENERATED_CONFIG_DIR=$1/$2/generated RABBITMQ_SCHEMA_DIR=$1/$2/schema
  export RABBITMQ_CTL_DIST_PORT_MIN=$CTLMIN RABBITMQ_CTL_DIST_PORT_MAX=$((CTLMIN + 9))
  export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
  export RABBITMQ_CTL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +S 1:1" ERL_CRASH_DUMP_SECONDS=0
}

port_of() ( # DIR N NAME
  # shellcheck disable=SC1090,SC1091
  . "$1/$2/ports"
  echo "${!3}"
)

conf() { # DIR N
  local i
  cat <<C
loopback_users = none
log.file.level = info
disk_free_limit.absolute = 50MB
vm_memory_high_watermark.absolute = 1GiB
collect_statistics_interval = 60000
C
  if [ "$NODES" -gt 1 ]; then
    echo "cluster_formation.peer_discovery_backend = classic_config"
    echo "cluster_partition_handling = pause_minority"
    for ((i = 1; i <= NODES; i++)); do
      echo "cluster_formation.classic_config.nodes.$i = t$i-$(port_of "$1" "$i" AMQP)@localhost"
    done
  fi
  if [ -n "${CERTS:-}" ]; then
    cat <<C
listeners.ssl.1 = 127.0.0.1:$(port_of "$1" "$2" AMQPS)
ssl_options.cacertfile = $CERTS/ca.crt
ssl_options.certfile = $CERTS/${RMQ_CERT:-server}.crt
ssl_options.keyfile = $CERTS/${RMQ_CERT:-server}.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = $([ "${RMQ_TLS_VERIFY:-1}" = 1 ] && echo true || echo false)
C
  fi
  [ -z "${RMQ_CONF:-}" ] || printf '%s\n' "$RMQ_CONF"
}

launch() ( # DIR N
  node_env "$1" "$2"
  mkdir -p "$RABBITMQ_MNESIA_BASE" "$RABBITMQ_LOG_BASE"
  # setsid: the wrapper script and its Erlang VM become one process group, named by wrapper.pid
  # shellcheck disable=SC2016
  setsid bash -c 'echo $$ >"$1"; exec "$2"' - "$1/$2/wrapper.pid" "$LIB/bin/rabbitmq-server" >"$1/$2/out" 2>&1 </dev/null &
  echo $! >"$1/$2/wrapper.pid"
)

ready() { # DIR N SECONDS ; rabbitmqctl costs a second a call, so the banner is watched instead
  local code=0
  wait_log "$1/$2/out" 'completed with [0-9]+ plugins' "$3" "$(cat "$1/$2/wrapper.pid")" || code=$?
  [ $code != 0 ] || return 0
  echo "--- last lines of $1/$2/out" >&2
  tail -30 "$1/$2/out" >&2
  [ $code != 2 ] || die "RabbitMQ node $2 ended while it started"
  die "RabbitMQ node $2 did not start within $3 s"
}

stop_nodes() { # NODE_DIR...
  local d p
  for d in "$@"; do
    p=$(pid_in "$d/pid")
    [ -z "$p" ] || kill "$p" 2>/dev/null || true
  done
  for d in "$@"; do
    stop_pid "$(pid_in "$d/pid")" 25 || true
    if [ -f "$d/wrapper.pid" ]; then
      p=$(cat "$d/wrapper.pid")
      stop_pid "$p" 5 || true
      kill -9 -- "-$p" 2>/dev/null || true # what a node cut short in its start left behind
    fi
    rm -f "$d/pid" "$d/wrapper.pid"
  done
}

usage="usage: start-rabbitmq.sh start|stop DIR, start-rabbitmq.sh kill|term|restart DIR [N], start-rabbitmq.sh ctl DIR N ARGS..."
cmd=${1:?$usage}
DIR=$(realpath -m "${2:?$usage}")
node=${3:-1}
case $cmd in
start)
  [ ! -e "$DIR/env" ] || die "$DIR is in use"
  mkdir -p "$DIR"
  (
    umask 077
    head -c 30 /dev/urandom | base64 | tr -dc A-Za-z0-9 >"$DIR/.erlang.cookie"
  )
  chmod 400 "$DIR/.erlang.cookie"
  free_port
  EPMD=$PORT
  read -r -a want <<<"${RMQ_PORTS:-}"
  addresses='' tls_addresses=''
  for ((n = 1; n <= NODES; n++)); do
    mkdir -p "$DIR/$n"
    if [ -n "${want[n - 1]:-}" ]; then a=${want[n - 1]}; else free_port; a=$PORT; fi
    free_port
    t=$PORT
    free_port
    printf 'AMQP=%s\nAMQPS=%s\nDIST=%s\nEPMD=%s\nCTLMIN=%s\n' "$a" "$t" "$PORT" "$EPMD" "$((30000 + SRANDOM % 190 * 10))" >"$DIR/$n/ports"
    addresses+=${addresses:+,}127.0.0.1:$a
    tls_addresses+=${tls_addresses:+,}localhost:$t
  done
  for ((n = 1; n <= NODES; n++)); do
    conf "$DIR" "$n" >"$DIR/$n/rabbitmq.conf"
    echo "[${RMQ_PLUGINS:-}]." >"$DIR/$n/enabled_plugins"
  done
  # An epmd of our own, so that its pid is known: left to itself, the first node starts a daemon that nobody ends.
  ERL_EPMD_PORT=$EPMD ERL_EPMD_ADDRESS=127.0.0.1 HOME=$DIR setsid epmd >"$DIR/epmd.log" 2>&1 </dev/null &
  echo $! >"$DIR/epmd.pid"
  wait_port "$EPMD" 10 || { cat "$DIR/epmd.log" >&2; die "epmd did not start"; }
  for ((n = 1; n <= NODES; n++)); do launch "$DIR" "$n"; done
  for ((n = 1; n <= NODES; n++)); do ready "$DIR" "$n" "${RMQ_START_TIMEOUT:-150}"; done
  {
    echo "AMQP_ADDRESSES=$addresses"
    [ -z "${CERTS:-}" ] || echo "AMQPS_ADDRESSES=$tls_addresses"
    echo "AMQP_NODES=$NODES"
    echo "AMQP_START_MS=$(($(now_ms) - BEGAN))"
  } | tee "$DIR/env"
  ;;
stop)
  shopt -s nullglob
  stop_nodes "$DIR"/[0-9]*
  [ ! -f "$DIR/epmd.pid" ] || stop_pid "$(cat "$DIR/epmd.pid")" 5 || true
  rm -f "$DIR/epmd.pid" "$DIR/env"
  ;;
kill) kill -9 "$(cat "$DIR/$node/pid")" ;;
term) stop_nodes "$DIR/$node" ;;
restart)
  stop_nodes "$DIR/$node" # after 'kill' the wrapper may still be on its way out
  launch "$DIR" "$node"
  ready "$DIR" "$node" "${RMQ_START_TIMEOUT:-150}"
  ;;
ctl)
  shift 2
  n=${1:?$usage}
  shift
  node_env "$DIR" "$n"
  exec "$LIB/bin/rabbitmqctl" -q -n "$RABBITMQ_NODENAME" "$@"
  ;;
*) die "$usage" ;;
esac
