#!/bin/bash
# Three replicas: leaders are killed under load, and stopped politely; nothing acknowledged is lost
# or stored twice, the copies are the same to the byte, and too few in-sync replicas refuse.
. "$(dirname "$0")/lib.sh"
rounds=${KAIRN_ROUNDS:-6}
partitions=6
cluster_up --brokers 3 --zookeepers 1 --set replica.lag.time.max.ms=1500 --set zookeeper.session.timeout.ms=6000
kairn topic create load --partitions $partitions --replication-factor 3 --config min.insync.replicas=2 > /dev/null || die "create"
kairn topic create probe --replication-factor 3 --config min.insync.replicas=2 > /dev/null || die "create"

all=$(seq 0 $((partitions - 1)))
# shellcheck disable=SC2086
all_members() { have_members load "$1" $all; }
refused() { ! echo one | kairn produce probe --set delivery.timeout.ms=1000 --set request.timeout.ms=500 > /dev/null 2>&1; }
# While a write of our own waits to be refused, nobody else's is acknowledged.
at_rest() { local before; before=$(acked); refused && [ "$(acked)" = "$before" ]; }

await 10 all_members 1,2,3 || die "not all replicas are in sync at first: $(state load 0)"
load_begin load $partitions 2 2 1000

# Kill -9 the leader of a partition; every other time it is stopped politely instead.
for round in $(seq "$rounds"); do
    n=$(leader load $((round % partitions)))
    [ "${n:--1}" -ge 1 ] || die "partition $((round % partitions)) has no leader in round $round"
    if [ $((round % 2)) -eq 0 ]; then cluster stop "$n" || die "stop $n"; else cluster kill "$n" || die "kill $n"; fi
    rest=$(comma_list $(seq 3 | grep -v "$n"))
    await 15 all_members "$rest" || die "broker $n stays in sync while it is dead: $(state load 0)"
    load_goes_on "without broker $n"
    cluster start "$n" || die "start $n"
    await 20 all_members 1,2,3 || die "broker $n does not come back into the in-sync sets: $(state load 0)"
done
load_runs "after $rounds rounds"

# With one in-sync replica left, acks=all is refused; with two again, it goes on.
cluster kill 1 || die "kill 1"
cluster kill 2 || die "kill 2"
await 15 all_members 3 || die "the dead stay in sync: $(state load 0)"
await 10 at_rest || die "acknowledgements with one in-sync replica"
before=$(acked)
expect_success "not one more" at_rest
cluster start 1 || die "start 1"
await 20 load_passed $((before + 100)) || die "writes do not go on with two replicas: $(cat "$dir/said")"
cluster start 2 || die "start 2"
await 20 all_members 1,2,3 || die "not all are in sync again: $(state load 0)"

load_judge "after $rounds rounds" $((rounds * 100))
# shellcheck disable=SC2086
await 10 same_copies load $all || die "the copies differ: $(sha256sum "$dir"/broker-*/data/load-0/*.log)"
echo "passed: $rounds rounds"
