#!/bin/bash
# Clients that never read, that connect and go all the time, that send far too much: others are served beside them.
. "$(dirname "$0")/lib.sh"
cluster_up --brokers 1 --zookeepers 1
kairn topic create orders > /dev/null || die "create"
kairn perf produce orders --records 20000 --size 1000 > /dev/null || die "produce"
sent=20000

for kind in deaf storm huge; do
    "$build/bench/nuisance" $kind "127.0.0.1:$port_base" orders > "$dir/nuisance" 2>&1 &
    pid=$!
    await 20 grep -q began "$dir/nuisance" || die "$kind does nothing"
    for i in 1 2 3; do
        echo "order-$kind-$i" | timeout 20 kairn produce orders > /dev/null 2>&1 || die "not served beside $kind"
        sent=$((sent + 1))
    done
    kill $pid && wait $pid || die "$kind failed: $(cat "$dir/nuisance")"
done
expect_equal "what was acknowledged" "$(timeout 60 kairn perf consume orders --json | sed -n 's/.*"records": *\([0-9]*\).*/\1/p')" $sent
