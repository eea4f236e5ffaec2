#!/bin/bash
# One log directory, written and served in turns by Kafka and by kairnd: after every change of hands,
# clean or with kill -9, each reads record for record what the other one's consumer printed.
#
# Both are broker 1 of the same ZooKeeper, so the topics are there already. What is compared is
# offset, leader epoch, timestamp and its type, key, value and headers of every record, for readers
# of committed and of all data.
. "$(dirname "$0")/../integration/lib.sh"
peers=$top/tests/peers
kafka=$peers/kafka

"$kafka" fetch > "$dir/fetch.log" 2>&1 || { status=$?; cat "$dir/fetch.log"; exit $status; }
command -v java > /dev/null || { echo "Java (java) is not installed"; exit 77; }

levels=(read_committed read_uncommitted)
theirs=(codec-none codec-gzip codec-snappy codec-lz4 codec-zstd appended shapes compacted compacted-txn txn)
ours=(ours-none ours-gzip ours-snappy ours-lz4 ours-zstd ours-appended)
began=$SECONDS
say() { echo "$((SECONDS - began)) s: $*"; }

# --- Kafka's broker -------------------------------------------------------------------------------

kafka_pid=
end_kafka() { [ -z "$kafka_pid" ] || kill -9 "$kafka_pid" 2> /dev/null; }
trap 'end_kafka; finish' EXIT

kafka_serves() { kill -0 "$kafka_pid" && grep -q 'KafkaServer id=1\] started' "$dir/kafka.log"; }
# Kafka does not start where features are finalised that it does not know.
kafka_start() {
    zk delete /feature > /dev/null 2>&1
    "$kafka" broker "$dir/kafka.properties" > "$dir/kafka.log" 2>&1 < /dev/null &
    kafka_pid=$!
    disown
    await 60 kafka_serves || { tail -n 30 "$dir/kafka.log"; die "Kafka does not start"; }
}
kafka_is_gone() { ! kill -0 "$kafka_pid"; }
unregistered() { ! zk get /brokers/ids/1 && ! zk get /controller; }
kafka_end() { # signal
    kill "-$1" "$kafka_pid"
    await 60 kafka_is_gone || die "Kafka does not stop"
    kafka_pid=
    await 30 unregistered || die "Kafka is still registered"
}
# It opens what kairnd left at a clean stop: without a complaint, and without reading it again.
kafka_is_content() {
    ! grep -E ' (WARN|ERROR) (kafka\.log|org\.apache\.kafka\.storage)|Recovering unflushed segment' "$dir/kafka.log" ||
        die "Kafka complains about our files"
}
peer() { "$kafka" run "$peers/KafkaPeer.java" "$@" > "$dir/peer.log" 2>&1 || { tail -n 30 "$dir/peer.log"; die "KafkaPeer $1"; }; }

# --- who reads what -------------------------------------------------------------------------------

read_with_kafka() { peer print "$bootstrap" "$dir/$1" "${@:2}"; } # name, topics
read_with_kairn() { # name, topics
    local level name=$1 topic; shift
    for level in "${levels[@]}"; do
        for topic in "$@"; do
            kairn consume "$topic" --exit-at-end --json --set isolation.level="$level" --set check.crcs=true ||
                die "kairn consume $topic"
        done | "$peers/describe_records" | LC_ALL=C sort > "$dir/$name.$level"
    done
}
same() { # what, name, name
    local level
    for level in "${levels[@]}"; do
        [ -s "$dir/$2.$level" ] || die "$1: nothing was read"
        cmp -s <(LC_ALL=C sort "$dir/$2.$level") <(LC_ALL=C sort "$dir/$3.$level") ||
            { diff <(LC_ALL=C sort "$dir/$2.$level") <(LC_ALL=C sort "$dir/$3.$level") | head -n 10; die "$1 ($level)"; }
    done
    say "$1: $(wc -l < "$dir/$2.read_committed") committed of $(wc -l < "$dir/$2.read_uncommitted") records"
}

# --- Kafka's dump-log on everything that kairnd wrote ---------------------------------------------

