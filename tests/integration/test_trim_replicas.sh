#!/bin/bash
# What is trimmed is gone in all replicas, also in those whose log nobody has used for a while: its files go there
# too, and it does not come back with another leader, nor with a broker that was away.
. "$(dirname "$0")/lib.sh"
cluster_up --brokers 3 --zookeepers 1 --set log.idle.close.ms=500 --set log.segment.delete.delay.ms=500 \
    --set log.retention.check.interval.ms=3600000 --set auto.leader.rebalance.enable=false
kairn topic create clicks --partitions 1 --replication-factor 3 --config segment.bytes=20000 \
    --config min.insync.replicas=2 > /dev/null || die "create"
seq -f 'record number %g, padded to be of some size ........................' 3000 | kairn produce clicks 2> /dev/null || die "produce"
await 20 have_members clicks 1,2,3 0 || die "not all in sync: $(state clicks)"

rests() { ! ls -l "/proc/$(broker_pid "$1")/fd" | grep -q 'clicks-0/.*\.log'; }
first_file() { ls "$dir/broker-$1/data/clicks-0" | grep '\.log$' | head -n 1 | sed 's/^0*//; s/\.log//'; }
trimmed() { [ "$(first_file "$1")" -gt 0 ] && [ "$(first_file "$1")" -le "$2" ] && [ "$(first_file "$1")" -gt $(($2 - 1000)) ]; }
earliest() { kairn topic offsets clicks --json | sed -n 's/.*"earliest":\([0-9]*\).*/\1/p'; }

for n in 1 2 3; do await 20 rests $n || die "the log of broker $n does not rest"; done
kairn topic trim clicks --before 2000 > /dev/null || die "trim"
for n in 1 2 3; do await 20 trimmed $n 2000 || die "broker $n keeps what was trimmed: $(ls "$dir/broker-$n/data/clicks-0")"; done

away=$(leader clicks)
cluster kill "$away"
moved() { [[ $(leader clicks) == [123] ]] && [ "$(leader clicks)" != "$away" ]; }
await 20 moved || die "nobody leads: $(state clicks)"
expect_equal "another leader starts there too" "$(earliest)" 2000
kairn topic trim clicks --before 3000 > /dev/null || die "trim to the end"
cluster start "$away" > /dev/null || die "start $away"
await 20 have_members clicks 1,2,3 0 || die "not all in sync again: $(state clicks)"
for n in 1 2 3; do await 20 trimmed $n 3000 || die "broker $n keeps what was trimmed: $(ls "$dir/broker-$n/data/clicks-0")"; done
echo passed
