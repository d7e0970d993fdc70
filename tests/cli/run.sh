#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The program as its users meet it: options, configuration, exit codes, streams, signals. usage: run.sh [PROGRAM]
set -u
program=${1:-${CMGPIPE:-}}
if [ -z "$program" ] || [ ! -x "$program" ]; then
    echo "cli: no program: run.sh PROGRAM, or CMGPIPE=PROGRAM" >&2
    exit 2
fi
program=$(cd "$(dirname "$program")" && pwd)/$(basename "$program")
logs=$(cd "$(dirname "$0")/../../examples/logs" && pwd)
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
for name in $(env | sed -n 's/^\(CMGPIPE_[A-Z_]*\)=.*/\1/p'); do unset "$name"; done
XDG_CONFIG_HOME=$work/none HOME=$work/none
export XDG_CONFIG_HOME HOME
cd "$work" || exit 2

checks=0 failed=0
bad() {
    failed=$((failed + 1))
    echo "cli: $*" >&2
    [ ! -s err ] || sed 's/^/    /' err >&2
}

# run STATUS ARGUMENTS...: standard output to `out`, the rest to `err`; the status must be STATUS.
run() {
    want=$1
    shift
    checks=$((checks + 1))
    "$program" "$@" >out 2>err </dev/null
    got=$?
    [ "$got" = "$want" ] || bad "status $got, not $want: $*"
}

# has FILE PATTERN, lacks FILE PATTERN, lines FILE COUNT
has() { grep -qE -- "$2" "$1" || bad "no /$2/ in $1"; }
lacks() { ! grep -qE -- "$2" "$1" || bad "/$2/ in $1"; }
lines() { [ "$(wc -l <"$1")" -eq "$2" ] || bad "$1 has $(wc -l <"$1") lines, not $2"; }

# ---- help, version, usage
run 0 --help
has out '^Usage:'
has out 'Exit status: 0'
lines err 0
run 0 --version
has out '^cmgpipe [0-9]+\.[0-9]+\.[0-9]+'
run 2 --no-such-option
has err 'no-such-option'
lines out 0
run 2 --format xml "$logs/u_ex260312.log"
has err 'format'
run 2 --max-record 10 "$logs/u_ex260312.log"
run 2 --only

# ---- records
run 0 "$logs/LocationServices.log"
cp out all
has all '"cmgpipe.*"role":"primary"'
[ "$(grep -c '^{"@timestamp":.*"original":.*}}$' all)" -eq "$(wc -l <all)" ] || bad "a record does not begin with its time and end with its text"
run 0 --only findings "$logs/LocationServices.log"
[ "$(wc -l <out)" -lt "$(wc -l <all)" ] || bad "--only findings leaves all"
lacks out '"role":"none"'
run 0 --only primary "$logs/LocationServices.log"
lines out 2
run 0 --only primary --min-level error "$logs/SMS_Cloud_ProxyConnector.log"
lacks out '"level":"info"'
run 0 --format text --only primary "$logs/LocationServices.log"
has out 'cmgconnector-403-client-cert-required \(primary, cmg\)'
lacks out '^\{'
"$program" --only primary - <"$logs/LocationServices.log" >out 2>err
lines out 2
"$program" --only primary <"$logs/LocationServices.log" >out 2>err
lines out 2
: >empty.log
run 0 empty.log
lines out 0
run 0 --host PC17.Contoso.Example "$logs/u_ex260312.log"
has out '"host":\{"name":"pc17.contoso.example"\}'
run 0 --only primary --connection-point 198.51.100.31 "$logs/u_ex260312.log"
has out '"scope":"cmg"'
run 0 --only primary "$logs/u_ex260312.log"
has out '"scope":"unknown"'
run 0 --only findings --cmg-host gw.fabrikam.example "$logs/u_ex260312.log"
run 0 --decoder raw "$logs/u_ex260312.log"
has out '"decoder":"raw"'
lacks out '"decoder":"iis"'
run 2 --decoder nonsense "$logs/u_ex260312.log"
has err 'nonsense'

# ---- times without an offset
printf '<![LOG[m]LOG]!><time="10:00:00.1234567" date="7-1-2026" component="C" context="" type="1" thread="1" file="">\n' >local.log
run 0 local.log
has out '^\{"@timestamp":"2026-07-01T10:00:00\.1234567?0?0?Z"'
has out 'no_timezone'
run 0 --timezone +02:00 local.log
has out '^\{"@timestamp":"2026-07-01T08:00:00\.'
has out 'no_timezone'
run 0 --timezone Europe/Paris local.log
has out '^\{"@timestamp":"2026-07-01T08:00:00\.'
run 2 --timezone Mars/Olympus local.log

# ---- what cannot be read or written
run 1 "$logs/CCM_STS.log" does-not-exist.log "$logs/u_ex260312.log"
has err 'does-not-exist\.log'
has out '"decoder":"iis"'
if [ -w /dev/full ]; then
    checks=$((checks + 1))
    "$program" "$logs/LocationServices.log" >/dev/full 2>err
    [ $? = 1 ] || bad "a full disk is not exit 1"
    has err '.'
