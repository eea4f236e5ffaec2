# How long writes pause: 16 partitions, 5,000 records a second, acks all, three replicas, default session
# timeout. The leader of partition 0 dies by kill -9; the controller, which leads partitions as well, does; a leader
# is ended by SIGTERM; a machine is cut off without a word. A round is one of each: --rounds 20 for twenty. With 1,000
# partitions a leader dies once.
. "$here/workloads/replicated.sh"
rounds_max=99 session_ms=18000 zookeeper_tick_ms=2000
variants=(kill both term cut thousand)
note kill "kill -9 of a leader: the longest pause of any of its partitions"
note both "kill -9 of the controller, which is a leader, too"
note term "SIGTERM of a leader"
note cut "a leader that is stopped where it stands (SIGSTOP, its guardian as well): nobody hears that it is gone"
note thousand "kill -9 of the leader of a third of 1,000 partitions"
target pause_ms kill - at-most 60
target worst_ms kill - at-most 150
target pause_ms both - at-most 300
target pause_ms term - at-most 100
target failed term - at-most 0
target over_session_ms cut - at-most $((zookeeper_tick_ms + 200))
target pause_ms thousand - at-most 110

during() { # series, partitions, rate, command...
    local series=$1 line
    line=$("$failover" "$KAIRN_BOOTSTRAP" bench "$2" "$3" 3 "${@:4}") || fail "$series: $line"
    samples_of "$series" "$line" pause_ms pause_median_ms before_ms failed
    [ "$series" != kill ] || worst "$(field pause_ms "$line")"
}
# The worst of all rounds is told once, as a round of its own.
worst() { worst_ms=$(printf '%s\n%s\n' "${worst_ms:-0}" "$1" | sort -g | tail -n 1); }
finish() { sample kill worst_ms "${worst_ms:-0}"; }
with_topic() { # partitions
    [ "$(cat "$dir/failover-topic" 2> /dev/null)" = "$1" ] || {
        # shellcheck disable=SC2086
        fresh --partitions "$1" $replicated
        echo "$1" > "$dir/failover-topic"
    }
    await_whole
}
back() { # brokers
    local n
    for n in "$@"; do
        three start "$n" || fail "broker $n does not come back"
        prefer "$(three_pid "$n")"
    done
    await_whole
}
run_kill() {
    local victim
    with_topic 16
    victim=$(leader_of 0)
    during kill 16 5000 kill -KILL "$(three_pid "$victim")"
    back "$victim"
}
# Two of three may not die at once: the smallest set is two. The controller leads partitions as well.
run_both() {
    local victim
    with_topic 16
    victim=$(controller_now)
    during both 16 5000 kill -KILL "$(three_pid "$victim")"
    back "$victim"
}
run_term() {
    local victim
    with_topic 16
    victim=$(leader_of 0)
    during term 16 5000 kill -TERM "$(three_pid "$victim")"
    back "$victim"
}
# One round in four is enough of what takes half a minute; what counts is what comes on top of the session.
run_cut() {
    local victim line
    [ $((round % 4)) -eq 1 ] || return 0
    with_topic 16
    victim=$(leader_of 0)
    line=$("$failover" "$KAIRN_BOOTSTRAP" bench 16 1000 36 kill -STOP "$(three_pid "$victim")" $(pgrep -P "$(three_pid "$victim")")) || fail "cut: $line"
    samples_of cut "$line" pause_ms failed
    sample cut over_session_ms "$(awk -v p="$(field pause_ms "$line")" -v s=$session_ms 'BEGIN { printf "%.1f", p - s }')"
    three kill "$victim"
    back "$victim"
}
run_thousand() {
    local victim
    first_to_count || return 0
    with_topic 1000
    victim=$(leader_of 0)
    during thousand 1000 20000 kill -KILL "$(three_pid "$victim")"
    back "$victim"
}
