# The latency of well-behaved clients beside the worst ones that the tests know, and without them.
rounds_max=3 rate=1000 seconds=11 patience_us=30000000
latencies=p50_us,p99_us,p999_us,max_us,achieved
variants=(alone spin loris deaf storm huge alone)
note alone "100 bytes at $rate a second, from when a record is due until the consumer has it; nobody else"
note spin "beside a process that only computes (bench/nuisance, as all of these at nice 19)"
note loris "beside 500 connections that announce a megabyte each and send it byte by byte"
note deaf "beside 50 connections that ask for 50 MB again and again and never read"
note storm "beside one that connects, greets and hangs up as fast as it is let"
note huge "beside one that sends sound records of 32 MiB, which are refused"
for neighbour in loris deaf storm huge; do target p99_us $neighbour alone at-most 2; done

# Each meets a broker that has seen nothing; what the deaf ones ask for is there.
prepare() {
    kairn topic delete loud > /dev/null 2>&1
    kairn topic create loud > /dev/null && kairn perf produce loud --records 60000 --size 1000 > /dev/null
}
anew() {
    cluster stop 1 && cluster start 1 || fail "the broker does not start"
    prefer "$(broker_pid)"
    fresh --partitions 1
}
latency() { kairn perf latency bench --rate $rate --seconds $seconds --json; }
run_alone() { anew; measure alone - 1 $latencies latency; }
# Beside the others a rate that is missed is a latency all the same, and who gets no answer has waited as long
# as it was willing to.
beside() { # kind, arguments of nuisance
    local pid before line name value
    anew
    nice -n 19 "$build/bench/nuisance" "$@" > "$dir/nuisance" &
    pid=$!
    sleep 1
    before=$(processor_ns "$(broker_pid)")
    line=$(latency)
    printf '    %-14s %s\n' "$1" "${line:-no answer}"
    [ -n "$line" ] || line="{\"p99_us\": $patience_us}"
    for name in ${latencies//,/ }; do
        value=$(field "$name" "$line")
        [ -z "$value" ] || sample "$1" "$name" "$value"
    done
    sample "$1" broker_processors "$(awk -v ns=$(($(processor_ns "$(broker_pid)") - before)) -v s=$seconds 'BEGIN { printf "%.2f", ns / 1e9 / s }')"
    kill "$pid" && wait "$pid" || fail "$1: it did nothing"
    samples_of "$1" "$(tail -n 1 "$dir/nuisance")" did hung_up
}
run_spin() { beside spin; }
for neighbour in loris deaf storm huge; do eval "run_$neighbour() { beside $neighbour \${KAIRN_BOOTSTRAP%%,*} loud; }"; done
finish() { kairn topic delete loud > /dev/null; }
