#!/bin/bash
# What zkCli shows is what Kafka 3.x would have written, and the controller's chair moves fast.
. "$(dirname "$0")/lib.sh"
cluster_up --brokers 3 --zookeepers 3
kairn topic create orders --partitions 2 --config max.message.bytes=1000000 > /dev/null || die "create"

expect_equal "ids" "$(zk ls /brokers/ids | sort | tr '\n' ' ')" "1 2 3 "
expect_match "registration" "$(zk get /brokers/ids/1)" "^\{\"features\":\{\"replication\.version\":\{\"min_version\":1,\"max_version\":3\},\"coordination\.version\":\{\"min_version\":1,\"max_version\":2\}\},\"listener_security_protocol_map\":\{\"PLAINTEXT\":\"PLAINTEXT\"\},\"endpoints\":\[\"PLAINTEXT://127\.0\.0\.1:$port_base\"\],\"jmx_port\":-1,\"port\":$port_base,\"host\":\"127\.0\.0\.1\",\"version\":5,\"timestamp\":\"[0-9]+\"\}$"
expect_equal "incarnations" "$(zk ls /brokers/inc | sed 's/-.*//' | sort | tr '\n' ' ')" "1 2 3 "
expect_match "controller" "$(zk get /controller)" '^\{"version":2,"brokerid":[123],"timestamp":"[0-9]+","kraftControllerEpoch":-1\}$'
expect_equal "feature levels" "$(zk get /feature)" '{"version":2,"status":1,"features":{"replication.version":{"max_version_level":3},"coordination.version":{"max_version_level":2}}}'
expect_equal "epoch" "$(zk get /controller_epoch)" "1"
expect_match "topic" "$(zk get /brokers/topics/orders)" '^\{"partitions":\{"0":\[[123]\],"1":\[[123]\]\},"topic_id":"[A-Za-z0-9_-]{22}","adding_replicas":\{\},"removing_replicas":\{\},"version":3\}$'
expect_match "state" "$(zk get /brokers/topics/orders/partitions/0/state)" '^\{"controller_epoch":1,"leader":[123],"version":1,"leader_epoch":0,"isr":\[[123]\]\}$'
expect_equal "configuration" "$(zk get /config/topics/orders)" '{"version":1,"config":{"max.message.bytes":"1000000"}}'
expect_match "cluster id" "$(zk get /cluster/id)" '^\{"version":"1","id":"[A-Za-z0-9_-]{22}"\}$'

# A delete request by hand is carried out, as with Kafka's tools.
zk create /admin/delete_topics/orders '' || die "delete request"
gone() { ! zk get /brokers/topics/orders && ! zk get /admin/delete_topics/orders; }
await 10 gone || die "the topic was not deleted"

# Ten controllers are killed; the guardian frees the chair long before the session's 18 s are over.
times=()
for round in $(seq 10); do
    before=$(zk get /controller_epoch)
    victim=$(controller)
    set -- $(zk failover "$(broker_pid "$victim")") || die "failover"
    times+=("$1")
    expect_equal "the epoch grows" "$4" "$((before + 1))"
    [ "$2" != "$3" ] || [ "$2" = "$victim" ] || die "the chair did not move: $*"
    cluster start "$victim" || die "restart"
done
median=$(printf '%s\n' "${times[@]}" | sort -n | sed -n 5p)
echo "controller failover, ms: ${times[*]}; median $median"
awk -v m="$median" 'BEGIN { exit !(m < 100) }' || die "median of ten failovers is $median ms"
echo passed
