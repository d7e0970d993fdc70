#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Following as its users meet it: checkpoints, rotation, signals, counters; to standard output and to Kafka.
# timeout: 180
# shellcheck disable=SC1091,SC2154
set -u
. "$(dirname "$0")/lib.sh"
ccm() { printf '<![LOG[%s]LOG]!><time="10:00:00.000+000" date="03-12-2026" component="C" context="" type="1" thread="1" file="">\r\n' "$1"; }
fresh() { rm -rf l out ck ck.lock; mkdir l; : >out; }

# ---- contradictions
run 2 -f
has err 'needs files'
run 2 -f -
has err 'standard input cannot be followed'
run 2 --from end a.log
has err '--from is for following'
run 2 --checkpoint ck a.log
has err '--checkpoint is for following'
run 2 -f --reset-checkpoint a.log
has err 'no checkpoint'
run 2 -f --strict a.log
run 2 -f --idle-timeout 0 a.log
run 2 -f --from middle a.log

# ---- everything from a configuration file
fresh
ccm one >l/a.log
printf 'follow = yes\ninput = %s/l/*.log\ncheckpoint = ck\nhost = from-file\n' "$work" >service.conf
run 0 check-config service.conf
start --config service.conf
until_true 5 has_text out '"name":"from-file"'
end 0
run 0 --config service.conf --no-follow "$logs/LocationServices.log"
lines out 12
: >out

# ---- to standard output, as it is written, over a rotation, and after a stop from where it was
fresh
ccm one >l/a.log
start -f --checkpoint ck --stats l
until_true 5 has_lines out 1
ccm two >>l/a.log
until_true 5 has_lines out 2
mv l/a.log l/a.lo_
ccm three >l/a.log
ccm four >l/b.log
until_true 5 has_lines out 4
end 0
has err 'msg=following .*checkpoint=ck'
has err 'read=4 acked=4 dead_lettered=0 dropped=0 queue=0 lag_bytes=0 retries=0'
ccm five >>l/a.log
start -f --checkpoint ck l
until_true 5 has_lines out 5
end 0
lines out 5
[ "$(sed 's/.*"message":"\([a-z]*\)".*/\1/' out | tr '\n' ' ')" = 'one two three four five ' ] || bad "not in order"

# ---- one checkpoint, one process; a damaged one is said so, and can be reset
start -f --checkpoint ck l
until_true 5 has_text err 'following'
checks=$((checks + 1))
timeout 10 "$program" -f --checkpoint ck l >out2 2>err2 && bad "two processes on one checkpoint"
has err2 "ck.*$pid|$pid.*ck|in use|holds"
end 0
echo nonsense >ck
run 2 -f --checkpoint ck l
has err 'ck'
: >out
start -f --checkpoint ck --reset-checkpoint l
until_true 5 has_lines out 5
end 0

# ---- --from end; without a checkpoint from the beginning; a file that comes later is read whole
fresh
ccm old >l/a.log
start -f --from end l
until_true 5 has_text err 'checkpoint=none'
sleep 0.5
ccm new >>l/a.log
ccm whole >l/c.log
until_true 5 has_lines out 2
end 0
lacks out '"message":"old"'

# ---- a record that is not complete waits, and is released after --idle-timeout; --poll
fresh
printf 'half a line' >l/a.log
start -f --idle-timeout 1 --poll l
until_true 5 has_text out '"message":"half a line"'
has out 'partial_tail'
end 0

# ---- a reader that goes away is no fault
fresh
ccm one >l/a.log
checks=$((checks + 1))
{ timeout 20 "$program" -f l 2>err; echo $? >status; } | head -n 1 >out
[ "$(cat status)" = 0 ] || bad "a reader that goes away is status $(cat status)"

# ---- SIGHUP: a new catalogue, a faulty one, new files
fresh
class() { printf '{"format":1,"remediations":[],"classes":[{"id":"T-1","slug":"%s","family":"server","severity":"error","scope":"not-cmg","confidence":"high","rank":100,"title":{"en":"t","fr":"t"},"cause":{"en":"c","fr":"c"},"remediations":["REM-FIRST-ERROR"],"rules":[{"role":"primary","tokens":["the widget exploded"]}],"examples":[{"lines":["the widget exploded"],"role":"primary","scope":"not-cmg"}],"counter_examples":[{"lines":["the widget is well"]}]}]}\n' "$1"; }
class first-name >o.json
ccm 'the widget exploded' >l/a.log
start -f --checkpoint ck --catalog o.json l
until_true 5 has_text out '"type":"first-name"'
class second-name >o.json
kill -HUP "$pid"
until_true 5 has_text err 'msg=reloaded'
ccm 'the widget exploded' >l/b.log
until_true 5 has_text out '"type":"second-name"'
echo '{ not json' >o.json
kill -HUP "$pid"
until_true 5 has_text err 'was not reloaded'
has err 'o\.json:1:'
ccm 'the widget exploded' >l/c.log
until_true 5 has_lines out 3
end 0
[ "$(grep -c second-name out)" = 2 ] || bad "the old catalogue does not go on after a faulty one"

