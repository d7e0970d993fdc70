#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A folder is a link set. Every library is linked whole into a shared object that may leave nothing
# undefined, with the libraries that it may use and no other: a forbidden call does not link.
set -eu

if [ -n "${CMG_SANITIZE-}" ]; then
    echo "SKIPPED: sanitizers add calls of their own; the plain build checks the link sets"
    exit 77
fi
lib=$CMG_BINARY_DIR
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# links LIBRARY ALLOWED...: the whole of LIBRARY against ALLOWED.
links() {
    whole=$1
    shift
    "$CC" -shared -o "$work/whole.so" -Wl,-z,defs -Wl,--whole-archive "$whole" -Wl,--no-whole-archive \
        "$@" >"$work/out" 2>&1
}

check() {
    name=$1
    shift
    [ -f "$lib/lib$name.a" ] || return 0
    if links "$lib/lib$name.a" "$@"; then
        echo "$name: may use what it uses"
    else
        echo "$name: uses more than libc and: $*"
        grep -o "undefined reference to .*" "$work/out" | sort | uniq -c
        bad=1
    fi
}

jansson=$(pkg-config --libs jansson)
kafka=$(pkg-config --libs rdkafka 2>/dev/null || true)
net=$(pkg-config --libs openssl zlib)
# Decoders may use Expat.
expat=$(sed -n 's/^EXPAT_LIBRARY:[^=]*=//p' "$CMG_BINARY_DIR/CMakeCache.txt")
check cmgpipe_core "$expat"
# shellcheck disable=SC2086 # lists of flags
check cmgpipe_loader "$lib/libcmgpipe_core.a" "$expat" $jansson
# shellcheck disable=SC2086
check cmgpipe_sinks "$lib/libcmgpipe_core.a" "$expat" $kafka
# shellcheck disable=SC2086
check cmgpipe_sources "$lib/libcmgpipe_core.a" "$expat" $kafka $net

# The plugins bring no sockets of ours, and the filter no TLS and no gzip.
for plugin in "$lib"/lib/*.so; do
    [ -f "$plugin" ] || continue
    if nm "$plugin" 2>/dev/null | grep -E ' cmg_(net_|listen_|forward_|framer_|tls_|url_parse|unwrap_)'; then
        echo "$plugin: holds what belongs to the program"
        bad=1
    fi
done
if [ -f "$lib/lib/flb-filter_cmgpipe.so" ] &&
    readelf -d "$lib/lib/flb-filter_cmgpipe.so" | grep -E 'NEEDED.*lib(ssl|crypto|z)\.'; then
    echo "the filter needs TLS or gzip"
    bad=1
fi

# The check itself: a library that calls Jansson must not pass as core.
printf 'void *json_object(void);\nvoid *probe(void);\nvoid *probe(void) { return json_object(); }\n' >"$work/probe.c"
"$CC" -fPIC -c "$work/probe.c" -o "$work/probe.o"
ar rcs "$work/libprobe.a" "$work/probe.o"
if links "$work/libprobe.a" "$expat"; then
    echo "the check does not see a forbidden call"
    bad=1
fi
exit "$bad"
