# How long a loop of the broker stands still while the kernel writes back: 1000-byte records at full speed, 4 GB
# more than the kernel lets lie before it begins.
rounds_max=3 size=1000
background_mb=$(awk '/^nr_dirty_background_threshold/ { printf "%.0f", $2 * 4096 / 1e6 }' /proc/vmstat)
records=$(((background_mb + 4000) * 1000))
variants=(ours)
note ours "defaults, one partition, $((background_mb + 4000)) MB; the kernel's write-back begins at $background_mb MB"
target turn_p999_us ours - at-most 5000

unwritten_mb() { awk '/^(Dirty|Writeback):/ { sum += $2 } END { printf "%.0f", sum * 1024 / 1e6 }' /proc/meminfo; }
# What the broker counts, it counts since its start.
run_ours() {
    local line
    fresh --partitions 1 --config file.delete.delay.ms=0
    cluster stop 1 && sync -f "$dir" && cluster start 1 || return 1
    prefer "$(broker_pid)"
    measure ours "$(broker_pid)" $((records * size)) mb_per_second kairn perf produce bench --records $records --size $size --json
    sample ours unwritten_mb "$(unwritten_mb)"
    line=$(kairn broker metrics 1 --match loop_turn_us --json) || fail "no metrics"
    sample ours turn_p999_us "$(field 'p99[.]9' "$line")"
    sample ours turn_max_us "$(field max "$line")"
    [ "$(field records "$(kairn perf consume bench --json)")" = $records ] || fail "what was produced does not come back"
}
