#!/bin/bash
# Compacted topics of a real broker: every key keeps its last value, deletions go when they are due,
# offsets stay, a restart after a crash in between changes nothing.
. "$(dirname "$0")/lib.sh"
cluster_up --brokers 1 --zookeepers 1 --set log.cleaner.backoff.ms=200 --set log.flush.interval.ms=200
kairn topic create state --partitions 1 --config cleanup.policy=compact --config segment.bytes=20000 \
    --config delete.retention.ms=0 --config min.cleanable.dirty.ratio=0.1 > /dev/null || die "create"
kairn topic create kept --partitions 1 --config cleanup.policy=compact --config segment.bytes=20000 \
    --config min.compaction.lag.ms=3600000 > /dev/null || die "create"

# Twenty keys, two thousand values.
history() { for i in $(seq "$1" "$2"); do echo "key$((i % 20)):value $i"; done; }
history 1 2000 | kairn produce state --key-separator : 2> /dev/null || die "produce"
history 1 2000 | kairn produce kept --key-separator : 2> /dev/null || die "produce"
lines() { kairn consume "$1" --exit-at-end --format '%k:%v %o\n'; }
last() { awk -F: '{ v[$1] = $0 } END { for (k in v) print v[k] }' | sort; }
lines state | last > "$dir/before"
expect_equal "keys" "$(wc -l < "$dir/before")" 20
shrunk() { [ "$(lines state | wc -l)" -lt 600 ]; }
await 20 shrunk || die "the log was not compacted: $(lines state | wc -l) records"
lines state | last | cmp - "$dir/before" || die "a key lost its last value, or its offset"
grep -q 'event=log-compacted topic=state' "$dir/broker-1/log" || die "the log does not say so"
await 5 grep -q '^state 0 ' "$dir/broker-1/data/cleaner-offset-checkpoint" || die "no checkpoint"

# What it is like, and on request.
kairn topic describe state --verbose | grep -q 'up to [0-9]*: [0-9]* to [0-9]* bytes' || die "verbose: $(kairn topic describe state --verbose)"
kairn topic describe state --verbose --json | grep -q '"compaction":{"state":"idle"' || die "verbose, JSON: $(kairn topic describe state --verbose --json)"
kairn topic create now --partitions 2 --config cleanup.policy=compact --config min.cleanable.dirty.ratio=1 > /dev/null || die "create"
history 1 2000 | kairn produce now --key-separator : 2> /dev/null || die "produce"
expect_equal "asked" "$(kairn topic compact now)" "$(printf 'compacting now-0\ncompacting now-1')"
twenty() { [ "$(lines now | wc -l)" -eq 20 ]; }
await 20 twenty || die "not compacted on request: $(lines now | wc -l)"
kairn topic create plain --partitions 1 > /dev/null || die "create"
! kairn topic compact plain 2> "$dir/refused" || die "a topic that is not compacted"
grep -q INVALID_TOPIC_EXCEPTION "$dir/refused" || die "refused: $(cat "$dir/refused")"

# What is too young stays.
expect_equal "young" "$(lines kept | wc -l)" 2000

# Killed again and again while it goes on.
for round in 1 2 3 4; do
    history $((round * 2000 + 1)) $((round * 2000 + 2000)) | kairn produce state --key-separator : 2> /dev/null || die "produce"
    lines state | last > "$dir/before"
    sleep "0.$((RANDOM % 6))"           # a random moment of a compaction, not a time to wait for
    cluster kill 1
    cluster start 1 || die "start"
    await 20 kairn cluster status || die "not healthy after a crash"
    lines state | last | cmp - "$dir/before" || die "round $round: a key lost its last value, or its offset"
done
await 20 shrunk || die "the log was not compacted after the crashes"
lines state | last | cmp - "$dir/before" || die "after the crashes: a key lost its last value"
no_swap() { ! ls "$dir"/broker-1/data/state-0 | grep -q swap; }     # one may be under way
await 10 no_swap || die "a swap was left"
echo passed
