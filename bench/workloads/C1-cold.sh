# 1000-byte records of which none is in the page cache, to one consumer.
size=1000 records=2000000
. "$here/workloads/consume.sh"
variants=(limit ours ours limit)
note limit "the same segments read by dd, 1 MiB at a time"
target mb_per_second ours limit at-least 0.9

# Out of the page cache, and seen to be.
cool() {
    local file
    for file in $(segments); do
        sync "$file" && dd if="$file" iflag=nocache count=0 status=none || fail "$file stays in the cache"
        [ "$(fincore -b -n -o RES "$file")" -lt 10000000 ] || fail "$file stays in the cache"
    done
}
run_limit() {
    local started
    cool
    started=$(date +%s%N)
    cat $(segments) | dd of=/dev/null bs=1M iflag=fullblock status=none
    sample limit mb_per_second $((bytes * 1000 / ($(date +%s%N) - started)))
}
run_ours() {
    cool
    measure ours "$(broker_pid)" $bytes $consumed kairn perf consume bench --json
}
