# Ten thousand partitions on one broker: what writing to them in turn costs it beside bare appends of the same
# sizes to as many open files; what they need when nobody uses them; and how soon they serve after a clean stop.
rounds_max=3 partitions=10000
records=500000 large=15000 records_large=100000
variants=(ours limit ours-large limit-large storage idle)
declare -A batch_bytes moved_mb            # of the last time
note ours "1000-byte records round robin, defaults: a batch is what buffer.memory allows each partition"
note limit "appends as large as its batches were, to $partitions open files in turn (bench/limits)"
note ours-large "$large-byte records, so each is a batch"
note limit-large "appends as large"
note storage "bench/open: $partitions logs after a clean stop, nothing else"
note idle "the broker: from its start to the first record of a partition; what each partition adds to one without any"
target appending_us_per_mb ours limit at-most 1.3
target appending_us_per_mb ours-large limit-large at-most 1.3
target open_files ours - at-most 20000
target open_ms storage - at-most $((300 + partitions / 50))
target restart_ms idle - at-most $((300 + partitions / 50))
target bytes_per_partition idle - at-most 2048
target open_files idle - at-most 16

resident_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$(broker_pid)/status"; }
open_files() { find "/proc/$(broker_pid)/fd" -mindepth 1 | wc -l; }
per_partition() { echo $((($(resident_kb) - bare_kb) * 1024 / partitions)); }
produce() { # records, size, further options
    kairn perf produce bench --records "$1" --size "$2" --set partitioner=round-robin "${@:3}" || fail "produce"
    written=$((written + $1))
}
prepare() {
    kairn topic delete bench > /dev/null 2>&1
    cluster stop 1 && cluster start 1 || return 1
    prefer "$(broker_pid)"
    bare_kb=$(resident_kb) bare_files=$(open_files) written=0
    fresh --partitions $partitions --config file.delete.delay.ms=0
    mkdir "$dir/open" && "$build/bench/open" make "$dir/open" $partitions 1 clean
}

# Batches and bytes in some of the logs: written in turn, all are alike.
some=9
look_at_some() {
    local log
    batches=0 bytes=0
    for log in "$dir"/broker-1/data/bench-{1..9}77/*.log; do
        batches=$((batches + $(kairn log dump "$log" | grep -c '^batch ')))
        bytes=$((bytes + $(stat -c %s "$log")))
    done
}
# in_turn SERIES RECORDS SIZE: once to every partition, so that all files are open; then what counts.
# How large its batches were, and how much that was, is what the limit does.
in_turn() {
    local before spent line batches bytes batches_before bytes_before
    produce $((2 * partitions)) 100 > /dev/null
    warm $(($2 * $3 / 1000000 + 200))
    look_at_some
    batches_before=$batches bytes_before=$bytes
    before=$(processor_ns "$(broker_pid)")
    produce "$2" "$3" --json > "$dir/produced"
    spent=$(($(processor_ns "$(broker_pid)") - before))
    look_at_some
    batch_bytes[$1]=$(((bytes - bytes_before) / (batches - batches_before)))
    moved_mb[$1]=$(((bytes - bytes_before) * partitions / some / 1000000))
    samples_of "$1" "$(cat "$dir/produced")" mb_per_second
    sample "$1" appending_us_per_mb $((spent / 1000 / moved_mb[$1]))
    sample "$1" batch_bytes "${batch_bytes[$1]}"
    sample "$1" open_files "$(open_files)"
}
appends() { # series, that of which the sizes are
    warm $((moved_mb[$2] + 200))
    measure "$1" - 1 mb_per_second,appending_us_per_mb "$limits" --appends "$dir" "${batch_bytes[$2]}" $partitions "${moved_mb[$2]}"
}
run_ours() { in_turn ours $records 1000; }
run_ours_large() { in_turn ours-large $records_large $large; }
run_limit() { appends limit ours; }
run_limit_large() { appends limit-large ours-large; }
run_storage() {
    local line
    line=$("$build/bench/open" open "$dir/open" 2) || fail "bench/open"
    sample storage open_ms $((($(field list_us "$line") + $(field open_us "$line")) / 1000))
}
idle_again() { [ "$(open_files)" -le $((bare_files + 16)) ]; }
# After log.idle.close.ms without a request a log rests; that is seen once, it takes a minute.
rested() {
    local limit=$((SECONDS + 90))
    until idle_again; do [ $SECONDS -lt $limit ] || fail "logs do not rest"; sleep 0.5; done
    sample idle rested_bytes_per_partition "$(per_partition)"
}
run_idle() {
    local started
    ! first_to_count || rested
    cluster stop 1 || return 1
    started=$(date +%s%N)
    cluster start 1 && kairn consume bench --partition 177 --max 1 > /dev/null || return 1
    sample idle restart_ms $((($(date +%s%N) - started) / 1000000))
    sample idle bytes_per_partition "$(per_partition)"
    sample idle open_files $(($(open_files) - bare_files))
    prefer "$(broker_pid)"
}
finish() {
    local there
    there=$(field records "$(kairn perf consume bench --json)")
    [ "$there" = $written ] || fail "$written records were acknowledged, $there are there"
    kairn topic delete bench > /dev/null || return 1
    await_no_logs
}
