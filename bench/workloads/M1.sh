# What the broker keeps for who does nothing: a connection, a partition, a member of a group.
rounds_max=3 exact=1 partitions=10000 idle_groups=500 idle_members=10
group=$build/bench/group idlers=$build/bench/idlers
variants=(bare connection partition member)
connections=$(($(ulimit -Hn) - 1000))
[ $connections -lt 9000 ] || connections=9000
[ -z "$smoke" ] || { connections=2000 rounds_max=1; variants=(bare connection); }
note bare "$connections connections over loopback of which one process holds both ends, and no broker"
note connection "$connections greeted ones to a broker; of the kernel's memory the other end, half of a bare one's, is taken off"
note partition "$partitions of one topic, after a clean stop and start: what the broker has beyond one without any"
note member "$((idle_groups * idle_members)) of $idle_groups groups, each owning what it is assigned, paused; a tenth of a group each"
target user_bytes connection - at-most 1024
target bytes connection - at-most 4096
target bytes partition - at-most 2048

broker_bytes() { echo $(($(awk '/^Anonymous:/ { print $2 }' "/proc/$(broker_pid)/smaps_rollup") * 1024)); }
# Ten thousand logs that were just made are synced when they are closed.
broker_anew() { cluster stop 1 --wait 120 && cluster start 1 --wait 120 || fail "the broker does not start"; prefer "$(broker_pid)"; }

run_bare() {
    local line
    line=$("$idlers" bare $((connections / 2))) || fail "bare connections"
    both_ends=$(field kernel_bytes_both_ends "$line")
    samples_of bare "{\"kernel_bytes_both_ends\": $both_ends}" kernel_bytes_both_ends
}
# Of what is bare, the last one counts: a round that runs backwards comes to it later.
run_connection() {
    local line user kernel
    kairn topic delete bench > /dev/null 2>&1
    broker_anew
    line=$("$idlers" broker "${KAIRN_BOOTSTRAP%%,*}" $connections "$(broker_pid)") || fail "connections"
    user=$(field user_bytes "$line")
    kernel=$(($(field kernel_bytes_both_ends "$line") - both_ends / 2))
    samples_of connection "{\"user_bytes\": $user, \"kernel_bytes\": $kernel, \"bytes\": $((user + kernel))}" user_bytes kernel_bytes bytes
}
run_partition() {
    local without
    kairn topic delete bench > /dev/null 2>&1
    broker_anew
    without=$(broker_bytes)
    fresh --partitions $partitions --config file.delete.delay.ms=0
    broker_anew
    kairn consume bench --partition 177 --exit-at-end > /dev/null || fail "a partition is not served"
    samples_of partition "{\"bytes\": $((($(broker_bytes) - without) / partitions))}" bytes
    kairn topic delete bench > /dev/null || return 1
}
# What makes __consumer_offsets is no member's.
run_member() {
    first_to_count || return 0
    kairn topic delete bench > /dev/null 2>&1
    kairn topic create bench --partitions $idle_members > /dev/null && "$group" commit "$KAIRN_BOOTSTRAP" bench $idle_members 1 > /dev/null || return 1
    broker_anew
    measure member - 1 members,broker_bytes_per_member "$group" idle "$KAIRN_BOOTSTRAP" bench $idle_groups $idle_members 1 "$(broker_pid)"
}
