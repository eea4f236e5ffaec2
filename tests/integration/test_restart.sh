#!/bin/bash
# Stopping and starting: clean, crashed, with a partition's only broker away; nothing moves or is lost.
. "$(dirname "$0")/lib.sh"
cluster_up --brokers 3 --zookeepers 1
kairn topic create orders --partitions 3 > /dev/null || die "create"
seq 3000 | kairn produce orders --partitioner round-robin 2> /dev/null || die "produce"
everything() { kairn consume orders --exit-at-end --format '%p %o %v\n' | sort; }
everything > "$dir/before"
expect_equal "all there" "$(wc -l < "$dir/before")" 3000

# SIGTERM: exit status 0, the clean mark, no registration left behind.
pid=$(broker_pid 2)
cluster stop 2 || die "stop"
tail -n 1 "$dir/broker-2/log" | grep -q 'event=broker-stopped' || die "no farewell: $(tail -n 3 "$dir/broker-2/log")"
[ -e "$dir/broker-2/data/.kafka_cleanshutdown" ] || die "no clean-shutdown mark"
! zk ls /brokers/ids | grep -qx 2 || die "it is still registered"

# Its partitions have no leader, and come back with it.
offline() { kairn topic describe orders --json | grep -q '"leader":-1'; }
await 10 offline || die "a partition whose broker is gone must have leader -1"
expect_refusal "status" 1 'offline' kairn cluster status
cluster start 2 || die "start"
[ ! -e "$dir/broker-2/data/.kafka_cleanshutdown" ] || die "the mark must be consumed at start"
await 10 kairn cluster status || die "not healthy after a restart"
everything | cmp - "$dir/before" || die "records changed over a clean restart"

# SIGKILL of all at once, then all back.
for n in 1 2 3; do cluster kill $n; done
for n in 1 2 3; do cluster start $n || die "start $n"; done
await 20 kairn cluster status || die "not healthy after a crash of all"
everything | cmp - "$dir/before" || die "records changed over a crash"

# A tail torn by hand is cut; everything before it is served. A damaged index is rebuilt.
cluster stop 1 || die "stop 1"
segment=$(ls "$dir"/broker-1/data/orders-*/*.log | head -n 1)
rm "$dir/broker-1/data/.kafka_cleanshutdown" "$dir"/broker-1/data/kairn-checkpoint* 2> /dev/null
head -c 200 "$segment" | tail -c 139 >> "$segment"
for index in "$(dirname "$segment")"/*.index; do head -c 13 /dev/urandom > "$index"; done
cluster start 1 || die "start 1"
await 20 kairn cluster status || die "not healthy after a torn tail"
everything | cmp - "$dir/before" || die "records changed by a torn tail"
grep -q 'event=log-cut\|event=segment-cut' "$dir/broker-1/log" || die "the cut is not in the log"
echo passed
