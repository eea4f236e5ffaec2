# lib.sh - what every integration test starts with: a cluster of its own, and words to judge by.
#
# A test is a script that sources this file. KAIRN_BUILD names the build tree. Everything a test
# starts lives in $dir and ends with it; what failed is kept when KAIRN_KEEP is set.
set -u

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${KAIRN_BUILD:?KAIRN_BUILD must name a build tree}
dir=$(mktemp -d "${KAIRN_TEST_WORK:-/tmp}/kairn-$(basename "$0" .sh).XXXXXX")
probe=$build/tests/integration/zk_probe
workload=$build/tests/chaos/workload judge=$build/tests/chaos/check
export PATH=$build:$PATH
failed=0

finish() {
    local status=$?
    # A load that runs beside the test ends with it, whatever became of the test.
    # shellcheck disable=SC2046
    kill -KILL $(jobs -p) 2> /dev/null
    "$top/deploy/cluster" down --dir "$dir" > /dev/null 2>&1
    # 77 says that the test can not run here; everything else that is not 0 is a failure.
    if [ $failed -ne 0 ] || { [ $status -ne 0 ] && [ $status -ne 77 ]; }; then
        status=1
        show_logs
    fi
    [ -n "${KAIRN_KEEP:-}" ] || rm -rf "$dir"
    exit $status
}
trap finish EXIT
trap 'exit 1' INT TERM

show_logs() {
    local log
    for log in "$dir"/broker-*/log; do
        [ -e "$log" ] || continue
        echo "--- $log"
        tail -n 25 "$log"
    done
}

die() { echo "FAIL: $*" >&2; failed=1; exit 1; }

# take_ports: $port_base begins 200 ports of which nobody listens on those that clusters use, and that no other
# test takes: a lock is held by this script and by whatever it starts, for as long as any of them runs. They lie
# below 32768, where the ports begin that the kernel gives to connections.
take_ports() {
    local try held
    for try in $(seq 500); do
        port_base=$((15000 + (RANDOM * 32768 + RANDOM) % 85 * 200))
        { exec {held}> "/tmp/kairn-ports-$port_base"; } 2> /dev/null || continue
        if flock -n "$held" && ! grep -qiE "$(printf ':(%04X|%04X|%04X|%04X|%04X|%04X) 0' $port_base $((port_base + 1)) $((port_base + 2)) $((port_base + 100)) $((port_base + 101)) $((port_base + 102)))" /proc/net/tcp; then
            return
        fi
        exec {held}>&-
    done
    die "no ports are free: see ss -ltn, and lsof /tmp/kairn-ports-*"
}

# cluster_up [options of deploy/cluster up]: a cluster in $dir; $bootstrap and $zookeeper name it.
cluster_up() {
    take_ports
    "$top/deploy/cluster" up --dir "$dir" --build "$build" --port-base "$port_base" "$@" > "$dir/up.log" 2>&1
    expect_up $? "the cluster"
    eval "$("$top/deploy/cluster" env --dir "$dir")"
    bootstrap=$KAIRN_BOOTSTRAP zookeeper=$KAIRN_ZOOKEEPER
}

expect_up() { # status, what
    case $1 in
    0) ;;
    77) tail -n 1 "$dir/up.log"; exit 77 ;;
    *) cat "$dir/up.log" >&2; die "$2 did not start" ;;
    esac
}

# zookeeper_up: a ZooKeeper alone, in $dir; $zookeeper names it, and $bootstrap a broker that the test may start.
zookeeper_up() {
    take_ports
    trap zookeeper_undo EXIT
    "$top/deploy/zookeeper" up --dir "$dir" --servers 1 --port-base "$port_base" > "$dir/up.log" 2>&1
    expect_up $? ZooKeeper
    zookeeper=127.0.0.1:$port_base bootstrap=127.0.0.1:$((port_base + 100))
    export KAIRN_BOOTSTRAP=$bootstrap
}
zookeeper_undo() {
    local status=$?
    "$top/deploy/zookeeper" down --dir "$dir" > /dev/null 2>&1
    (exit $status)
    finish
}

cluster() { "$top/deploy/cluster" "$@" --dir "$dir"; }
zk() { "$probe" "$zookeeper" "$@"; }
broker_pid() { cat "$dir/broker-$1/pid"; }
controller() { zk get /controller 2> /dev/null | sed -n 's/.*"brokerid":\([0-9-]*\).*/\1/p'; }

# await SECONDS COMMAND...: until the command succeeds; fails when it does not in time.
await() {
    local limit=$((SECONDS + $1)); shift
    until "$@" > /dev/null 2>&1; do
        [ $SECONDS -lt $limit ] || return 1
        sleep 0.02
    done
}

# --- what ZooKeeper says of a partition ---------------------------------------------------------------

