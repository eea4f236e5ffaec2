#!/bin/bash
# kairn log dump, verify, recover: beside a running broker, after a clean stop, after damage.
. "$(dirname "$0")/lib.sh"
cluster_up --brokers 1 --zookeepers 1

kairn topic create numbers --partitions 2 --config segment.bytes=100000 --config compression.type=zstd > /dev/null || die "create"
seq 20000 | kairn produce numbers --set batch.size=2000 2> /dev/null || die "produce"
data=$(dirname "$(find "$dir" -name numbers-0)")

# While the broker runs.
expect_match "verify beside a broker" "$(kairn log verify "$data")" 'a broker uses it.*partitions 2, .*records 20000, .*faults 0'
expect_refusal "recover beside a broker" 1 'in use by process' kairn log recover --dry-run "$data"
expect_refusal "recover without a word" 2 'dry-run' kairn log recover "$data"

# After a clean stop: nothing to do, and nothing is done.
cluster stop 1 > /dev/null || die "stop"
kairn log recover --dry-run "$data" > "$dir/dry" || die "dry run: $(cat "$dir/dry")"
expect_match "a clean start" "$(tail -n 1 "$dir/dry")" 'a start clean; partitions 2, that fail 0, .*segments cut 0 .*nothing was changed'
expect_match "verify" "$(kairn log verify --json "$data" | tail -n 1)" '"records":20000,.*"faults":0'
[ -e "$data/.kafka_cleanshutdown" ] || die "the dry run took the clean mark"

# A range, and values by type.
first=$(find "$data/numbers-0" -name '*.log' | sort | head -n 1)
expect_equal "a range" "$(kairn log dump --records --from 7 --to 9 --value string "$first" | grep -c '^  record')" 3
expect_match "by type" "$(kairn log dump --records --from 7 --to 7 --value json "$first")" 'record 7 .* value=[0-9]+ '
expect_refusal "no such type" 2 'string\|int32' kairn log dump --value text "$first"

# One byte.
printf '\377' | dd of="$first" bs=1 seek=300 conv=notrunc 2> /dev/null
expect_refusal "a flipped byte" 1 'FAULT .*position [0-9]+ offset [0-9]+: .*checksum' kairn log verify "$data/numbers-0"
kairn log verify "$data/numbers-1" > /dev/null || die "the other partition is sound"
expect_refusal "nothing of ours" 1 'neither a log directory' kairn log verify "$top/docs"
echo passed
