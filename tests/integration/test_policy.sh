#!/bin/bash
# What an operator does not want is refused with the limit that forbids it: topics that are too large, have
# too few or too many copies or another name, whoever asks for them and however; groups do not suffer from it.
. "$(dirname "$0")/lib.sh"
cluster_up --brokers 3 --zookeepers 1 --set auto.create.topics.enable=true --set default.replication.factor=2 \
    --set create.topic.policy.max.partitions=4 --set create.topic.policy.min.replication.factor=2 \
    --set create.topic.policy.max.replication.factor=2 --set 'create.topic.policy.name.pattern=[a-z]+[.][a-z]+'

refused() { # what, pattern, arguments of kairn topic
    local what=$1 pattern=$2; shift 2
    expect_refusal "$what" 1 "POLICY_VIOLATION.*$pattern" kairn topic "$@"
}
refused "too many partitions" "max.partitions allows 4 partitions, not 5: ask for fewer, or have the option changed" \
    create team.orders --partitions 5
refused "too few copies" "min.replication.factor wants 2 replicas" create team.orders --replication-factor 1
refused "too many copies" "max.replication.factor allows 2 replicas" create team.orders --replication-factor 3
refused "another name" "does not match create.topic.policy.name.pattern .\[a-z\]" create orders
refused "the same without making it" "name.pattern" create orders --dry-run
expect_success "what is allowed" kairn topic create team.orders --partitions 3 > /dev/null
expect_success "may grow" kairn topic alter team.orders --partitions 4 > /dev/null
refused "but not beyond" "max.partitions allows 4 partitions, not 5" alter team.orders --partitions 5
expect_refusal "a topic that is there is there" 1 TOPIC_ALREADY_EXISTS kairn topic create team.orders

# Topics that are made because somebody names them.
expect_refusal "a name that nobody wants" 1 POLICY_VIOLATION \
    sh -c 'echo 1 | kairn produce orders --set delivery.timeout.ms=5000'
expect_success "a good name" sh -c 'echo 1 | kairn produce team.bills' > /dev/null
expect_equal "only these are there" "$(kairn topic list | awk 'NR > 1 { print $1 }' | sort | paste -sd' ')" \
    "team.bills team.orders"

# __consumer_offsets has more partitions, more copies and another name.
expect_equal "a group" "$(kairn consume team.bills --group readers --exit-at-end --set auto.offset.reset=earliest --format '%v\n')" 1
expect_match "its topic" "$(kairn topic list --internal)" __consumer_offsets

# A broker tells what it can not follow before it starts.
expect_refusal "no expression" 2 "create.topic.policy.name.pattern: missing closing parenthesis, at character 2" \
    kairnd --set zookeeper.connect=127.0.0.1:1 --set 'create.topic.policy.name.pattern=('
expect_refusal "no topic at all" 2 "no topic could be made" kairnd --set zookeeper.connect=127.0.0.1:1 \
    --set create.topic.policy.min.replication.factor=3 --set create.topic.policy.max.replication.factor=2
echo passed
