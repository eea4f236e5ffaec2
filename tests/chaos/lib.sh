# lib.sh - the machines of a chaos run: three brokers and three ZooKeeper servers, each in a network
# namespace of its own around a router, the brokers' data on file systems of their own. Sourced by run.
#
# Where namespaces are not possible everything is on 127.0.0.1, and a proxy that stands still cuts off
# what comes to a broker, or what it says to a server; where file systems can not be mounted no power can
# be cut. Everything lives in $work; with namespaces the processes, the network and the mounts end with
# the namespaces that run has made for them.

brokers=3 servers=3
session_ms=4000

say() { printf '[%6.2f] %s\n' "$(awk -v a="$started_s" -v b="$(date +%s.%N)" 'BEGIN { print b - a }')" "$*"; }
fail() { echo "FAIL: $*"; failed=1; exit 1; }

# --- chance: $rolled is from 0 to $1 - 1, and the same for the same seed ------------------------------

roll() { rolled=$(((RANDOM * 32768 + RANDOM) % $1)); }
roll_ms() { roll $(($2 - $1 + 1)); rolled=$((rolled + $1)); }    # from, to
pause_ms() { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }

# await SECONDS COMMAND...: until it succeeds; fails when it does not in time.
await() {
    local limit=$((SECONDS + $1)); shift
    until "$@" > /dev/null 2>&1; do
        [ $SECONDS -lt $limit ] || return 1
        pause_ms 50
    done
}

# --- machines: b1 b2 b3, z1 z2 z3, c (the clients) ----------------------------------------------------

