#!/bin/bash
# A partition's log goes from one log directory to the other and back while it is written to and read:
# nothing is lost, nothing is there twice, nobody sees an error. What is refused changes nothing. A kill -9
# in the middle of it leaves one whole log.
. "$(dirname "$0")/lib.sh"

cluster_up --brokers 1 --zookeepers 1 --set "log.dirs=$dir/broker-1/a,$dir/broker-1/b" --set log.segment.delete.delay.ms=100
a=$dir/broker-1/a b=$dir/broker-1/b
kairn topic create orders --partitions 1 --config segment.bytes=1000000 --config log.flush.on.ack=true > /dev/null || die "create"
seq 300000 | kairn produce orders 2> /dev/null || die "produce"
values() { kairn consume orders --exit-at-end --format '%v\n' --timeout 20000; }
if [ -d "$a/orders-0" ]; then here=$a there=$b; else here=$b there=$a; fi
move() { kairn partition move orders --partition 0 --dir "$1" --timeout 60000; }
only_in() { # directory, other
    [ -d "$1/orders-0" ] || die "the log must be in $1"
    [ ! -e "$2/orders-0" ] || die "the log must not be in $2"
    [ -z "$(ls "$1" "$2" | grep -- '-future$')" ] || die "a copy was left"
}

expect_refusal "an unknown directory" 1 LOG_DIR_NOT_FOUND move "$dir/nowhere"
expect_refusal "where it is" 1 EXISTS move "$here"
expect_refusal "no partition" 2 needed kairn partition move orders --dir "$there"
expect_refusal "no such partition" 1 UNKNOWN_TOPIC_OR_PARTITION kairn partition move orders --partition 7 --dir "$there"
only_in "$here" "$there"

# Under load, forth and back.
kairn consume orders --max 900000 --format '%v\n' --timeout 60000 > "$dir/read" 2> "$dir/read.err" & reader=$!
(for part in 3 4 5 6 7 8; do
    seq $(((part * 100000) + 1)) $(((part + 1) * 100000)) | kairn produce orders 2> /dev/null || exit 1
done) & writer=$!
expect_equal "moved" "$(move "$there")" "moved orders-0 to $there"
only_in "$there" "$here"
expect_match "moved back" "$(kairn partition move orders --partition 0 --dir "$here" --json)" '"directory":'
only_in "$here" "$there"
move "$there" > /dev/null || die "a third move"
wait $writer || die "the writer saw an error"
wait $reader || die "the reader saw an error: $(cat "$dir/read.err")"
seq 900000 | cmp - "$dir/read" || die "a reader across the moves"
values | cmp - <(seq 900000) || die "all of it, once"
expect_match "describe tells where" "$(kairn topic describe orders --verbose)" "$there"

# It stays there.
cluster stop 1 > /dev/null 2>&1; cluster start 1 > /dev/null || die "restart"
only_in "$there" "$here"
values | cmp - <(seq 900000) || die "after a restart"

# The process ends in the middle, a little later each time: stopped, or killed.
for delay in 0 0.005 0.01 0.02 0.04 0.08 0 0.005 0.01 0.02 0.04 0.08; do
    stopped=$((1 - ${stopped:-1}))
    if [ -d "$a/orders-0" ]; then to=$b; else to=$a; fi
    kairn partition move orders --partition 0 --dir "$to" --timeout 4000 > /dev/null 2>&1 & mover=$!
    sleep $delay                        # a moment of the move, not a time to wait for
    if [ $stopped = 1 ]; then cluster stop 1 > /dev/null 2>&1; else kill -9 "$(broker_pid 1)"; fi
    wait $mover
    cluster start 1 > /dev/null || die "start after the end of the process"
    values | cmp - <(seq 900000) || die "after the end of the process in a move ($delay, $stopped)"
    if [ -d "$a/orders-0" ]; then only_in "$a" "$b"; else only_in "$b" "$a"; fi
done

# A topic that is deleted on the way is gone from both.
if [ -d "$a/orders-0" ]; then to=$b; else to=$a; fi
kairn partition move orders --partition 0 --dir "$to" --timeout 4000 > /dev/null 2>&1 & mover=$!
kairn topic delete orders > /dev/null || die "delete"
wait $mover
gone() { [ -z "$(ls "$a" "$b" | grep orders)" ]; }
await 10 gone || die "a deleted topic has left: $(ls "$a" "$b" | grep orders)"
