# Restart with $gigabytes GB in 10 partitions: from starting the program to the first record that a
# consumer has, after a clean stop, after kill -9, and after kill -9 with all checkpoints lost, so that
# every byte is read, from the disk: what the page cache shows is not believed then. The rate of that is
# told without the time that a clean start takes.
rounds_max=3
bytes=$((gigabytes * 1000000000)) records=$((gigabytes * 1000000))
variants=(ours kafka)
note ours "$gigabytes GB in 10 partitions, 1000-byte records"
note limit "the same segments read from the disk, one after the other"
note kafka "Kafka 3.9, the same"
target clean_ms ours - at-most 300
target killed_ms ours - at-most 1000
target scan_mb_per_second ours limit at-least 0.7

prepare() {
    fresh --partitions 10
    kairn perf produce bench --records $records --size 1000 --set partitioner=round-robin > /dev/null || return 1
    verify $records
    written=$records
    ! possible kafka || {
        kafka_fresh 10
        kafka run fill $kafka_bootstrap "$kafka_topic" 1000 $records > /dev/null || return 1
    }
}
# since SERIES METRIC STARTED: the time since then, in $took_ns too.
since() { took_ns=$(($(date +%s%N) - $3)); sample "$1" "$2" $((took_ns / 1000000)); }
first_fetch() { kairn perf consume bench --records 1 > /dev/null; }
restart_ours() { # metric
    local started
    started=$(date +%s%N)
    cluster start 1 && first_fetch || fail "the broker does not come back"
    since ours "$1" "$started"
}
add() { # records
    kairn perf produce bench --records "$1" --size 1000 > /dev/null || fail "produce"
    written=$((written + $1))
}
run_ours() {
    local started clean_ns there
    cluster stop 1; restart_ours clean_ms
    clean_ns=$took_ns
    # What was written since the last checkpoint is the tail of an ordinary life.
    add 100000
    cluster kill 1; restart_ours killed_ms
    add 1000
    cluster kill 1
    find "$dir/broker-1/data" -maxdepth 1 \( -name '*checkpoint*' -o -name '.kafka_cleanshutdown' \) -delete
    cool "$dir"/broker-1/data/bench-*/*.log
    started=$(date +%s%N)
    cat "$dir"/broker-1/data/bench-*/*.log > /dev/null
    sample limit scan_mb_per_second $((bytes * 1000 / ($(date +%s%N) - started)))
    restart_ours scan_ms
    [ $took_ns -gt $clean_ns ] || fail "the scan took no time: nothing was read"
    sample ours scan_mb_per_second $((bytes * 1000 / (took_ns - clean_ns)))
    prefer "$(broker_pid)"
    there=$(field records "$(kairn perf consume bench --json)")
    [ "$there" = $written ] || fail "$written records were acknowledged, $there are there"
}
# Once is enough of what takes a minute and has no target.
run_kafka() {
    local started
    first_to_count || return 0
    kafka stop
    started=$(date +%s%N)
    kafka start; kafka wait; kafka run consume $kafka_bootstrap "$kafka_topic" 1 > /dev/null || return 1
    since kafka clean_ms "$started"
    kafka kill
    started=$(date +%s%N)
    kafka start; kafka wait; kafka run consume $kafka_bootstrap "$kafka_topic" 1 > /dev/null || return 1
    since kafka killed_ms "$started"
}
