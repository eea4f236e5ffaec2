#!/bin/bash
# A reassignment with a throttle takes as long as its bytes at that rate, serves meanwhile, and leaves no
# configuration behind; without one it is quick. A replica that is in sync is not slowed down.
. "$(dirname "$0")/lib.sh"

cluster_up --brokers 3 --zookeepers 1
size=20000000 rate=4000000
config() { kairn config list "$@" --changed --json | grep -o '"name": *"[a-z.]*throttled[a-z.]*"'; }

kairn topic create heavy --partitions 1 --replication-factor 1 > /dev/null || die "create"
kairn perf produce heavy --records $((size / 1000)) --size 1000 > /dev/null || die "produce"
kairn partition reassign heavy:0 --to 1 --timeout 60000 > /dev/null || die "to broker 1"

expect_refusal "nobody would take it away" 2 "no-wait" kairn partition reassign heavy:0 --to 2 --throttle $rate --no-wait
expect_refusal "no number" 2 "" kairn partition reassign heavy:0 --to 2 --throttle fast
expect_refusal "no list" 1 "INVALID_CONFIG" kairn topic alter heavy --config leader.replication.throttled.replicas=one:two

# With a throttle. The first second's worth goes at once.
began=$(date +%s%N)
kairn partition reassign heavy:0 --to 1,2 --throttle $rate --timeout 120000 > "$dir/moved" 2>&1 & mover=$!
throttled() { [ "$(kairn config get leader.replication.throttled.rate --broker 1 --value)" = $rate ]; }
await 20 throttled || die "the rate is set"
expect_equal "who is throttled" "$(kairn config get follower.replication.throttled.replicas --topic heavy --value)" 0:2
expect_equal "by whom" "$(kairn config get leader.replication.throttled.replicas --topic heavy --value)" 0:1
echo meanwhile | kairn produce heavy > /dev/null 2>&1 || die "it serves meanwhile"
wait $mover || die "reassign: $(cat "$dir/moved")"
slow=$((($(date +%s%N) - began) / 1000000))
[ $slow -ge $(((size - rate) * 1000 / rate - 500)) ] || die "at $rate bytes a second, $size took only $slow ms"
for broker in 1 2 3; do expect_equal "no rate is left at $broker" "$(config --broker $broker)" ""; done
expect_equal "no list is left" "$(config --topic heavy)" ""

# What others have set is kept, and who is interrupted or out of time takes his own away, and no more.
value() { kairn config get "$1" "${@:2}" --value; }
mine=1:3,7:7 slow_rate=1000
kairn topic alter heavy --config "follower.replication.throttled.replicas=$mine" > /dev/null || die "the list of another"
kairn config set --broker 2 follower.replication.throttled.rate=77 > /dev/null || die "the rate of another"
kairn partition reassign heavy:0 --to 1 --timeout 60000 > /dev/null || die "back to broker 1"
begin_slow() { # options
    kairn partition reassign heavy:0 --to 1,2 --throttle $slow_rate "$@" > "$dir/moved" 2>&1 & mover=$!
    slowly() { [ "$(value leader.replication.throttled.rate --broker 1)" = $slow_rate ]; }
    await 20 slowly || die "the rate is set: $(cat "$dir/moved")"
    expect_equal "ours stands behind theirs" "$(value follower.replication.throttled.replicas --topic heavy)" $mine,0:2
}
lifted() { # why
    wait $mover; expect_equal "$1: it failed" $? 1
    expect_match "$1: what goes on" "$(cat "$dir/moved")" 'the throttle is taken away'
    expect_equal "$1: their list" "$(value follower.replication.throttled.replicas --topic heavy)" $mine
    expect_equal "$1: no list of ours" "$(config --topic heavy | sort -u)" '"name":"follower.replication.throttled.replicas"'
    expect_equal "$1: their rate" "$(value follower.replication.throttled.rate --broker 2)" 77
    expect_equal "$1: no rate of ours" "$(config --broker 1)" ""
}
begin_slow --timeout 120000
kill -INT $mover
lifted "interrupted"
expect_match "interrupted: said" "$(cat "$dir/moved")" 'interrupted'
done_moving() { kairn partition reassign --list | grep -q 'no reassignment'; }
await 30 done_moving || die "without the throttle it ends: $(kairn partition reassign --list)"
kairn partition reassign heavy:0 --to 1 --timeout 60000 > /dev/null || die "back to broker 1"
begin_slow --timeout 4000
lifted "out of time"
await 30 done_moving || die "without the throttle it ends: $(kairn partition reassign --list)"
kairn topic alter heavy --unset follower.replication.throttled.replicas > /dev/null || die "unset"
kairn config set --broker 2 --unset follower.replication.throttled.rate > /dev/null || die "unset"

# Without.
began=$(date +%s%N)
kairn partition reassign heavy:0 --to 1,2,3 --timeout 60000 > /dev/null || die "without a throttle"
quick=$((($(date +%s%N) - began) / 1000000))
[ $quick -lt $slow ] || die "without a throttle it took $quick ms, with one $slow ms"

# In sync: the rate does not slow down what producers wait for.
for broker in 1 2 3; do
    kairn config set --broker $broker leader.replication.throttled.rate=1 follower.replication.throttled.rate=1 > /dev/null || die "rates"
done
kairn topic alter heavy --config 'leader.replication.throttled.replicas=*' --config 'follower.replication.throttled.replicas=*' > /dev/null || die "all replicas"
seq 2000 | kairn produce heavy --acks all --timeout 20000 > /dev/null 2>&1 || die "who is in sync does not wait"
seq 2000 | kairn produce heavy --acks all --timeout 20000 > /dev/null 2>&1 || die "who is in sync does not wait, also later"
expect_equal "all are in sync" "$(kairn topic describe heavy --under-replicated --json | grep -c '"state": *"UNDER')" 0
