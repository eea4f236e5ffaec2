#!/bin/bash
# Retention and trimming on a real broker: old segments go and their files after them, what was
# trimmed stays gone through a kill, what nobody told it to forget stays.
. "$(dirname "$0")/lib.sh"
cluster_up --brokers 1 --zookeepers 1 --set log.retention.check.interval.ms=200 \
    --set log.segment.delete.delay.ms=500
kairn topic create short --partitions 1 --config retention.ms=1500 --config segment.bytes=20000 > /dev/null || die "create"
kairn topic create small --partitions 1 --config retention.bytes=40000 --config segment.bytes=20000 > /dev/null || die "create"
kairn topic create kept --partitions 2 --config retention.ms=-1 --config segment.bytes=20000 > /dev/null || die "create"

numbers() { seq -f 'record number %g, padded to be of some size ........................' "$1" "$2"; }
for topic in short small; do
    numbers 1 2000 | kairn produce "$topic" 2> /dev/null || die "produce"
done
numbers 1 1200 | kairn produce kept --partition 0 2> /dev/null || die "produce"
numbers 1 2000 | kairn produce kept --partition 1 2> /dev/null || die "produce"
numbers 1201 2000 | kairn produce kept --partition 0 2> /dev/null || die "produce"
lines() { kairn consume "$1" --exit-at-end "${@:2}" | wc -l; }
first() { kairn consume "$1" --partition "${2:-0}" --max 1 --format '%o\n'; }

# By time: all goes, the active segment too, and later the files.
empty() { [ "$(lines short)" -eq 0 ]; }
await 20 empty || die "old records stay: $(lines short)"
files_gone() { [ "$(ls "$dir"/broker-1/data/short-0/*.log* | wc -l)" -eq 1 ]; }
await 20 files_gone || die "files stay: $(ls "$dir"/broker-1/data/short-0)"
grep -q 'event=segment-deleted topic=short partition=0 .* reason=retention.ms' "$dir/broker-1/log" || die "the log does not say so"
numbers 2001 2001 | kairn produce short 2> /dev/null || die "produce"
expect_equal "offsets go on" "$(first short)" 2000

# By size: what stays is at least so much, and not a segment more.
shrunk() { [ "$(cat "$dir"/broker-1/data/small-0/*.log | wc -c)" -lt 60001 ]; }
await 20 shrunk || die "the log is still too large"
[ "$(cat "$dir"/broker-1/data/small-0/*.log | wc -c)" -ge 40000 ] || die "too much went"
expect_equal "the newest record" "$(kairn consume small --exit-at-end | tail -n 1)" "$(numbers 2000 2000)"

# Nothing of what is to be kept.
expect_equal "kept" "$(lines kept)" 4000

# Trimmed, to an offset, to a time, to the end; told for people and for programs.
expect_equal "trim" "$(kairn topic trim kept --partition 0 --before 500 | tr -s ' ' | tail -n 1 | sed 's/ $//')" "kept 0 500"
expect_equal "the first record" "$(first kept)" 500
expect_equal "lower" "$(kairn topic trim kept --partition 0 --before 7 --json)" '[{"topic":"kept","partition":0,"log_start":500}]'
expect_refusal "beyond the end" 1 'OFFSET_OUT_OF_RANGE' kairn topic trim kept --partition 0 --before 2001
expect_refusal "no partition" 1 'UNKNOWN_TOPIC_OR_PARTITION' kairn topic trim kept --partition 9 --before 1 --timeout 2000
expect_refusal "no offset" 2 '--before' kairn topic trim kept --partition 0 --before yesterday
time=$(kairn consume kept --partition 0 --from 1200 --max 1 --format '%T\n')
kairn topic trim kept --partition 0 --before "@$time" > /dev/null || die "trim by time"
expect_equal "by time" "$(first kept)" 1200
expect_equal "the other partition" "$(lines kept --partition 1)" 2000

# Promised is promised: killed at once, it still starts there; a clean restart changes nothing.
kairn topic trim kept --partition 0 --before 1333 > /dev/null || die "trim"
cluster kill 1
cluster start 1 || die "start"
await 20 kairn cluster status || die "not healthy after a crash"
expect_equal "after a kill" "$(first kept)" 1333
kairn topic trim kept --before end --json > "$dir/ends" || die "trim to the end"
expect_equal "all partitions" "$(cat "$dir/ends")" '[{"topic":"kept","partition":0,"log_start":2000},{"topic":"kept","partition":1,"log_start":2000}]'
cluster stop 1 && cluster start 1 || die "restart"
await 20 kairn cluster status || die "not healthy after a restart"
expect_equal "nothing comes back" "$(lines kept)" 0
numbers 1 1 | kairn produce kept --partition 0 2> /dev/null || die "produce"
expect_equal "offsets go on" "$(first kept)" 2000

# A topic that is only compacted keeps its records.
kairn topic create compacted --partitions 1 --config cleanup.policy=compact > /dev/null || die "create"
expect_refusal "compacted" 1 'POLICY_VIOLATION: .*cleanup.policy' kairn topic trim compacted --before end
echo passed
