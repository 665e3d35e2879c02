#!/usr/bin/env bash
# Runs the Kafka tests against a newer librdkafka than the system's: built from the source that the crate rdkafka-sys
# carries, and put before the system's by LD_LIBRARY_PATH, which works because both have one soname. What is tested is
# built as ever, with the system's headers.
#   tests/newest-librdkafka.sh [--preset P]
# CRATE names another version, as CRATE=4.10.0+2.12.1. Build the tests first: tests/run.sh.
set -euo pipefail
# shellcheck source=tests/brokers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/brokers/lib.sh"
ROOT=$(cd "$BROKERS/../.." && pwd)
cd "$ROOT"
CRATE=${CRATE:-4.10.0+2.12.1}
PRESET=release
if [ "${1:-}" = --preset ]; then PRESET=${2:?}; fi

VERSION=${CRATE#*+}
WORK=$ROOT/build/librdkafka-$VERSION
PREFIX=$WORK/installed

fetch() {
  command -v cargo >/dev/null || die "cargo is needed to fetch librdkafka $VERSION"
  mkdir -p "$WORK/fetch/src"
  : >"$WORK/fetch/src/lib.rs"
  cat >"$WORK/fetch/Cargo.toml" <<TOML
[package]
name = "fetch"
version = "0.0.0"
edition = "2021"
[dependencies]
rdkafka-sys = "=${CRATE%%+*}"
[workspace]
TOML
  CARGO_HOME=$WORK/cargo cargo fetch --quiet --manifest-path "$WORK/fetch/Cargo.toml"
}

build() {
  local source
  source=$(echo "$WORK"/cargo/registry/src/*/rdkafka-sys-"$CRATE"/librdkafka)
  [ -d "$source" ] || die "rdkafka-sys $CRATE has no librdkafka source"
  cmake -S "$source" -B "$WORK/build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_INSTALL_PREFIX="$PREFIX" \
    -DCMAKE_INSTALL_LIBDIR=lib -DRDKAFKA_BUILD_EXAMPLES=OFF -DRDKAFKA_BUILD_TESTS=OFF -DWITH_SSL=ON -DWITH_SASL=ON \
    -DWITH_CURL=ON -DWITH_ZSTD=ON -DENABLE_LZ4_EXT=ON &&
    cmake --build "$WORK/build" -j"$(nproc)" &&
    cmake --install "$WORK/build"
}

if [ ! -e "$PREFIX/lib/librdkafka.so.1" ]; then
  echo "==> librdkafka $VERSION"
  "$BROKERS/../setup.sh" newest
  mkdir -p "$WORK"
  { fetch && build; } >"$WORK/log" 2>&1 || {
    tail -40 "$WORK/log" >&2
    die "librdkafka $VERSION could not be built; see $WORK/log"
  }
fi
export LD_LIBRARY_PATH=$PREFIX/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export FAIRLEAD_REQUIRE_BROKERS=1
BIN=$ROOT/build/$PRESET/bin
[ -x "$BIN/conformance" ] || die "build the tests first: tests/run.sh"
export FAIRLEAD_EXPECT_LIBRDKAFKA=$VERSION # a test fails when it runs with another one
"$BROKERS/provision.sh" --kafka --secured -- bash -euc '
  "$1/unit_kafka" --gtest_brief=1
  "$1/kafka_source" --gtest_brief=1
  "$1/conformance" --gtest_filter="*/kafka" --gtest_brief=1
  OPENSSL_CONF=$2 "$1/security" --gtest_filter="Login.Kafka*:Permission.*" --gtest_brief=1' \
  bash "$BIN" "$ROOT/tests/security/permissive.cnf"
echo "==> passed with librdkafka $VERSION"
