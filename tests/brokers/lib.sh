# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is for the scripts that source it
# Helpers shared by the broker scripts; source it.

BROKERS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/fairlead-brokers
KAFKA_VERSION=${KAFKA_VERSION:-4.1.0}
# Images that docker/build.sh builds, named after what they are built from; set the two variables to use others.
source_tag() { cat "$BROKERS/docker/$1"/* | sha256sum | cut -c1-8; }
KAFKA_IMAGE=${FAIRLEAD_KAFKA_IMAGE:-fairlead-test/kafka:$KAFKA_VERSION-$(source_tag kafka)}
AMQP_IMAGE=${FAIRLEAD_AMQP_IMAGE:-fairlead-test/rabbitmq:$(source_tag rabbitmq)}

# When this script began, for elapsed times.
now_ms() { local t=${EPOCHREALTIME/[.,]/}; echo "${t%???}"; }
BEGAN=$(now_ms)

die() { echo "error: $*" >&2; exit 1; }

seconds() { printf '%d.%d s' $(($1 / 1000)) $(($1 % 1000 / 100)); } # MS -> "12.3 s"
elapsed() { seconds $(($(now_ms) - $1)); }                         # START_MS -> "12.3 s"

# Sets PORT to a port nobody listens on, below the ephemeral range (32768 and up), so that no outgoing
# connection can take it between the choice and the bind. Brokers start at the same time: a folder in PORTS says
# that somebody has chosen the port; ten minutes later whoever did listens, or has ended.
PORTS=${TMPDIR:-/tmp}/fairlead-ports.$UID
free_port() {
  local p
  mkdir -p "$PORTS"
  find "$PORTS" -mindepth 1 -mmin +10 -delete 2>/dev/null || true
  for _ in {1..200}; do
    p=$((SRANDOM % 9000 + 21000))
    if mkdir "$PORTS/$p" 2>/dev/null && ! (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null; then
      PORT=$p
      return 0
    fi
  done
  die "no free port between 21000 and 29999"
}

alive() { # PID : running, and not merely waiting to be reaped
  local s
  s=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) && [ -n "$s" ] && [ "${s%% *}" != Z ]
}

wait_port() { # PORT SECONDS
  local end=$((SECONDS + $2))
  until (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.05
  done
}

wait_log() { # FILE REGEX SECONDS PID : 2 if the process ended, 1 on timeout
  local end=$((SECONDS + $3))
  until grep -qE "$2" "$1" 2>/dev/null; do
    alive "$4" || return 2
    [ $SECONDS -lt $end ] || return 1
    sleep 0.05
  done
}

pid_in() { cat "$1" 2>/dev/null || true; } # FILE ; nothing if it is gone, as a broker that ends removes its own

stop_pid() { # PID SECONDS : TERM, then KILL after SECONDS; 1 if it had to be killed
  local end=$((SECONDS + $2 + 1))
  [ -n "$1" ] && kill "$1" 2>/dev/null || return 0
  while alive "$1"; do
    if [ $SECONDS -ge $end ]; then
      kill -9 "$1" 2>/dev/null || true
      return 1
    fi
    sleep 0.05
  done
}

# Kafka's jars, from Maven Central, once per version. Sets KAFKA_LIBS.
fetch_kafka() {
  local d=$CACHE/kafka-$KAFKA_VERSION start
  KAFKA_LIBS=$d/libs
  [ -f "$KAFKA_LIBS/.complete" ] && return 0
  command -v mvn >/dev/null || die "mvn is needed to fetch Kafka: run tests/setup.sh brokers"
  mkdir -p "$d"
  exec 8>"$d/lock"
  flock 8
  if [ ! -f "$KAFKA_LIBS/.complete" ]; then
    start=$(now_ms)
    cat >"$d/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>kafka-dist</artifactId><version>1</version>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$KAFKA_VERSION</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
</dependencies></project>
POM
    mvn -q -B -f "$d/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
      -DoutputDirectory="$KAFKA_LIBS" >&2 || die "Kafka $KAFKA_VERSION could not be fetched from Maven"
    touch "$KAFKA_LIBS/.complete"
    echo "Kafka $KAFKA_VERSION fetched in $(elapsed "$start")" >&2
  fi
  exec 8>&-
}
