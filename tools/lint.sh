#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Taste, mechanised: layout, size and complexity of functions, words that are not used, includes that
# cross a border, paths of somebody's machine. usage: sh tools/lint.sh [FOLDER-OF-compile_commands.json]
# labels: lint
# timeout: 1800
set -u
cd "$(dirname "$0")/.." || exit 1

build=${1:-${CMG_BINARY_DIR:-build/release}}
jobs=$(nproc 2>/dev/null || echo 2)
bad=0
skipped=
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

say() { printf '%s\n' "$*"; }
fault() {
    say "lint: $*"
    bad=1
}

# Files of the repository, or of a copy that is not one: everything outside build folders.
tracked() {
    git ls-files --cached --others --exclude-standard 2>/dev/null ||
        find . -type f -not -path './build*' -not -path './.git/*' | sed 's|^\./||'
}
tracked | while read -r file; do [ -f "$file" ] && say "$file"; done >"$work/all"
grep -E '\.[ch]$' "$work/all" >"$work/code"
grep -E '^(core|decoders|enrich)/.*\.[ch]$' "$work/all" >"$work/library"

# none TITLE PATTERN FILE-LIST [grep options]: no line of the files may match.
none() {
    title=$1 pattern=$2 list=$3
    shift 3
    [ -s "$list" ] || return 0
    if tr '\n' '\0' <"$list" | xargs -0 grep -nHE "$@" -- "$pattern" >"$work/hits" 2>/dev/null; then
        fault "$title"
        sed 's/^/    /' "$work/hits"
    fi
}

words() {
    none "unsafe or locale-bound function" \
        '(^|[^a-zA-Z0-9_>.])(strcpy|strcat|sprintf|vsprintf|sscanf|atoi|atol|atof|strtok|gets|alloca|regcomp|regexec|setlocale|strcoll|is(alpha|alnum|digit|space|upper|lower|xdigit|punct|print)|tolower|toupper)[[:space:]]*\(' \
        "$work/code"
    none "library code that prints, exits or looks at the environment" \
        '(^|[^a-zA-Z0-9_>.])(printf|fprintf|puts|perror|exit|_exit|abort|getenv|secure_getenv|syslog)[[:space:]]*\(' \
        "$work/library"
    none "unfinished work" '(^|[^A-Za-z])(TO''DO|FIX''ME|X''XX)([^A-Za-z]|$)' "$work/code"
    grep -vE '^(LICENSE|tests/fuzz/corpus/)' "$work/all" >"$work/text"
    none "a path of one machine" '(^|[^a-zA-Z0-9_.])/(wor[k]|roo[t]|home/[a-z]+)/' "$work/text" -I
}

# A folder is a link set: what it may include.
borders() {
    grep -vE '^(enrich/catalog_load\.c|cli/|tests/|tools/)' "$work/code" >"$work/list"
    none "Jansson outside its place" '#include <jansson\.h>' "$work/list"
    grep -vE '^(decoders/xml\.c|tests/)' "$work/code" >"$work/list"
    none "Expat outside its place" '#include <expat\.h>' "$work/list"
    grep -vE '^(sinks|sources|plugin|tests|cli)/' "$work/code" >"$work/list"
    none "librdkafka outside its place" '#include <librdkafka' "$work/list"
    none "core, decoders and enrich know no front" '#include "(sinks|sources|cli|plugin)/' "$work/library"
    grep -E '^(sinks|sources)/' "$work/code" >"$work/list"
    none "sinks and sources know no front" '#include "(cli|plugin)/' "$work/list"
    grep -E '^plugin/' "$work/code" >"$work/list"
    none "plugins do without the host's headers and the program" '#include ("cli/|<fluent-bit)' "$work/list"
}

licences() {
    grep -E '\.(c|h|sh|cmake)$|CMakeLists\.txt$' "$work/all" | while read -r file; do
        head -n 4 "$file" | grep -q 'SPDX-License-Identifier: Apache-2\.0' || say "$file"
    done >"$work/hits"
    if [ -s "$work/hits" ]; then
        fault "no licence line at the top"
        sed 's/^/    /' "$work/hits"
    fi
}

layout() {
    tool=$(command -v clang-format-14 || command -v clang-format)
    if [ -z "$tool" ] || ! "$tool" --version | grep -q 'version 14\.'; then
        skipped="$skipped layout (clang-format 14)"
        return
    fi
    if ! tr '\n' '\0' <"$work/code" | xargs -0 "$tool" --dry-run -Werror >"$work/hits" 2>&1; then
        fault "layout; to mend it: clang-format -i FILE"
        grep 'error:' "$work/hits" | cut -d: -f1 | sort | uniq -c | sed 's/^/    /'
    fi
}

scripts() {
    if ! command -v shellcheck >/dev/null; then
        skipped="$skipped scripts (shellcheck)"
        return
    fi
    { grep -E '\.sh$' "$work/all"; say .ci/run; } | while read -r file; do
        shellcheck -s sh -S style "$file" || say "$file" >>"$work/shell"
    done
    [ ! -s "$work/shell" ] || fault "shellcheck"
}

# clang-tidy on every C file of the compilation database that is in the repository.
tidy() {
    tool=$(command -v clang-tidy-14 || command -v clang-tidy)
    if [ -z "$tool" ] || [ ! -f "$build/compile_commands.json" ]; then
        skipped="$skipped functions (clang-tidy and $build/compile_commands.json)"
        return
    fi
    # Flags that only gcc knows are errors to clang.
    sed 's/ -mstringop-strategy=[a-z]*//g' "$build/compile_commands.json" >"$work/compile_commands.json"
    sed -n 's/^ *"file": "\(.*\)",*$/\1/p' "$work/compile_commands.json" | sort -u >"$work/built"
    while read -r file; do
        if grep -qxF "$PWD/$file" "$work/built"; then say "$file"; fi
    done <"$work/code" >"$work/list"
    if ! tr '\n' '\0' <"$work/list" | xargs -0 -n 1 -P "$jobs" "$tool" --quiet -p "$work" \
        >"$work/tidy" 2>"$work/tidy.err"; then
        fault "clang-tidy"
        grep -E '(error|warning):' "$work/tidy" | sort -u | sed 's/^/    /'
        grep -E 'error' "$work/tidy.err" | sort -u | head -n 20 | sed 's/^/    /'
    fi
    say "lint: clang-tidy looked at $(wc -l <"$work/list") files"
}

words
borders
licences
layout
scripts
tidy
[ "$bad" = 0 ] || exit 1
if [ -n "$skipped" ]; then
    say "lint: SKIPPED, since the tool is missing:$skipped; the rest is clean"
    exit 77
fi
say "lint: clean"