state() { zk get "/brokers/topics/$1/partitions/${2:-0}/state" 2> /dev/null; }    # topic, partition
leader() { state "$@" | sed -n 's/.*"leader":\(-\?[0-9]*\).*/\1/p'; }
# Who is in sync, by number: 1,2,3.
members() { state "$@" | sed -n 's/.*"isr":\[\([0-9,]*\)\].*/\1/p' | tr , '\n' | sort -n | paste -sd,; }
have_members() { # topic, members, partitions...
    local topic=$1 set=$2 p; shift 2
    for p; do [ "$(members "$topic" "$p")" = "$set" ] || return 1; done
}
# Once quiet: are the copies of all partitions on brokers 1 to 3 the same to the byte?
same_copies() { # topic, partitions...
    local topic=$1 p n sums; shift
    for p; do
        sums=$(for n in 1 2 3; do cat "$dir/broker-$n"/data*/"$topic-$p"/*.log | sha256sum; done | sort -u | wc -l)
        [ "$sums" -eq 1 ] || return 1
    done
}

# --- a load that writes down all that it sees -----------------------------------------------------------

# load_begin TOPIC PARTITIONS PRODUCERS CONSUMERS RATE: in the background; it has begun when this returns.
load_begin() {
    load_topic=$1 load_partitions=$2 history=$dir/history
    rm -rf "$history"
    mkdir "$history"
    "$workload" run "$bootstrap" "$1" "$2" "$history" "$3" "$4" "$5" > "$dir/said" 2>&1 &
    clients=$!
    await 10 load_passed 0 || die "nothing is acknowledged: $(cat "$dir/said")"
}
acked() { cat "$history/progress"; }
load_passed() { [ "$(acked)" -gt "$1" ]; }
load_grows() { await "${1:-20}" load_passed $(($(acked) + 100)); }
# load_goes_on WHEN [SECONDS]
load_goes_on() { load_grows "${2:-20}" || die "$1: nothing is acknowledged any more: $(cat "$dir/said")"; }
load_runs() { kill -0 $clients 2> /dev/null || die "$1: the clients ended: $(cat "$dir/said")"; }
# load_judge WHEN ACKS: ends the load. Whatever was acknowledged is there, once, in order, and nothing that was
# read has changed; and at least so many records were acknowledged.
load_judge() {
    load_runs "$1"
    kill -TERM $clients
    wait $clients || die "$1: the clients failed: $(cat "$dir/said")"
    await 60 kairn cluster status || die "$1: not well: $(kairn cluster status 2>&1; kairn topic describe "$load_topic" 2>&1)"
    "$workload" final "$bootstrap" "$load_topic" "$load_partitions" "$history" || die "$1: the log can not be read"
    "$judge" --acks-min "$2" "$history"/producer-* "$history"/consumer-* "$history"/final > "$dir/verdict" 2>&1
    local status=$?
    cat "$dir/verdict"
    [ $status -eq 0 ] || die "$1: $(tail -n 1 "$dir/verdict")"
}

# --- a disk that breaks on command ----------------------------------------------------------------------

# disk_mount MEGABYTES: ext4 in a file, at $dir/disk. Where that is not possible, the test is skipped.
disk_mount() {
    [ "$(id -u)" -eq 0 ] || { echo "skipped: needs root to mount a disk that breaks"; exit 77; }
    PATH=$PATH:/usr/sbin:/sbin
    trap disk_undo EXIT
    mkdir -p "$dir/disk"
    truncate -s "$1M" "$dir/image"
    mkfs.ext4 -q -F "$dir/image" > /dev/null 2>&1 || { echo "skipped: mkfs.ext4 is missing"; exit 77; }
    disk=$(losetup -f --show "$dir/image" 2> /dev/null) || { disk=; echo "skipped: there is no loop device"; exit 77; }
    mount -t ext4 "$disk" "$dir/disk" 2> /dev/null || { echo "skipped: no right to mount a disk"; exit 77; }
}
disk_undo() {
    local status=$?
    cluster down > /dev/null 2>&1
    umount "$dir/disk" 2> /dev/null
    [ -z "${disk:-}" ] || losetup -d "$disk"
    (exit $status)
    finish
}
disk_break() { "$build/tests/power/power" --cut "$dir/disk" || die "the disk can not be broken"; }
# A new start of the file system, with what was on the disk.
disk_mend() { umount "$dir/disk" && mount -t ext4 "$disk" "$dir/disk" || die "remount"; }
# disk_spread TOPIC PARTITIONS...: which lie on the disk, and which do not.
disk_spread() {
    local topic=$1 p; shift
    on_disk=() elsewhere=()
    for p; do
        if [ -d "$dir/disk/data/$topic-$p" ]; then on_disk+=("$p"); else elsewhere+=("$p"); fi
    done
    expect_equal "partitions are spread evenly over the directories" "${#on_disk[@]}" ${#elsewhere[@]}
}

comma_list() { local IFS=,; echo "$*"; }

expect_equal() { [ "$2" = "$3" ] || die "$1: expected '$3', got '$2'"; }
expect_match() { [[ $2 =~ $3 ]] || die "$1: expected to match '$3', got '$2'"; }
expect_success() { local what=$1; shift; "$@" || die "$what: '$*' failed"; }
# The command must fail with this exit status and say something that matches.
expect_refusal() { # what, status, pattern, command...
    local what=$1 status=$2 pattern=$3 output got; shift 3
    output=$("$@" 2>&1 < /dev/null); got=$?
    [ $got -eq "$status" ] || die "$what: expected exit status $status, got $got: $output"
    [[ $output =~ $pattern ]] || die "$what: expected to match '$pattern', got: $output"
}
