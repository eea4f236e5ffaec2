# 1,000 connections that each ask to append one record of 100 bytes, and ask again once they are answered.
connections=1000 partitions=16 requests=400000
[ -z "$smoke" ] || requests=100000
warm_up=$((20 * connections))
asked=requests_per_second,broker_ns_per_request,own_ns_per_request,p50_us,p99_us
variants=(limit ours ours-own ours limit)
[ -z "$smoke" ] || variants=(limit ours ours limit)
yardstick limit requests_per_second
note limit "one thread: receive, CRC, one pwrite to one of $partitions files, answer 16 bytes (bench/null_crowd.c)"
note ours "acks all, each connection an idempotent producer, $partitions partitions, any loop, no fsync"
note ours-own "the same, each connection on the loop that owns its partition"
target broker_ns_per_request ours limit at-most 1.5

crowd() { # series, arguments
    warm 300
    measure "$1" - 1 $asked "$build/bench/crowd" "${@:2}"
}
run_limit() {
    mkdir -p "$dir/crowd"
    crowd limit null "$dir/crowd" $partitions $connections $warm_up $requests
}
asks_kairn() { # series, any or own
    fresh --partitions $partitions
    crowd "$1" kairn "${KAIRN_BOOTSTRAP%%,*}" bench $connections $warm_up $requests "$(broker_pid)" "$2"
}
run_ours() { asks_kairn ours any; }
run_ours_own() { asks_kairn ours-own own; }
