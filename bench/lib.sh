# lib.sh - what every workload of bench/run is made of. Sourced by bench/run; no program of its own.
#
# A workload is workloads/NAME.sh: it declares `variants`, in the order in which they are measured,
# says its facts (target, yardstick, note) and has a function run_VARIANT for each, which measures
# once and says samples. prepare and finish are optional. All arithmetic is bench/stats'.
# What is measured is ours; with --against another version takes turns with it, as `before`, and has
# servers and a directory of its own.
stats=$build/bench/stats null_broker=$build/bench/null_broker limits=$build/bench/limits
rdkafka=$build/bench/peers/rdkafka_bench
kafka_port=29300 kafka_bootstrap=127.0.0.1:29300
rounds_more=3

fail() { echo "bench/run: $*" >&2; exit 1; }
skip() { echo "  skipped: $*"; exit 77; }
wants() { [[ ",$peers," == *",$1,"* ]]; }
# What a run records itself does not make the tree another one.
commit() { # source tree
    local id
    id=$(git -C "$1" rev-parse --short HEAD 2> /dev/null) || { echo unknown; return; }
    git -C "$1" diff --quiet HEAD -- . ':!bench/history.txt' ':!bench/instructions.txt' || id=$id-dirty
    echo "$id"
}

# --- the machine ----------------------------------------------------------------------------------

enter_namespace() {
    local net
    ip link set lo up
    for net in 127.0.0.0/8 127.0.0.1; do
        ip route replace local $net dev lo proto kernel scope host src 127.0.0.1 table local congctl cubic 2> /dev/null
    done
    # The kernel shares the processors among groups of processes: ours first, whatever else runs here.
    echo -12 > /proc/self/autogroup 2> /dev/null
    echo "network: a namespace of its own, congestion control $(ip route show table local | grep -o 'congctl [a-z]*' | head -n 1 | cut -d' ' -f2)"
}
prefer() { [ -z "$inside" ] || echo -12 > "/proc/$1/autogroup" 2> /dev/null; }

# Pages that the host took would have to be fetched again in the middle of a measurement.
hold_memory() {
    local megabytes
    megabytes=$(awk '/^MemAvailable/ { m = int($2 / 2048); print (m > most ? most : m) }' most=$([ -n "$smoke" ] && echo 2048 || echo 12288) /proc/meminfo)
    coproc HOLD { exec "$build/bench/hold" "$megabytes"; }
    read -r -u "${HOLD[0]}" -t 120 _ || fail "bench/hold"
}

# Writes of a megabyte take whole blocks, which hold can not keep. Two passes: the first fetches them
# from the host, slowly; the second has them all in hand.
warm() { # megabytes
    local pass
    for pass in 1 2; do dd if=/dev/zero of="$dir/warm" bs=1M count="$1" status=none; rm "$dir/warm"; done
}

# Stolen and all time of the processors since the start, in ticks.
ticks() { awk '/^cpu / { for (i = 2; i <= 9; i++) all += $i; print $9, all }' /proc/stat; }
# Nanoseconds of processor that a process has used, over all of its threads, those that ended too.
processor_ns() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); printf "%.0f", ($12 + $13) * 1e9 / hz }' "/proc/$1/stat"; }

# --- servers --------------------------------------------------------------------------------------

cluster() { "$top/deploy/cluster" "$@" --dir "$dir"; }
kafka() { "$here/peers/kafka" "$1" --dir "$dir/kafka" "${@:2}"; }
broker_pid() { cat "$dir/broker-1/pid"; }

# The version that the next commands mean.
declare -A builds=([ours]=$build [before]=$against) places=([ours]='' [before]=/before) ports=([ours]=0 [before]=-1000)
declare -A environments=()
versions=(ours)
[ -z "$against" ] || versions+=(before)
plain_path=$PATH
use() { # version
    version=$1 build=${builds[$1]} dir=$root${places[$1]} ports_from=${ports[$1]}
    PATH=$plain_path
    eval "${environments[$1]-}"
}
each_version() { local one; for one in "${versions[@]}"; do use "$one"; "$@" || return; done; use ours; }
# What a version is served by from now on: `cluster` or another function that speaks to deploy/cluster.
served_by() { # function, its directory
    environments[$version]="home=$(printf %q "$2"); $("$1" env)"
    use "$version"
}
# Files of a deleted topic leave memory at once, not after a minute.
at_once="--set log.segment.delete.delay.ms=1"

