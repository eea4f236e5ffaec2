#!/bin/bash
# Preferred leaders come back by themselves, once so many are elsewhere that leader.imbalance.per.broker.percentage
# is passed, and not before; and not at all with auto.leader.rebalance.enable=false. Nobody gives a command here.
. "$(dirname "$0")/lib.sh"
partitions=9
all=$(seq 0 $((partitions - 1)))
rules=(--set leader.imbalance.check.interval.seconds=1 --set leader.imbalance.per.broker.percentage=40)
leads() { [ "$(leader orders "$1")" = "$2" ]; }
preferred() { zk get /brokers/topics/orders | grep -o "\"$1\":\[[0-9]" | head -n 1 | sed 's/.*\[//'; }
# shellcheck disable=SC2086
all_in_sync() { have_members orders 1,2,3 $all; }
all_preferred() { local p; for p in $all; do leads "$p" "$(preferred "$p")" || return 1; done; }
leads_nothing() { local p; for p in $all; do ! leads "$p" "$1" || return 1; done; }
# For several times as long as the controller waits before it looks again.
throughout() { # command...
    local until_s=$((SECONDS + 4))
    while [ $SECONDS -lt $until_s ]; do "$@" || return 1; sleep 0.1; done
}
restart_2() {
    cluster stop 2 > /dev/null || die "stop 2"
    await 10 leads_nothing 2 || die "broker 2 is away, and leads: $(kairn topic describe orders)"
    cluster start 2 > /dev/null || die "start 2"
    await 20 all_in_sync || die "broker 2 does not come back: $(kairn topic describe orders)"
}

cluster_up --brokers 3 --zookeepers 1 "${rules[@]}"
kairn topic create orders --partitions $partitions --replication-factor 3 > /dev/null || die "create"
await 20 all_in_sync || die "not all are in sync: $(kairn topic describe orders)"
kairn partition elect --all > /dev/null
await 10 all_preferred || die "not where they should be at first: $(kairn topic describe orders)"
seq 1000 | kairn produce orders 2> /dev/null || die "produce"

# All of its partitions are led by others: they come back.
restart_2
await 20 all_preferred || die "no leader came back: $(kairn topic describe orders)"
grep -qh 'event=partition-leading topic=orders' "$dir/broker-2/log" || die "broker 2 does not say that it leads"

# One of four, 25 %, is led by another: that is no reason. Two of five, 40 %, are none; three of six are.
mine=() others=()
for p in $all; do if [ "$(preferred "$p")" = 2 ]; then mine+=("$p"); else others+=("$p"); fi; done
expect_equal "broker 2 is preferred for a third" ${#mine[@]} 3
give() { kairn partition reassign "orders:$1" --to "2,$(leader orders "$1"),$((4 - $(leader orders "$1")))" --timeout 20000 > /dev/null || die "reassign $1"; }
give "${others[0]}"
give "${others[1]}"
expect_equal "who is preferred" "$(preferred "${others[1]}")" 2
first=$(leader orders "${others[0]}")
expect_success "one and two may be elsewhere" throughout leads "${others[0]}" "$first"
give "${others[2]}"
await 20 all_preferred || die "half of them did not come back: $(kairn topic describe orders)"

# Told not to.
cluster down > /dev/null || die "down"
cluster up --build "$build" --port-base "$port_base" --brokers 3 --zookeepers 1 "${rules[@]}" --set auto.leader.rebalance.enable=false > "$dir/up.log" 2>&1 || die "up: $(cat "$dir/up.log")"
await 20 all_in_sync || die "not all are in sync again: $(kairn topic describe orders)"
restart_2
expect_success "it leads only when it is told to" throughout leads_nothing 2
kairn partition elect --all > /dev/null || die "elect"
await 10 all_preferred || die "by command: $(kairn topic describe orders)"

expect_equal "all of it" "$(kairn consume orders --exit-at-end | sort -n | md5sum)" "$(seq 1000 | md5sum)"
echo "preferred leaders: ok"
