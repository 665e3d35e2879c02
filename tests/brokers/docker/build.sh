#!/usr/bin/env bash
# Builds the broker images of the containers back end: build.sh [--missing] [kafka] [rabbitmq]
# BASE is the Debian 12 image they start from. Where none can be pulled, leave it unset: one is made by debootstrap.
# Set FAIRLEAD_KAFKA_IMAGE=apache/kafka:4.1.0 or FAIRLEAD_AMQP_IMAGE=rabbitmq:3 to use published images instead;
# those are not built here, Testcontainers pulls them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=tests/brokers/lib.sh
. ../lib.sh
MISSING='' WHAT=()
for arg in "$@"; do
  case $arg in
  --missing) MISSING=1 ;;
  kafka | rabbitmq) WHAT+=("$arg") ;;
  *) die "usage: build.sh [--missing] [kafka] [rabbitmq]" ;;
  esac
done
[ ${#WHAT[@]} -gt 0 ] || WHAT=(kafka rabbitmq)
SCRATCH=$(mktemp -d)
trap 'rm -rf --one-file-system "$SCRATCH"' EXIT
export DOCKER_BUILDKIT=0 # Debian's engine comes without buildx

has_image() { docker image inspect "$1" >/dev/null 2>&1; }

make_base() {
  local start mirror list=/etc/apt/sources.list
  start=$(now_ms)
  # The mirror is the one this machine's apt uses already.
  mirror=${DEBIAN_MIRROR:-$({ cat $list.d/*.sources $list $list.d/*.list 2>/dev/null || true; } |
    sed -nE 's/^(URIs:|deb) +(\[[^]]*\] +)?(https?:[^ ]+\/debian)\/?( .*)?$/\3/p' | head -n 1)}
  [ -n "$mirror" ] || die "no Debian mirror in apt's sources: set DEBIAN_MIRROR, or BASE to a Debian 12 image"
  debootstrap --variant=minbase bookworm "$SCRATCH/root" "$mirror" >"$SCRATCH/log" 2>&1 ||
    { tail "$SCRATCH/log" >&2; die "debootstrap failed"; }
  tar -C "$SCRATCH/root" --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' --exclude='./usr/share/doc/*' \
    --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' -c . | docker import - "$1" >/dev/null
  rm -rf --one-file-system "$SCRATCH/root"
  echo "$1 built in $(elapsed "$start")"
}

for what in "${WHAT[@]}"; do
  case $what in
  kafka) image=$KAFKA_IMAGE own=${FAIRLEAD_KAFKA_IMAGE:+no} ;;
  rabbitmq) image=$AMQP_IMAGE own=${FAIRLEAD_AMQP_IMAGE:+no} ;;
  esac
  [ -z "$own" ] || continue
  if [ -n "$MISSING" ] && has_image "$image"; then continue; fi
  if [ -z "${BASE:-}" ]; then
    BASE=fairlead-test/debian:12
    has_image "$BASE" || make_base "$BASE"
  fi
  start=$(now_ms)
  cp -r "$what" "$SCRATCH/"
  if [ "$what" = kafka ]; then
    fetch_kafka
    cp -r "$KAFKA_LIBS" "$SCRATCH/kafka/libs"
  fi
  docker build -q --network host --build-arg BASE="$BASE" -t "$image" "$SCRATCH/$what" >"$SCRATCH/log" 2>&1 ||
    { tail -40 "$SCRATCH/log" >&2; die "$image could not be built"; }
  docker image prune -f --filter label=fairlead.test.stage >/dev/null # the stage with a whole JDK
  echo "$image built in $(elapsed "$start")"
done
