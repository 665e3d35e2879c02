#!/usr/bin/env bash
# Installs by apt what is missing to build and test Fairlead (Debian 12, Ubuntu 22.04 or later):
#   setup.sh [build] [brokers] [containers] [newest] [lint]     default: build brokers
# Services that come with the packages (RabbitMQ, Redis, Docker) are neither started nor enabled.
set -euo pipefail
# shellcheck source=tests/brokers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/brokers/lib.sh"

# What the project's scripts call is looked for as a command, the rest as a package: COMMAND:PACKAGE or PACKAGE.
# The first package of a|b that apt knows is taken.
packages_of() {
  case $1 in
  build)
    echo g++:g++ cmake:cmake ninja:ninja-build pkg-config:pkg-config ccache:ccache python3:python3 \
      librdkafka-dev librabbitmq-dev nlohmann-json3-dev libspdlog-dev libfmt-dev libgtest-dev libyaml-cpp-dev \
      libcli11-dev libprotobuf-dev protoc:protobuf-compiler libssl-dev libsasl2-dev libsqlite3-dev libhiredis-dev \
      liblz4-dev libzstd-dev zlib1g-dev
    ;;
  brokers)
    echo rabbitmq-server java:'openjdk-17-jre-headless|openjdk-21-jre-headless|default-jre-headless' mvn:maven \
      kcat:kcat openssl:openssl python3-pika redis-server:redis-server faketime:faketime
    ;;
  containers)
    echo dockerd:docker.io docker:docker.io debootstrap:debootstrap iptables:iptables go:golang-go ca-certificates
    ;;
  newest) echo cargo:cargo libcurl4-openssl-dev libsasl2-dev libzstd-dev liblz4-dev libssl-dev zlib1g-dev ;;
  lint) echo clang-format:clang-format clang-tidy:clang-tidy ;;
  *) die "usage: setup.sh [build] [brokers] [containers] [newest] [lint]" ;;
  esac
}

is_installed() { # PACKAGE
  case $INSTALLED in *" $1 "*) ;; *) return 1 ;; esac
}
first_known() { # a|b|c
  local p
  for p in ${1//|/ }; do
    if apt-cache show "$p" >/dev/null 2>&1; then
      echo "$p"
      return
    fi
  done
  echo "${1%%|*}"
}

AS_ROOT=()
if [ "$(id -u)" != 0 ]; then
  if command -v sudo >/dev/null; then AS_ROOT=(sudo); fi
fi

# Without this apt starts a freshly installed RabbitMQ on 0.0.0.0:5672. What was there before comes back at the end.
POLICY=/usr/sbin/policy-rc.d
GUARDED=''
guard() {
  [ -z "$GUARDED" ] || return 0
  if [ -e "$POLICY" ]; then "${AS_ROOT[@]}" mv "$POLICY" "$POLICY.fairlead"; fi
  GUARDED=1
  trap unguard EXIT
  printf '#!/bin/sh\nexit 101\n' | "${AS_ROOT[@]}" tee "$POLICY" >/dev/null
  "${AS_ROOT[@]}" chmod 755 "$POLICY"
}
unguard() {
  "${AS_ROOT[@]}" rm -f "$POLICY"
  if [ -e "$POLICY.fairlead" ]; then "${AS_ROOT[@]}" mv "$POLICY.fairlead" "$POLICY"; fi
}

UPDATED=''
install() { # GROUP PACKAGE...
  local group=$1 start log p
  shift
  command -v apt-get >/dev/null || die "$group packages are missing and there is no apt-get: $*"
  [ "$(id -u)" = 0 ] || [ ${#AS_ROOT[@]} -gt 0 ] || die "$group packages are missing; run as root: apt-get install $*"
  start=$(now_ms)
  log=$(mktemp)
  echo "==> installing $group packages: $*"
  guard
  if [ -z "$UPDATED" ]; then
    "${AS_ROOT[@]}" apt-get -o DPkg::Lock::Timeout=300 update -q >"$log" 2>&1 || cat "$log" >&2
    UPDATED=1
  fi
  local wanted=()
  for p in "$@"; do wanted+=("$(first_known "$p")"); done
  if ! "${AS_ROOT[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -q \
    --no-install-recommends "${wanted[@]}" >"$log" 2>&1; then
    tail -30 "$log" >&2
    die "apt-get could not install: ${wanted[*]}"
  fi
  rm -f "$log"
  for p in "${wanted[@]}"; do # installed for the tests, not as services of this machine
    case $p in
    rabbitmq-server) "${AS_ROOT[@]}" systemctl disable -q rabbitmq-server >/dev/null 2>&1 || true ;;
    redis-server) "${AS_ROOT[@]}" systemctl disable -q redis-server >/dev/null 2>&1 || true ;;
    docker.io) "${AS_ROOT[@]}" systemctl disable -q docker.service docker.socket >/dev/null 2>&1 || true ;;
    esac
  done
  echo "==> installed $group packages ... $(elapsed "$start")"
}

PATH=$PATH:/usr/sbin:/sbin
INSTALLED=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' 2>/dev/null | tr ' ' '\n' | sed -n 's/^installed://p' | tr '\n' ' ') "
[ $# -gt 0 ] || set -- build brokers
for group in "$@"; do
  entries=$(packages_of "$group")
  missing=()
  for entry in $entries; do
    package=${entry#*:}
    if [ "$package" = "$entry" ]; then
      is_installed "$package" || missing+=("$package")
    elif ! command -v "${entry%%:*}" >/dev/null; then
      case " ${missing[*]} " in *" $package "*) ;; *) missing+=("$package") ;; esac
    fi
  done
  [ ${#missing[@]} = 0 ] || install "$group" "${missing[@]}"
done

for group in "$@"; do
  case $group in
  brokers)
    version=$(java -version 2>&1 | sed -nE 's/.*version "([0-9]+).*/\1/p')
    [ "${version:-0}" -ge 17 ] || die "Kafka needs Java 17 or later, 'java' is ${version:-unknown}"
    ;;
  containers)
    # Go 1.21 and later fetch by themselves the newer Go that containers/go.mod asks for.
    version=$(go env GOVERSION | sed -nE 's/^go1\.([0-9]+).*/\1/p')
    [ "${version:-0}" -ge 21 ] || die "Testcontainers needs Go 1.21 or later, 'go' is $(go env GOVERSION)"
    ;;
  esac
done
