#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs every command that the README shows, in a copy of the tree and with the program on the PATH.
#   ```sh       commands; what the next block ```text shows must be what they print
#   ```sh setup the commands that build: tests/docs/demo.sh runs the one, this suite is the other
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tree" "$work/home"
(cd "$CMG_SOURCE_DIR" && tar -cf - --exclude=./build --exclude=./.git .) | (cd "$work/tree" && tar -xf -)
ln -s "$CMGPIPE" "$work/home/cmgpipe"
PATH=$work/home:$PATH HOME=$work/home XDG_CONFIG_HOME=$work/home
export PATH HOME XDG_CONFIG_HOME

# Splits the README into N.sh and, where a ```text block follows, N.text; `setup` holds the rest.
awk -v dir="$work" '
    $0 == "```sh" { n++; out = dir "/" n ".sh"; next }
    $0 == "```sh setup" { out = dir "/setup"; next }
    $0 == "```text" && n && !(n in shown) { shown[n] = 1; out = dir "/" n ".text"; next }
    /^```/ { if (out) { close(out); out = "" } else { other = !other } next }
    out { print > out }' "$CMG_SOURCE_DIR/README.md"

bad=0
ran=0
for block in "$work"/*.sh; do
    status=0
    (cd "$work/tree" && sh -eu "$block") >"$work/out" 2>"$work/err" || status=$?
    if [ "$status" != 0 ]; then
        echo "status $status from:"
        sed 's/^/    /' "$block" "$work/err"
        bad=1
    fi
    expected=${block%.sh}.text
    if [ -f "$expected" ] && ! diff -u "$expected" "$work/out"; then
        echo "the README shows something else than these print:"
        sed 's/^/    /' "$block"
        bad=1
    fi
    ran=$((ran + 1))
done
echo "$ran blocks of commands"
[ "$ran" -gt 2 ] || bad=1
for command in 'sh tools/demo.sh' 'sh tools/test.sh'; do
    grep -qxF "$command" "$work/setup" || { echo "the README does not show: $command"; bad=1; }
done
exit "$bad"
