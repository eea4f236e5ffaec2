# replicated.sh - what the workloads with three replicas share: clusters of three brokers, ours and Kafka's.
null_cluster=$build/bench/null_cluster failover=$build/bench/failover
kafka_three_port=29900
replicated="--replication-factor 3 --config min.insync.replicas=2"

three() { "$top/deploy/cluster" "$@" --dir "$dir/three"; }
three_pid() { cat "$dir/three/broker-$1/pid"; }
three_up() { # options of deploy/cluster up
    # shellcheck disable=SC2086
    three up --brokers 3 --zookeepers 3 --port-base $((29600 + ports_from)) $at_once --build "$build" "$@" > "$dir/three.log" 2>&1 || { cat "$dir/three.log"; fail "three brokers do not start"; }
    served_by three "$dir/three"
    local n
    for n in 1 2 3; do prefer "$(three_pid $n)"; done
}
three_down() { three down > /dev/null 2>&1; rm -rf "$dir/three"; }
whole() { kairn cluster status > /dev/null 2>&1; }
await_whole() {
    local limit=$((SECONDS + 60))
    until whole; do [ $SECONDS -lt $limit ] || fail "not every replica is in sync"; sleep 0.05; done
}
zookeeper_probe() { "$build/tests/integration/zk_probe" "$KAIRN_ZOOKEEPER" "$@"; }
leader_of() { zookeeper_probe get "/brokers/topics/bench/partitions/$1/state" | sed -n 's/.*"leader":\([0-9]*\).*/\1/p'; }
controller_now() { zookeeper_probe get /controller | sed -n 's/.*"brokerid":\([0-9]*\).*/\1/p'; }
processor_of_three() { local n sum=0; for n in 1 2 3; do sum=$((sum + $(processor_ns "$(three_pid $n)"))); done; echo $sum; }

# Kafka's brokers 2 and 3 join the one that is there; what is produced to it has three replicas then.
kafka_three_up() {
    local n
    [ -n "$have_kafka" ] || return 0
    for n in 2 3; do
        KAIRN_PEER_HEAP=${KAIRN_PEER_HEAP:-1g} "$here/peers/kafka" up --dir "$dir/kafka-$n" --port $((kafka_three_port + n)) --zookeeper "$KAIRN_ZOOKEEPER_ONE/kafka" \
            --set broker.id=$n > "$dir/kafka-$n.log" 2>&1 || { echo "peers: no second Kafka: $(tail -n 1 "$dir/kafka-$n.log")"; have_kafka=''; return 0; }
        prefer "$("$here/peers/kafka" pid --dir "$dir/kafka-$n")"
    done
    # A port that is open is no broker that is registered yet.
    for n in $(seq 15); do
        kafka run renew $kafka_bootstrap three-$n 1x3 > /dev/null 2>&1 && return 0
        sleep 1
    done
    echo "peers: Kafka's brokers do not find each other"
    have_kafka=''
}
kafka_three_down() { local n; for n in 2 3; do [ ! -d "$dir/kafka-$n" ] || "$here/peers/kafka" down --dir "$dir/kafka-$n"; done; }

# Once in the workload's own subshell; whatever happens, it is undone.
prepare() {
    KAIRN_ZOOKEEPER_ONE=$KAIRN_ZOOKEEPER
    trap 'each_version three_down; kafka_three_down' EXIT
    three_up ${three_settings[@]+"${three_settings[@]}"} || return 1
    [ -z "${with_kafka:-}" ] || kafka_three_up
}
