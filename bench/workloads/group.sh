# Groups of consumers. 100 members share 1,000 partitions: all join from cold, one more joins, one leaves, one is
# stopped where it stands; how long until the whole group owns everything again, how long partitions stood still,
# and how many did that did not move. What ten thousand members cost the broker while nothing happens; commits
# that do not wait; and a coordinator that dies with a million committed offsets.
. "$here/workloads/replicated.sh"
group=$build/bench/group rdkafka_group=$build/bench/peers/rdkafka_group
rounds_max=5 group_port=29400
partitions=1000 members=100 idle_groups=1000 idle_members=10 offset_groups=1000
variants=(ours shared librdkafka idle commits librdkafka-commits failover)
story=cold_ms,cold_still_ms
for phase in join leave silent_over; do story+=,${phase}_ms,${phase}_still_ms,${phase}_moved,${phase}_unmoved_paused; done
note ours "$members consumers in one process, each with a handle of its own, $partitions partitions; group.initial.rebalance.delay.ms=0"
note shared "the same on one handle"
note librdkafka "as many members of librdkafka, against Kafka with the same delay"
note idle "$((idle_groups * idle_members)) members in $idle_groups groups that have paused what they own, for 20 s, heartbeat.interval.ms=3000"
note commits "one member, one offset a call, up to 10,000 of them not confirmed yet"
note librdkafka-commits "likewise"
note failover "kill -9 of the coordinator of $offset_groups groups with $partitions offsets each, all in one partition of __consumer_offsets, until its successor answers"
target cold_ms ours - at-most 200
target join_ms ours - at-most 50
target leave_ms ours - at-most 50
target silent_over_ms ours - at-most 100
for phase in join leave silent_over; do target ${phase}_unmoved_paused ours - at-most 0; done
target broker_permille idle - at-most 100
target commits_per_second commits - at-least 100000
target answered_ms failover - at-most 3000

one() { "$top/deploy/cluster" "$@" --dir "$dir/one"; }
one_pid() { cat "$dir/one/broker-1/pid"; }
prepare() {
    trap 'one down > /dev/null 2>&1; three_down' EXIT
    one up --brokers 1 --zookeepers 1 --port-base $group_port --build "$build" --set group.initial.rebalance.delay.ms=0 > "$dir/one.log" 2>&1 || { cat "$dir/one.log"; return 1; }
    served_by one "$dir/one"
    prefer "$(one_pid)"
    kairn topic create wide --partitions $partitions > /dev/null && kairn topic create narrow --partitions 10 > /dev/null || return 1
    # What makes __consumer_offsets does not count.
    "$group" commit "$KAIRN_BOOTSTRAP" narrow 10 1 > /dev/null || return 1
    [ -z "$have_kafka" ] || [ -z "$have_librdkafka" ] || {
        kafka_fresh $partitions
        "$rdkafka_group" commit $kafka_bootstrap "$kafka_topic" $partitions 3 > /dev/null
    }
}
run_ours() { measure ours - 1 $story "$group" rebalance "$KAIRN_BOOTSTRAP" wide $partitions $members 0; }
run_shared() { measure shared - 1 $story "$group" rebalance "$KAIRN_BOOTSTRAP" wide $partitions $members 1; }
run_librdkafka() { measure librdkafka - 1 $story "$rdkafka_group" rebalance $kafka_bootstrap "$kafka_topic" $partitions $members; }
run_idle() {
    first_to_count || return 0
    measure idle - 1 members,broker_permille "$group" idle "$KAIRN_BOOTSTRAP" narrow $idle_groups $idle_members 20 "$(one_pid)"
}
run_commits() { measure commits - 1 commits_per_second "$group" commit "$KAIRN_BOOTSTRAP" narrow 10 3; }
run_librdkafka_commits() { measure librdkafka-commits - 1 commits_per_second "$rdkafka_group" commit $kafka_bootstrap "$kafka_topic" $partitions 3; }
# A cluster of its own each time: all of the offsets have to be read by somebody who has not done so yet.
run_failover() {
    (
        three_up --set offsets.topic.num.partitions=1 --set min.insync.replicas=2
        kairn topic create wide --partitions $partitions > /dev/null && "$group" fill "$KAIRN_BOOTSTRAP" wide $partitions $offset_groups > /dev/null || fail "failover: the offsets are not committed"
        await_whole
        victim=$(zookeeper_probe get /brokers/topics/__consumer_offsets/partitions/0/state | sed -n 's/.*"leader":\([0-9]*\).*/\1/p')
        kill -KILL "$(three_pid "$victim")"
        measure failover - 1 answered_ms "$group" wait "$KAIRN_BOOTSTRAP" wide $partitions $offset_groups
    ) || return 1
    three_down
}
