#!/bin/bash
# Topics that are deleted: by znode, with brokers down, and not at all with delete.topic.enable=false. Whatever
# else somebody puts below /admin/delete_topics is removed, with a word in the log. A log that the cluster does
# not know is set aside and kept, and the log says where it is and what to do.
. "$(dirname "$0")/lib.sh"
said() { grep -hq "$1" "$dir"/broker-*/log; }
logs() { ls -d "$dir/broker-$1/data/$2"-[0-9]* 2> /dev/null; }      # broker, topic: also those put away
no_logs() { [ -z "$(logs "$@")" ]; }
no_node() { ! zk get "$1" > /dev/null 2>&1; }
gone() { no_node "/brokers/topics/$1" && no_node "/admin/delete_topics/$1"; }
make() { kairn topic create "$1" --partitions 2 --replication-factor 3 > /dev/null || die "create $1"; }
fill() { seq 100 | kairn produce "$1" --set acks=all 2> /dev/null || die "produce to $1"; }
well() { await 30 kairn cluster status || die "$1: not well: $(kairn cluster status 2>&1)"; }
down() { cluster stop "$1" > /dev/null 2>&1 || die "stop $1"; }
up() { cluster start "$1" > /dev/null || die "start $1"; }

cluster_up --brokers 3 --zookeepers 1 --set log.segment.delete.delay.ms=100
make orders
fill orders
expect_equal "a group" "$(kairn consume orders --group g --exit-at-end --set auto.offset.reset=earliest | wc -l)" 100

# By znode, among nonsense.
zk create '/admin/delete_topics/no name' '' || die "request"
zk create "/admin/delete_topics/$(printf 'x%.0s' $(seq 5000))" '' || die "request"
zk create /admin/delete_topics/nobody '{' || die "request"
zk create /admin/delete_topics/__consumer_offsets '' || die "request"
zk create /admin/delete_topics/orders '' || die "request"
await 10 gone orders || die "the topic was not deleted"
for n in 1 2 3; do await 10 no_logs $n orders || die "broker $n keeps its logs: $(logs $n orders)"; done
await 10 said 'event=delete-request-dropped topic="no name" reason="that is no name of a topic"' || die "no name"
await 10 said 'event=delete-request-dropped topic="nobody" reason="there is no such topic"' || die "no topic"
await 10 said 'event=delete-request-dropped topic="__consumer_offsets" reason="it is the cluster.s own' || die "its own"
expect_match "the cluster's own topic stays" "$(kairn topic list --internal)" __consumer_offsets
none_asked() { [ -z "$(zk ls /admin/delete_topics)" ]; }
await 10 none_asked || die "requests stay: $(zk ls /admin/delete_topics | cut -c1-60)"

# A broker that is down when the topic is deleted deletes its logs when it is back.
make away
fill away
make older
down 3
expect_success "delete" kairn topic delete away older > /dev/null
expect_equal "it has them still" "$(logs 3 away | wc -l)" 2
# Also when another controller has followed, and the topic is there again.
before=$(controller)
down "$before"
follows() { [ -n "$(controller)" ] && [ "$(controller)" != "$before" ]; }
await 20 follows || die "nobody follows controller $before"
expect_success "make it again" kairn topic create older --partitions 2 > /dev/null
up "$before"
up 3
await 10 no_logs 3 away || die "broker 3 keeps the logs of a topic that was deleted: $(logs 3 away)"
no_strays() { [ -z "$(ls -d "$dir"/broker-*/data/*-stray 2> /dev/null)" ]; }
expect_success "they are deleted, not kept" no_strays
well "after a deletion without broker 3"

# And when the whole cluster has been down since.
make whole
fill whole
down 3
expect_success "delete" kairn topic delete whole > /dev/null
for n in 1 2; do down $n; done
for n in 1 2 3; do up $n; done
await 10 no_logs 3 whole || die "broker 3 keeps the logs of a topic that was deleted before all went down: $(logs 3 whole)"
expect_success "they are deleted, not kept" no_strays

