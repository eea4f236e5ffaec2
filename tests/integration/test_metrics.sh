#!/bin/bash
# What brokers count is what happened: records, turns of loops, replication; as a table, as one JSON document,
# and every second.
. "$(dirname "$0")/lib.sh"

cluster_up --brokers 3 --zookeepers 1
metric() { # broker, name, field
    kairn broker metrics "$1" --match "$2" --json | python3 -c "
import json, sys
print(json.load(sys.stdin)['metrics']['$2']['$3'])"
}
is() { [ "$(metric "$1" "$2" value)" = "$3" ]; }
sum() { local total=0 broker; for broker in 1 2 3; do total=$((total + $(metric $broker "$1" "${2:-value}"))); done; echo $total; }
sum_is() { [ "$(sum "$1")" = "$2" ]; }

kairn topic create orders --partitions 3 --replication-factor 3 > /dev/null || die "create"
seq 30000 | kairn produce orders 2> /dev/null || die "produce"

expect_match "a table" "$(kairn broker metrics 1)" 'NAME +VALUE +P50 +P99 +P99.9 +MAX +COUNTS'
expect_match "histograms have quantiles" "$(kairn broker metrics 1 --match loop_turn)" 'loop_turn_us +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+ +duration'
expect_equal "one document" "$(kairn broker metrics 1 --json | wc -l)" 1
expect_equal "records" "$(sum records_in_total)" 30000
await 10 sum_is partitions 3 || die "three partitions have a leader"
[ "$(metric 2 loop_turn_us count)" -gt 0 ] || die "loops turn"
[ "$(metric 2 loop_turn_us p50)" -le "$(metric 2 loop_turn_us max)" ] || die "half of the turns take at most as long as the longest"
expect_equal "one controller" "$(sum controller)" 1

# Every second: with what changed. A reader that goes away ends it.
watched=$(timeout 20 kairn broker metrics 1 --match requests_total --watch --json | head -n 2)
expect_equal "two looks" "$(wc -l <<< "$watched")" 2
expect_match "the second one has a rate" "$(tail -n 1 <<< "$watched")" '"per_second":'
expect_match "as a table" "$(timeout 20 kairn broker metrics 1 --match requests_total --watch | head -n 5)" 'NAME +VALUE +PER-SECOND'

# A follower goes: who leads tells how many records it lacks, and that partitions are not whole.
kairn topic create alone --partitions 1 > /dev/null || die "create: one replica"
kairn partition reassign alone:0 --to 3 --timeout 20000 > /dev/null || die "on broker 3"
expect_equal "replicas" "$(sum replicas)" 10
cluster stop 3 > /dev/null 2>&1
missing() { [ $(($(metric 1 "$1" value) + $(metric 2 "$1" value))) = "$2" ]; }
await 20 missing under_replicated_partitions 3 || die "three partitions lack a replica"
await 20 missing offline_partitions 1 || die "one has no leader, and one broker tells it"
expect_equal "all of minimum" "$(metric 1 under_min_isr_partitions value)" 0
seq 3000 | kairn produce orders --partition 0 2> /dev/null || die "produce"
lag() { local one two; one=$(metric 1 replica_lag_max_records value) two=$(metric 2 replica_lag_max_records value); [ "$one" -ge 3000 ] || [ "$two" -ge 3000 ]; }
await 10 lag || die "what is missing is told"
[ $(($(metric 1 isr_shrinks_total value) + $(metric 2 isr_shrinks_total value))) -ge 1 ] || die "sets that lost a member are counted"
cluster start 3 > /dev/null || die "start"
await 30 sum_is under_replicated_partitions 0 || die "whole again"
await 10 sum_is replica_lag_max_records 0 || die "nobody is behind"
await 10 sum_is offline_partitions 0 || die "all have a leader"
[ "$(metric 3 replication_bytes_in_total value)" -gt 0 ] || die "it has copied"
# The partition with one replica has its leader again. What else was chosen may have been counted by broker 3.
[ "$(sum leader_elections_total)" -ge 1 ] || die "the controller has chosen leaders"
expect_equal "none unclean" "$(sum unclean_leader_elections_total)" 0

# After a crash logs are checked: how many, and how much of them, is told, and that none is left.
cluster kill 3 && cluster start 3 > /dev/null || die "start after a crash"
await 30 kairn cluster status || die "not well after a crash: $(kairn cluster status)"
expect_equal "all is checked" "$(metric 3 recovery_logs_left value)" 0
[ "$(metric 3 recovery_found_bytes_total value)" -gt 0 ] || die "something had to be checked"
expect_equal "all of it was" "$(metric 3 recovery_checked_bytes_total value)" "$(metric 3 recovery_found_bytes_total value)"
expect_match "as JSON" "$(kairn cluster status --json)" '"recovering": ?\[\]'

expect_refusal "no number" 2 "no broker id" kairn broker metrics one
expect_refusal "nobody" 2 "" kairn broker metrics
expect_refusal "no such broker" 1 "BROKER_NOT_AVAILABLE" kairn broker metrics 77 --timeout 3000
