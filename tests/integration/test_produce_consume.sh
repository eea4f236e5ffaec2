#!/bin/bash
# Records go in by kairn produce and come out by kairn consume, the same and in order.
. "$(dirname "$0")/lib.sh"
cluster_up --brokers 3 --zookeepers 1

# A topic, as asked for.
expect_match "create" "$(kairn topic create orders --partitions 6 --replication-factor 1)" '^created topic orders: partitions 6, replication factor 1$'
expect_match "list" "$(kairn topic list)" 'orders +6 +1'
expect_match "describe" "$(kairn topic describe orders)" 'PARTITION +LEADER +EPOCH +REPLICAS'
expect_equal "leaders are spread" "$(kairn topic describe orders --json | grep -o '"leader":[0-9]*' | sort | uniq -c | awk '{print $1}' | tr '\n' ' ')" "2 2 2 "
expect_refusal "a second time" 1 TOPIC_ALREADY_EXISTS kairn topic create orders
expect_refusal "replication" 1 INVALID_REPLICATION_FACTOR kairn topic create copies --replication-factor 4
expect_refusal "a bad name" 1 INVALID_TOPIC_EXCEPTION kairn topic create 'no/slash'
expect_refusal "no partitions" 2 'whole number' kairn topic create none --partitions 0
expect_refusal "unknown topic" 1 UNKNOWN_TOPIC_OR_PARTITION kairn topic describe nothing
expect_refusal "unknown setting" 1 INVALID_CONFIG kairn topic create odd --config retention.mss=1

# Keyed records: everything comes back, every key in order, in the partition that Java would choose.
seq 50000 | awk '{ print "key" $1 % 997 "\tvalue " $1 }' > "$dir/sent"
summary=$(kairn produce orders --key-separator $'\t' < "$dir/sent" 2>&1) || die "produce: $summary"
expect_match "summary" "$summary" '^50000 records, [0-9]+ bytes, 0 failed, [0-9.]+ seconds$'
kairn consume orders --exit-at-end --format '%k\t%v\n' > "$dir/received" || die "consume failed"
LC_ALL=C sort -s -t $'\t' -k1,1 "$dir/sent" > "$dir/sent.sorted"
LC_ALL=C sort -s -t $'\t' -k1,1 "$dir/received" | cmp - "$dir/sent.sorted" || die "what came back differs"
printf 'kafka\tx\nabc\tx\nfoobar\tx\n' > "$dir/golden"
kairn topic create twelve --partitions 12 > /dev/null
kairn produce twelve --key-separator $'\t' --partitioner hash < "$dir/golden" 2> /dev/null
expect_equal "Java's partitions" "$(kairn consume twelve --exit-at-end --format '%k=%p\n' | sort | tr '\n' ' ')" "abc=3 foobar=6 kafka=4 "

# Round robin counts record by record; an explicit partition is obeyed; headers and JSON.
kairn topic create spread --partitions 3 > /dev/null
seq 100 | kairn produce spread --partitioner round-robin 2> /dev/null || die "round robin"
counts=$(kairn consume spread --exit-at-end --format '%p\n' | sort | uniq -c | awk '{print $1}' | sort -n | tr '\n' ' ')
expect_equal "round robin" "$counts" "33 33 34 "
kairn topic create one > /dev/null
printf 'France\n' | kairn produce one --partition 0 --header source=test --header empty= 2> /dev/null || die "headers"
expect_equal "headers" "$(kairn consume one --exit-at-end --format '%t %p %o %v %h\n')" "one 0 0 France source=test,empty="
json=$(kairn consume one --exit-at-end --json)
expect_match "json" "$json" '^\{"topic":"one","partition":0,"offset":0,"timestamp":[0-9]+,"timestamp_type":"create","key":null,"value":"France","headers":\[\{"key":"source","value":"test"\}'
expect_refusal "beyond the last partition" 1 UNKNOWN_TOPIC bash -c 'echo x | kairn produce one --partition 7'
expect_refusal "acks" 2 acks kairn produce one --acks 2
for acks in 0 1 all; do echo "acks $acks" | kairn produce one --acks $acks 2> /dev/null || die "acks $acks"; done
count_is() { [ "$(kairn consume one --exit-at-end | wc -l)" -eq "$1" ]; }
await 10 count_is 4 || die "with every acks the record is stored"

# Where to start.
expect_equal "an offset" "$(kairn consume one --from 2 --exit-at-end --format '%o ')" "2 3 "
expect_equal "the end" "$(kairn consume one --from end --exit-at-end)" ""
expect_equal "a maximum" "$(kairn consume one --max 2 --format '%o ')" "0 1 "
second=$(kairn consume one --from 1 --max 1 --format '%T')
expect_match "a time" "$(kairn consume one --from "@$second" --exit-at-end --format '%o ')" '^1 '
expect_refusal "nonsense" 2 -- kairn consume one --from yesterday

