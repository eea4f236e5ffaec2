#!/bin/bash
# Every program in client/examples runs against a real cluster and says what it should.
. "$(dirname "$0")/lib.sh"
cluster_up --brokers 1 --zookeepers 1
ran=0

# example PATTERN NAME ARGUMENT...: it succeeds, and a line that it prints matches. What shows one
# call is short; what shows a whole program may say so with `lines`.
example() {
    local pattern=$1 name=$2; shift 2
    [ "$(wc -l < "$top/client/examples/$name.c")" -lt "${lines:-60}" ] || die "$name has ${lines:-60} lines or more"
    timeout 60 "$build/client/examples/$name" "$bootstrap" "$@" > "$dir/$name.out" 2>&1 < /dev/null ||
        { cat "$dir/$name.out"; die "example $name failed"; }
    grep -qE "$pattern" "$dir/$name.out" || { cat "$dir/$name.out"; die "example $name does not print $pattern"; }
    echo "$name: $(tail -n 1 "$dir/$name.out")"
    ran=$((ran + 1))
}

kairn topic create Existing > /dev/null || die "create"
example '^partition 2: leader 1$' admin_create_topic CustomerCountry 3
example '^stored$' produce
example '^0 Precision Products France$' consume CustomerCountry 2 1
example '^urgent: partition 0, no error$' custom_partitioner Existing
example '^trace-id: 4711$' headers Existing
example 'urgent' event_loop Existing
lines=120 example '^Answered-1 ends at 0$' async Answered
lines=130 example '^2 0 France$' group CustomerCountry 1
lines=95 example '^dead letters: 1$' dead_letters Existing 1
lines=180 example '^order 4712: 12.50 CHF' own_serializer Existing
example '^CustomerCountry-2 0 France$' pattern 'CustomerC.*' 1
kairn topic create Orders --partitions 3 > /dev/null || die "create"
lines=120 example '^2500 records in one order$' global_order Ledger 2500
lines=120 example '^2500 records done and committed$' commit_chosen Ledger 2500
lines=80 example '^2498 2498$' seek Ledger 0 last 2
expect_equal "since the beginning of time" "$("$build/client/examples/seek" "$bootstrap" Ledger 0 since 0 | wc -l)" 2500
lines=120 example '^every order in its order$' order_by_key Orders
lines=100 example '^15 records of 90 bytes, committed; 3 partitions of Orders go$' commit_in_listener Orders 15
lines=120 example '^3 threads are done$' threads Orders 15 3
[ $ran -eq "$(ls "$top"/client/examples/*.c | wc -l)" ] || die "not every example was run"
expect_equal "the first example" "$(kairn consume CustomerCountry --exit-at-end --format '%k=%v\n')" 'Precision Products=France'
echo "passed: $ran examples"