judge() { # what
    local files state
    mapfile -t files < <(find "$data" -name '*.log' -path '*/ours-*' -o \( -name '*.index' -o -name '*.timeindex' \) -path '*/ours-*' | LC_ALL=C sort)
    mapfile -t state < <(find "$data" -size +0 \( -name '*.snapshot' -o -name '*.txnindex' \) | LC_ALL=C sort)
    [ ${#files[@]} -gt 20 ] && [ ${#state[@]} -gt 20 ] || die "$1: there is too little to judge"
    "$kafka" dump-log --deep-iteration --files "$(comma_list "${files[@]}" "${state[@]}")" > "$dir/printed" 2> "$dir/complaints" &&
        [ ! -s "$dir/complaints" ] || { head -n 5 "$dir/complaints"; die "$1: dump-log fails"; }
    ! grep -E 'isvalid: false|Mismatches|Non-consecutive|Found timestamp mismatch|Found out of order|CORRUPT' "$dir/printed" || die "$1: dump-log finds faults"
    kairn log dump --json "${state[@]}" > "$dir/dumped" 2> "$dir/complaints" || { cat "$dir/complaints"; die "$1: kairn log dump finds faults"; }
    # Producers and aborted transactions: the same numbers.
    sed -nE 's/^producerId: ([0-9]+) producerEpoch: (-?[0-9]+) coordinatorEpoch: (-?[0-9]+) currentTxnFirstOffset: OptionalLong(\.empty|\[([0-9]+)\]) lastTimestamp: (-?[0-9]+) (firstSequence: -?[0-9]+ lastSequence: (-?[0-9]+) lastOffset: ([0-9]+) offsetDelta: ([0-9]+) .*)?$/producer \1 \2 \3 \5 \6 \8 \9/p
             s/^version: 0 producerId: ([0-9]+) firstOffset: ([0-9]+) lastOffset: ([0-9]+) lastStableOffset: ([0-9]+)$/aborted \1 \2 \3 \4/p' "$dir/printed" | LC_ALL=C sort > "$dir/numbers.kafka"
    sed -nE 's/"last_sequence":-1,"last_offset":-1/"last_sequence":,"last_offset":/
             s/^\{"producer":([0-9]+),"epoch":(-?[0-9]+),"last_sequence":(-?[0-9]*),"last_offset":([0-9]*),.*"timestamp":(-?[0-9]+),"coordinator_epoch":(-?[0-9]+),"transaction_first_offset":(-1|([0-9]+))\}$/producer \1 \2 \6 \8 \5 \3 \4/p
             s/^\{"producer":([0-9]+),"first":([0-9]+),"last":([0-9]+),"last_stable":([0-9]+)\}$/aborted \1 \2 \3 \4/p' "$dir/dumped" | LC_ALL=C sort > "$dir/numbers.kairn"
    [ "$(grep -c ^aborted "$dir/numbers.kairn")" -gt 5 ] && [ "$(grep -c ^producer "$dir/numbers.kairn")" -gt 20 ] || die "$1: too few producers"
    diff "$dir/numbers.kafka" "$dir/numbers.kairn" > "$dir/different" || { head -n 10 "$dir/different"; die "$1: kairn and Kafka read different producers"; }
    say "$1: ${#files[@]} files of segments, ${#state[@]} of producers judged"
}

# Kafka's cleaner has been over both topics, up to the segment that is written to: what is read from
# now on stays as it is.
cleaned() {
    local topic newest
    for topic in compacted compacted-txn; do
        newest=$(basename "$(printf '%s\n' "$data/$topic-0"/*.log | tail -n 1)" .log)
        [ "$newest" != 00000000000000000000 ] && grep -qx "$topic 0 $((10#$newest))" "$data/cleaner-offset-checkpoint" || return 1
    done
}

# --- kairnd's own topics --------------------------------------------------------------------------

create_ours() {
    local topic config
    for topic in "${ours[@]}"; do
        config=message.timestamp.type=CreateTime
        [ "$topic" != ours-appended ] || config=message.timestamp.type=LogAppendTime
        kairn topic create "$topic" --partitions 2 --config segment.bytes=30000 --config "$config" > /dev/null || die "create $topic"
    done
}
write_with_kairn() { # round
    local topic codec
    for topic in "${ours[@]}" codec-none codec-gzip codec-snappy codec-lz4 codec-zstd; do
        codec=${topic#*-}
        [ "$codec" != appended ] || codec=zstd
        seq "$1" 2 1500 | awk -v s=$'\t' '{ printf "key %d%svalue %d, naïve %d\n", $1 % 97, s, $1, $1 * $1 }' |
            kairn produce "$topic" --key-separator $'\t' --header 'text=grüße, welt' --header empty= \
                --set compression.type="$codec" --set batch.size=1500 2> "$dir/produce.log" ||
            { cat "$dir/produce.log"; die "produce to $topic"; }
    done
}

# --- turns ----------------------------------------------------------------------------------------

cluster_up --brokers 1 --zookeepers 1 --set log.cleaner.enable=false --set log.index.interval.bytes=1024
data=$dir/broker-1/data
cluster stop 1 || die "stop"
{
    cat "$dir/broker-1/server.properties"
    cat <<'CONFIG'
offsets.topic.replication.factor=1
offsets.topic.num.partitions=2
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
auto.create.topics.enable=false
controlled.shutdown.enable=false
zookeeper.session.timeout.ms=4000
log.cleaner.enable=true
log.cleaner.backoff.ms=100
log.cleaner.dedupe.buffer.size=2097152
num.network.threads=1
num.io.threads=2
background.threads=2
CONFIG
} > "$dir/kafka.properties"

kafka_start
say "Kafka serves"
peer fill "$bootstrap" 1
await 30 cleaned || die "Kafka's cleaner does not get there"
[ "$(ls "$data"/txn-*/*.txnindex | wc -l)" -gt 5 ] || die "too few aborted transactions to mean anything"
say "Kafka has written"
read_with_kafka kafka-1 "${theirs[@]}"
kafka_end TERM

cluster start 1 || die "kairnd does not open what Kafka left at a clean stop"
read_with_kairn kairn-1 "${theirs[@]}"
same "kairnd reads what Kafka wrote" kafka-1 kairn-1
create_ours
write_with_kairn 1
read_with_kairn kairn-2 "${theirs[@]}" "${ours[@]}"
cluster stop 1 || die "kairnd does not stop"
judge "after a clean stop"

# Files of ours that Kafka knows nothing of.
[ "$(ls "$data"/ours-*/*.kairn-producers | wc -l)" -gt 5 ] || die "too few of our own files beside the snapshots"
touch "$data/ours-none-0/kairn-gaps" "$data/ours-lz4-1/kairn-gaps"

kafka_start
kafka_is_content
read_with_kafka kafka-2 "${theirs[@]}" "${ours[@]}"
same "Kafka reads what kairnd left at a clean stop" kairn-2 kafka-2
peer fill "$bootstrap" 2
await 30 cleaned || die "Kafka's cleaner does not get there again"
read_with_kafka kafka-3 "${theirs[@]}" "${ours[@]}"
kafka_end KILL

cluster start 1 || die "kairnd does not open what Kafka left when it was killed"
read_with_kairn kairn-3 "${theirs[@]}" "${ours[@]}"
same "kairnd reads what Kafka left when it was killed" kafka-3 kairn-3
write_with_kairn 2
read_with_kairn kairn-4 "${theirs[@]}" "${ours[@]}"
cluster kill 1 || die "kill"
await 30 unregistered || die "kairnd is still registered"

kafka_start
read_with_kafka kafka-4 "${theirs[@]}" "${ours[@]}"
same "Kafka reads what kairnd left when it was killed" kairn-4 kafka-4
kafka_end TERM

# Once more ours, so that what it recovers and writes is judged as well.
cluster start 1 || die "kairnd does not open what Kafka left"
write_with_kairn 1
read_with_kairn kairn-5 "${theirs[@]}" "${ours[@]}"
cluster stop 1 || die "kairnd does not stop"
judge "at the end"
echo passed
