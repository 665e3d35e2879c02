#!/usr/bin/env bash
# Runs a command with real brokers:
#   provision.sh [--kafka] [--amqp] [--secured] [--mode auto|processes|containers] -- COMMAND...
# Each broker that is asked for comes from, in this order:
#   urls        FAIRLEAD_KAFKA_URL or FAIRLEAD_AMQP_URL is set already: used as it is
#   containers  Testcontainers, when a Docker engine answers and the image is there (see docker/build.sh)
#   processes   Kafka and RabbitMQ as local processes, in a directory of their own
# --mode processes or containers leaves no choice. COMMAND finds FAIRLEAD_KAFKA_URL, FAIRLEAD_AMQP_URL,
# FAIRLEAD_KAFKA_BACKEND and FAIRLEAD_AMQP_BACKEND (url, containers, processes) in its environment and, for local
# processes, FAIRLEAD_BROKER_DIR: start-kafka.sh kill|restart $FAIRLEAD_BROKER_DIR/kafka, start-rabbitmq.sh
# kill|restart $FAIRLEAD_BROKER_DIR/amqp. --secured adds a Kafka and a RabbitMQ of its own with TLS and users, always as
# local processes: FAIRLEAD_SECURED_DIR has certs/ (make-certs.sh), secured-kafka/env and secured-amqp/env. All listen on 127.0.0.1 only. The exit code is COMMAND's.
# FAIRLEAD_BROKER_LOGS=DIR keeps the brokers' logs in DIR.
set -euo pipefail
# shellcheck source=tests/brokers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage="usage: provision.sh [--kafka] [--amqp] [--secured] [--mode auto|processes|containers] -- COMMAND..."
MODE=auto WANT=() SECURED=()
while [ $# -gt 0 ]; do
  case $1 in
  --kafka) WANT+=(kafka) ;;
  --amqp) WANT+=(amqp) ;;
  --secured) SECURED=(secured-kafka secured-amqp) ;;
  --mode) MODE=${2:?$usage} && shift ;;
  --) shift && break ;;
  *) die "$usage" ;;
  esac
  shift
done
[ $# -gt 0 ] || die "$usage"
case $MODE in auto | processes | containers) ;; *) die "$usage" ;; esac

say() { echo "brokers: $*" >&2; }
label() {
  case $1 in
  kafka) echo Kafka ;;
  amqp) echo RabbitMQ ;;
  secured-kafka) echo "Kafka with TLS and users" ;;
  secured-amqp) echo "RabbitMQ with TLS and users" ;;
  esac
}

# --- which back end for which broker
has_docker() {
  [ -n "${DOCKER_ANSWERS:-}" ] || DOCKER_ANSWERS=$(timeout 10 docker version --format '{{.Server.Version}}' 2>/dev/null || echo no)
  [ "$DOCKER_ANSWERS" != no ]
}
has_image() { docker image inspect "$1" >/dev/null 2>&1; }
image_of() { case $1 in kafka) echo "$KAFKA_IMAGE" ;; amqp) echo "$AMQP_IMAGE" ;; esac }
backend_of() {
  local url=FAIRLEAD_${1^^}_URL
  if [ -n "${!url:-}" ]; then
    echo url
  elif [ "$MODE" != auto ]; then
    echo "$MODE"
  elif command -v go >/dev/null && has_docker && has_image "$(image_of "$1")"; then
    echo containers
  else
    echo processes
  fi
}
PROCESSES=() CONTAINERS=()
for broker in "${WANT[@]}"; do
  backend=$(backend_of "$broker")
  export "FAIRLEAD_${broker^^}_BACKEND=$backend"
  case $backend in
  url)
    url=FAIRLEAD_${broker^^}_URL
    say "$(label "$broker"): the one given in $url"
    ;;
  processes) PROCESSES+=("$broker") ;;
  containers) CONTAINERS+=("$broker") ;;
  esac
