# P1-1K with acknowledged meaning on disk.
size=1000 records=1000000 settings='--set acks=all' topic_settings=''
. "$here/workloads/produce.sh"
topic_settings='--config log.flush.on.ack=true' mode=produce-sync
variants=(limit ours ours-large ours-4 ours-1000 librdkafka ours limit)
yardstick limit mb_per_second
note limit "null broker with group commit, 1 MiB batches, 8 in flight"
note ours "acks all, log.flush.on.ack=true, otherwise defaults"
note ours-large "$ours_large_is"
note ours-4 "$ours_4_is"
note ours-1000 "the same, round robin over 1,000 partitions"
note librdkafka "$librdkafka_is"
target mb_per_second ours limit at-least 0.7
target mb_per_second ours librdkafka at-least 1
target mb_per_second ours-1000 ours at-least 0.5

run_ours_1000() {
    # shellcheck disable=SC2086
    fresh --partitions 1000 $topic_settings
    warm $((moved / 1000000 + 200))
    # shellcheck disable=SC2086
    measure ours-1000 "$(broker_pid)" $moved $produced kairn perf produce bench --records $records --warm-up $warm_up --size $size --json $settings --set partitioner=round-robin
    verify $((records + warm_up)) --threads 2
}
