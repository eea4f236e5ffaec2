#!/bin/bash
# Every codec from producer to disk to consumer; topics that choose the codec, bound timestamps and sizes.
. "$(dirname "$0")/lib.sh"
cluster_up --brokers 1 --zookeepers 1

seq 20000 | awk '{ print "a line that repeats itself " $1 % 91 }' > "$dir/sent"

# The codecs and the summary hash of what a topic's only partition holds.
segment() { find "$dir" -path "*/$1-0/*.log"; }
codecs() { kairn log dump "$(segment "$1")" | sed -n 's/^batch .* codec=\([a-z0-9]*\) .*/\1/p' | sort -u | tr '\n' ' '; }
bytes() { wc -c < "$(segment "$1")"; }
comes_back() { kairn consume "$1" --exit-at-end | cmp - "$dir/sent" || die "$1: what came back differs"; }

# The producer chooses.
for codec in none gzip snappy lz4 zstd; do
    kairn topic create "by-$codec" > /dev/null || die "create by-$codec"
    kairn produce "by-$codec" --set compression.type=$codec --set linger.ms=50 < "$dir/sent" 2> /dev/null || die "produce $codec"
    expect_match "codec on disk (a batch that would not get smaller is left alone)" "$(codecs "by-$codec")" "^(none )?$codec (none )?$"
    comes_back "by-$codec"
done
[ "$(bytes by-zstd)" -lt $(($(bytes by-none) / 4)) ] || die "zstd does not make it smaller"

# The topic chooses, whatever the producer says.
for codec in uncompressed none gzip snappy lz4 zstd; do
    kairn topic create "of-$codec" --config compression.type=$codec > /dev/null || die "create of-$codec"
    for own in none gzip zstd; do
        kairn produce "of-$codec" --set compression.type=$own < "$dir/sent" 2> /dev/null || die "produce $own to $codec"
    done
    expect_equal "codec of the topic on disk" "$(codecs "of-$codec")" "${codec/uncompressed/none} "
    expect_equal "records" "$(kairn consume "of-$codec" --exit-at-end | wc -l)" 60000
done

# Levels, of one large record: a batch of its own.
cat "$top"/docs/*.md | head -c 100000 | tr '\n' ' ' > "$dir/prose"
for level in 1 9; do
    kairn topic create "gzip-$level" > /dev/null || die "create gzip-$level"
    kairn produce "gzip-$level" --set compression.type=gzip --set compression.gzip.level=$level < "$dir/prose" 2> /dev/null || die "gzip $level"
    kairn consume "gzip-$level" --exit-at-end --format '%v' | cmp - "$dir/prose" || die "gzip $level: what came back differs"
done
[ "$(bytes gzip-9)" -lt "$(bytes gzip-1)" ] || die "gzip's level makes no difference"
expect_refusal "no such level" 2 'compression.gzip.level' kairn produce by-gzip --set compression.gzip.level=0
expect_refusal "no such codec" 1 'compression.type' kairn topic create bad --config compression.type=brotli

# Timestamps (out of bounds: tests/server/api/test_recompress.c).
kairn topic create strict --config message.timestamp.before.max.ms=3600000 --config message.timestamp.after.max.ms=3600000 > /dev/null || die "create strict"
echo now | kairn produce strict 2> /dev/null || die "a timestamp within the bounds"
kairn topic create stamped --config message.timestamp.type=LogAppendTime > /dev/null || die "create stamped"
kairn produce stamped --set compression.type=lz4 < "$dir/sent" 2> /dev/null || die "append time"
expect_match "whose time" "$(kairn consume stamped --max 1 --json)" '"timestamp_type":"append"'
comes_back stamped

# Sizes: the limit is told, and what to do.
kairn topic create small --config max.message.bytes=2000 > /dev/null || die "create small"
head -c 3000 /dev/urandom | base64 -w 0 > "$dir/large"
expect_refusal "too large" 1 'MESSAGE_TOO_LARGE.* is 2000: .*batch.size' bash -c "kairn produce small < '$dir/large'"
head -c 1000 /dev/zero | tr '\0' x | kairn produce small 2> /dev/null || die "a record within the limit"

# What Kafka's configurations may say without effect.
kairn topic create old --config message.format.version=2.8 --config message.downconversion.enable=false > /dev/null || die "old settings"
echo passed