start_broker() {
    mkdir -p "$dir"
    # shellcheck disable=SC2086
    cluster up --brokers 1 --zookeepers 1 --port-base $((29092 + ports_from)) $at_once --build "$build" > "$dir/up.log" 2>&1 || { cat "$dir/up.log"; fail "the cluster did not start"; }
    served_by cluster "$dir"
    prefer "$(broker_pid)"
}
start_everything() {
    hold_memory
    each_version start_broker
    have_kafka='' have_librdkafka=''
    ! wants librdkafka || { [ -x "$rdkafka" ] && have_librdkafka=1 || echo "peers: no librdkafka (librdkafka-dev was not there when this was built)"; }
    ! wants kafka || { kafka up --port $kafka_port --zookeeper "$KAIRN_ZOOKEEPER/kafka" > "$dir/kafka.log" 2>&1 && have_kafka=1; } ||
        echo "peers: no Kafka: $(tail -n 1 "$dir/kafka.log")"
    [ -z "$have_kafka" ] || { prefer "$(kafka pid)"; kafka_warm; }
}

# Java compiles what has run for a while: before anything counts, millions of records in and out, and
# a few seconds of single ones.
kafka_warm() {
    echo "peers: warming Kafka up"
    kafka_fresh 1
    kafka run produce $kafka_bootstrap "$kafka_topic" 100 5000000 0 acks=1 > /dev/null &&
        kafka run consume $kafka_bootstrap "$kafka_topic" 5000000 > /dev/null &&
        kafka run latency $kafka_bootstrap "$kafka_topic" 100 2000 5 acks=all > /dev/null || fail "Kafka does not warm up"
}

end_everything() {
    trap '' INT TERM HUP
    use ours
    [ ! -d "$dir/kafka" ] || kafka down
    each_version cluster down > /dev/null 2>&1
    [ -n "${KAIRN_KEEP:-}" ] || rm -rf "$root"
}

# --- facts ----------------------------------------------------------------------------------------

fact() { echo "$*" >> "$facts"; }
# Of two versions, the later is to be within 5 % of the earlier in what has a target.
target() {                                              # metric series other at-least|at-most bound
    local words="$workload $*"
    [ -z "$against" ] || case $2/$4 in
    ours*/at-least) words="$workload $1 $2 ${2/#ours/before} at-least 0.95" ;;
    ours*/at-most) words="$workload $1 $2 ${2/#ours/before} at-most 1.05" ;;
    *) return ;;
    esac
    grep -qxF "target $words" "$facts" || fact target "$words"
}
yardstick() { fact yardstick "$workload" "$@"; }        # series metric
note() { fact note "$workload" "$@"; }                  # series words
sample() { fact sample "$workload" "$round" "${1/#ours/$version}" "${@:2}"; }     # series metric value

