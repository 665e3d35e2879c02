#!/usr/bin/env bash
# clang-tidy over src/, with what the release preset compiles: tests/tidy.sh [REGEX of the begin of a path below the root]
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"
tests/setup.sh build lint
cmake --preset release >/dev/null
# GCC knows warnings that clang does not.
exec run-clang-tidy -quiet -j2 -extra-arg=-Wno-unknown-warning-option -p build/release "^$ROOT/${1:-src/}.*\.cpp$"
