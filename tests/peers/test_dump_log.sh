#!/bin/bash
# Kafka's own dump-log reads every file that our brokers leave behind, and reads in it what we read.
#
# With KAIRN_QUICKSTART_DIR, the directory of a stopped deploy/quickstart is judged as well.
. "$(dirname "$0")/../integration/lib.sh"
peers=$top/tests/peers
dump_log() { "$peers/kafka" dump-log "$@"; }

# The header values that the produced records carry; Kafka prints only the keys.
headers=(source=peers empty= 'text=grüße, welt')

"$peers/kafka" fetch > "$dir/fetch.log" 2>&1 || { status=$?; cat "$dir/fetch.log"; exit $status; }
command -v java > /dev/null || { echo "Java (java) is not installed"; exit 77; }

# The sum of a number that `kairn log dump --summary` prints for each file.
total() { sed "s/.*$1=\\([0-9]*\\).*/\\1/" "$dir/ours" | awk '{ sum += $1 } END { print sum + 0 }'; }

# --- the two judges -------------------------------------------------------------------------------

# Segments: the same batches, records, offsets and hash by both, and nothing else to say.
judge_segments() { # files
    kairn log dump --summary "$@" > "$dir/named" 2> "$dir/complaints" || { cat "$dir/complaints"; echo "kairn log dump finds faults"; return 1; }
    grep -v '^file ' "$dir/named" > "$dir/ours"      # the names of files are ours alone
    dump_log --deep-iteration --print-data-log --files "$(comma_list "$@")" > "$dir/printed" 2> "$dir/complaints" ||
        { cat "$dir/complaints"; echo "dump-log fails"; return 1; }
    "$peers/summarise_dump" "${headers[@]}" < "$dir/printed" > "$dir/theirs" 2>> "$dir/complaints" &&
        [ ! -s "$dir/complaints" ] || { cat "$dir/complaints"; echo "dump-log finds faults"; return 1; }
    diff "$dir/ours" "$dir/theirs" || { echo "kairn (<) and Kafka (>) read different things"; return 1; }
}

# Indexes, to Kafka: every line that it prints is an entry or praise.
entry='(offset: [0-9]+ position: [0-9]+|timestamp: [0-9]+ offset: [0-9]+)'
accept_indexes() { # mode of dump-log or nothing, files
    dump_log $1 --files "$(comma_list "${@:2}")" > "$dir/printed" 2> "$dir/complaints" && [ ! -s "$dir/complaints" ] ||
        { cat "$dir/complaints"; echo "dump-log $1 fails"; return 1; }
    ! grep -vE "^(Dumping .*|$entry|.* is empty\.|.* passed sanity check\.)\$" "$dir/printed" ||
        { echo "dump-log $1 finds faults"; return 1; }
}

# Indexes, to both: no fault, and as many entries.
judge_indexes() { # files
    local mode
    kairn log dump --summary "$@" > "$dir/named" 2> "$dir/complaints" || { cat "$dir/complaints"; echo "kairn log dump finds faults"; return 1; }
    grep -v '^file ' "$dir/named" > "$dir/ours"      # the names of files are ours alone
    for mode in --index-sanity-check --verify-index-only ''; do accept_indexes "$mode" "$@" || return 1; done
    entries=$(grep -cE "^$entry\$" "$dir/printed")
    [ "$entries" -eq "$(total entries)" ] || { echo "Kafka reads $entries entries, kairn others"; return 1; }
}

# Everything below the brokers' data directories of a cluster.
judge_cluster() { # directory
    local segments indexes
    mapfile -t segments < <(find "$1"/broker-*/data -name '*.log' | LC_ALL=C sort)
    mapfile -t indexes < <(find "$1"/broker-*/data -name '*.index' -o -name '*.timeindex' | LC_ALL=C sort)
    [ ${#segments[@]} -gt 0 ] && [ ${#indexes[@]} -gt 0 ] || die "there is nothing in $1"
    judge_segments "${segments[@]}" || die "segments in $1"
    records=$(total records)
    judge_indexes "${indexes[@]}" || die "indexes in $1"
    echo "$1: ${#segments[@]} segments with $records records, ${#indexes[@]} indexes with $entries entries"
}

# --- files of every kind --------------------------------------------------------------------------

cluster_up --brokers 3 --zookeepers 1 --set log.segment.bytes=65536 --set log.index.interval.bytes=1024
sent=0
send() { # topic, count, options of kairn produce
    local topic=$1 count=$2; shift 2
    seq "$count" | awk -v s=$'\t' '{ printf "key %d%svalue %d of %s, naïve\n", $1 % 97, s, $1, "'"$topic"'" }' |
        kairn produce "$topic" --key-separator $'\t' --set batch.size=1500 "$@" 2> "$dir/send.log" || die "produce to $topic: $(cat "$dir/send.log")"
    sent=$((sent + count))
}
create() { kairn topic create "$@" > /dev/null || die "create $*"; }

create keyed --partitions 6
create headers --partitions 3
create appended --config message.timestamp.type=LogAppendTime
create empty
send keyed 20000
send headers 2000 "${headers[@]/#/--header=}"
send appended 1000
for codec in gzip snappy lz4 zstd; do
    create "$codec"
    send "$codec" 3000 --set compression.type=$codec
done
create unkeyed
seq 1000 | kairn produce unkeyed 2> /dev/null || die "produce without keys"
sent=$((sent + 1000))

# A broker dies and comes back: what it recovered and what it wrote since are as good.
cluster kill 2 || die "kill"
cluster start 2 || die "start"
await 20 kairn cluster status || die "broker 2's partitions did not come back"
send keyed 5000
cluster down || die "stop"

judge_cluster "$dir"
[ "$records" -ge $sent ] || die "$sent records were sent, $records are in the files"
[ "$entries" -gt 100 ] || die "too few index entries to mean anything: $entries"
[ -z "${KAIRN_QUICKSTART_DIR:-}" ] || judge_cluster "$KAIRN_QUICKSTART_DIR"

# --- the judges see damage ------------------------------------------------------------------------

# A copy of a segment and its indexes with one byte of one of them inverted.
damage() { # ending of the file, position
    local byte
    rm -rf "$dir/damaged"
    mkdir "$dir/damaged"
    cp "${victim%.log}".* "$dir/damaged"
    damaged=$dir/damaged/$(basename "${victim%.log}").$1
    byte=$(od -An -tu1 -j "$2" -N1 "$damaged")
    printf "\\x$(printf %02x $((byte ^ 0x15)))" | dd of="$damaged" bs=1 seek="$2" conv=notrunc status=none
    ! kairn log dump --summary "$damaged" > "$dir/ours" 2>&1 || die "kairn log dump misses byte $2 of a .$1"
}

victim=$(find "$dir"/broker-*/data/keyed-* -name '*.log' -size +32k | LC_ALL=C sort | head -n 1)
damage log $(($(stat -c %s "$victim") / 2))
expect_equal "the damaged file is named once" "$(grep -oF "$damaged" "$dir/ours" | wc -l)" 1
dump_log --deep-iteration --files "$damaged" > "$dir/printed" 2>&1
grep -q 'isvalid: false' "$dir/printed" || die "dump-log misses a flipped byte: the comparison proves nothing"
! judge_segments "$damaged" > /dev/null || die "the judge of segments misses a flipped byte"
for kind in index:6 timeindex:9; do
    damage ${kind%:*} ${kind#*:}
    ! accept_indexes '' "$damaged" > /dev/null || die "dump-log misses a flipped byte of a .${kind%:*}"
done
echo passed
