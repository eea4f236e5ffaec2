#!/bin/bash
# deploy/cluster as people use it: twice, from elsewhere, with odd paths; and programs that are
# started without a terminal, without standard descriptors, with wrong words.
. "$(dirname "$0")/lib.sh"

# A directory with a blank in its name, given relative and in more than one spelling.
home="$dir/a place"
mkdir -p "$home"
cd "$home" || die "cd"
take_ports
here() { "$top/deploy/cluster" "$@" --build "$build"; }
trap 'here down --dir "$home/run" > /dev/null 2>&1; finish' EXIT

for try in 1 2; do
    here up --dir ./run --brokers 1 --zookeepers 1 --port-base "$port_base" > "$dir/up.$try" 2>&1 &
done
wait
expect_equal "two at once" "$(cat "$dir/up.1" "$dir/up.2")" "$(printf '127.0.0.1:%s\n127.0.0.1:%s' "$port_base" "$port_base")"
before=$(here status --dir run) || die "it does not run: $before"
here up --dir "../a place/run" > /dev/null || die "up of what runs"
expect_equal "nothing was started again" "$(here status --dir "$home/run")" "$before"
expect_refusal "another layout" 1 'holds 1 brokers' here up --dir run --brokers 2
expect_refusal "other properties of what runs" 1 'down --dir' here up --dir run --set num.partitions=5
expect_refusal "no number" 2 'needs the number' here kill --dir run
expect_refusal "no cluster" 1 'up --dir' here status --dir nowhere

# What `env` prints can be evaluated.
eval "$(here env --dir run)"
expect_equal "bootstrap" "$KAIRN_BOOTSTRAP" "127.0.0.1:$port_base"
expect_equal "first on the path" "$(command -v kairn)" "$build/kairn"

# kairn without standard descriptors, and with words that are none.
kairn topic create greetings > /dev/null || die "create"
kairn produce greetings <&- 2> /dev/null || die "no standard input is an empty one"
expect_refusal "a word with a dash" 2 'unknown option -x' kairn topic create -x
expect_refusal "a mistyped option" 2 'did you mean --partitions' kairn topic create t --partition 3
expect_refusal "an unknown verb" 2 "no command 'creat'" kairn topic creat x
expect_match "help of a noun" "$(kairn topic --help)" 'topic create TOPIC'
expect_refusal "a setting twice" 1 'given twice' kairn topic create odd --config segment.bytes=1000000 --config segment.bytes=2000000
expect_refusal "nobody there" 1 'asked: 127.0.0.1:1 ' kairn topic list --bootstrap 127.0.0.1:1 --timeout 300
expect_refusal "nobody there to send to" 1 '1 records, 1 bytes, 1 failed' bash -c 'echo x | kairn produce greetings --bootstrap 127.0.0.1:1 --timeout 300'

# Other properties count from the next start. A broker with standard error closed keeps its log out
# of its data: that descriptor's number must not become a segment's.
here down --dir run || die "down"
expect_refusal "all of it is down" 1 'down' here status --dir run
here up --dir run --set num.partitions=5 --set log.level=error > /dev/null || die "up with properties, and a log that says little"
expect_match "the property" "$(kairn topic create five)" 'partitions 5'
here stop 1 --dir run || die "stop"
silent=$home/run/broker-1
kairnd --config "$silent/server.properties" < /dev/null > /dev/null 2>&- &
broker=$!
served() { [ "$(echo hello | kairn produce greetings --timeout 1000 2>&1 | grep -c ' 0 failed')" -eq 1 ]; }
await 20 served || die "it does not serve without standard error"
kill -TERM "$broker" && wait "$broker" || die "it did not stop in order"
for file in "$silent"/data/*/*.log; do
    kairn log dump "$file" > /dev/null || die "damaged: $file"
done

# What can not be marked as clean did not stop clean.
kairnd --config "$silent/server.properties" < /dev/null > /dev/null 2>&1 &
broker=$!
await 20 served || die "it does not serve again"
mkdir "$silent/data/.kafka_cleanshutdown.tmp"
kill -TERM "$broker"; wait "$broker"
expect_equal "a stop that can not be marked as clean" $? 3
rmdir "$silent/data/.kafka_cleanshutdown.tmp"

# What an `up` leaves that was interrupted before it started any broker.
half=$home/half/zookeeper
"$top/deploy/zookeeper" up --dir "$half" --port-base $((port_base + 10)) > /dev/null || die "ZooKeeper alone"
trap 'here down --dir "$home/run" > /dev/null 2>&1; "$top/deploy/zookeeper" down --dir "$half" > /dev/null 2>&1; finish' EXIT
here down --dir half || die "down of half a cluster"
expect_refusal "ZooKeeper is down, too" 1 'not serving' "$top/deploy/zookeeper" status --dir "$half"
echo passed
