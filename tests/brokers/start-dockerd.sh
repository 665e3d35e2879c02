#!/usr/bin/env bash
# A private Docker engine: a unix socket only, data and runtime files of its own, no firewall rules, no forwarding.
#   start-dockerd.sh start|stop|host|answers
# 'host' prints the DOCKER_HOST to use, 'answers' tells by its exit code whether the environment has an engine already.
set -euo pipefail
# shellcheck source=tests/brokers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
DIR=$CACHE/docker
HOST=unix://$DIR/docker.sock
answers() { timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

case ${1:-} in
host) echo "$HOST" ;;
answers) answers ;;
start)
  export DOCKER_HOST=$HOST
  [ "$(id -u)" = 0 ] || die "a private Docker engine needs root: run as root, or set DOCKER_HOST to an engine of yours"
  mkdir -p "$DIR"/{data,exec}
  if answers; then
    echo "an engine answers already at $HOST"
    exit 0
  fi
  rm -f "$DIR/made-docker0"
  [ -e /sys/class/net/docker0 ] || touch "$DIR/made-docker0"
  # Testcontainers makes a network of its own where there is no default bridge, so there is one; nothing is sent over
  # it, as the brokers' containers use the host's loopback.
  setsid dockerd --host "$HOST" --data-root "$DIR/data" --exec-root "$DIR/exec" --pidfile "$DIR/docker.pid" \
    --bip=172.30.255.1/28 --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
    >"$DIR/dockerd.log" 2>&1 </dev/null &
  pid=$!
  end=$((SECONDS + 60))
  until answers; do
    if ! alive "$pid" || [ $SECONDS -ge $end ]; then
      tail -20 "$DIR/dockerd.log" >&2
      stop_pid "$pid" 10 || true
      die "dockerd did not start"
    fi
    sleep 0.1
  done
  echo "an engine is up at $HOST"
  ;;
stop)
  pid=$(pid_in "$DIR/docker.pid")
  if [ -n "$pid" ]; then stop_pid "$pid" 30 || true; fi
  if [ -f "$DIR/made-docker0" ]; then
    ip link del docker0 2>/dev/null || true
    rm -f "$DIR/made-docker0"
  fi
  echo "the engine is stopped"
  ;;
*) die "usage: start-dockerd.sh start|stop|host|answers" ;;
esac