# Numbers of a line of JSON, where they are told. A latency at a rate that was not reached is none.
field() { sed -n "s/.*\"$1\": *\\([0-9.e+-]*\\)[,}].*/\\1/p" <<< "$2"; }
rate_missed() { [[ $1 =~ \"rate_met\":\ ?false ]]; }
samples_of() { # series, JSON, fields
    local name value
    printf '    %-14s %s\n' "${1/#ours/$version}" "$2"
    if rate_missed "$2"; then sample "$1" rate_missed 1; return; fi
    for name in "${@:3}"; do
        value=$(field "$name" "$2")
        [ -z "$value" ] || sample "$1" "$name" "$value"
    done
}

# measure SERIES PID BYTES FIELDS COMMAND...: run it, say its samples, and what a megabyte cost the
# broker PID ("-": none). FIELDS is one word with commas. A failure ends the run.
measure() {
    local series=$1 pid=$2 bytes=$3 fields=${4//,/ } line before=0
    shift 4
    [ "$pid" = - ] || before=$(processor_ns "$pid")
    line=$("$@") || rate_missed "$line" || fail "$series: $* failed"
    # shellcheck disable=SC2086
    samples_of "$series" "$line" $fields
    [ "$pid" = - ] || sample "$series" broker_us_per_mb $((($(processor_ns "$pid") - before) * 1000 / bytes))
}

# --- topics ---------------------------------------------------------------------------------------

await_no_logs() { # of `bench`, which was deleted
    local limit=$((SECONDS + 60))
    while compgen -G "$home/broker-?/data/bench-*" > /dev/null; do [ $SECONDS -lt $limit ] || fail "the logs of bench are still there"; sleep 0.02; done
}
fresh() { # options of kairn topic create: the topic `bench`, empty
    kairn topic delete bench > /dev/null 2>&1
    await_no_logs
    kairn topic create bench "$@" > /dev/null || fail "create bench $*"
}
segments() { ls "$dir"/broker-1/data/bench-0/*.log; }
# Out of the page cache, and seen to be.
cool() { # files
    local file
    for file in "$@"; do
        sync "$file" && dd if="$file" iflag=nocache count=0 status=none || fail "$file stays in the cache"
        [ "$(fincore -b -n -o RES "$file")" -lt 10000000 ] || fail "$file stays in the cache"
    done
}

# Everything that was sent is there, once, in order and unharmed.
verify() { # records, options
    local line
    line=$(kairn perf consume bench --verify --json "${@:2}") || fail "what was produced does not come back"
    [ "$(field records "$line")" = "$1" ] && [ "$(field gaps "$line")" = 0 ] || fail "$1 records were sent; back came $line"
}

# A topic of Kafka's, empty, and the last one deleted; workloads are subshells, so a file knows its name.
kafka_fresh() { # partitions
    kafka_topic=bench-$BASHPID-$RANDOM
    # shellcheck disable=SC2046
    kafka run renew $kafka_bootstrap "$kafka_topic" "$1" $(cat "$dir/kafka-topic" 2> /dev/null) || fail "Kafka: create $kafka_topic"
    echo "$kafka_topic" > "$dir/kafka-topic"
}
kafka_verify() { "$rdkafka" consume $kafka_bootstrap "$kafka_topic" "$1" > /dev/null || fail "Kafka: what was produced does not come back"; }

# --- rounds ---------------------------------------------------------------------------------------

prepare() { :; }
finish() { :; }
# Does no round before this one count? For what is measured once a run.
first_to_count() { [ $((round - void)) -eq 1 ]; }
# Which variants can be measured here, by what they need.
possible() {
    case $1 in
    ours*) ;;
    *) [ -z "$against" ] || return 1 ;;&
    librdkafka*) [ -n "$have_librdkafka" ] && [ -n "$have_kafka" ] ;;
    java*|kafka*) [ -n "$have_kafka" ] ;;
    mock*) [ -n "$have_librdkafka" ] ;;
    esac
}

run_round() {
    local order=() variant turn stolen all_ticks stolen_after all_after
    for variant in "${variants[@]}"; do
        possible "$variant" || continue
        if ((round % 2)); then order+=("$variant"); else order=("$variant" ${order[@]+"${order[@]}"}); fi
    done
    local turns=(ours)
    if [ -n "$against" ]; then if ((round % 2)); then turns=(ours before before ours); else turns=(before ours ours before); fi; fi
    echo "  round $round"
    read -r stolen all_ticks < <(ticks)
    for variant in "${order[@]}"; do
        for turn in "${turns[@]}"; do use "$turn"; "run_${variant//-/_}" || fail "$variant"; done
    done
    use ours
    read -r stolen_after all_after < <(ticks)
    [ -n "$exact" ] || sample machine steal-permille $(((stolen_after - stolen) * 1000 / (all_after - all_ticks + 1)))
}

run_workload() {
    local reason void=0 count=$rounds
    rounds_max=99 exact=''          # exact: whatever else runs changes nothing
    echo "$workload"
    # shellcheck disable=SC1090
    . "$here/workloads/$workload.sh"
    [ "$count" -le "$rounds_max" ] || [ -n "$against" ] || count=$rounds_max
    each_version prepare || return 1
    for ((round = 1; round <= count; round++)); do
        run_round
        reason=$("$stats" valid "$facts" "$workload" $round) && continue
        echo "  round $round does not count: $reason"
        fact void "$workload" $round
        [ $void -lt $rounds_more ] || continue
        void=$((void + 1)) count=$((count + 1))
    done
    each_version finish
}
