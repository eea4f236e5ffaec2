# What a broker needs that does nothing, and how long it takes to serve.
variants=(ours)
target resident_kb ours - at-most 10240
target start_ms ours - at-most 200

run_ours() {
    local started
    cluster stop 1 || return 1
    started=$(date +%s%N)
    cluster start 1 || return 1
    sample ours start_ms $((($(date +%s%N) - started) / 1000000))
    sample ours resident_kb "$(awk '/^VmRSS/ { print $2 }' "/proc/$(broker_pid)/status")"
    prefer "$(broker_pid)"
}
