# latency.sh - what the workloads of latency share: $rate is theirs.
rounds_max=3
latencies=p50_us,p99_us,p999_us,max_us,achieved

run_limit() { measure limit - 1 round-trip "$limits" --json "$dir" round-trip; }
# The broker's processor time is of a record here: each is a request or nearly so.
run_ours() {
    local before
    fresh --partitions 1
    before=$(processor_ns "$(broker_pid)")
    measure ours - 1 $latencies,processor_ns_per_record kairn perf latency bench --rate $rate --seconds $seconds --json
    sample ours broker_ns_per_record $((($(processor_ns "$(broker_pid)") - before) / (rate * (seconds + 1))))
}
with_librdkafka() { # linger
    kafka_fresh 1
    measure "librdkafka-$1" - 1 $latencies,processor_ns_per_record "$rdkafka" latency $kafka_bootstrap "$kafka_topic" 100 $rate $seconds acks=all linger.ms="$1"
}
with_java() { # linger
    kafka_fresh 1
    measure "java-$1" - 1 $latencies kafka run latency $kafka_bootstrap "$kafka_topic" 100 $rate $seconds acks=all linger.ms="$1"
}
run_librdkafka_0() { with_librdkafka 0; }
run_librdkafka_5() { with_librdkafka 5; }
run_java_0() { with_java 0; }
run_java_5() { with_java 5; }

variants=(limit ours librdkafka-0 librdkafka-5 java-0 java-5 ours limit)
note limit "64 bytes there and back, blocking sockets, no broker"
note ours "100 bytes, one partition, defaults (acks all, adaptive linger)"
note librdkafka-0 "Kafka 3.9, acks all, linger 0; -5: linger 5 ms"
note java-0 "Kafka 3.9's own clients, likewise"
for peer in librdkafka-0 librdkafka-5 java-0 java-5; do
    target p50_us ours $peer at-most 1
    target p99_us ours $peer at-most 1
done
