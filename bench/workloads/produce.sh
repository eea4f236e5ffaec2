# produce.sh - what the workloads that produce share: $size and $records are theirs.
warm_up=$((64000000 / size))
bytes=$((size * records)) moved=$((size * (records + warm_up)))
produced=records_per_second,mb_per_second,ns_per_record,processor_ns_per_record
mode=produce topic_settings=''          # of the null broker; of kairn topic create

run_limit() {
    warm $((bytes / 1000000 + 200))
    measure limit - 1 mb_per_second,processor_us_per_mb "$null_broker" $mode "$dir/null" 1048576 8 $bytes
}
ours_with() { # series, options of kairn perf produce
    # shellcheck disable=SC2086
    fresh --partitions 1 $topic_settings
    warm $((moved / 1000000 + 200))
    measure "$1" "$(broker_pid)" $moved $produced kairn perf produce bench --records $records --warm-up $warm_up --size $size --json "${@:2}"
}
run_ours() {
    ours_with ours
    verify $((records + warm_up))
}
# Fewer requests, and fewer answers to wait for.
run_ours_large() {
    ours_with ours-large --set max.request.size=3670016
    verify $((records + warm_up))
}
# Four numbered streams, so order is checked for each of them.
run_ours_4() {
    ours_with ours-4 --threads 4 --connections 4
    verify $((records + warm_up))
}
ours_large_is="the same with max.request.size=3670016"
ours_4_is="the same from four threads with a producer each"
run_librdkafka() {
    kafka_fresh 1
    warm $((moved / 1000000 + 200))
    measure librdkafka "$(kafka pid)" $moved $produced "$rdkafka" produce $kafka_bootstrap "$kafka_topic" $size $records $warm_up \
        acks=1 linger.ms=50 batch.size=1000000 batch.num.messages=100000 queue.buffering.max.messages=2000000
    kafka_verify $((records + warm_up))
}
librdkafka_is="librdkafka to Kafka 3.9, acks 1, linger 50 ms, batches of 1 MB, 2 million queued, no fsync"
# Java needs longer to be warm.
run_java() {
    local warm_up=$((2 * warm_up)) moved
    moved=$((size * (records + warm_up)))
    kafka_fresh 1
    warm $((moved / 1000000 + 200))
    measure java "$(kafka pid)" $moved records_per_second,mb_per_second,ns_per_record kafka run produce $kafka_bootstrap "$kafka_topic" $size $records $warm_up \
        acks=1 enable.idempotence=false linger.ms=5 batch.size=65536
    ! possible librdkafka || kafka_verify $((records + warm_up))
}
