# consume.sh - what the workloads that consume share: $size and $records are theirs, and $limit_is where
# the limit is another one. The topics are written once and verified once; every round reads them.
bytes=$((size * records))
consumed=records_per_second,mb_per_second,ns_per_record,processor_ns_per_record

prepare() {
    fresh --partitions 1
    kairn perf produce bench --records $records --size $size > /dev/null || return 1
    verify $records
    ! possible java || {
        kafka_fresh 1
        if possible librdkafka; then "$rdkafka" produce $kafka_bootstrap "$kafka_topic" $size $records 0 acks=1 batch.size=16384 linger.ms=5 > /dev/null
        else kafka run produce $kafka_bootstrap "$kafka_topic" $size $records 0 acks=1 > /dev/null; fi || return 1
        ! possible librdkafka || kafka_verify $records
    }
}
run_limit() { measure limit - 1 mb_per_second,processor_us_per_mb "$null_broker" sendfile "$(segments | head -n 1)" $bytes; }
run_ours() { measure ours "$(broker_pid)" $bytes $consumed kairn perf consume bench --json; }
run_librdkafka() { measure librdkafka "$(kafka pid)" $bytes $consumed "$rdkafka" consume $kafka_bootstrap "$kafka_topic" $records queued.min.messages=1000000 queued.max.messages.kbytes=1048576; }
# It reads everything twice and counts the second time.
run_java() { measure java "$(kafka pid)" $((2 * bytes)) records_per_second,mb_per_second,ns_per_record kafka run consume $kafka_bootstrap "$kafka_topic" $records check.crcs=true; }

yardstick limit mb_per_second
note limit "${limit_is:-sendfile of the same segment, received and thrown away}"
note ours "defaults, checksums checked, every offset looked at"
note librdkafka "from Kafka 3.9, checksums checked, every offset looked at, batches of 16 KiB, a million queued"
note java "Kafka 3.9's consumer from Kafka 3.9, likewise"
