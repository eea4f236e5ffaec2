# Processor time of three brokers that have nothing to do, with 3,000 partitions of three replicas each.
. "$here/workloads/replicated.sh"
rounds_max=3 seconds=20 partitions=3000
variants=(ours)
note ours "$partitions partitions with three replicas, over $seconds s, of all three brokers"
target processor_percent ours - at-most 2

run_ours() {
    local before spent
    [ "$round" -gt 1 ] || {
        # shellcheck disable=SC2086
        fresh --partitions $partitions $replicated
        await_whole
        sleep 5
    }
    before=$(processor_of_three)
    sleep $seconds
    spent=$(($(processor_of_three) - before))
    sample ours processor_percent "$(awk -v ns=$spent -v s=$seconds 'BEGIN { printf "%.2f", ns / 1e7 / s }')"
}
