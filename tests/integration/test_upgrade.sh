#!/bin/bash
# A rolling upgrade: brokers that are held one feature level lower stand for the version before.
# Under load they are restarted one by one as the new version, which serves beside the old one as
# follower and as leader; the level rises when the last one has come and not before, nothing
# acknowledged is lost or stored twice, the copies are the same to the byte, and an old broker that
# comes back afterwards is refused.
. "$(dirname "$0")/lib.sh"
partitions=6
feature=replication.version
old="feature.level.max=$feature:1,coordination.version:1"
cluster_up --brokers 3 --zookeepers 1 --set "$old" --set replica.lag.time.max.ms=1500 --set zookeeper.session.timeout.ms=6000 --set auto.leader.rebalance.enable=false
kairn topic create load --partitions $partitions --replication-factor 3 --config min.insync.replicas=2 > /dev/null || die "create"

all=$(seq 0 $((partitions - 1)))
# shellcheck disable=SC2086
all_members() { have_members load 1,2,3 $all; }
leads() { local p; for p in $all; do [ "$(leader load "$p")" = "$1" ] && return 0; done; return 1; }
leads_nothing() { ! leads "$1"; }
stored_level() { zk get /feature | sed -n "s/.*\"$feature\":{\"max_version_level\":\([0-9]*\)}.*/\1/p"; }
level() { local stored; stored=$(stored_level); echo "${stored:-1}"; }    # level 1 is not stored
level_is() { [ "$(level)" = "$1" ]; }
knows() { grep -q "event=feature-level feature=$feature level=$2" "$dir/broker-$1/log"; }
can() { zk get "/brokers/ids/$1" | sed -n "s/.*\"$feature\":{\"min_version\":1,\"max_version\":\([0-9]*\)}.*/\1/p"; }

# become N new|old: its configuration for the next start.
become() {
    local properties=$dir/broker-$1/server.properties
    sed -i '/^feature\.level\.max=/d' "$properties"
    [ "$2" = new ] || echo "$old" >> "$properties"
}
# upgraded N: restarted as the new version, in sync again everywhere, and writes went on all the time.
upgraded() {
    cluster stop "$1" || die "stop $1"
    become "$1" new
    load_goes_on "without broker $1"
    cluster start "$1" || die "start $1"
    await 20 all_members || die "broker $1 does not come back into the in-sync sets as the new version: $(state load 0)"
    expect_equal "what broker $1 can" "$(can "$1")" 3
    load_goes_on "with broker $1 as the new version"
}

await 10 all_members || die "not all replicas are in sync at first: $(state load 0)"
await 10 level_is 1 || die "a cluster of old brokers is at level '$(level)'"
load_begin load $partitions 2 2 1000

# The first new one is a follower: it came back from a stop, so the others lead. Then it leads.
upgraded 1
expect_success "broker 1 only follows" leads_nothing 1
kairn partition elect --all > /dev/null || die "elect"
await 10 leads 1 || die "broker 1, the only new one, does not lead"
load_goes_on "with a new leader and old followers"
await 20 all_members || die "old followers do not stay in sync with a new leader: $(state load 0)"

# The other order: what the new one leads is led by an old one next, and so on.
upgraded 2
expect_equal "the level while an old broker is there" "$(level)" 1
# A group could lose its coordinator to the old one, which knows nothing of groups.
! timeout 3 "$build/tests/integration/group_probe" "$bootstrap" --offsets nobody 2> /dev/null || die "a group has a coordinator while an old broker is there"
! zk ls /brokers/topics | grep -q __consumer_offsets || die "the topic of offsets is made while an old broker is there"
kairn partition elect --all > /dev/null || die "elect"
await 10 leads 3 || die "broker 3, the only old one, does not lead"
load_goes_on "with an old leader and new followers"
await 20 all_members || die "new followers do not stay in sync with an old leader: $(state load 0)"

# The last old one goes. While it is away, all who are there can level 3: still it is waited for.
cluster stop 3 || die "stop 3"
load_goes_on "without broker 3"
expect_equal "the level while the last old broker is away" "$(level)" 1
cluster start 3 || die "start 3"
await 20 all_members || die "the last old broker does not come back: $(state load 0)"
upgraded 3
await 10 level_is 3 || die "all brokers are new, and the level is '$(level)'"
for n in 1 2 3; do await 10 knows "$n" 3 || die "broker $n does not know of level 3"; done
load_goes_on "at level 3"
await 20 timeout 5 "$build/tests/integration/group_probe" "$bootstrap" --offsets nobody || die "groups have no coordinator though all brokers are new"
await 20 all_members || die "not all are in sync at level 3: $(state load 0)"

# There is no way back: the old version is refused with a word on what to do, and nothing suffers.
cluster stop 2 || die "stop 2"
become 2 old
expect_refusal "an old broker after level 3" 1 'feature.level.max holds this broker at 1' \
    timeout 60 "$build/kairnd" --config "$dir/broker-2/server.properties"
expect_equal "the level after that" "$(level)" 3
become 2 new
cluster start 2 || die "start 2"
await 20 all_members || die "broker 2 does not come back: $(state load 0)"

load_judge "after the upgrade" 500
# shellcheck disable=SC2086
await 10 same_copies load $all || die "the copies differ: $(sha256sum "$dir"/broker-*/data/load-0/*.log)"
echo passed
