# 1000-byte records of which none is in the page cache, to one consumer.
size=1000 records=2000000
limit_is="the same segments read by dd, 1 MiB at a time"
. "$here/workloads/consume.sh"
variants=(limit ours ours limit)
target mb_per_second ours limit at-least 0.9

run_limit() {
    local started file
    cool $(segments)
    started=$(date +%s%N)
    for file in $(segments); do dd if="$file" of=/dev/null bs=1M status=none; done
    sample limit mb_per_second $((bytes * 1000 / ($(date +%s%N) - started)))
}
run_ours() {
    cool $(segments)
    measure ours "$(broker_pid)" $bytes $consumed kairn perf consume bench --json
}
