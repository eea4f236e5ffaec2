#!/bin/bash
# The power goes in all machines at once, and the preferred leader's disk has lost what the others kept: nobody
# leads before all copies were heard, then the longest does, and that is announced as unclean.
. "$(dirname "$0")/lib.sh"

cluster_up --brokers 3 --zookeepers 1 --set auto.leader.rebalance.enable=false
kairn topic create orders --partitions 1 --replication-factor 3 --config min.insync.replicas=2 > /dev/null || die "create"

leads() { [ "$(leader orders 0)" = "$1" ]; }
led_by_any_of() { [[ $(leader orders 0) == [$1] ]]; }
log() { echo "$dir"/broker-"$1"/data*/orders-0/00000000000000000000.log; }
lines() { kairn consume orders --exit-at-end | sort -n | md5sum; }

await 20 have_members orders 1,2,3 || die "not all are in sync: $(state orders 0)"
first=$(leader orders 0) second=$((first % 3 + 1)) third=$(((first + 1) % 3 + 1))
seq 1000 | kairn produce orders 2> /dev/null || die "produce"
short=$(stat -c %s "$(log $first)")
seq 1001 2000 | kairn produce orders 2> /dev/null || die "produce more"
same() { cmp -s "$(log 1)" "$(log 2)" && cmp -s "$(log 1)" "$(log 3)"; }
await 10 same || die "the copies differ"
boot=$(cat /proc/sys/kernel/random/boot_id)
noted() { local n; for n in 1 2 3; do grep -qs "$boot" "$dir"/broker-$n/data*/kairn-checkpoint || return 1; done; }
await 10 noted || die "no checkpoints"

# shellcheck disable=SC2046
kill -9 $(for n in 1 2 3; do broker_pid $n; done)
sed -i "s/$boot/00000000-0000-0000-0000-000000000001/" "$dir"/broker-*/data*/kairn-checkpoint
truncate -s "$short" "$(log $first)"
rm -f "$dir"/broker-$first/data*/orders-0/*.{index,timeindex}

# Two are here: the third may have more.
for n in $first $second; do expect_success "start $n" cluster start $n > /dev/null; done
heard() { grep -h event=ends-told "$dir"/broker-*/log | grep -q "broker=$1 "; }
for n in $first $second; do await 20 heard $n || die "broker $n did not say where its log ends"; done
leads -1 || die "the third was not waited for: $(state orders 0)"
expect_success "start $third" cluster start $third > /dev/null
await 20 led_by_any_of $second$third || die "the longest must lead: $(state orders 0)"
state orders 0 | grep -q '"unclean_epoch":' || die "it is no clean election: $(state orders 0)"
grep -qh 'event=unclean-leader topic=orders' "$dir"/broker-*/log || die "nobody said that it was unclean"

await 30 have_members orders 1,2,3 || die "not together again: $(state orders 0)"
expect_equal "all of it" "$(lines)" "$(seq 2000 | md5sum)"
echo "power everywhere: ok"