number_of() { case $1 in b*) echo "${1#b}" ;; z*) echo $((10 + ${1#z})) ;; c) echo 21 ;; esac; }
address() { [ -n "$namespaces" ] && echo "10.77.$(number_of "$1").2" || echo 127.0.0.1; }
broker_port() { [ -n "$namespaces" ] && echo 9092 || echo $((port_base + $1)); }            # where others come
own_port() { [ -n "$namespaces" ] && echo 9092 || echo $((port_base + 10 + $1)); }            # where it listens
server_port() { [ -n "$namespaces" ] && echo 2181 || echo $((port_base + 100 + $1)); }
bootstrap() { local n text=; for ((n = 1; n <= brokers; n++)); do text+="${text:+,}$(address b$n):$(broker_port $n)"; done; echo "$text"; }
connect() { local n text=; for ((n = 1; n <= servers; n++)); do text+="${text:+,}$(address z$n):$(server_port $n)"; done; echo "$text"; }
link_port() { echo $((port_base + 20 + 10 * $1 + $2)); }                                        # broker, server
connect_of() { # broker
    local n text=
    [ -z "$namespaces" ] || { connect; return; }
    for ((n = 1; n <= servers; n++)); do text+="${text:+,}127.0.0.1:$(link_port "$1" $n)"; done
    echo "$text"
}

declare -A holder=()        # of each machine's network: a process that does nothing else
inside() { # machine, command...
    local machine=$1; shift
    if [ -n "$namespaces" ]; then exec nsenter -t "${holder[$machine]}" -n "$@"; else exec "$@"; fi
}

# Instead of a network: a proxy before each broker, and one for each broker and server.
declare -A link=()
make_link() { "$build/tests/chaos/proxy" "$2" "$3" > /dev/null 2>&1 < /dev/null & link[$1]=$!; }
make_links() {
    local n m
    for ((n = 1; n <= brokers; n++)); do
        make_link "b$n" "$(broker_port $n)" "$(own_port $n)"
        for ((m = 1; m <= servers; m++)); do make_link "b$n z$m" "$(link_port $n $m)" "$(server_port $m)"; done
    done
}
apart() { [ "$(readlink /proc/$$/ns/net)" != "$(readlink "/proc/$1/ns/net")" ]; }
make_network() {
    local machine n pid
    [ -n "$namespaces" ] || { make_links; return; }
    ip link set lo up
    echo 1 > /proc/sys/net/ipv4/ip_forward || return 1
    for machine in b1 b2 b3 z1 z2 z3 c; do
        n=$(number_of $machine)
        unshare -n sleep infinity &
        pid=$!
        holder[$machine]=$pid
        await 5 apart "$pid" || return 1
        ip link add "m$n" type veth peer name net0 netns "$pid" || return 1
        ip addr add "10.77.$n.1/30" dev "m$n" && ip link set "m$n" up || return 1
        nsenter -t "$pid" -n ip link set lo up
        nsenter -t "$pid" -n ip addr add "10.77.$n.2/30" dev net0 || return 1
        nsenter -t "$pid" -n ip link set net0 up
        nsenter -t "$pid" -n ip route add default via "10.77.$n.1" || return 1
    done
}

# What machine A sends to B is lost, without a word.
drop() {
    [ -n "$namespaces" ] || { [ -z "${link[$2]-}" ] || kill -STOP "${link[$2]}"; return; }
    ip rule add pref 100 from "$(address "$1")" to "$(address "$2")" blackhole
}
part() {
    [ -n "$namespaces" ] || { kill -STOP "${link[$1 $2]}"; return; }
    drop "$1" "$2" && drop "$2" "$1"
}
join_all() {
    [ -n "$namespaces" ] || { kill -CONT "${link[@]}"; return; }
    while ip rule del pref 100 2> /dev/null; do :; done
}
reaches() { # from, to, port
    local stopped=${link[$2]-${link[$1 $2]-}}
    [ -n "$namespaces" ] || { ! grep -q '^State:.*T' "/proc/$stopped/status"; return; }
    (inside "$1" timeout 1 bash -c ": < /dev/tcp/$(address "$2")/$3") > /dev/null 2>&1
}

# --- ZooKeeper ------------------------------------------------------------------------------------------

make_server() {
    local n=$1 m home=$work/zookeeper-$1
    mkdir -p "$home/data"
    echo "$n" > "$home/data/myid"
    {
        printf '%s\n' tickTime=500 initLimit=20 syncLimit=8 "dataDir=$home/data" "clientPort=$(server_port $n)" \
            "clientPortAddress=$(address z$n)" maxClientCnxns=0 admin.enableServer=false '4lw.commands.whitelist=*' \
            preAllocSize=1024
        for ((m = 1; m <= servers; m++)); do
            if [ -n "$namespaces" ]; then echo "server.$m=$(address z$m):2888:3888"
            else echo "server.$m=127.0.0.1:$((port_base + 120 + m)):$((port_base + 140 + m))"; fi
        done
    } > "$home/zoo.cfg"
}
start_server() {
    local home=$work/zookeeper-$1
    ! alive "$home/pid" || return 0
    (inside "z$1" setsid java -Xmx96m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dzookeeper.jmx.log4j.disable=true \
        -cp /usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar \
        org.apache.zookeeper.server.quorum.QuorumPeerMain "$home/zoo.cfg") >> "$home/log" 2>&1 < /dev/null &
    echo $! > "$home/pid"
}
server_mode() {
    timeout 2 bash -c "exec 3<> /dev/tcp/$(address "z$1")/$(server_port "$1") && echo srvr >&3 && cat <&3" 2> /dev/null |
        sed -n 's/^Mode: //p'
}
serving() { [ -n "$(server_mode "$1")" ]; }
zk() { timeout 5 "$build/tests/integration/zk_probe" "$(connect)" "$@" 2> /dev/null; }
registered() { zk ls /brokers/ids | grep -qx "$1"; }

# --- brokers ----------------------------------------------------------------------------------------------

lives() { kill -0 "$1" 2> /dev/null && ! grep -q '^State:.*Z' "/proc/$1/status" 2> /dev/null; }
alive() { local pid; pid=$(cat "$1" 2> /dev/null) && [ -n "$pid" ] && lives "$pid"; }
pid_of() { cat "$work/broker-$1/pid" 2> /dev/null; }
data_of() { echo "$work/broker-$1/data"; }

attach_disk() { [ -z "$disks" ] || mount -o loop,noatime "$work/broker-$1/image" "$(data_of "$1")"; }
detach_disk() { [ -z "$disks" ] || await 10 umount "$(data_of "$1")"; }

make_broker() {
    local n=$1 home=$work/broker-$1
    mkdir -p "$home/data"
    if [ -n "$disks" ]; then
        truncate -s "$((192 + seconds * 2))M" "$home/image"
        mkfs.ext4 -q -F -m 0 -J size=4 "$home/image" > /dev/null 2>&1 && attach_disk "$n" || return 1
    fi
    {
        printf '%s\n' "broker.id=$n" "listeners=PLAINTEXT://$(address b$n):$(own_port $n)" "log.dirs=$home/data/log" \
            "advertised.listeners=PLAINTEXT://$(address b$n):$(broker_port $n)" "zookeeper.connect=$(connect_of $n)" "zookeeper.session.timeout.ms=$session_ms" log.segment.bytes=4194304
        # Groups: impatient, and their topic as safe as the records, in segments that are compacted and loaded again.
        printf '%s\n' group.min.session.timeout.ms=1000 group.initial.rebalance.delay.ms=200 offsets.topic.segment.bytes=262144 \
            "offsets.topic.replication.factor=$replication" "min.insync.replicas=$minimum" ${flush:+log.flush.on.ack=true}
        printf '%s\n' ${settings[@]+"${settings[@]}"}
    } > "$home/server.properties"
}
start_broker() {
    local home=$work/broker-$1
    ! alive "$home/pid" || return 0
    mkdir -p "$home/data/log"
    touch "$home/output"
    wc -c < "$home/output" > "$home/output.start"
    (inside "b$1" setsid "$build/kairnd" --config "$home/server.properties") >> "$home/output" 2>&1 < /dev/null &
    echo $! > "$home/pid"
    up[$1]=1
}
this_life() { tail -c "+$(($(cat "$work/broker-$1/output.start") + 1))" "$work/broker-$1/output"; }
ready() { this_life "$1" | grep -q event=broker-ready; }
gone() { ! alive "$work/broker-$1/pid"; }
# End it; it is gone afterwards. Its exit status, or 1 when it does not end. That it was killed is no news.
end_broker() { # number, signal
    up[$1]=''
    kill "-$2" "$(pid_of "$1")"
    await 15 gone "$1" && wait "$(pid_of "$1")"
} 2> /dev/null
# Nobody may end by itself.
check_alive() {
    local n
    for ((n = 1; n <= brokers; n++)); do
        [ -z "${up[n]}" ] || ! gone "$n" || fail "broker $n ended by itself: $(tail -n 3 "$work/broker-$n/output")"
    done
    lives "$clients" || fail "the clients ended: $(cat "$work/said")"
    lives "$crowd" || fail "the groups ended: $(tail -n 20 "$work/crowd")"
}
guardian_of() { pgrep -P "$(pid_of "$1")" -f kairn-guardian | head -n 1; }

# --- the cluster ------------------------------------------------------------------------------------------

controller() { zk get /controller | sed -n 's/.*"brokerid":\([0-9]*\).*/\1/p'; }
leader() { zk get "/brokers/topics/chaos/partitions/$1/state" | sed -n 's/.*"leader":\([0-9]*\).*/\1/p'; }
# A group's partition of the offsets topic, as Kafka finds it: Java's hash of the name, modulo their number.
group_partition() {
    local i character hash=0
    for ((i = 0; i < ${#1}; i++)); do printf -v character %d "'${1:i:1}"; hash=$(((31 * hash + character) & 0xffffffff)); done
    echo $(((hash < 0x80000000 ? hash : 0x100000000 - hash) % 50))
}
coordinator() { zk get "/brokers/topics/__consumer_offsets/partitions/$(group_partition "$1")/state" | sed -n 's/.*"leader":\([0-9]*\).*/\1/p'; }
whole() { timeout 10 "$build/kairn" cluster status --bootstrap "$(bootstrap)" --timeout 5000; }
acked() { local count; read -r count < "$work/history/progress" && echo "${count:-0}"; }
acked_more_than() { [ "$(acked)" -gt "$1" ]; }

# Segments may begin at different batches; the bytes of all of them are the same.
bytes_hash() { cat "$(data_of "$1")/log/chaos-$2"/*.log | sha256sum; }
identical() { # partition
    local n first=
    for n in $(zk get "/brokers/topics/chaos/partitions/$1/state" | sed 's/.*"isr":\[\([0-9,]*\)\].*/\1/; s/,/ /g'); do
        [ -n "$first" ] || { first=$(bytes_hash "$n" "$1"); continue; }
        [ "$first" = "$(bytes_hash "$n" "$1")" ] || return 1
    done
    [ -n "$first" ]
}
differences() { # partition
    local n
    for ((n = 1; n <= brokers; n++)); do
        "$build/kairn" log dump "$(data_of $n)/log/chaos-$1"/*.log 2>&1 | grep -v ^summary | sed 's/position=[0-9]* //' > "$work/batches-$n"
        ls -l "$(data_of $n)/log/chaos-$1"/*.log
    done
    diff -U 1 "$work/batches-1" "$work/batches-2" | head -n 12
    diff -U 1 "$work/batches-2" "$work/batches-3" | head -n 12
}
bytes_of() { du -cb "$(data_of "$1")"/log/chaos-*/*.log 2> /dev/null | awk '{ sum = $1 } END { print sum + 0 }'; }
