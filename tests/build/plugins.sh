#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the plugins show to their host, and what they need of it: the symbols that a host looks up and no other, and no
# library that an ordinary machine with Fluent Bit has not got.
set -u

if [ -n "${CMG_SANITIZE-}" ]; then
    echo "SKIPPED: sanitizers add symbols and libraries of their own; the plain build checks the plugins"
    exit 77
fi
lib=$CMG_BINARY_DIR/lib
bad=0

# check PLUGIN SYMBOLS LIBRARIES: extended regular expressions of whole words.
check() {
    plugin=$lib/$1
    if [ ! -f "$plugin" ]; then
        echo "$1 was not built"
        return
    fi
    shown=$(nm -D --defined-only "$plugin" | awk '{ print $NF }' | sort)
    needed=$(readelf -d "$plugin" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
    extra=$(printf '%s\n' "$shown" | grep -vxE "$2")
    [ -z "$extra" ] || { echo "$1 shows more than its host looks up: $extra"; bad=1; }
    extra=$(printf '%s\n' "$needed" | grep -vxE "$3")
    [ -z "$extra" ] || { echo "$1 needs: $extra"; bad=1; }
    # shellcheck disable=SC2086 # lists on one line
    echo "$1: shows" $shown "- needs" $needed
}

libc='libc\.so\.6|libm\.so\.6|libdl\.so\.2|libpthread\.so\.0|ld-linux.*'
check flb-filter_cmgpipe.so 'filter_cmgpipe_plugin' "$libc"
check out_cmgpipe.so 'FLBPlugin(Register|Unregister|Init|FlushCtx|ExitCtx)' \
    "$libc|libsasl2\.so\.2|libssl\.so\..*|libcrypto\.so\..*"
exit $bad
