#!/usr/bin/env bash
# clang-tidy over src/, with what the release preset compiles: tests/tidy.sh [PATH-REGEX]
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"
tests/setup.sh build lint
cmake --preset release >/dev/null
exec run-clang-tidy -quiet -j2 -p build/release "${1:-^$ROOT/src/.*\.cpp$}"