fi
i=0
while [ $i -lt 400 ]; do cat "$logs/LocationServices.log"; i=$((i + 1)); done >many.log
checks=$((checks + 1))
{ "$program" many.log 2>err; echo $? >status; } | head -n 1 >out
[ "$(cat status)" = 0 ] || bad "a reader that goes away is not exit 0 but $(cat status)"
lines err 0
lines out 1

# ---- --strict
run 0 --strict "$logs/LocationServices.log"
echo 'a line of no format' >raw.log
run 3 --strict raw.log
lines out 1
run 0 raw.log

# ---- --stats and --log-level
run 0 --stats "$logs/LocationServices.log"
has err 'records=12'
run 0 --stats --log-level error "$logs/LocationServices.log"
run 2 --stats=often "$logs/LocationServices.log"

# ---- precedence: option, environment, --config file, default
printf '# a comment\nformat = text\nonly = primary\nhost = from-file\n' >c.conf
run 0 --config c.conf --format ecs "$logs/LocationServices.log"
has out '"name":"from-file"'
lines out 2
CMGPIPE_HOST=from-env "$program" --config c.conf --format ecs "$logs/LocationServices.log" >out 2>err
has out '"name":"from-env"'
CMGPIPE_HOST=from-env "$program" --config c.conf --format ecs --host from-option "$logs/LocationServices.log" >out 2>err
has out '"name":"from-option"'
mkdir -p xdg/cmgpipe
cp c.conf xdg/cmgpipe/cmgpipe.conf
XDG_CONFIG_HOME=$work/xdg "$program" "$logs/LocationServices.log" >out 2>err
has out 'from-file .*\(primary'
run 2 --config missing.conf "$logs/LocationServices.log"
has err 'missing\.conf'

# ---- check-config names each fault
run 0 check-config c.conf
printf 'format = text\nformt = text\nmax-record = lots\n= x\n' >bad.conf
run 2 check-config bad.conf
has err 'bad\.conf:2:'
has err 'bad\.conf:3:'
has err 'bad\.conf:4:'
run 2 --config bad.conf "$logs/LocationServices.log"

# ---- a catalogue of one's own, and its faults
echo '{ not json' >broken.json
run 2 --catalog broken.json "$logs/LocationServices.log"
has err 'broken\.json:1:'

# ---- explain: one code, all its spellings
for code in 0x80072f8f 0X80072F8F 80072f8f 0x2f8f 12175 2147954575 -2147012721; do
    run 0 explain -- "$code"
    has out 'ERROR_WINHTTP_SECURE_FAILURE'
done
run 0 explain -2147012721
has out 'winhttp-secure-failure'
run 0 explain 403.7
has out 'iis-403-7-client-cert-required'
run 0 explain CMGConnector_Forbidden
has out 'cmgconnector-403-forbidden'
run 0 explain REM-CERT-CLIENTAUTH-EKU
has out 'Client Authentication'
run 0 explain --lang fr winhttp-secure-failure
has out 'certificat'
run 1 explain no-such-thing
lines out 0

# ---- list
for what in decoders classes remediations fields codes; do
    run 0 list $what
    has out '.'
    run 0 list $what --json
    if command -v python3 >/dev/null; then
        python3 -c 'import json,sys; assert len(json.load(sys.stdin)) > 3' <out 2>err || bad "list $what --json is no JSON"
    fi
done
run 2 list nonsense

# ---- compile
cat >own.json <<'END'
{"format": 1, "classes": [{"id": "X-1", "slug": "my-own", "family": "client", "severity": "error",
 "scope": "by-evidence", "confidence": "low", "rank": 80, "title": {"en": "Mine"}, "cause": {"en": "Own"},
 "remediations": ["REM-CLOCK"], "rules": [{"role": "primary", "tokens": ["my very own failure"]}],
 "examples": [{"lines": ["my very own failure"], "role": "primary", "scope": "unknown"}],
 "counter_examples": [{"lines": ["nothing"]}]}]}
END
run 0 compile own.json
mv out own.cat
has own.cat 'cmgpipe catalogue'
run 0 compile --catalog own.json own.json
cmp -s out own.cat || bad 'compile: the same overlay twice gives another catalogue'
run 2 compile
lines out 0
echo '{"format": 1, "classes": [{}]}' >broken.json
run 2 compile broken.json
has err '^broken.json:1:[0-9]+: '
lines out 0

# ---- report
run 0 report "$logs"
has out 'cmgconnector-403-client-cert-required'
has out 'LocationServices\.log:[0-9]+:'
lacks out "$(printf '\033')"
run 0 report "$logs/LocationServices.log"
mkdir quiet
echo 'nothing wrong here' >quiet/a.log
run 0 report quiet
has out '[Nn]o known failure|[Nn]othing'
run 1 report does-not-exist

# ---- a signal ends it, with what was read written
mkfifo pipe
checks=$((checks + 1))
"$program" --only primary - <pipe >out 2>err &
pid=$!
exec 9>pipe
cat "$logs/LocationServices.log" >&9
i=0
while [ $i -lt 50 ] && [ "$(wc -l <out)" -lt 2 ]; do sleep 0.1; i=$((i + 1)); done
kill -TERM $pid
wait $pid
status=$?
exec 9>&-
[ $status = 0 ] || bad "SIGTERM ends with $status"
lines out 2

echo "cli: $checks runs, $failed failed"
[ "$failed" -eq 0 ]
