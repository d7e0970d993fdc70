#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Does what CONTRIBUTING.md says, in a copy of the tree: takes the decoder and the error class out of its code
# blocks, builds, and runs the commands that it shows.
# timeout: 900
set -eu

if [ -n "${CMG_SANITIZE-}" ]; then
    echo "SKIPPED: the plain build does this once"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
guide=$CMG_SOURCE_DIR/CONTRIBUTING.md
tree=$work/tree
mkdir "$tree"
(cd "$CMG_SOURCE_DIR" && tar -cf - --exclude=./build --exclude=./.git .) | (cd "$tree" && tar -xf -)

# block WORDS: the lines of the code block whose fence says ```WORDS.
block() {
    awk -v fence='```'"$1" '
        $0 == fence { inside = 1; found = 1; next }
        inside && /^```/ { inside = 0 }
        inside { print }
        END { exit !found }' "$guide" || { echo "CONTRIBUTING.md has no block: $1" >&2; exit 1; }
}

fail() {
    echo "$*"
    exit 1
}

# A decoder: one file, one row before raw.
block 'c decoders/bar.c' >"$tree/decoders/bar.c"
row=$(block 'c decoders/decoders.def')
sed -i "s/^CMG_DECODER(raw)/$row\n&/" "$tree/decoders/decoders.def"
# An error class: data alone.
block 'json enrich/catalog/backup.json' >"$tree/enrich/catalog/backup.json"

set -- -S "$tree" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DCMG_WERROR=ON -DCMG_BUILD_TESTS=OFF \
    -DCMAKE_C_COMPILER="$CC"
if ! { cmake "$@" && cmake --build "$work/build"; } >"$work/log" 2>&1; then
    tail -n 40 "$work/log"
    fail "the tree with the decoder and the class does not build"
fi
PATH=$work/build/bin:$PATH
export PATH

cmgpipe list decoders | grep -q '^bar ' || fail "list decoders does not know it"
block 'sh decoder' >"$work/decoder.sh"
sh -eu "$work/decoder.sh" >"$work/decoder.out"
grep -q '"@timestamp":"2026-03-12T07:12:40.000Z"' "$work/decoder.out" || fail "wrong time: $(cat "$work/decoder.out")"
for want in '"decoder":"bar"' '"message":"no space left"' '"level":"error"'; do
    grep -qF "$want" "$work/decoder.out" || fail "no $want in $(cat "$work/decoder.out")"
done

block 'sh class' >"$work/class.sh"
sh -eu "$work/class.sh" >"$work/class.out"
for want in 'REM-EXAMPLE-DISK-SPACE' '"type":"backup-no-space"' '"role":"primary"'; do
    grep -qF "$want" "$work/class.out" || fail "no $want in $(cat "$work/class.out")"
done

# The same file as an overlay, on the program that was built without it.
printf 'backup volume: no space left\n' | "$CMGPIPE" --catalog "$tree/enrich/catalog/backup.json" --only primary |
    grep -qF '"type":"backup-no-space"' || fail "the class does not work as an overlay"

echo "the decoder and the error class of CONTRIBUTING.md work"
