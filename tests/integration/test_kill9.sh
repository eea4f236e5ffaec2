#!/bin/bash
# Brokers are killed in rotation under load and started again at once: whatever was acknowledged is there.
. "$(dirname "$0")/lib.sh"
kills=${KAIRN_KILLS:-100}
cluster_up --brokers 3 --zookeepers 1 --set log.segment.bytes=4194304
kairn topic create load --partitions 6 > /dev/null || die "create"

"$workload" send "$bootstrap" load 6 "$dir/acks" 20000 delivery.timeout.ms=30000 > "$dir/sent" 2>&1 &
sender=$!
acked() { wc -l < "$dir/acks"; }
await 10 test -s "$dir/acks" || die "nothing is acknowledged: $(cat "$dir/sent")"
for round in $(seq "$kills"); do
    n=$((round % 3 + 1))
    before=$(acked)
    cluster kill $n || die "kill $n"
    cluster start $n || die "start $n"
    kill -0 $sender 2> /dev/null || die "the sender ended: $(cat "$dir/sent")"
    [ $((round % 10)) -ne 0 ] || { moved() { [ "$(acked)" -gt "$before" ]; }; await 20 moved || die "no progress after kill $round"; }
done
kill -TERM $sender
wait $sender || die "the sender failed: $(cat "$dir/sent")"
cat "$dir/sent"
[ "$(acked)" -gt $((kills * 10)) ] || die "too few acknowledgements to mean anything: $(acked)"
all_led() { kairn cluster status; }
await 20 all_led || die "not every partition came back"
"$workload" check "$bootstrap" load 6 "$dir/acks" > "$dir/verdict" 2>&1; status=$?
cat "$dir/verdict"

# The checker sees what it should: an acknowledgement that never was, and one of another record.
if [ $status -eq 0 ]; then
    { cat "$dir/acks"; echo "0 999999999 1"; } > "$dir/doctored"
    ! "$workload" check "$bootstrap" load 6 "$dir/doctored" > /dev/null 2>&1 || die "the checker misses a lost record"
    { cat "$dir/acks"; awk '$1 == 0 { print $1, $2, $3 + 6; exit }' "$dir/acks"; } > "$dir/doctored"
    ! "$workload" check "$bootstrap" load 6 "$dir/doctored" > /dev/null 2>&1 || die "the checker misses an exchanged record"
fi
[ $status -eq 0 ] || die "after $kills kills: $(tail -n 1 "$dir/verdict")"
echo "passed: $kills kills"
