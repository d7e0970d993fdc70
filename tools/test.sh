#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds with the sanitizers and plain, and runs the whole suite on both. Everything is under build/.
#   sh tools/test.sh         what every change must pass
#   sh tools/test.sh --all   installs the tools of the optional tests too; adds ThreadSanitizer, and a
#                            minute of fuzzing for each target (CMG_FUZZ_SECONDS)
set -eu
cd "$(dirname "$0")/.."

jobs=$(nproc 2>/dev/null || echo 2)
failed=0
summary=build/test-summary

# One preset: configure, build, test. A failing test lets the next preset run; a failing build does not.
check() {
    printf '\n==> %s: configuring and building\n' "$1"
    cmake --preset "$1" >"build/$1.log" 2>&1 || show_and_stop "$1"
    cmake --build --preset "$1" --parallel "$jobs" >>"build/$1.log" 2>&1 || show_and_stop "$1"
    printf '==> %s: testing\n' "$1"
    status=0
    ctest --preset "$1" --parallel "$jobs" --no-tests=error >"build/$1.ctest" 2>&1 || status=$?
    cat "build/$1.ctest"
    [ "$status" = 0 ] || failed=1
    sed -n "s/^[0-9]*% tests passed, \([0-9]*\) tests failed out of \([0-9]*\)/$1 \1 \2/p" \
        "build/$1.ctest" >>"$summary"
}

show_and_stop() {
    tail -n 60 "build/$1.log" >&2
    printf 'test: the build of "%s" failed (all of it: build/%s.log)\n' "$1" "$1" >&2
    exit 1
}

fuzz() {
    seconds=${CMG_FUZZ_SECONDS:-60}
    for target in build/fuzz/tests/fuzz_*; do
        [ -x "$target" ] || continue
        name=${target##*/fuzz_}
        mkdir -p "build/fuzz/found/$name"
        printf '==> fuzzing %s for %s s\n' "$name" "$seconds"
        "$target" -max_total_time="$seconds" -timeout=10 -print_final_stats=1 \
            -artifact_prefix="build/fuzz/found/$name-" "build/fuzz/found/$name" \
            "tests/fuzz/corpus/$name" >"build/fuzz/$name.log" 2>&1 || {
            failed=1
            tail -n 30 "build/fuzz/$name.log"
        }
    done
}

level='test'
case ${1-} in
'') ;;
--all) level=all ;;
*)
    printf 'usage: sh tools/test.sh [--all]\n' >&2
    exit 2
    ;;
esac

sh tools/setup.sh "$level"
mkdir -p build
: >"$summary"
check asan
check release
if [ "$level" = all ]; then
    check tsan
    check fuzz
    fuzz
fi

printf '\n'
awk '{ printf "%s: %d of %d tests passed\n", $1, $3 - $2, $3 }' "$summary"
if [ "$failed" != 0 ]; then
    printf 'Failed. Next: ctest --preset release -R NAME (or asan), with NAME from the list above\n'
    exit 1
fi
printf 'All passed. Next: build/release/bin/cmgpipe --help, or cmake --install build/release\n'
