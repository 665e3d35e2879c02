#!/usr/bin/env bash
# Installs Fairlead, static and shared, and builds and runs a project outside the tree against each by CMake and by
# pkg-config.
#   tests/install/check.sh SOURCE_DIR WORK_DIR
set -euo pipefail
source=$(realpath "$1")
work=$(realpath -m "$2")
here=$source/tests/install
launcher=()
if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi

install_as() { # KIND SHARED
  local kind=$1 shared=$2
  cmake -S "$source" -B "$work/$kind/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS="$shared" \
    -DFAIRLEAD_BUILD_TESTS=OFF -DFAIRLEAD_BUILD_EXAMPLES=OFF -DFAIRLEAD_BUILD_CLI=ON \
    -DCMAKE_INSTALL_PREFIX="$work/$kind/prefix" -DCMAKE_INSTALL_LIBDIR=lib "${launcher[@]}" >/dev/null
  cmake --build "$work/$kind/build" -j "$(nproc)" >"$work/$kind.log" 2>&1 || { tail -40 "$work/$kind.log"; exit 1; }
  cmake --install "$work/$kind/build" >/dev/null
}

run_both() { # KIND PKG_CONFIG_FLAGS
  local kind=$1 prefix=$work/$1/prefix
  cmake -S "$here" -B "$work/$kind/by-cmake" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
  cmake --build "$work/$kind/by-cmake" >"$work/$kind.log" 2>&1 || { tail -40 "$work/$kind.log"; exit 1; }
  echo "== $kind, find_package"
  "$work/$kind/by-cmake/uses_fairlead"
  local flags
  # shellcheck disable=SC2086 # no flag or one
  flags=$(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --cflags --libs ${2:-} fairlead)
  # shellcheck disable=SC2086 # a list of flags
  g++ -std=c++20 "$here/main.cpp" -o "$work/$kind/by-pkg-config" $flags
  echo "== $kind, pkg-config"
  LD_LIBRARY_PATH=$prefix/lib "$work/$kind/by-pkg-config"
  LD_LIBRARY_PATH=$prefix/lib "$prefix/bin/fairlead" --version
}

rm -rf "$work"
mkdir -p "$work/static" "$work/shared"
install_as static OFF
run_both static --static
install_as shared ON
run_both shared
echo "installed, linked and run: static and shared, by find_package and pkg-config"
