#!/bin/bash
# A consumer group outlives its coordinators: killed with SIGKILL while it commits, each one's successor
# knows every member, and every offset that was confirmed; nobody has to join again.
. "$(dirname "$0")/lib.sh"

kills=4
offsets=__consumer_offsets
hear() { read -r -t 60 said <&"${members[0]}" || die "the group fell silent: $(cat "$dir/members.err")"; }

cluster_up --brokers 3 --set group.initial.rebalance.delay.ms=300 --set min.insync.replicas=2 --set group.min.session.timeout.ms=1000
expect_success "create" kairn topic create orders --partitions 3 --replication-factor 3 > /dev/null
await 20 kairn cluster status || die "not healthy: $(kairn cluster status)"

coproc members { exec "$build/tests/integration/group_probe" "$bootstrap" readers orders $kills 2> "$dir/members.err"; }
members_pid=$members_PID
for ((kill = 1; kill <= kills; kill++)); do
    hear
    expect_match "a group has a coordinator" "$said" '^coordinator [123] generation 1$'
    coordinator=${said#coordinator }; coordinator=${coordinator%% *}
    kill -9 "$(broker_pid "$coordinator")"
    hear
    expect_match "another coordinates, in the same generation" "$said" '^coordinator [123] generation 1 after [0-9]+ ms'
    [[ $said != "coordinator $coordinator "* ]] || die "who was killed coordinates: $said"
    echo "the group went on: $said"
    expect_success "start" cluster start "$coordinator" > /dev/null
    await 20 kairn cluster status || die "not healthy: $(kairn cluster status)"
    echo go >&"${members[1]}"
done
wait "$members_pid" || die "it went wrong: $(cat "$dir/members.err")"

# A thousand members that say 5 KB each are told to their leader, assigned, and known to a successor.
coproc members { exec "$build/tests/integration/group_crowd" "$bootstrap" crowd 1000 5000 2> "$dir/members.err"; }
members_pid=$members_PID
hear
expect_match "a large group" "$said" '^coordinator [123] generation 2 members 1000$'
coordinator=${said#coordinator }; coordinator=${coordinator%% *}
kill -9 "$(broker_pid "$coordinator")"
echo go >&"${members[1]}"
hear
expect_match "another knows all of it" "$said" '^coordinator [123] knows them$'
wait "$members_pid" || die "it went wrong: $(cat "$dir/members.err")"
expect_success "start" cluster start "$coordinator" > /dev/null

# A member is killed: when its session is over, and not before, the others share what it had; also when it leads.
session_ms=2000
declare -A pids
last() { tail -n 1 "$dir/one-$1"; }
shares() { [[ $(last "$1") =~ assigned\ [1-9]/$2$ ]]; }
all_share() { local total=$# n; for n; do shares "$n" "$total" || return 1; done; }
for n in 1 2 3; do
    "$build/tests/integration/group_one" "$bootstrap" mortals $session_ms > "$dir/one-$n" 2> "$dir/one-$n.err" &
    pids[$n]=$!
done
await 20 all_share 1 2 3 || die "three members: $(tail -n 1 "$dir"/one-*)"
for n in 1 2 3; do [[ $(last $n) == *"told 0 "* ]] || leads=$n; done
killed_at=$(date +%s%N)
kill -9 "${pids[$leads]}"
others=(1 2 3)
unset "others[leads - 1]"
await 20 all_share "${others[@]}" || die "two of three: $(tail -n 1 "$dir"/one-*)"
passed_ms=$((($(date +%s%N) - killed_at) / 1000000))
[ $passed_ms -ge $((session_ms / 2)) ] || die "a member was given up $passed_ms ms after its death, in a session of $session_ms ms"
echo "the others go on $passed_ms ms after their leader was killed, in a session of $session_ms ms"
for n in "${others[@]}"; do kill -9 "${pids[$n]}"; done

# Static members are killed, one after the other and so also the one that leads, and come back under their names: nobody
# else notices, no generation begins, and nothing is left unread.
rebalances() {
    local total=0 n
    for n in 1 2 3; do
        total=$((total + $(kairn broker metrics $n --match group_rebalances_total --json | sed -n 's/.*"value":\([0-9]*\).*/\1/p')))
    done
    echo $total
}
read_by() { kairn consume orders --group statics --set group.instance.id="$1" --set session.timeout.ms=20000 >> "$dir/static-$1" 2>> "$dir/static-$1.err" & pids[$1]=$!; }
both_read() { echo start | kairn produce orders 2> /dev/null; [ -s "$dir/static-one" ] && [ -s "$dir/static-two" ]; }
read_all() { [ "$(sort -u "$dir/static-one" "$dir/static-two" | wc -l)" -eq "$1" ]; }
for name in one two; do read_by $name; done
await 30 both_read || die "static members: $(cat "$dir"/static-*.err)"
seq 1 300 | kairn produce orders 2> /dev/null || die "produce"
await 30 read_all 301 || die "static members: $(cat "$dir"/static-*.err)"
before=$(rebalances)
for name in one two; do
    kill -9 "${pids[$name]}"
    read_by $name
done
seq 301 600 | kairn produce orders 2> /dev/null || die "produce"
await 30 read_all 601 || die "static members that came back: $(cat "$dir"/static-*.err)"
expect_equal "generations that began" "$(rebalances)" "$before"
for name in one two; do kill -9 "${pids[$name]}"; done

# A topic that is made anew is read from its beginning, and not from where its predecessor was left: the group forgets
# that one, and itself with it. Also when its coordinator is killed in between, or the successor right after.
coordinator() { kairn group list | sed -n 's/^old .* \([123]\)$/\1/p'; }
forgotten() { kairn group describe old 2>&1 | grep -q GROUP_ID_NOT_FOUND; }
make_fleeting() { # first record, last
    expect_success "create" kairn topic create fleeting --partitions 1 --replication-factor 2 > /dev/null
    seq "$1" "$2" | kairn produce fleeting 2> /dev/null || die "produce"
}
read_fleeting() { # first record, last
    expect_equal "what the group reads" "$(kairn consume fleeting --group old --exit-at-end | tr '\n' ' ')" "$(seq -s ' ' "$1" "$2") "
}
make_anew() {
    expect_success "delete" kairn topic delete fleeting > /dev/null
    make_fleeting "$@"
}
killed=
kill_coordinator() {
    killed=$(coordinator)
    [ -n "$killed" ] || die "nobody coordinates: $(kairn group list)"
    kill -9 "$(broker_pid "$killed")"
}
start_killed() {
    expect_success "start" cluster start "$killed" > /dev/null
    await 20 kairn cluster status || die "not healthy: $(kairn cluster status)"
}
make_fleeting 1 20
read_fleeting 1 20
make_anew 21 60
await 20 forgotten || die "the group is not forgotten: $(kairn group describe old)"
read_fleeting 21 60
kill_coordinator
make_anew 61 150
await 20 forgotten || die "the group is not forgotten by a successor: $(kairn group describe old)"
read_fleeting 61 150
start_killed
kill_coordinator
make_anew 151 300
start_killed
read_fleeting 151 300

expect_equal "as many partitions as in Kafka" "$(zk ls /brokers/topics/$offsets/partitions | wc -w)" 50
expect_match "the topic is compacted" "$(zk get /config/topics/$offsets)" '"cleanup.policy":"compact"'
expect_refusal "nobody else writes there" 1 INVALID_TOPIC sh -c "echo forged | kairn produce $offsets"
