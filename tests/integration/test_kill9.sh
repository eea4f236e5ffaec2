#!/bin/bash
# Brokers are killed in rotation under load and started again at once: whatever was acknowledged is there, once,
# in order, and nothing that was read has changed.
. "$(dirname "$0")/lib.sh"
kills=${KAIRN_KILLS:-100}
cluster_up --brokers 3 --zookeepers 1 --set log.segment.bytes=4194304
kairn topic create load --partitions 6 > /dev/null || die "create"

load_begin load 6 4 2 2500
for round in $(seq "$kills"); do
    n=$((round % 3 + 1))
    before=$(acked)
    cluster kill $n || die "kill $n"
    cluster start $n || die "start $n"
    load_runs "after kill $round"
    [ $((round % 10)) -ne 0 ] || await 20 load_passed "$before" || die "no progress after kill $round"
done
load_judge "after $kills kills" $((kills * 10))
echo "passed: $kills kills"
