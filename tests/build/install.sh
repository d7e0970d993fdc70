#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `cmake --install` puts everything where a package expects it, and what was installed runs from there.
set -eu

if [ -n "${CMG_SANITIZE-}" ]; then
    echo "SKIPPED: the plain build is what gets installed"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$CMG_BINARY_DIR" --prefix "$work/usr" >"$work/log" || { cat "$work/log"; exit 1; }

bad=0
for file in bin/cmgpipe share/man/man1/cmgpipe.1 share/cmgpipe/schemas/record.schema.json \
    share/cmgpipe/schemas/catalog.schema.json share/doc/cmgpipe/LICENSE share/doc/cmgpipe/README.md; do
    [ -s "$work/usr/$file" ] || { echo "missing: $file"; bad=1; }
done
ls "$work"/usr/share/cmgpipe/catalog/*.json >/dev/null || bad=1

version=$(sed -n 's/^project(cmgpipe VERSION \([0-9.]*\).*/\1/p' "$CMG_SOURCE_DIR/CMakeLists.txt")
"$work/usr/bin/cmgpipe" --version | grep -F "$version" || { echo "--version does not say $version"; bad=1; }
printf 'one line\n' | env -i "$work/usr/bin/cmgpipe" | grep -q '"message":"one line"' || {
    echo "the installed program does not run with an empty environment"
    bad=1
}

# Hardening (psABI and linker): position independent, read-only relocations, bound at start.
if grep -q '^CMAKE_BUILD_TYPE:[^=]*=Release' "$CMG_BINARY_DIR/CMakeCache.txt" && command -v readelf >/dev/null; then
    readelf -hldW "$work/usr/bin/cmgpipe" >"$work/elf"
    for mark in 'DYN (' 'GNU_RELRO' 'NOW' '__stack_chk_fail\|GNU_STACK'; do
        grep -q "$mark" "$work/elf" || { echo "not hardened: $mark"; bad=1; }
    done
    if grep -q 'GNU_STACK.*RWE' "$work/elf"; then
        echo "not hardened: executable stack"
        bad=1
    fi
fi
exit "$bad"
