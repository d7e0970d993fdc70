#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A small run of the benchmark as a test: that it works, and that no limit is broken which holds on any
# machine. The real figures come from bench.sh with its defaults.
# timeout: 600
set -eu

if [ -n "${CMG_SANITIZE-}" ] || ! grep -q '^CMAKE_BUILD_TYPE:[^=]*=Release' "$CMG_BINARY_DIR/CMakeCache.txt"; then
    echo "SKIPPED: only a Release build without sanitizers is worth measuring"
    exit 77
fi
sh "$CMG_SOURCE_DIR/tests/bench/bench.sh" --check -b "$CMG_BINARY_DIR" -n 100000 -r 3