done
case " ${PROCESSES[*]} ${SECURED[*]} " in *kafka\ *) fetch_kafka ;; esac
if [ ${#CONTAINERS[@]} -gt 0 ]; then
  has_docker || die "no Docker engine answers (DOCKER_HOST=${DOCKER_HOST:-}): see tests/brokers/start-dockerd.sh"
  PROVISION=$("$BROKERS/containers/build.sh")
fi

# --- whatever happens from here on, the keeper stops what was started
RUN_DIR=$(mktemp -d "${TMPDIR:-/tmp}/fairlead-brokers.XXXXXX")
mkfifo "$RUN_DIR/life" "$RUN_DIR/containers.life"
setsid "$BROKERS/keeper.sh" "$RUN_DIR" <"$RUN_DIR/life" &
KEEPER=$!
exec {life}>"$RUN_DIR/life" # never inherited by what is started below: its end is this script's end
GUARD=''

# shellcheck disable=SC2317 # called by the trap
finish() {
  local code=$? start
  trap '' INT TERM HUP
  start=$(now_ms)
  [ -z "$GUARD" ] || exec {GUARD}>&-
  exec {life}>&-
  wait "$KEEPER" || true
  [ ${#PROCESSES[@]}${#SECURED[@]}${#CONTAINERS[@]} = 000 ] || say "stopped in $(elapsed "$start")"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# --- start, all at once
began=$(now_ms)
declare -A STARTER
if [ ${#SECURED[@]} -gt 0 ]; then "$BROKERS/make-certs.sh" "$RUN_DIR/certs"; fi
for broker in "${PROCESSES[@]}" "${SECURED[@]}"; do
  case $broker in *kafka) script='start-kafka.sh' ;; *amqp) script='start-rabbitmq.sh' ;; esac
  secured=()
  case $broker in
  secured-*) # a client certificate can be the login of RabbitMQ's EXTERNAL
    secured=(env "CERTS=$RUN_DIR/certs" 'PLAIN_USERS=user_rotating="first-password"' RMQ_PLUGINS=rabbitmq_auth_mechanism_ssl
      RMQ_CONF=$'auth_mechanisms.1 = PLAIN\nauth_mechanisms.2 = EXTERNAL\nssl_cert_login_from = common_name')
    ;;
  esac
  setsid "${secured[@]}" "$BROKERS/$script" start "$RUN_DIR/$broker" >"$RUN_DIR/$broker.out" 2>&1 </dev/null {life}>&- &
  STARTER[$broker]=$!
  echo $! >"$RUN_DIR/$broker.starter"
done
if [ ${#CONTAINERS[@]} -gt 0 ]; then
  args=()
  for broker in "${CONTAINERS[@]}"; do
    free_port && a=$PORT
    free_port && b=$PORT
    free_port && c=$PORT
    args+=("-$broker" "$(image_of "$broker"),$a,$b,$c")
  done
  TESTCONTAINERS_RYUK_DISABLED=true setsid "$PROVISION" "${args[@]}" \
    <"$RUN_DIR/containers.life" >"$RUN_DIR/containers.out" 2>"$RUN_DIR/containers.log" {life}>&- &
  CONTAINERS_PID=$!
  echo "$PROVISION" >"$RUN_DIR/containers.program"
  echo "$CONTAINERS_PID" >"$RUN_DIR/containers.pid"
  exec {GUARD}>"$RUN_DIR/containers.life"
fi

value_of() { sed -n "s/^$2=//p" "$1"; } # FILE KEY
started() {                             # BROKER HOW FILE
  local key=${1^^} url
  case $1 in kafka) url=$FAIRLEAD_KAFKA_URL ;; amqp) url=$FAIRLEAD_AMQP_URL ;; esac
  say "$(label "$1"): $2, $url, started in $(seconds "$(value_of "$3" "${key}_START_MS")")"
}
for broker in "${PROCESSES[@]}"; do
  if ! wait "${STARTER[$broker]}"; then
    tail -40 "$RUN_DIR/$broker.out" >&2
    die "$(label "$broker") could not be started as a local process"
  fi
  rm -f "$RUN_DIR/$broker.starter"
  export FAIRLEAD_BROKER_DIR=$RUN_DIR
  case $broker in
  kafka) FAIRLEAD_KAFKA_URL=kafka://$(value_of "$RUN_DIR/kafka/env" KAFKA_BOOTSTRAP) ;;
  amqp) FAIRLEAD_AMQP_URL=amqp://guest:guest@$(value_of "$RUN_DIR/amqp/env" AMQP_ADDRESSES)/ ;;
  esac
  export "FAIRLEAD_${broker^^}_URL"
  started "$broker" "local process" "$RUN_DIR/$broker/env"
done
for broker in "${SECURED[@]}"; do
  if ! wait "${STARTER[$broker]}"; then
    tail -40 "$RUN_DIR/$broker.out" >&2
    die "$(label "$broker") could not be started"
  fi
  rm -f "$RUN_DIR/$broker.starter"
  export FAIRLEAD_SECURED_DIR=$RUN_DIR
  say "$(label "$broker"): local process"
done
if [ ${#CONTAINERS[@]} -gt 0 ]; then
  if ! wait_log "$RUN_DIR/containers.out" '^READY=' 600 "$CONTAINERS_PID"; then
    tail -60 "$RUN_DIR/containers.log" >&2
    die "the containers could not be started"
  fi
  for broker in "${CONTAINERS[@]}"; do
    key=FAIRLEAD_${broker^^}_URL
    export "$key=$(value_of "$RUN_DIR/containers.out" "$key")"
    started "$broker" "Testcontainers ($(image_of "$broker"))" "$RUN_DIR/containers.out"
  done
fi
[ ${#PROCESSES[@]}${#SECURED[@]}${#CONTAINERS[@]} = 000 ] || say "ready after $(elapsed "$began")"

# --- run: in a process group of its own, so that all of it can be ended
if [ -n "$GUARD" ]; then
  setsid env --default-signal=INT,QUIT "$@" <&0 {life}>&- {GUARD}>&- &
else
  setsid env --default-signal=INT,QUIT "$@" <&0 {life}>&- &
fi
COMMAND_PID=$!
echo "$COMMAND_PID" >"$RUN_DIR/command.pid"
code=0
wait "$COMMAND_PID" || code=$?
rm -f "$RUN_DIR/command.pid"
exit "$code"
