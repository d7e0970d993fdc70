#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# From a fresh machine to a first result: installs what is missing, builds a Release, and runs cmgpipe
# on the example logs of this repository. Everything it makes is under build/.
set -eu
cd "$(dirname "$0")/.."

jobs=$(nproc 2>/dev/null || echo 2)
log=build/demo.log

# quietly TEXT COMMAND...: says what happens; the output is shown only when it fails.
quietly() {
    printf '==> %s\n' "$1"
    shift
    if ! "$@" >>"$log" 2>&1; then
        tail -n 40 "$log" >&2
        printf 'demo: failed: %s (all of it: %s)\n' "$*" "$log" >&2
        exit 1
    fi
}

sh tools/setup.sh demo
mkdir -p build
: >"$log"
quietly "Configuring a Release in build/demo" cmake --preset demo
quietly "Building with $jobs jobs" cmake --build --preset demo --parallel "$jobs"
program=build/demo/bin/cmgpipe

printf '\n==> cmgpipe report examples/logs\n\n'
"$program" report examples/logs

printf '\n==> cmgpipe --only primary examples/logs/*.log   (the first 3 of the records)\n\n'
"$program" --only primary examples/logs/*.log >build/demo.jsonl
head -n 3 build/demo.jsonl

printf '\nNext: %s --help, %s report YOUR-LOGS, or sh tools/test.sh\n' "$program" "$program"
