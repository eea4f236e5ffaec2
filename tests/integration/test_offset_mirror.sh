#!/bin/bash
# Committed offsets, copied to where Kafka 0.8 kept them in ZooKeeper: ZooKeeper's own command line shows them, each
# node is written at most once in an interval however often its group commits, no commit waits while ZooKeeper is
# away, and the successor of a coordinator that was killed goes on. Then what stands there is imported: what makes
# no sense is told and left out.
. "$(dirname "$0")/lib.sh"

interval_ms=500
hear() { read -r -t 60 said <&"${members[0]}" || die "the group fell silent: $(cat "$dir/members.err")"; }
zookeepers() { "$top/deploy/zookeeper" --dir "$dir/zookeeper" "$@"; }
node() { zk get "/consumers/$1/offsets/$2/$3" 2> /dev/null; }
version() { zk stat "/consumers/readers/offsets/orders/0" | sed -n 's/version=\([0-9]*\).*/\1/p'; }
shows() { [ "$(node "$1" "$2" "$3")" = "$4" ]; }
# What the probe says is committed: "... offsets 0=12 1=12 2=11"
committed() { sed -n "s/.* offsets .*\<$1=\([0-9]*\).*/\1/p" <<< "$said"; }
commits() { # that any broker counted
    local total=0 n
    for n in 1 2 3; do
        total=$((total + $(kairn broker metrics "$n" --match offset_commits_total --json 2> /dev/null | sed -n 's/.*"value":\([0-9]*\).*/\1/p' || echo 0)))
    done
    echo $total
}

cluster_up --brokers 3 --zookeepers 1 --set group.initial.rebalance.delay.ms=300 --set min.insync.replicas=2 \
    --set offsets.zookeeper.mirror.interval.ms=$interval_ms --set zookeeper.session.timeout.ms=12000
expect_success "create" kairn topic create orders --partitions 3 --replication-factor 3 > /dev/null
await 20 kairn cluster status || die "not healthy: $(kairn cluster status)"

coproc members { exec "$build/tests/integration/group_probe" "$bootstrap" readers orders 2 2> "$dir/members.err"; }
members_pid=$members_PID
hear
coordinator=${said#coordinator }; coordinator=${coordinator%% *}

# A node is written at most once in an interval, though its group commits all the time.
await 20 node readers orders 2 || die "nothing is mirrored"
from=$(version) commits_from=$(commits) began=$(date +%s%N)
sleep 3
passed_ms=$((($(date +%s%N) - began) / 1000000)) writes=$(($(version) - from)) commits=$(($(commits) - commits_from))
[ $writes -ge 2 ] || die "$writes writes in $passed_ms ms"
# One that was on its way when we looked first, and one at either end.
[ $writes -le $((passed_ms / interval_ms + 2)) ] || die "$writes writes in $passed_ms ms, one in $interval_ms is allowed"
[ $commits -gt $((10 * writes)) ] || die "$commits commits and $writes writes: nothing was put together"
echo "$commits commits of three partitions, $writes writes of each, in $passed_ms ms"

# Without ZooKeeper nothing is mirrored, and commits go on.
zookeepers stop 1 > /dev/null || die "stop ZooKeeper"
commits_from=$(commits)
more_committed() { [ "$(commits)" -gt $((commits_from + 300)) ]; }
await 5 more_committed || die "no commits without ZooKeeper: $(commits) after $commits_from"
zookeepers start 1 > /dev/null || die "start ZooKeeper"
from=$(version)
written_again() { [ "$(version)" -gt "$from" ]; }
await 20 written_again || die "nothing is mirrored when ZooKeeper is back"

# The coordinator is killed: whoever is next mirrors what is committed, although nobody commits meanwhile.
kill -9 "$(broker_pid "$coordinator")"
hear
expect_match "another coordinates" "$said" '^coordinator [123] generation 1 after [0-9]+ ms, offsets'
for p in 0 1 2; do
    await 20 shows readers orders $p "$(committed $p)" || die "partition $p: $(node readers orders $p) is mirrored, $said"
done
expect_match "ZooKeeper's own command line shows it" "$(zookeepers cli get /consumers/readers/offsets/orders/0 2> /dev/null)" "(^|[[:space:]])$(committed 0)([[:space:]]|\$)"
expect_equal "who has a node" "$(zk ls /consumers)" readers
expect_success "start" cluster start "$coordinator" > /dev/null

# What stands there can be imported. Nodes that make no sense harm nobody.
await 20 kairn cluster status || die "not healthy: $(kairn cluster status)"
zk create /consumers/old "" && zk create /consumers/old/ids "" && zk create /consumers/old/offsets "" || die "old"
for topic in orders gone; do zk create "/consumers/old/offsets/$topic" "" || die "topic $topic"; done
while read -r path data; do
    zk create "/consumers/old/offsets/$path" "$data" || die "node $path"
done << 'NODES'
orders/0 41
orders/1 twelve
orders/2 -3
orders/00 5
orders/3 5
gone/0 7
NODES
imported=$(kairn group import old --from-zookeeper --json) && die "import: nothing is said of what makes no sense"
for row in '"topic":"orders","partition":0,"offset":41' '"orders","partition":1,"error":"CORRUPT","reason":"1: the offset is not a decimal number' \
    '"orders","partition":2,"error":"CORRUPT"' '"reason":"00: its name is not the number of a partition"' \
    '"orders","partition":3,"error":"UNKNOWN_TOPIC_OR_PARTITION"' '"gone","partition":0,"error":"UNKNOWN_TOPIC_OR_PARTITION"'; do
    grep -qF "$row" <<< "$imported" || die "import: '$row' is missing in: $imported"
done
expect_match "for people" "$(kairn group import old --from-zookeeper)" 'orders +0 +41'
expect_equal "what is committed" "$("$build/tests/integration/group_probe" "$bootstrap" --offsets old)" "orders 0 41"
expect_refusal "a group that is not there" 1 'nothing stands in ZooKeeper' kairn group import nobody --from-zookeeper
expect_refusal "a group with members" 1 'has members' kairn group import readers --from-zookeeper
expect_refusal "from nowhere" 2 'from-zookeeper is needed' kairn group import old

# With a topic go the offsets that groups have of it, and their nodes.
expect_success "create" kairn topic create fleeting --partitions 1 --replication-factor 3 > /dev/null
expect_success "commit" kairn group reset passing --to end --topic fleeting > /dev/null
await 20 shows passing fleeting 0 0 || die "it is not mirrored"
expect_success "delete" kairn topic delete fleeting > /dev/null
gone() { ! zk ls /consumers | grep -qw passing; }
await 20 gone || die "of a deleted topic stands in ZooKeeper: $(node passing fleeting 0)"

# The topic stays the truth: what somebody writes there changes nothing, and is written over with the next commit.
zk set /consumers/readers/offsets/orders/1 nonsense || die "set"
echo go >&"${members[1]}"
mended() { [[ $(node readers orders 1) =~ ^[0-9]+$ ]]; }
await 20 mended || die "partition 1: $(node readers orders 1)"
hear
kill -9 "$(broker_pid "$(sed -n 's/^coordinator \([0-9]\).*/\1/p' <<< "$said")")"
hear
wait_closed() { echo go >&"${members[1]}"; wait "$members_pid"; }
expect_success "the group" wait_closed
echo passed
