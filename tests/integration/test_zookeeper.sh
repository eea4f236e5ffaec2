#!/bin/bash
# ZooKeeper in trouble: a server dies, all are away for a while, a session expires, none is there at start.
. "$(dirname "$0")/lib.sh"
cluster_up --brokers 3 --zookeepers 3 --set zookeeper.session.timeout.ms=6000
zookeepers() { "$top/deploy/zookeeper" "$@" --dir "$dir/zookeeper"; }
kairn topic create orders --partitions 3 > /dev/null || die "create"
echo before | kairn produce orders 2> /dev/null || die "produce"

# One server of three is no news to anybody.
for n in 1 2 3; do
    zookeepers kill $n
    expect_success "produce without server $n" kairn produce orders 2> /dev/null <<< "without $n"
    expect_success "create without server $n" kairn topic create "without-$n" > /dev/null
    zookeepers start $n > /dev/null || die "restart server $n"
done

# A session expires while its broker is stopped: another takes the chair, the broker comes back.
victim=$(controller) before=$(zk get /controller_epoch)
kill -STOP "$(broker_pid "$victim")"
unseated() { [ -n "$(controller)" ] && [ "$(controller)" != "$victim" ]; }
await 30 unseated || { kill -CONT "$(broker_pid "$victim")"; die "nobody took the chair of a stopped controller"; }
registered() { zk ls /brokers/ids | grep -qx "$victim"; }
! registered || die "the session expired, but the registration is still there"
kill -CONT "$(broker_pid "$victim")"
await 30 registered || die "the broker did not register again"
[ "$(zk get /controller_epoch)" -gt "$before" ] || die "the epoch did not grow"
await 30 kairn cluster status || die "not healthy after an expired session"
expect_success "produce after expiry" kairn produce orders 2> /dev/null <<< "after expiry"

# The whole ensemble away for a moment (for long: test_fencing.sh): all is well afterwards.
for n in 1 2 3; do zookeepers kill $n; done
for n in 1 2 3; do zookeepers start $n > /dev/null & done; wait
await 60 kairn cluster status || die "not healthy after the ensemble was away"
produce_works() { kairn produce orders --set delivery.timeout.ms=5000 --set request.timeout.ms=2000 2> /dev/null <<< "after all"; }
await 60 produce_works || die "produce after the ensemble was away"
expect_success "create after the ensemble was away" kairn topic create late > /dev/null

# A broker that finds no ZooKeeper waits and says so, and starts when there is one.
cluster stop 3 || die "stop"
for n in 1 2 3; do zookeepers kill $n; done
sed 's/^log.dirs=.*/&-x/' "$dir/broker-3/server.properties" > "$dir/alone.properties"
kairnd --config "$dir/broker-3/server.properties" > "$dir/alone.log" 2>&1 &
alone=$!
await 20 grep -q 'event=zookeeper-waiting' "$dir/alone.log" || { kill $alone; die "it does not say that it waits"; }
for n in 1 2 3; do zookeepers start $n > /dev/null & done
await 60 grep -q 'event=broker-ready' "$dir/alone.log" || { kill $alone; cat "$dir/alone.log"; die "it did not start once ZooKeeper was there"; }
kill -TERM $alone
wait $alone || die "exit status after SIGTERM"
echo passed
