#!/bin/bash
# A full disk: appends are refused and said so once a second, nothing acknowledged is lost, and when there is
# space again writing goes on by itself. The same when records are on the disk before they are confirmed.
. "$(dirname "$0")/lib.sh"
data=$dir/broker-1/data
mkdir -p "$data"
mount -t tmpfs -o size=4m none "$data" 2> /dev/null || { echo "skipped: no right to mount a small disk"; exit 77; }
undo() {
    local status=$?
    cluster down > /dev/null 2>&1
    umount "$data"
    (exit $status)
    finish
}
trap undo EXIT

cluster_up --brokers 1 --zookeepers 1
round() { # topic, options of its creation
    local topic=$1 long before already said; shift
    already=$(grep -c 'event=disk-full' "$dir/broker-1/log")
    kairn topic create $topic "$@" > /dev/null || die "create"
    seq 1000 | kairn produce $topic 2> /dev/null || die "produce"
    head -c 4m /dev/zero > "$data/filler" 2> /dev/null

    # Larger than the rest of any page: nothing of it fits.
    long=$(head -c 20000 /dev/zero | tr '\0' x)
    before=$SECONDS
    echo "$long" | kairn produce $topic --set delivery.timeout.ms=3000 --set request.timeout.ms=1000 --set linger.ms=0 \
        > /dev/null 2> "$dir/refused" && die "a record was taken that fits nowhere"
    grep -q '1 failed' "$dir/refused" || die "expected a failed record: $(cat "$dir/refused")"
    said=$(($(grep -c 'event=disk-full' "$dir/broker-1/log") - already))
    [ "$said" -ge 1 ] || die "nobody said that the disk is full"
    [ "$said" -le $((SECONDS - before + 2)) ] || die "said $said times in $((SECONDS - before)) s that the disk is full"
    expect_equal "readers go on" "$(kairn consume $topic --exit-at-end --format '%v\n' | wc -l)" 1000

    rm "$data/filler"
    seq 1001 2000 | kairn produce $topic 2> /dev/null || die "writing must go on when there is space"
    kairn consume $topic --exit-at-end --format '%v\n' | cmp - <(seq 2000) || die "records are missing"
}

round orders
round ledger --config log.flush.on.ack=true

# And the logs are sound.
cluster kill 1
cluster start 1 || die "start"
for topic in orders ledger; do
    kairn consume $topic --exit-at-end --format '%v\n' | cmp - <(seq 2000) || die "records are missing after a crash"
done

# A broker that starts on a full disk says so, waits, and serves when there is room.
cluster kill 1
head -c 4m /dev/zero > "$data/filler" 2> /dev/null
cluster start 1 > "$dir/started" 2>&1 & starting=$!
waits() { grep -q 'event=broker-waits.*DISK_FULL' "$dir/broker-1/log"; }
await 20 waits || die "no word that it waits for room: $(tail -n 3 "$dir/broker-1/log")"
rm "$data/filler"
wait $starting || die "it did not start when there was room: $(cat "$dir/started")"
for topic in orders ledger; do
    kairn consume $topic --exit-at-end --format '%v\n' | cmp - <(seq 2000) || die "records are missing after that"
done
