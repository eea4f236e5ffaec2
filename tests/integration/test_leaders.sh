#!/bin/bash
# Who leads and who is in sync, as ZooKeeper shows it: a broker dies, stops, comes back with a disk
# that may have lost data; the last one in sync is gone, and one that may lead takes over.
. "$(dirname "$0")/lib.sh"

leads() { [[ $(state "$1") == *"\"leader\":$2,"* ]]; }
in_sync() { [[ $(state "$1" | sed 's/.*"isr":\[\([^]]*\)\].*/\1/' | tr ',' '\n' | sort | tr -d '\n') == "$2" ]]; }
has() { [[ $(state "$1") == *"$2"* ]]; }
create() { # topic, replicas...
    local topic=$1; shift
    expect_success "create $topic" kairn topic create "$topic" --partitions 1 --replication-factor $# --config min.insync.replicas=2 > /dev/null
    await 20 kairn cluster status || die "not healthy: $(kairn cluster status)"
    expect_success "place $topic" kairn partition reassign "$topic" --to "$(comma_list "$@")" --timeout 30000 > /dev/null
    kairn partition elect "$topic" > /dev/null
    await 10 leads "$topic" "$1" || die "$topic: $(state "$topic")"
}

cluster_up --brokers 3
create orders 1 2 3
create solo 1
await 20 kairn cluster status || die "not healthy: $(kairn cluster status)"
expect_match "the number that must be in sync" "$(state orders)" '"min_insync":2'
expect_equal "it is at most the replicas" "$(state solo | grep -c min_insync)" 0
seq 1000 | kairn produce orders 2> /dev/null || die "produce"
seq 1000 | kairn produce solo 2> /dev/null || die "produce"

# Told to stop: it hands over first, and leaves the set.
expect_success "stop" cluster stop 1 > /dev/null
leads orders 2 || die "nobody was handed the lead: $(state orders)"
in_sync orders 23 || die "who stopped is in sync: $(state orders)"
grep -q 'event=broker-drained remaining=0 unmovable=1' "$dir/broker-1/log" || die "not drained"
leads solo -1 || die "who else leads it? $(state solo)"

# Back, with a machine that was switched off meanwhile: its disk may have lost data.
expect_success "start" cluster start 1 > /dev/null
await 20 in_sync orders 123 || die "did not come back: $(state orders)"
await 10 kairn partition elect orders || die "no election: $(state orders)"
await 10 leads orders 1 || die "no preferred leader: $(state orders)"
kill -9 "$(broker_pid 1)"
await 10 leads orders 2 || die "no failover: $(state orders)"
boot=$(cat /proc/sys/kernel/random/boot_id)
sed -i "s/$boot/00000000-0000-0000-0000-000000000001/" "$dir"/broker-1/data*/kairn-checkpoint
expect_success "start" cluster start 1 > /dev/null
grep -q 'event=broker-lossy broker=1' "$dir/broker-1/log" || die "nobody said that it is lossy"
await 20 in_sync orders 123 || die "did not join again: $(state orders)"
await 10 sh -c "'$probe' '$zookeeper' get /kairn/brokers/1 | grep -q '\"lossy\":false'" || die "still lossy"
await 10 leads solo 1 || die "the only copy leads nothing: $(state solo)"
has solo '"unclean_epoch":' || die "nobody is told that it may lack records: $(state solo)"
has orders '"unclean_epoch":' && die "there were others: $(state orders)"

# A crash of the process alone is no loss, once a checkpoint of this life says so.
seq 1001 2000 | kairn produce orders 2> /dev/null || die "produce again"
await 10 grep -q "$boot" "$dir"/broker-1/data*/kairn-checkpoint || die "no checkpoint"

# Below the minimum nothing is committed: who left may lead when nobody in the set lives.
kill -9 "$(broker_pid 3)"
await 10 in_sync orders 12 || die "3 is dead: $(state orders)"
expect_match "the leader says why it is out of sync" "$(kairn topic describe orders --verbose)" ' 0 +3 +2000 +0 .*its broker is not there'
expect_match "who is in sync lacks nothing" "$(kairn topic describe orders --verbose --json)" '"state":"in-sync","reason":"in sync","end":2000,"lag":0'
kill -9 "$(broker_pid 1)"
await 10 in_sync orders 2 || die "1 is dead: $(state orders)"
has orders '"eligible":[1]' || die "1 had everything: $(state orders)"
kill -9 "$(broker_pid 2)"
expect_success "start" cluster start 1 > /dev/null
await 20 leads orders 1 || die "1 may lead: $(state orders)"
has orders '"eligible":[2]' || die "2 has everything: $(state orders)"
expect_success "start" cluster start 2 > /dev/null
expect_success "start" cluster start 3 > /dev/null
await 30 in_sync orders 123 || die "not together again: $(state orders)"
has orders eligible && die "nobody needs to be eligible: $(state orders)"

# controlled.shutdown.enable=false: it goes without a word.
drained() { grep -c 'event=broker-drained' "$dir/broker-1/log"; }
expect_success "stop" cluster stop 1 > /dev/null
echo 'controlled.shutdown.enable=false' >> "$dir/broker-1/server.properties"
expect_success "start" cluster start 1 > /dev/null
await 20 in_sync orders 123 || die "did not come back: $(state orders)"
before=$(drained)
expect_success "stop" cluster stop 1 > /dev/null
expect_equal "nothing was handed over" "$(drained)" "$before"

expect_equal "all of it" "$(kairn consume orders --exit-at-end | sort -n | md5sum)" "$(seq 2000 | md5sum)"
echo "leaders: ok"
