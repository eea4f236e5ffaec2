# 1000-byte records, acks all, three replicas, 16 partitions in turn.
rounds_max=3 size=1000 records=1000000
. "$here/workloads/replicated.sh"
with_kafka=1
warm_up=64000
bytes=$((size * records)) moved=$((3 * size * (records + warm_up)))
variants=(limit ours librdkafka java ours limit)
yardstick limit mb_per_second
note limit "null cluster: leader append, two followers by sendfile, 1 MiB batches, 16 in flight"
note ours "defaults: acks all, idempotent, min.insync.replicas 2, no fsync"
note librdkafka "librdkafka to three of Kafka 3.9, acks all, linger 50 ms, batches of 1 MB, no fsync"
note java "Kafka 3.9's producer to the same, acks all, linger 5 ms, batches of 64 KiB, no fsync"
target mb_per_second ours limit at-least 0.5
target mb_per_second ours librdkafka at-least 1
target mb_per_second ours java at-least 1

run_limit() {
    warm $((moved / 1000000 + 200))
    measure limit - 1 mb_per_second,processor_us_per_mb "$null_cluster" produce "$dir" 16 1048576 16 $bytes
}
run_ours() {
    local before
    # shellcheck disable=SC2086
    fresh --partitions 16 $replicated
    await_whole
    warm $((moved / 1000000 + 200))
    before=$(processor_of_three)
    measure ours - 1 records_per_second,mb_per_second,processor_ns_per_record kairn perf produce bench --records $records --warm-up $warm_up --size $size --set partitioner=round-robin --json
    sample ours brokers_us_per_mb $((($(processor_of_three) - before) * 1000 / (size * (records + warm_up))))
    [ "$(field records "$(kairn perf consume bench --json)")" = $((records + warm_up)) ] || fail "what was produced does not come back"
}
run_librdkafka() {
    kafka_fresh 16x3
    warm $((moved / 1000000 + 200))
    measure librdkafka - 1 records_per_second,mb_per_second "$rdkafka" produce $kafka_bootstrap "$kafka_topic/16" $size $records $warm_up \
        acks=all linger.ms=50 batch.size=1000000 batch.num.messages=100000 queue.buffering.max.messages=2000000
}
run_java() {
    kafka_fresh 16x3
    warm $((moved / 1000000 + 200))
    measure java - 1 records_per_second,mb_per_second kafka run produce $kafka_bootstrap "$kafka_topic/16" $size $records $((2 * warm_up)) \
        acks=all linger.ms=5 batch.size=65536
}
