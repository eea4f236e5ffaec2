#!/bin/bash
# auto.create.topics.enable: whom a topic is made for, with what, and what becomes of names that can not be.
. "$(dirname "$0")/lib.sh"
cluster_up --brokers 3 --zookeepers 1 --set auto.create.topics.enable=true --set num.partitions=3 --set default.replication.factor=2
exists() { kairn topic list --json | grep -q "\"$1\""; }

# A producer names it: made with the brokers' defaults, and nothing is lost on the way.
seq 100 | kairn produce orders > "$dir/said" 2>&1 || die "produce to a topic that was not there: $(cat "$dir/said")"
expect_equal "all of it is there" "$(kairn consume orders --exit-at-end | sort -n | md5sum)" "$(seq 100 | md5sum)"
expect_equal "num.partitions" "$(kairn topic describe orders --json | grep -o '"partition": *[0-9]*' | wc -l)" 3
expect_match "made on a client's word" "$(cat "$dir"/broker-*/log)" 'event=topic-made topic=orders'

# A hundred names at once, by producers on several brokers: each is made once.
for i in $(seq 20); do echo "$i" | kairn produce "many-$((i % 10))" > /dev/null 2>&1 & pids+=($!); done
for pid in "${pids[@]}"; do wait "$pid" || die "a producer of many"; done
expect_equal "ten topics" "$(kairn topic list --json | grep -o '"many-[0-9]"' | sort -u | wc -l)" 10

# A member of a group that allows it, and one that does not.
kairn consume wanted --group one > /dev/null 2>&1 & wanted=$!
kairn consume unwanted --group two --set allow.auto.create.topics=false > /dev/null 2>&1 & unwanted=$!
await 20 exists wanted || die "the consumer's topic was not made"
! exists unwanted || die "made against the consumer's will"
kill $wanted $unwanted; wait $wanted $unwanted

# Looking does not make.
! kairn topic describe looked-at > /dev/null 2>&1 || die "described what is not there"
! exists looked-at || die "describe made a topic"

# Names that can not be: the reason arrives.
! echo x | timeout 20 kairn produce 'a b' > "$dir/said" 2>&1 || die "a bad name"
expect_match "a bad name" "$(cat "$dir/said")" 'INVALID_TOPIC'
