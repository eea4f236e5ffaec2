#!/bin/bash
# Full disks under replicated topics, as an operator meets with them: what is refused is said by brokers, by status and
# by doctor, with what to type; that is typed, and all is well again. Nothing that was acknowledged is lost.
. "$(dirname "$0")/lib.sh"
for n in 1 2 3; do
    mkdir -p "$dir/broker-$n/data"
    mount -t tmpfs -o size=8m none "$dir/broker-$n/data" 2> /dev/null || { echo "skipped: no right to mount a small disk"; exit 77; }
done
undo() {
    local status=$? n
    cluster down > /dev/null 2>&1
    for n in 1 2 3; do umount "$dir/broker-$n/data"; done
    (exit $status)
    finish
}
trap undo EXIT

cluster_up --brokers 3 --zookeepers 1 --set min.insync.replicas=2 --set default.replication.factor=3 \
    --set replica.lag.time.max.ms=2000 --set log.segment.delete.delay.ms=500 --set log.retention.check.interval.ms=1000 \
    --set auto.leader.rebalance.enable=false
kairn topic create ledger --partitions 1 --config segment.bytes=1MiB > /dev/null || die "create"
kairn topic create clicks --partitions 1 --config segment.bytes=1MiB > /dev/null || die "create"
filler() { head -c 16m /dev/zero > "$dir/broker-$1/data/filler" 2> /dev/null; }
long=$(head -c 900 /dev/urandom | base64 -w 0)
# Records from $1 to $2, those that were acknowledged to $acked.
acked=$dir/acked
: > "$acked"
# send FROM TO: one by one, so that what is acknowledged is known.
send() {
    local i
    for ((i = $1; i <= $2; i++)); do
        echo "$i $long" | kairn produce ledger --set delivery.timeout.ms="${wait_ms:-30000}" --set request.timeout.ms=1000 \
            > /dev/null 2> "$dir/refused" || return 1
        echo "$i" >> "$acked"
    done
}
nothing_lost() { # WHEN
    kairn consume ledger --exit-at-end --format '%v\n' | cut -d' ' -f1 | sort -un > "$dir/read" || die "$1: consume"
    [ -z "$(sort -n "$acked" | join -v 1 <(sort "$acked") <(sort "$dir/read"))" ] || die "$1: acknowledged records are missing"
}
status_says() { [[ $(kairn cluster status) =~ $1 ]]; }
well() { kairn cluster status > /dev/null; }
says_full() { grep -q 'event=disk-full directory=.*broker-'"$1" "$dir/broker-$1/log"; }

send 1 20 || die "produce: $(cat "$dir/refused")"
await 20 have_members ledger 1,2,3 0 || die "not all in sync: $(state ledger)"
await 20 well || die "not well at first: $(kairn cluster status)"

# The disk of one follower: it falls out of the set, the others go on.
lead=$(leader ledger) one=$((lead % 3 + 1)) two=$(((lead + 1) % 3 + 1))
filler $one
send 21 60 || die "one full disk of three must not stop anybody: $(cat "$dir/refused")"
await 10 says_full $one || die "broker $one does not say that its disk is full"
await 20 have_members ledger "$(printf '%s\n' $lead $two | sort -n | paste -sd,)" 0 || die "broker $one is in sync with a full disk: $(state ledger)"
await 10 status_says "broker $one refuses records, a disk is full: make room; kairn broker log-dirs $one" ||
    die "status does not say why: $(kairn cluster status)"
expect_match "for programs" "$(kairn cluster status --json)" "\"disk_full\": *\[$one\]"
expect_match "doctor names the disk" "$(kairn cluster doctor)" "error disk-full: .*broker $one, $dir/broker-$one/data: "

# Of a second one: nothing is committed any more, and who produces hears that.
filler $two
wait_ms=6000 send 61 100 && die "two full disks of three, and everything is acknowledged"
expect_match "told" "$(cat "$dir/refused")" 'a record failed: .*cluster status'
refused=$(tail -n 1 "$acked")
await 10 status_says "ledger-0 +UNDER-MIN-ISR" || die "status: $(kairn cluster status)"
status_says "broker $two refuses records" || die "status: $(kairn cluster status)"
nothing_lost "with two full disks"
# Of all three: readers go on, and all brokers live.
filler $lead
nothing_lost "with three full disks"
for n in 1 2 3; do kill -0 "$(broker_pid $n)" || die "broker $n ended"; done

# What status and doctor say is done, one disk after the other.
for n in 1 2 3; do rm "$dir/broker-$n/data/filler"; done
await 30 well || die "room does not help: $(kairn cluster status)"
wait_ms='' send $((refused + 1)) 120 || die "writing must go on: $(cat "$dir/refused")"
nothing_lost "with room again"
await 30 have_members ledger 1,2,3 0 || die "not all in sync again: $(state ledger)"

# Full of records: trimming is what gives room, in all replicas.
fill() { seq 1000000 | head -c 12m | kairn produce clicks --set delivery.timeout.ms=4000 --set request.timeout.ms=1000 > /dev/null 2>&1; }
fill && die "12 MB on disks of 8"
for n in 1 2 3; do status_says "broker $n refuses" && break; done || die "status: $(kairn cluster status)"
kairn topic trim clicks --before end > /dev/null || die "trim"
await 60 well || die "trimming does not help: $(kairn cluster status); $(df "$dir"/broker-*/data)"
send 121 140 || die "writing must go on after trimming: $(cat "$dir/refused")"
nothing_lost "after trimming"

# A follower that starts on a full disk, and one that is killed there.
cluster kill $one
filler $one
cluster start $one > "$dir/started" 2>&1 & starting=$!
waits() { grep -q 'event=broker-waits.*DISK_FULL.*make room' "$dir/broker-$one/log" || grep -c 'event=broker-ready' "$dir/broker-$one/log" | grep -q 2; }
await 20 waits || die "no word of broker $one: $(tail -n 3 "$dir/broker-$one/log")"
send 141 160 || die "the others go on: $(cat "$dir/refused")"
rm "$dir/broker-$one/data/filler"
wait $starting || die "it did not start when there was room: $(cat "$dir/started")"
await 30 have_members ledger 1,2,3 0 || die "not all in sync at the end: $(state ledger)"
await 20 well || die "not well at the end: $(kairn cluster status)"
nothing_lost "at the end"
for topic in ledger clicks; do await 20 same_copies $topic 0 || die "the copies of $topic differ"; done
for n in 1 2 3; do expect_success "sound" kairn log verify "$dir/broker-$n/data" > /dev/null; done
echo "passed: $(wc -l < "$acked") acknowledged records"
