# P1-1K with acknowledged meaning on disk.
size=1000 records=1000000
. "$here/workloads/produce.sh"
topic_settings='--config log.flush.on.ack=true' mode=produce-sync
variants=(limit ours ours-large ours-4 ours-1000 limit-1000 librdkafka ours limit)
yardstick limit mb_per_second
note limit "null broker with group commit, 1 MiB batches, 8 in flight"
note ours "acks all, log.flush.on.ack=true, otherwise defaults"
note ours-large "$ours_large_is"
note ours-4 "$ours_4_is"
note ours-1000 "the same, round robin over 1,000 partitions"
note librdkafka "$librdkafka_is"
note limit-1000 "16 KiB to each of 1,000 files in turn, syncfs each 4 MiB, and nothing else (bench/limits)"
target mb_per_second ours limit at-least 0.7
target mb_per_second ours librdkafka at-least 1
target mb_per_second ours-1000 ours at-least 0.5

run_limit_1000() {
    warm 600
    measure limit-1000 - 1 sync-many "$limits" --json "$dir" sync-many
}
# Making a thousand logs, each of them durable, takes seconds: that belongs to the warm-up.
run_ours_1000() {
    local warm_up=$((6 * warm_up)) moved
    moved=$((size * (records + warm_up)))
    # shellcheck disable=SC2086
    fresh --partitions 1000 $topic_settings
    warm $((moved / 1000000 + 200))
    measure ours-1000 "$(broker_pid)" $moved $produced kairn perf produce bench --records $records --warm-up $warm_up --size $size --json --set partitioner=round-robin
    verify $((records + warm_up)) --threads 2
}
