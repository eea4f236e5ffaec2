#!/bin/bash
# Every program in client/examples runs against a real cluster and says what it should.
. "$(dirname "$0")/lib.sh"
cluster_up --brokers 1 --zookeepers 1
shopt -s nullglob
ran=0
kairn topic create CustomerCountry --partitions 3 > /dev/null || die "create"
for source in "$top"/client/examples/*.c; do
    name=$(basename "$source" .c)
    [ "$(wc -l < "$source")" -lt 60 ] || die "$name has 60 lines or more"
    timeout 60 "$build/client/examples/$name" "$bootstrap" > "$dir/$name.out" 2>&1 < /dev/null || { cat "$dir/$name.out"; die "example $name failed"; }
    echo "$name: $(tail -n 1 "$dir/$name.out")"
    ran=$((ran + 1))
done
[ $ran -ge 4 ] || die "only $ran examples"
expect_match "the first example" "$(kairn consume CustomerCountry --exit-at-end --format '%k=%v\n')" 'Precision Products=France'
echo "passed: $ran examples"
