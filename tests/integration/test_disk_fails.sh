#!/bin/bash
# One of two log directories of a broker breaks under load: others lead its partitions at once, long before
# a follower would be missed, and those in its other directory stay as they are. Each new controller hears of
# it. Nothing acknowledged is lost, and with a new disk the broker is in sync again.
. "$(dirname "$0")/lib.sh"
disk_mount 256
partitions=6
# Nobody is missed for being slow: what happens here happens since it was said.
cluster_up --brokers 3 --zookeepers 1 --set replica.lag.time.max.ms=60000 --set auto.leader.rebalance.enable=false
cluster stop 1 > /dev/null || die "stop 1"
echo "log.dirs=$dir/broker-1/data,$dir/disk/data" >> "$dir/broker-1/server.properties"
cluster start 1 > /dev/null || die "start 1 with two directories"
kairn topic create load --partitions $partitions --replication-factor 3 --config min.insync.replicas=2 > /dev/null || die "create"

led_elsewhere() { local p; for p; do [[ $(leader load "$p") == [23] ]] || return 1; done; }
all=$(seq 0 $((partitions - 1)))

await 20 have_members load 1,2,3 $all || die "not all replicas are in sync at first: $(state load 0)"
# shellcheck disable=SC2086
disk_spread load $all
# Where the disk that breaks holds leaders and a follower.
kairn partition reassign "load:${on_disk[0]}" --to 1,2,3 --timeout 20000 > /dev/null || die "reassign"
kairn partition elect "load:${on_disk[0]}" > /dev/null
[ "$(leader load "${on_disk[0]}")" = 1 ] || die "broker 1 must lead a partition on the disk: $(state load "${on_disk[0]}")"

load_begin load $partitions 2 2 1000

began=$(date +%s%N)
disk_break
await 5 led_elsewhere "${on_disk[@]}" || die "broker 1 leads what it can not write: $(state load "${on_disk[0]}")"
await 5 have_members load 2,3 "${on_disk[@]}" || die "broker 1 is in sync with what it can not write: $(state load "${on_disk[0]}")"
took_ms=$((($(date +%s%N) - began) / 1000000))
load_goes_on "with a broken disk" 10
have_members load 1,2,3 "${elsewhere[@]}" || die "the other directory works: $(state load "${elsewhere[0]}")"
kill -0 "$(broker_pid 1)" || die "the broker must go on"
is_shown() { [ "$(kairn topic describe load --json | grep -o '"offline":\[1\]' | wc -l)" = ${#on_disk[@]} ]; }
await 5 is_shown || die "who describes the topic must see the copy that is lost: $(kairn topic describe load --json)"
expect_refusal "so must who looks at its directories" 1 'broker 1: its copy of load-[0-9]+ is out of use' kairn broker log-dirs 1
grep -q event=replicas-lost "$dir"/broker-*/log || die "the controller did not say what it heard"

# The next controller hears of it, too: while only one other is left, broker 1 does not lead, nor join.
gone=$(controller) rest=$((5 - $(controller)))
[[ $gone == [23] ]] || die "broker 1 can not be the controller since it was stopped: '$gone'"
cluster stop "$gone" > /dev/null || die "stop $gone"
await 15 have_members load $rest "${on_disk[@]}" || die "only broker $rest has it: $(state load "${on_disk[0]}")"
for p in "${on_disk[@]}"; do expect_equal "who leads partition $p" "$(leader load "$p")" $rest; done
cluster start $gone > /dev/null || die "start $gone"
await 20 have_members load 2,3 "${on_disk[@]}" || die "brokers 2 and 3 have it: $(state load "${on_disk[0]}")"
load_goes_on "with two brokers"

# A new process begins with a clean sheet, here on a mended disk.
cluster stop 1 > /dev/null || die "stop 1"
disk_mend
cluster start 1 > /dev/null || die "start 1"
await 30 have_members load 1,2,3 $all || die "broker 1 does not come back: $(state load "${on_disk[0]}")"

load_judge "with a mended disk" 1000
echo "passed: others led after $took_ms ms"