# Nobody remembers the deletion any more: what it has is kept, and does not become the new topic's.
make twice
fill twice
make once
fill once
first=$(cat "$dir"/broker-3/data/twice-*/*.log | sha256sum)
down 3
expect_success "delete" kairn topic delete twice once > /dev/null
for n in 1 2; do down $n; done
zk ls /kairn/deleted | tr -d '[] ' | tr , '\n' > "$dir/deleted"
[ "$(wc -l < "$dir/deleted")" -eq 6 ] || die "six topics were deleted: $(cat "$dir/deleted")"
while read -r record; do zk delete "/kairn/deleted/$record" || die "delete $record"; done < "$dir/deleted"
# What can not be removed is told, and does not stand in the way of others.
zk create /admin/delete_topics/nest '' && zk create /admin/delete_topics/nest/egg '' || die "request"
for n in 1 2; do up $n; done
await 10 said 'event=delete-request-kept topic="nest" reason="there is no such topic, and something is below its node" action=' ||
    die "nobody says why a request stays"
zk delete /admin/delete_topics/nest/egg && zk delete /admin/delete_topics/nest || die "delete requests"
zk create /admin/delete_topics/nest '' || die "request"
await 10 none_asked || die "asked for anew it is removed"
expect_success "make it again" kairn topic create twice --assignment 1:2,2:1 > /dev/null
up 3
strays() { [ "$(ls -d "$dir"/broker-3/data/*-stray 2> /dev/null | wc -l)" -eq 4 ]; }
await 10 strays || die "broker 3 has to set four logs aside: $(ls "$dir/broker-3/data")"
expect_equal "they are kept as they were" "$(cat "$dir"/broker-3/data/twice-*-stray/*.log | sha256sum)" "$first"
stray=$(ls -d "$dir"/broker-3/data/once-0.*-stray)
said "event=partition-set-aside .*topic=once partition=0 now=$stray reason=.*action=\"nobody reads it any more" ||
    die "nobody says what to do: $(grep set-aside "$dir/broker-3/log")"
well "with strays"
expect_equal "the new topic is empty" "$(kairn consume twice --exit-at-end | wc -l)" 0

# ACLs that keep the controller out: said, and served once they do not any more.
acl() { "$top/deploy/zookeeper" --dir "$dir/zookeeper" cli setAcl /admin/delete_topics "world:anyone:$1" > /dev/null 2>&1 || die "setAcl"; }
make locked
acl cra
zk create '/admin/delete_topics/no name' '' && zk create /admin/delete_topics/locked '' || die "request"
await 10 said "event=store-refused path=/admin/delete_topics/locked .*getAcl" || die "nobody says that the topic can not be deleted"
await 10 said 'event=delete-requests-closed path=/admin/delete_topics reason="ACLs .*action=".*getAcl' || die "nobody says that ACLs are in the way"
sleep 1
expect_equal "once a minute" "$(cat "$dir"/broker-*/log | grep -c event=delete-requests-closed)" 1
acl cdrwa
await 10 gone locked || die "it is still not deleted: $(state locked)"
await 10 no_node '/admin/delete_topics/no name' || die "it is still not removed"

# Not at all.
make keep
for n in 1 2 3; do down $n; done
cluster up --build "$build" --port-base "$port_base" --brokers 3 --zookeepers 1 --set delete.topic.enable=false > "$dir/up.log" 2>&1 ||
    die "start: $(cat "$dir/up.log")"
expect_refusal "disabled" 1 "TOPIC_DELETION_DISABLED.*delete.topic.enable" kairn topic delete keep
zk create /admin/delete_topics/keep '' || die "request"
await 10 no_node /admin/delete_topics/keep || die "the request stays"
await 10 said 'event=delete-request-dropped topic="keep" reason="delete.topic.enable is false"' || die "nobody says why"
fill keep
echo passed
