#!/bin/bash
# kairn cluster doctor: a cluster that is well is called well; what is broken is named, and what it says to type
# mends it.
. "$(dirname "$0")/lib.sh"

cluster_up --brokers 3 --zookeepers 3 --set min.insync.replicas=2
# What depends on the machine that runs the test.
machine=()
for check in data-in-tmp descriptors dirty-limit dirty-background swappiness disk-full disk-low inodes-low zookeeper-slow; do machine+=(--skip $check); done
doctor() { kairn cluster doctor "${machine[@]}" "$@"; }
# Which checks found something, as "check:subject".
found() { doctor --json | python3 -c 'import json, sys; print(" ".join(f["check"] + ":" + f["subject"] for f in json.load(sys.stdin)["findings"]))'; }
finds() { [ "$(found)" = "$1" ]; }

kairn topic create orders --partitions 3 --replication-factor 3 > /dev/null || die "create"
await 20 doctor || die "a cluster that is well: $(doctor)"
expect_match "a summary" "$(doctor)" '^[0-9]+ checks: 0 errors, 0 warnings, 0 notes$'
expect_equal "as JSON" "$(doctor --json)" '{"sound":true,"findings":[]}'
expect_equal "nothing needs to be skipped for long" "$(kairn cluster doctor --json | grep -c '"findings"')" 1

# A topic that is gone with its broker; what it says to type is typed.
kairn topic create fragile --partitions 1 --replication-factor 1 > /dev/null || die "create"
expect_equal "one replica" "$(found)" "replicas-one:fragile"
expect_refusal "a warning is status 1" 1 'warning replicas-one: .* fragile' doctor
advice=$(doctor | sed -n 's/^ *do: //p')
expect_equal "what to type" "$advice" "kairn partition reassign fragile --replication-factor 3"
$advice > /dev/null || die "$advice"
await 20 doctor || die "the advice does not help: $(doctor)"

# Notes are told, and are no reason to fail.
kairn broker loglevel 2 debug > /dev/null || die "loglevel"
await 10 finds "log-level:2" || die "debug: $(found)"
expect_success "a note" doctor > /dev/null
expect_match "not skipped" "$(doctor)" 'kairn broker loglevel 2 info'
expect_equal "skipped" "$(doctor --skip log-level --json)" '{"sound":true,"findings":[]}'
kairn broker loglevel 2 --unset > /dev/null || die "unset"

# Settings that lose data, or stop writes.
kairn topic alter orders --config unclean.leader.election.enable=true --config min.insync.replicas=3 > /dev/null || die "alter"
await 10 finds "min-isr-all:orders unclean-election:--topic orders" || die "settings: $(found)"
kairn topic alter orders --unset unclean.leader.election.enable --unset min.insync.replicas > /dev/null || die "alter"
kairn config set --broker 3 message.max.bytes=2000000 > /dev/null || die "set"
await 10 finds "settings-differ:message.max.bytes" || die "settings that differ: $(found)"
kairn config set --broker 3 --unset message.max.bytes > /dev/null || die "set"
await 10 doctor || die "well again: $(doctor)"

# All of ZooKeeper goes: status sees it through the brokers.
expect_success "well" kairn cluster status > /dev/null
for n in 1 2 3; do "$top/deploy/zookeeper" stop $n --dir "$dir/zookeeper" > /dev/null || die "stop ZooKeeper"; done
without_zookeeper() { [[ $(kairn cluster status) =~ "no ZooKeeper server answers broker 1,2,3: nobody is elected, nothing is made or changed; see kairn cluster doctor" ]]; }
await 20 without_zookeeper || die "status: $(kairn cluster status)"
expect_refusal "which is not well" 1 '"healthy": *false.*"zookeeper_away": *\[1,2,3\]' kairn cluster status --json
expect_refusal "not now" 1 'REQUEST_TIMED_OUT.*it may be done all the same' kairn topic create late --timeout 1500
cluster up > /dev/null || die "start ZooKeeper"
kairn topic create late --if-not-exists > /dev/null && kairn topic delete late > /dev/null || die "a topic that came late"
await 20 kairn cluster status || die "well again: $(kairn cluster status)"
await 20 doctor || die "well again: $(doctor)"

# A ZooKeeper server and a broker go.
"$top/deploy/zookeeper" stop 1 --dir "$dir/zookeeper" > /dev/null || die "stop a ZooKeeper server"
server=${zookeeper%%,*}
finds "zookeeper-silent:$server" || die "a server is away: $(found)"
"$top/deploy/zookeeper" start 1 --dir "$dir/zookeeper" > /dev/null || die "start a ZooKeeper server"
cluster stop 3 > /dev/null || die "stop"
misses() { finds "partition-under-replicated:fragile partition-under-replicated:orders offsets-impossible:__consumer_offsets"; }
await 20 misses || die "a broker is away: $(found)"
cluster start 3 > /dev/null || die "start"
await 30 doctor || die "well again: $(doctor)"

expect_match "which checks there are" "$(kairn cluster doctor --list)" 'min-isr-all +warning +every replica'
expect_refusal "no such check" 2 "no check 'mood'" kairn cluster doctor --skip mood
expect_refusal "no cluster" 1 'try:' kairn cluster doctor --bootstrap 127.0.0.1:1 --timeout 1000
echo passed