# A consumer at the end sees what comes.
kairn consume one --from end --max 1 > "$dir/tail" &
reader=$!
until [ -s "$dir/tail" ] || ! kill -0 $reader 2> /dev/null; do echo new | kairn produce one 2> /dev/null; done
wait $reader
expect_equal "the tail" "$(cat "$dir/tail")" "new"

# Who reads the output may go: that is an end, also when there is nothing more to print.
kairn consume one > >(head -n 1 > /dev/null) & reader=$!
await 10 bash -c "! kill -0 $reader" || die "it goes on for nobody"

# Deleted is gone; made again, it is another topic and empty.
expect_equal "delete" "$(kairn topic delete orders)" "deleted topic orders"
expect_refusal "deleted" 1 UNKNOWN_TOPIC_OR_PARTITION kairn topic describe orders
kairn topic create orders --partitions 1 > /dev/null || die "create again"
expect_equal "empty" "$(kairn consume orders --exit-at-end)" ""

# An interrupt ends the input, and what was read is sent.
printf 'one\n' > "$dir/one"; printf 'two\n' > "$dir/two"; printf 'three\n' > "$dir/three"
reads_on() { # file; the process $producing, in the background, has read it
    kairn produce "${@:2}" < "$1" > /dev/null 2> "$dir/said" & producing=$!
    await 20 grep -q "^pos:[[:space:]]*$(stat -c %s "$1")\$" "/proc/$producing/fdinfo/0" || die "it does not read: $(cat "$dir/said")"
}
ends() { # what, pattern; with exit status 1
    local got
    wait "$producing"; got=$?
    [ $got -eq 1 ] || die "$1: exit status $got: $(cat "$dir/said")"
    expect_match "$1" "$(cat "$dir/said")" "$2"
}
kairn topic create interrupts > /dev/null || die "create interrupts"
mkfifo "$dir/typed"
kairn produce interrupts < "$dir/typed" 2> "$dir/said" & producing=$!
exec 9> "$dir/typed"; echo typed >&9
await 20 bash -c '[ "$(kairn consume interrupts --exit-at-end)" = typed ]' || die "what is typed is sent: $(cat "$dir/said")"
kill -TERM $producing
ends "an interrupt" 'interrupted after line 1.*1 records, 5 bytes, 0 failed'
exec 9>&-

# What nobody acknowledges has a while, which another interrupt ends: it is counted as failed.
expect_said() { await 20 grep -q "$1" "$dir/said" || die "$1: $(cat "$dir/said")"; }
leader=$(leader interrupts)
kill -STOP "$(broker_pid "$leader")"
others=$(for n in 1 2 3; do [ $n -eq "$leader" ] || echo "127.0.0.1:$((port_base + n - 1))"; done | paste -sd,)
reads_on "$dir/two" interrupts --bootstrap "$others"
kill -TERM $producing
expect_said '10 seconds to be acknowledged'
kill -TERM $producing
ends "a second interrupt" 'given up: 1 records that were not acknowledged.*1 records, 3 bytes, 1 failed'
reads_on "$dir/three" interrupts --bootstrap "$others"
kill -INT $producing; from=$SECONDS
ends "the while is over" 'given up: 1 records.*1 records, 5 bytes, 1 failed'
[ $((SECONDS - from)) -lt 60 ] || die "it goes on for $((SECONDS - from)) s"
kill -CONT "$(broker_pid "$leader")"
await 60 bash -c 'kairn cluster status | grep -qE "brokers +3"' || die "broker $leader does not come back"
reads_on "$dir/one" interrupts --bootstrap 127.0.0.1:1 --timeout 600000
kill -TERM $producing
expect_said '10 seconds to be acknowledged'
kill -TERM $producing
ends "no cluster to be found" '1 records, 3 bytes, 1 failed'

# The cluster at a glance.
expect_match "status" "$(kairn cluster status)" 'brokers +3'
expect_match "brokers" "$(kairn broker list)" 'BROKER +HOST +PORT'
expect_equal "brokers, JSON" "$(kairn broker list --json | grep -o '"broker":[0-9]*' | tr '\n' ' ')" '"broker":1 "broker":2 "broker":3 '
expect_refusal "no cluster" 1 '.' kairn topic list --bootstrap 127.0.0.1:1 --timeout 500
expect_refusal "unknown property" 2 'linger.ms' kairn topic list --set lingerms=3
expect_refusal "a producer's property" 2 'linger.ms' kairn consume orders --set linger.ms=1
echo passed
