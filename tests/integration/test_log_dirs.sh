#!/bin/bash
# Two log directories, one of them on a disk that breaks: only its partitions are refused, the others go on
# as if nothing had happened; what was acknowledged with log.flush.on.ack is there when the disk is back. A
# broker that loses its only directory ends.
. "$(dirname "$0")/lib.sh"
disk_mount 64

produce_to() { # partition, from, to
    seq "$2" "$3" | kairn produce orders --partition "$1" --set delivery.timeout.ms=2000 \
        --set request.timeout.ms=1000 2> /dev/null
}
values_of() { kairn consume orders --partition "$1" --exit-at-end --format '%v\n' --timeout 3000; }

cluster_up --brokers 1 --zookeepers 1 --set "log.dirs=$dir/broker-1/data,$dir/disk/data" \
    --set log.flush.on.ack=true
kairn topic create orders --partitions 4 > /dev/null || die "create"
for partition in 0 1 2 3; do produce_to $partition 1 500 || die "produce"; done
disk_spread orders 0 1 2 3

disk_break
for partition in "${on_disk[@]}"; do
    produce_to "$partition" 501 600 && die "a broken disk took records of partition $partition"
done
for partition in "${elsewhere[@]}"; do
    produce_to "$partition" 501 1000 || die "partition $partition is on a disk that works"
    values_of "$partition" | cmp - <(seq 1000) || die "partition $partition must be readable"
done
await 5 grep -q event=partitions-offline "$dir/broker-1/log" || die "nobody said that partitions are offline"
for partition in "${on_disk[@]}"; do
    values_of "$partition" > /dev/null 2>&1 && die "partition $partition was read from a broken disk"
done
kill -0 "$(broker_pid 1)" || die "the broker must go on"

# The disk is mended, as it was when its power went: what was acknowledged is there.
cluster stop 1 > /dev/null 2>&1
disk_mend
cluster start 1 > /dev/null || die "start"
for partition in "${on_disk[@]}"; do
    values_of "$partition" | head -n 500 | cmp - <(seq 500) || die "partition $partition lost what was acknowledged"
    produce_to "$partition" 1 10 || die "partition $partition must take records again"
done

# The disk is not mounted when the broker starts, or the directory is no directory: its partitions are
# offline and not made anew, empty, elsewhere; the others go on.
for obstacle in unmounted file; do
    cluster stop 1 > /dev/null 2>&1
    umount "$dir/disk" || die "umount"
    rm -rf "$dir/disk/data"
    [ $obstacle = unmounted ] || touch "$dir/disk/data"
    cluster start 1 > /dev/null || die "start with one directory $obstacle"
    for partition in "${on_disk[@]}"; do
        produce_to "$partition" 1 1 && die "partition $partition took records while its disk was away"
    done
    for partition in "${elsewhere[@]}"; do
        values_of "$partition" | cmp - <(seq 1000) || die "partition $partition lies on another disk"
    done
    cluster stop 1 > /dev/null 2>&1
    rm -rf "$dir/disk/data"
    mount -t ext4 "$disk" "$dir/disk" || die "mount"
    cluster start 1 > /dev/null || die "start with both directories"
    for partition in "${on_disk[@]}"; do
        values_of "$partition" | head -n 500 | cmp - <(seq 500) || die "partition $partition is not back"
    done
done

# The only directory breaks.
cluster stop 1 > /dev/null 2>&1
cluster up --build "$build" --port-base "$port_base" --brokers 1 --zookeepers 1 \
    --set "log.dirs=$dir/disk/data" --set log.flush.on.ack=true > "$dir/up.log" 2>&1 || die "start with one directory: $(cat "$dir/up.log")"
pid=$(broker_pid 1)
disk_break
produce_to "${on_disk[0]}" 1 10 && die "a broker without a disk took records"
gone() { ! kill -0 "$pid" 2> /dev/null; }
await 15 gone || die "a broker without any directory must end"
grep -q 'event=broker-failed' "$dir/broker-1/log" || die "the broker did not say why it ended"
