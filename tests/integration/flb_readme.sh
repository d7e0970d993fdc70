#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the commands of packaging/fluent-bit/README.md as they stand there: each ```sh block prints what the
# ```text block after it shows. And the README names every configuration and every property.
# labels: flb
# timeout: 120
# shellcheck disable=SC1091,SC2154
set -eu
. "$CMG_SOURCE_DIR/tests/integration/flb/lib.sh"

readme=$shipped/README.md
mkdir "$work/path"
ln -s "$host" "$work/path/fluent-bit"
PATH=$work/path:$PATH CMGPIPE_PLUGINS=$lib
export PATH CMGPIPE_PLUGINS

awk -v dir="$work" '
    $0 == "```sh" { n++; out = dir "/" n ".sh"; printf "" > out; next }
    $0 == "```text" { out = dir "/" n ".text"; printf "" > out; next }
    /^```/ { out = ""; next }
    out { print > out }' "$readme"
ran=0
for block in "$work"/*.sh; do
    (cd "$shipped" && sh -u "$block") >"$work/out" 2>"$work/err" || fail "$(cat "$block")" "$work/out" "$work/err"
    diff -u "${block%.sh}.text" "$work/out" || fail "the README shows something else"
    ran=$((ran + 1))
done
[ "$ran" -ge 2 ] || fail "no commands in the README"

for file in "$shipped"/*.yaml; do
    name=$(basename "$file" .yaml)
    grep -q "\`$name\`" "$readme" || fail "the README does not name $name"
done
sed -n 's/.*\(get\|read_bool\|read_size\|read_word\|read_names\|get_property\)([a-z]*, "\([a-z_]*\)".*/\2/p' \
    "$CMG_SOURCE_DIR"/plugin/settings.c "$CMG_SOURCE_DIR"/plugin/out.c | sort -u >"$work/properties"
[ "$(wc -l <"$work/properties")" -gt 15 ] || fail "properties are not found in the source"
while read -r name; do
    grep -q "\`$name\`" "$readme" || fail "the README does not name the property $name"
done <"$work/properties"
echo "$ran blocks of commands, $(wc -l <"$work/properties") properties, Fluent Bit $version"
