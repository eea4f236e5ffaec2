#!/bin/bash
# Whatever arrives or is configured: a typed error that says what to do, nothing crashes.
. "$(dirname "$0")/lib.sh"
cluster_up --brokers 2 --zookeepers 1 --set socket.request.max.bytes=2000000
kairn topic create orders --partitions 2 > /dev/null || die "create"
seq 10 | kairn produce orders 2> /dev/null || die "produce"
port=$port_base

# Bytes that are no protocol, cut and glued and oversized, a few hundred connections of them.
send_bytes() { timeout 2 bash -c "exec 3<> /dev/tcp/127.0.0.1/$port && printf '%b' '$1' >&3 && head -c 200 <&3 > /dev/null" 2> /dev/null; }
greeting='KAIR\x00\x01\x00\x01\xff\xff\x00\x00'
send_bytes 'GET / HTTP/1.1\r\n\r\n'
send_bytes 'KAIR\x00\x09\x00\x09\xff\xff\x00\x00'
send_bytes 'KA'
send_bytes "$greeting"'\x7f\xff\xff\xff\x00\x00\x00\x01'
send_bytes "$greeting"'\x00\x00\x00\x08\xff\xff\xff\xff\x00\x00\x00\x00'
send_bytes "$greeting"'\x00\x00\x00\x04\x00\x00\x00\x00'
send_bytes "$greeting"'\x00\x00\x00\x0c\x00\x00\x00\x08\xff\xff\xff\xff\xff\xff\xff\xff'
for i in $(seq 40); do
    { printf '%b' "$greeting"; head -c $((RANDOM % 3000)) /dev/urandom; } | timeout 2 bash -c "cat > /dev/tcp/127.0.0.1/$port" 2> /dev/null
    head -c $((RANDOM % 100)) /dev/urandom | timeout 2 bash -c "cat > /dev/tcp/127.0.0.1/$port" 2> /dev/null
done
kill -0 "$(broker_pid 1)" || die "the broker died of bad input"
expect_equal "served as before" "$(kairn consume orders --exit-at-end | wc -l)" 10

# A record that is too large for the topic is refused, and others are not.
kairn topic create small --config max.message.bytes=1000 > /dev/null || die "create small"
head -c 5000 /dev/zero | tr '\0' x > "$dir/large"
expect_refusal "too large" 1 MESSAGE_TOO_LARGE bash -c "kairn produce small < $dir/large"
echo small | kairn produce small 2> /dev/null || die "a small one after a large one"

# Configuration.
refuse() { # what, pattern, arguments...
    local what=$1 pattern=$2; shift 2
    expect_refusal "$what" 2 "$pattern" timeout 20 kairnd "$@"
}
config=$dir/broker-1/server.properties
refuse "unknown property" 'did you mean.*log\.segment\.bytes|nearest.*log\.segment\.bytes|log\.segment\.bytes' --config "$config" --set log.segment.byte=1
refuse "out of range" 'log\.segment\.bytes' --config "$config" --set log.segment.bytes=-5
refuse "no address" 'max\.connections\.per\.ip\.overrides.*ADDRESS:NUMBER' --config "$config" --set max.connections.per.ip.overrides=example.com:5
refuse "not supported yet" 'not supported yet' --config "$config" --set ssl.keystore.location=/x
refuse "no file" 'nowhere' --config "$dir/nowhere"
refuse "no arguments" 'usage|--config'

# Directories and ports that belong to others.
fails() { # what, pattern, arguments...
    local what=$1 pattern=$2; shift 2
    expect_refusal "$what" 1 "$pattern" timeout 60 kairnd "$@"
}
free=$((port_base + 50))
listen="listeners=PLAINTEXT://127.0.0.1:$free"
fails "directory in use" 'in use|locked|another process' --config "$config" --set "$listen"
mkdir "$dir/empty"
fails "port in use" "$port_base" --config "$config" --set broker.id=7 --set "log.dirs=$dir/empty"
cp -r "$dir/broker-2/data" "$dir/copy"; rm -f "$dir/copy/.lock"
fails "another broker's directory" 'broker' --config "$config" --set broker.id=8 --set "log.dirs=$dir/copy" --set "$listen"
sed -i 's/^cluster.id=.*/cluster.id=AAAAAAAAAAAAAAAAAAAAAQ/' "$dir/copy/meta.properties"
fails "another cluster's directory" 'cluster' --config "$config" --set broker.id=2 --set "log.dirs=$dir/copy" --set "$listen"
mkdir "$dir/second"
fails "id in use" 'broker.id|in use' --config "$config" --set "log.dirs=$dir/second" --set "$listen" --set zookeeper.session.timeout.ms=4000
mkdir "$dir/third"
fails "no such congestion control" 'see socket\.tcp\.congestion' --config "$config" --set broker.id=9 --set "log.dirs=$dir/third" --set "$listen" --set socket.tcp.congestion=none-such
kill -0 "$(broker_pid 1)" || die "the rightful broker died"

# Times that never end are no times that are over.
for name in connections.max.idle.ms log.retention.check.interval.ms offsets.retention.check.interval.ms log.cleaner.backoff.ms \
    log.segment.delete.delay.ms log.idle.close.ms replica.lag.time.max.ms log.roll.ms log.cleaner.delete.retention.ms; do
    echo "$name=forever" >> "$dir/broker-2/server.properties"
done
cluster stop 2 && cluster start 2 > /dev/null || die "restart with times that never end"
kairn topic create patient --assignment 2 > /dev/null || die "create patient"
seq 10 | kairn produce patient 2> "$dir/patient" || die "produce: $(cat "$dir/patient")"
expect_equal "served" "$(kairn consume patient --exit-at-end | wc -l)" 10
! grep -q 'REQUEST_TIMED_OUT' "$dir/broker-2/log" || die "it hung up: $(grep REQUEST_TIMED_OUT "$dir/broker-2/log")"

# Nonsense in znodes: the topic is set aside and named, the others are served by the next controller.
kairn topic create broken > /dev/null || die "create broken"
zk set /brokers/topics/broken '{"version":3,"partitions":{"0":"x"'
victim=$(controller)
cluster kill "$victim"; cluster start "$victim" || die "restart"
served() { [ "$(kairn consume orders --exit-at-end | wc -l)" -eq 10 ]; }
await 20 served || die "a broken znode of one topic must not harm another"
grep -hq 'event=topic-quarantined.*topic=broken' "$dir"/broker-*/log || die "the broken topic is not named in the log"
echo passed
