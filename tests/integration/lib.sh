# lib.sh - what every integration test starts with: a cluster of its own, and words to judge by.
#
# A test is a script that sources this file. KAIRN_BUILD names the build tree. Everything a test
# starts lives in $dir and ends with it; what failed is kept when KAIRN_KEEP is set.
set -u

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${KAIRN_BUILD:?KAIRN_BUILD must name a build tree}
dir=$(mktemp -d "${KAIRN_TEST_WORK:-/tmp}/kairn-$(basename "$0" .sh).XXXXXX")
probe=$build/tests/integration/zk_probe
workload=$build/tests/integration/workload
export PATH=$build:$PATH
failed=0

finish() {
    local status=$?
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

# A port range that nobody listens on: tests may run beside each other.
free_ports() {
    local base try
    for try in $(seq 50); do
        base=$((20000 + (RANDOM * 32768 + RANDOM) % 150 * 200))
        if ! grep -qiE "$(printf ':(%04X|%04X|%04X|%04X|%04X|%04X) 0' $base $((base + 1)) $((base + 2)) $((base + 100)) $((base + 101)) $((base + 102)))" /proc/net/tcp; then
            echo $base
            return
        fi
    done
    echo 9092
}

# cluster_up [options of deploy/cluster up]: a cluster in $dir; $bootstrap and $zookeeper name it.
cluster_up() {
    port_base=$(free_ports)
    "$top/deploy/cluster" up --dir "$dir" --build "$build" --port-base "$port_base" "$@" > "$dir/up.log" 2>&1
    case $? in
    0) ;;
    77) tail -n 1 "$dir/up.log"; exit 77 ;;
    *) cat "$dir/up.log" >&2; die "the cluster did not start" ;;
    esac
    eval "$("$top/deploy/cluster" env --dir "$dir")"
    bootstrap=$KAIRN_BOOTSTRAP zookeeper=$KAIRN_ZOOKEEPER
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
