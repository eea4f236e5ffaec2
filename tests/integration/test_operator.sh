#!/bin/bash
# What people who look after a cluster do by hand: settings with units, what would be made, offsets and
# directories at a glance, records from files, completed words.
. "$(dirname "$0")/lib.sh"
cluster_up --brokers 1 --zookeepers 1 --set log.segment.delete.delay.ms=1s

# --- times and sizes for people -----------------------------------------------------------------------

stored() { zk get "/config/topics/$1" | grep -o "\"$2\":\"[^\"]*\""; }
kairn topic create orders --partitions 3 --config retention.ms=36h --config segment.bytes=1MiB > /dev/null || die "create"
expect_equal "stored when it is made" "$(stored orders retention.ms)" '"retention.ms":"129600000"'
expect_equal "stored when it is made" "$(stored orders segment.bytes)" '"segment.bytes":"1048576"'
kairn topic alter orders --config retention.ms=14d --config max.compaction.lag.ms=forever > /dev/null || die "alter"
expect_equal "stored when it is altered" "$(stored orders retention.ms)" '"retention.ms":"1209600000"'
expect_equal "no end" "$(stored orders max.compaction.lag.ms)" '"max.compaction.lag.ms":"9223372036854775807"'
kairn config set --topic orders retention.ms=forever > /dev/null || die "set"
expect_equal "no end, where -1 says so" "$(stored orders retention.ms)" '"retention.ms":"-1"'
kairn config set --topic orders retention.ms=14d > /dev/null || die "set"
kairn config set --cluster log.cleaner.backoff.ms=20s > /dev/null || die "set for all brokers"
expect_match "for all brokers" "$(zk get '/config/brokers/<default>')" '"log.cleaner.backoff.ms":"20000"'
expect_match "people see both" "$(kairn topic describe orders)" 'retention.ms=1209600000 \(14d\)'
expect_match "people see both" "$(kairn config list --topic orders)" 'segment.bytes +1048576 \(1MiB\) +topic'
expect_match "programs see the number" "$(kairn topic describe orders --json)" '"retention.ms":"1209600000"'
expect_match "the broker's own" "$(kairn config list --broker 1 --changed)" 'log.segment.delete.delay.ms +1000 \(1s\)'
expect_refusal "no unit" 1 'retention.ms: expected a number of milliseconds, or one with ms, s, m, h or d, or forever' \
    kairn topic alter orders --config retention.ms=14x
expect_equal "as it was" "$(stored orders retention.ms)" '"retention.ms":"1209600000"'
expect_refusal "a property" 2 'linger.ms: expected a number of milliseconds' kairn topic list --set linger.ms=1.5s
