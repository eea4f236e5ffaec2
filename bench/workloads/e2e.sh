# End to end at 1,000 records a second, acks all, three replicas: from when a record is due until the
# consumer has it.
rounds_max=3 rate=1000 seconds=11
. "$here/workloads/replicated.sh"
with_kafka=1
latencies=p50_us,p99_us,p999_us,max_us
variants=(limit ours librdkafka java ours)
note limit "null cluster's exchange: append, two followers that fetch and append, a reader of what both have"
note ours "100 bytes, one partition, defaults (acks all, adaptive linger)"
note librdkafka "librdkafka to three of Kafka 3.9, acks all, linger 0"
note java "Kafka 3.9's own clients, likewise"
target p99_us ours limit at-most 1.5
target p99_us ours librdkafka at-most 1
target p99_us ours java at-most 1

run_limit() { measure limit - 1 $latencies "$null_cluster" exchange "$dir" 100 $rate $seconds; }
run_ours() {
    # shellcheck disable=SC2086
    fresh --partitions 1 $replicated
    await_whole
    measure ours - 1 $latencies kairn perf latency bench --rate $rate --seconds $seconds --json
}
run_librdkafka() {
    kafka_fresh 1x3
    measure librdkafka - 1 $latencies "$rdkafka" latency $kafka_bootstrap "$kafka_topic" 100 $rate $seconds acks=all linger.ms=0
}
run_java() {
    kafka_fresh 1x3
    measure java - 1 $latencies kafka run latency $kafka_bootstrap "$kafka_topic" 100 $rate $seconds acks=all linger.ms=0
}
