#!/bin/bash
# Nonsense that somebody writes into ZooKeeper while three replicas are written to: whatever node it is, a
# line of the log names it, nobody dies, and nothing acknowledged is lost, also when leader or controller
# end meanwhile. What the controller knows better it writes anew; the rest is well once it is mended.
. "$(dirname "$0")/lib.sh"
partitions=3
cluster_up --brokers 3 --zookeepers 1 --set zookeeper.session.timeout.ms=6000
kairn topic create load --partitions $partitions --replication-factor 3 --config min.insync.replicas=2 > /dev/null || die "create"
topic=/brokers/topics/load
state_node() { echo "$topic/partitions/$1/state"; }
said() { grep -hqE "$1" "$dir"/broker-*/log; }
well() {
    await 30 kairn cluster status || die "$1: not well: $(kairn cluster status 2>&1; kairn topic describe load 2>&1)"
    load_goes_on "$1"
}
nonsense() { zk set "$1" '{"version":1,"leader":"nobody"' || die "$1 can not be written"; }
seated() { [ -n "$(controller)" ]; }
bounce() { cluster kill "$1" && cluster start "$1" > /dev/null || die "broker $1 does not start"; }
succession() { # [whom]: the next controller reads everything anew
    local before n=${1-}
    [ -n "$n" ] || await 20 seated || die "there is no controller"
    before=$(zk get /controller_epoch) n=${n:-$(controller)}
    cluster kill "$n" || die "kill $n"
    follows() { [ "$(zk get /controller_epoch)" != "$before" ] && seated; }
    await 20 follows || die "nobody follows controller $n"
    cluster start "$n" > /dev/null || die "broker $n does not start"
}

await 20 kairn cluster status || die "not well at first"
load_begin load $partitions 2 2 500

# A partition's state: the controller knows what should stand there.
for p in 0 1 2; do victim=$(leader load $p); [ "$victim" = "$(controller)" ] || break; done
nonsense "$(state_node $p)"
cluster kill "$victim" || die "kill $victim"
led() { local n; n=$(leader load $p); [ -n "$n" ] && [ "$n" -ge 1 ] && [ "$n" != "$victim" ]; }
await 10 led || die "nobody leads partition $p: $(state load $p)"
said "event=znode-corrupt path=$(state_node $p)" || die "nobody names the state"
cluster start "$victim" > /dev/null || die "broker $victim does not start"
well "after nonsense in a state"

logs_stay() {
    local n p
    for n in 1 2 3; do for p in 0 1 2; do
        [ -d "$dir/broker-$n/data/load-$p" ] || die "broker $n put its log away: $(ls "$dir/broker-$n/data")"
    done; done
}

# The same for a controller that does not know it: this one partition has no leader, which is told, the others
# are served, and it is led again as soon as its state is mended.
node=$(state_node 1)
kept=$(zk get "$node")
nonsense "$node"
succession
await 10 said "event=partition-quarantined topic=load partition=1" || die "nobody names the partition"
bounce $(($(controller) % 3 + 1))
told() { kairn cluster status > "$dir/status" 2>&1; [ $? -eq 1 ] && grep -q '^load-1 *OFFLINE' "$dir/status"; }
await 20 told || die "nobody is told that partition 1 has no leader: $(cat "$dir/status")"
others_led() { [ "$(kairn topic describe load --unavailable --json | grep -o '"partition":' | wc -l)" = 1 ]; }
await 20 others_led || die "the other partitions have nothing to do with it: $(kairn topic describe load)"
expect_equal "it is not written over" "$(zk get "$node")" '{"version":1,"leader":"nobody"'
logs_stay
zk set "$node" "$kept" || die "mend $node"
well "after nonsense in $node"

# The topic's record: the topic is not served, all of it is kept, and when it is mended it is served again.
kept=$(zk get "$topic")
nonsense "$topic"
succession
await 10 said "event=topic-quarantined topic=load" || die "nobody names the topic"
bounce $(($(controller) % 3 + 1))
await 10 said "event=strays-kept" || die "nobody says what is kept"
logs_stay
zk set "$topic" "$kept" || die "mend $topic"
await 20 said "event=topic-mended" || die "nobody sees that it is mended"
well "after nonsense in $topic"

# What is known of a broker: it counts as one that may have lost data, or as gone, until it is mended.
node=/kairn/brokers/$(controller)
nonsense "$node"
succession
await 10 said "event=znode-corrupt path=$node" || die "nobody names $node"
well "after nonsense in $node"

# The chair, and the epoch that every write of a controller checks.
first=$(controller)
nonsense /controller
await 10 said "event=znode-corrupt path=/controller " || die "nobody names /controller"
succession "$first"
well "after nonsense in /controller"
epoch=$(zk get /controller_epoch)
nonsense /controller_epoch
kairn topic create other --partitions 1 --replication-factor 3 --timeout 3000 > /dev/null 2>&1
await 10 said "event=znode-corrupt path=/controller_epoch" || die "nobody names /controller_epoch"
load_goes_on "without a controller"
zk set /controller_epoch "$epoch" || die "mend the epoch"
well "after nonsense in /controller_epoch"

load_judge "at the end" 1000
! grep -hE 'Assertion|Sanitizer|event=invariant' "$dir"/broker-*/log || die "a broker broke a rule"
