#!/bin/bash
# ZooKeeper away for many session timeouts, with three replicas under load, in both modes of leader.fencing. With
# lease, acks 0 and 1 and readers are refused and acks=all goes on while every member fetches; with serve everything
# goes on. In both, nothing acknowledged with acks=all is lost when ZooKeeper is back. KAIRN_AWAY_S: for how long.
. "$(dirname "$0")/lib.sh"
away_s=${KAIRN_AWAY_S:-12}
partitions=3
zookeepers() { "$top/deploy/zookeeper" "$@" --dir "$dir/zookeeper"; }
hasty=(--set delivery.timeout.ms=1500 --set request.timeout.ms=700)
send_one() { kairn produce aside --acks "$1" "${hasty[@]}" > "$dir/sent" 2>&1 <<< "with acks $1"; }
refused() { ! send_one 1; }
read_one() { kairn consume aside --partition 0 --from beginning --max 1 --timeout 1500 2> "$dir/read" | grep -q .; }
unread() { ! read_one; }
# Nothing is taken back for as long as ZooKeeper is away.
throughout() { # what, command...
    local what=$1 until_s=$((SECONDS + away_s)); shift
    while [ $SECONDS -lt $until_s ]; do "$@" || die "$what: $(cat "$dir/sent" "$dir/read" 2> /dev/null)"; done
}
as_with_lease() { load_grows 10 && refused && unread; }
as_with_serve() { load_grows 10 && send_one 1 && read_one; }

for mode in lease serve; do
    cluster_up --brokers 3 --zookeepers 1 --set zookeeper.session.timeout.ms=4000 --set leader.fencing=$mode
    kairn topic create load --partitions $partitions --replication-factor 3 --config min.insync.replicas=2 > /dev/null || die "create"
    kairn topic create aside --replication-factor 3 --config min.insync.replicas=2 > /dev/null || die "create aside"
    await 20 kairn cluster status || die "$mode: not well at first"
    load_begin load $partitions 2 1 300
    send_one 1 || die "$mode: acks=1: $(cat "$dir/sent")"

    zookeepers kill 1
    [ $mode = serve ] || await 10 refused || die "acks=1 is taken without the lease"
    throughout "$mode, without ZooKeeper" as_with_$mode
    for n in 1 2 3; do kill -0 "$(broker_pid $n)" || die "$mode: broker $n ended"; done

    zookeepers start 1 > /dev/null || die "start ZooKeeper"
    await 60 kairn cluster status || die "$mode: not well when ZooKeeper is back"
    await 20 send_one 1 || die "$mode: acks=1 is not taken again: $(cat "$dir/sent")"
    load_goes_on "$mode, with ZooKeeper back"
    load_judge "$mode" 500
    cluster down > /dev/null 2>&1
    rm -rf "$dir"
    mkdir "$dir"
done
echo passed
