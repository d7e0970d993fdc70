#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tools/setup.sh on machines that lack something: it names the packages, says what it will do before it does it,
# asks apt for exactly those, stops where there is no apt, and runs nothing when nothing is missing.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
fault() {
    echo "$*"
    sed 's/^/    /' "$work/out"
    bad=1
}

# A machine with a shell and little else: a PATH of links to the few commands that the script itself uses.
bare=$work/bare
mkdir "$bare"
for tool in sh cat sed head env rm; do ln -s "$(command -v "$tool")" "$bare/$tool"; done

# fake NAME TEXT: a command of that machine.
fake() {
    printf '#!/bin/sh\n%s\n' "$2" >"$bare/$1"
    chmod +x "$bare/$1"
}

# try USER-ID ARGUMENT: runs the script there; its status is in $status.
try() {
    fake id "echo $1"
    status=0
    PATH=$bare "$bare/sh" "$CMG_SOURCE_DIR/tools/setup.sh" "$2" >"$work/out" 2>&1 || status=$?
}

try 0 demo
[ "$status" = 1 ] || fault "without apt: status $status"
for package in gcc libc6-dev make cmake pkg-config libjansson-dev librdkafka-dev libxxhash-dev libexpat1-dev; do
    grep -qw -- "$package" "$work/out" || fault "without apt: $package is not in the list"
done
if grep -q criterion "$work/out"; then fault "the demo asks for what only tests need"; fi

# With apt it is called; here it installs nothing, which must be noticed.
fake apt-get "echo \"\$@\" >>$work/apt"
try 0 test
[ "$status" = 1 ] || fault "an installation that brought nothing: status $status"
grep -q 'apt-get install .*libcriterion-dev' "$work/out" || fault "it does not say what it will run"
grep -q '^install .*gcc .*libcriterion-dev' "$work/apt" || fault "apt is not asked for the packages"
if grep -q sudo "$work/out"; then fault "sudo although root"; fi

try 1000 demo
[ "$status" = 1 ] || fault "neither root nor sudo: status $status"
grep -q 'Neither root nor sudo' "$work/out" || fault "neither root nor sudo: no such message"

rm "$work/apt"
fake sudo 'echo sudo; exec "$@"'
try 1000 demo
grep -q 'sudo apt-get install' "$work/out" || fault "it does not say that it uses sudo"
grep -q '^install .*gcc' "$work/apt" || fault "sudo does not run apt"

# Here, where this very build was made, nothing is missing for it: nothing may be run.
rm "$work/apt"
mkdir "$work/front"
mv "$bare/apt-get" "$bare/sudo" "$work/front"
PATH=$work/front:$PATH sh "$CMG_SOURCE_DIR/tools/setup.sh" demo >"$work/out" 2>&1 || fault "nothing missing: failed"
[ ! -e "$work/apt" ] || fault "nothing missing, and apt was run"
exit "$bad"
