#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing. usage: sh tools/setup.sh demo|test|all
#   demo  what the program needs to be built
#   test  and what the default test suite needs
#   all   and what the optional tests use
# Looks for commands, headers and modules, not for packages: what is there by other means counts, and
# when nothing is missing nothing is run and no network is needed.
set -eu

say() { printf '%s\n' "$*"; }

usage() {
    say "usage: sh tools/setup.sh demo|test|all" >&2
    exit 2
}

# needs LEVEL: one line for each need: what to look for, and the package of Debian and Ubuntu. The five
# behind rdkafka are what its static archive, which the Fluent Bit output holds, is linked with.
needs() {
    cat <<'LIST'
command:cc gcc
header:stdio.h libc6-dev
command:make make
command:cmake cmake
command:pkg-config pkg-config
module:jansson libjansson-dev
header:xxhash.h libxxhash-dev
header:expat.h libexpat1-dev
module:rdkafka librdkafka-dev
header:lz4.h liblz4-dev
header:zstd.h libzstd-dev
header:sasl/sasl.h libsasl2-dev
header:openssl/ssl.h libssl-dev
header:zlib.h zlib1g-dev
LIST
    [ "$1" = demo ] && return
    cat <<'LIST'
module:criterion libcriterion-dev
header:msgpack.h libmsgpack-dev
command:git git
command:python3 python3
python:jsonschema python3-jsonschema
command:clang-format clang-format
command:clang-tidy clang-tidy
command:shellcheck shellcheck
command:mawk mawk
LIST
    [ "$1" = test ] && return
    cat <<'LIST'
command:clang clang
fuzzer:clang libclang-rt-dev
command:valgrind valgrind
command:java default-jre-headless
command:mvn maven
command:openssl openssl
LIST
}

has_header() { printf '#include <%s>\n' "$1" | cc -E -x c - >/dev/null 2>&1; }

has_fuzzer() {
    printf 'int LLVMFuzzerTestOneInput(const char *d, long n) { return d && n < 0; }\n' |
        clang -fsanitize=fuzzer -x c - -o /dev/null >/dev/null 2>&1
}

# has KIND:NAME
has() {
    case $1 in
    command:*) command -v "${1#*:}" >/dev/null 2>&1 ;;
    header:*) has_header "${1#*:}" ;;
    module:*) pkg-config --exists "${1#*:}" 2>/dev/null ;;
    python:*) python3 -c "import ${1#*:}" 2>/dev/null ;;
    fuzzer:*) has_fuzzer ;;
    *) return 1 ;;
    esac
}

# The run-time library of clang has its version in the package's name.
package_name() {
    case $1 in
    libclang-rt-dev)
        version=$(clang --version 2>/dev/null | sed -n 's/.*version \([0-9]*\)\..*/\1/p' | head -n 1)
        printf 'libclang-rt-%s-dev' "${version:-14}"
        ;;
    *) printf '%s' "$1" ;;
    esac
}

missing() {
    needs "$1" | while read -r what package; do
        has "$what" || printf ' %s' "$(package_name "$package")"
    done
}

install_packages() {
    if ! command -v apt-get >/dev/null 2>&1; then
        say "There is no apt-get here. Please install these packages (names of Debian and Ubuntu):" >&2
        say "   $*" >&2
        exit 1
    fi
    root=
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null 2>&1; then
            say "Neither root nor sudo. Please have these packages installed:" >&2
            say "    apt-get install $*" >&2
            exit 1
        fi
        root=sudo
    fi
    say "setup: missing: $*"
    say "setup: running: ${root:+$root }apt-get update, then ${root:+$root }apt-get install --no-install-recommends $*"
    $root apt-get update -q || say "setup: apt-get update failed; trying with the package lists that are there"
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 "$@"
}

[ $# -eq 1 ] || usage
case $1 in demo | test | all) ;; *) usage ;; esac

packages=$(missing "$1")
if [ -n "$packages" ]; then
    # shellcheck disable=SC2086 # a list of names
    install_packages $packages
    # A second look: clang must be there before its run-time library can be named.
    packages=$(missing "$1")
    if [ "$1" = all ] && [ -n "$packages" ]; then
        # shellcheck disable=SC2086
        install_packages $packages
        packages=$(missing "$1")
    fi
    if [ -n "$packages" ]; then
        say "setup: still missing after the installation:$packages" >&2
        exit 1
    fi
fi
say "setup: everything for \"$1\" is here"
