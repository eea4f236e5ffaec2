# Compaction: how fast one thread of it is, in a process of its own; and what a broker that compacts all the
# time costs those who produce beside it.
rounds_max=3 rate=1000 seconds=11
records=56000000 keys=16000000 partitions=8
latencies=p50_us,p99_us,p999_us,max_us,achieved
variants=(one alone beside)
note one "400 MB of 100-byte values with a million keys, in 64 MB segments, in memory and then on disk"
note alone "100 bytes at $rate a second, from when a record is due until the consumer has it"
note beside "the same while the broker compacts $partitions partitions of 0.8 GB, one cleaner, unthrottled"
target mb_per_processor_second one - at-least 200
target p99_us beside alone at-most 2

run_one() {
    warm 1200
    measure one - 1 mb_per_second,mb_per_processor_second "$build/bench/compact" --json "$dir" 400 1000000
}
run_alone() {
    fresh --partitions 1
    sync -f "$dir"
    measure alone - 1 $latencies kairn perf latency bench --rate $rate --seconds $seconds --json
}
compacting() { kairn topic describe squeeze --verbose --json | grep -q '"state":"running"'; }
run_beside() {
    local line before
    fresh --partitions 1
    kairn topic create squeeze --partitions $partitions --config cleanup.policy=compact --config file.delete.delay.ms=0 > /dev/null || fail "create squeeze"
    kairn perf produce squeeze --records $records --size 100 --keys $keys > /dev/null || fail "produce"
    sync -f "$dir"
    kairn topic compact squeeze > /dev/null && compacting || fail "no compaction"
    before=$(processor_ns "$(broker_pid)")
    line=$(kairn perf latency bench --rate $rate --seconds $seconds --json) || rate_missed "$line" || fail "latency"
    # shellcheck disable=SC2086
    if compacting; then samples_of beside "$line" ${latencies//,/ }; else echo "    beside         it was compacted too soon"; fi
    sample beside broker_processors "$(awk -v ns=$(($(processor_ns "$(broker_pid)") - before)) -v s=$seconds 'BEGIN { printf "%.2f", ns / 1e9 / s }')"
    kairn topic delete squeeze > /dev/null || fail "delete squeeze"
}