# ---- 20 reloads while lines come: none is lost, none comes twice
fresh
class a-name >o.json
start -f --checkpoint ck --catalog o.json l
until_true 5 has_text err 'following'
i=0
while [ $i -lt 20 ]; do
    ccm "line $i a" >>l/a.log
    kill -HUP "$pid"
    ccm "line $i b" >>l/a.log
    i=$((i + 1))
done
until_true 5 has_lines out 40
sleep 0.3
end 0
lines out 40
[ "$(sed 's/.*"event":{"id":"\([0-9a-f]*\)".*/\1/' out | sort -u | wc -l)" = 40 ] || bad "ids repeat"

# ---- half a line in the output, left by a crash, does not swallow the next record
fresh
printf '{"half' >out
ccm one >l/a.log
start -f l
until_true 5 has_lines out 2
end 0
[ "$(sed -n 2p out | cut -c 1-15)" = '{"@timestamp":"' ] || bad "half a line swallowed a record"

# ---- Kafka: default checkpoint, printed; brokers away and back; nothing lost, little repeated
fresh
mock
ccm one >l/a.log
start -f -b "$brokers" -t followed --stats=1 l
until_true 5 has_text err 'checkpoint=.*/state/cmgpipe/followed\.checkpoint'
until_true 10 has_text err 'acked=1 '
tell down
ccm two >>l/a.log
sleep 1
tell up
until_true 20 has_text err 'acked=2 '
ccm three >>l/a.log
until_true 10 has_text err 'acked=3 '
end 0
dump followed 3
ccm four >>l/a.log
start -f -b "$brokers" -t followed --stats=1 l
until_true 10 has_text err 'acked=1 '
end 0
dump followed 4
[ "$(cut -f 5 topic | sort -u | wc -l)" = 4 ] || bad "a record came twice after an orderly end"

# ---- the end while brokers are away: a limit, a number, status 1, and the checkpoint stays before it
tell down
ccm five >>l/a.log
start -f -b "$brokers" -t followed --timeout 1 --stats=1 l
until_true 10 has_text err 'read=1 '
end 1
has err 'not_confirmed=1 .*reads them again'
tell up
start -f -b "$brokers" -t followed --stats=1 l
until_true 10 has_text err 'acked=1 '
end 0
dump followed 5

# ---- the second signal ends it at once
tell down
ccm six >>l/a.log
start -f -b "$brokers" -t followed --timeout 60 --stats=1 l
until_true 10 has_text err 'read=1 '
kill -TERM "$pid"
sleep 0.3
end 143
tell up

# ---- what Kafka refuses for a while is read again from the checkpoint
fresh
ccm one >l/a.log
tell produce-error 29 1
start -f -b "$brokers" -t moody --stats=1 l
until_true 20 has_text err 'they are read again'
until_true 30 has_text err ' acked=1 .*rewinds=1 '
end 0
dump moody 1

# ---- without a checkpoint it is lost, and that is said
tell produce-error 29 1
start -f -b "$brokers" -t moody --checkpoint none --stats=1 l
until_true 20 has_text err 'without a checkpoint they are lost'
until_true 20 has_text err 'dropped=1 '
end 1
has err 'records are lost.*records=1'

# ---- a queue that is full stops the reading, and costs next to nothing while brokers are away
fresh
i=0
while [ $i -lt 60 ]; do cat "$logs/LocationServices.log"; i=$((i + 1)); done >l/a.log
tell down
start -f -b "$brokers" -t full -X queue.buffering.max.messages=100 --timeout 1 --stats=1 l
until_true 10 has_text err 'queue=100 '
ticks() { cut -d ' ' -f 14,15 "/proc/$pid/stat" | tr ' ' '+'; }
before=$(($(ticks)))
sleep 3
after=$(($(ticks)))
[ $((after - before)) -le 30 ] || bad "waiting for brokers took $((after - before)) ticks in 3 s"
tell up
until_true 30 has_text err ' acked=720 '
end 0

done_testing
