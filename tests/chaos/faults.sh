# faults.sh - what can go wrong. Sourced by run, after lib.sh.
#
# A fault NAME is a row of the table and two functions: begin_NAME does it and is 0 when it is sure that
# it bit, 1 when it did not, 2 when this is not the time for it; end_NAME undoes it. What they agree on
# is in $target (a broker) and $target_server; $what says it for people.
#   name  needs (- nothing, net, link: a network or proxies, disk, set: more replicas)  hold, least and most ms
fault_table="
kill        -    200  3000
bounce      -    0    50
pause       -    300  2000
freeze      -    500  3000
stop        -    200  3000
guardian    -    0    500
orphan      -    500  6000
pair        -    300  3000
twin        -    0    2000
znode       -    300  3000
zk-kill     -    500  4000
zk-freeze   -    500  4000
zk-quorum   -    1000 7000
zk-away     -    500  4000
isolate     net  500  8000
islands     net  500  8000
no-zk       link 500  3000
deaf        link 500  8000
mute        net  500  8000
bridge      net  500  8000
no-clients  net  500  5000
zk-leader   net  1000 8000
slow        net  500  5000
disk-full   disk 500  4000
disk-error  disk 500  3000
power       disk 100  3000
power-all   disk 100  2000
wipe        set  100  3000
"

# A broker that nothing is wrong with yet: the controller, the leader of some partition, the coordinator of a group, or any.
aim() {
    local n
    target=''
    roll 5
    case $rolled in
    0) target=$(controller) ;;
    1|2) roll "$partitions"; target=$(leader "$rolled") ;;
    3) roll ${#groups[@]}; target=$(coordinator "${groups[rolled]}") ;;
    esac
    roll "$brokers"
    for ((n = 0; n < brokers; n++)); do
        [ -z "$target" ] || [ "$target" -lt 1 ] || [ "$target" -gt $brokers ] || [ -n "${busy[target]}" ] || break
        target=$(((rolled + n) % brokers + 1))
    done
    [ "$target" -ge 1 ] && [ -z "${busy[target]}" ] || return 1
    busy[target]=1
}
aim_server() {
    [ -z "$busy_servers" ] || return 1
    busy_servers=1
    roll $servers
    target_server=$((rolled + 1))
}
release() { [ -z "${1-}" ] || busy[$1]=''; }

# At most one broker less than the smallest set may have lost data, until every set is whole again.
may_wound() {
    local n
    [ -z "$wounded" ] || return 1
    await 4 whole || return 1
    for ((n = 1; n <= brokers; n++)); do [ -z "${busy[n]}" ] || return 1; done
}
wound() { wounded=$1 wounded_bytes=$(for n in 1 2 3; do [ $n = "$1" ] || bytes_of $n; done | sort -n | head -n 1); }
# Healed: it is up, every set is whole, and it holds again what the others held.
look_at_wound() {
    [ -n "$wounded" ] && [ -z "${busy[wounded]}" ] && ready "$wounded" && whole > /dev/null 2>&1 &&
        [ "$(bytes_of "$wounded")" -ge "$wounded_bytes" ] || return 0
    say "  broker $wounded has its data back"
    wounded=''
}

# --- processes -------------------------------------------------------------------------------------------

begin_kill() { aim || return 2; what="broker $target"; end_broker "$target" KILL; gone "$target"; }
end_kill() { start_broker "$target"; release "$target"; }
begin_bounce() { begin_kill; }
end_bounce() { end_kill; }

stopped() { grep -q '^State:.*T' "/proc/$(pid_of "$1")/status" 2> /dev/null; }
unregistered() { ! registered "$1"; }
begin_pause() { aim || return 2; what="broker $target"; kill -STOP "$(pid_of "$target")"; await 2 stopped "$target"; }
end_pause() { kill -CONT "$(pid_of "$target")"; release "$target"; }
begin_freeze() { begin_pause || return $?; await $((session_ms * 3 / 1000)) unregistered "$target"; }
end_freeze() { end_pause; }

# SIGTERM is an orderly end.
begin_stop() {
    aim || return 2
    what="broker $target"
    end_broker "$target" TERM || fail "broker $target: SIGTERM ended with status $?: $(tail -n 2 "$work/broker-$target/output")"
    gone "$target"
}
end_stop() { end_kill; }

begin_guardian() {
    local guardian
    aim || return 2
    guardian=$(guardian_of "$target")
    what="of broker $target"
    [ -n "$guardian" ] && kill -KILL "$guardian"
}
guarded() { [ -n "$(guardian_of "$1")" ]; }
end_guardian() {
    await 10 guarded "$target" || fail "broker $target has no guardian any more"
    release "$target"
}
# Nobody closes the session: it has to time out.
begin_orphan() {
    local guardian
    aim || return 2
    guardian=$(guardian_of "$target")
    what="broker $target and its guardian"
    [ -z "$guardian" ] || kill -STOP "$guardian"
    end_broker "$target" KILL
    [ -z "$guardian" ] || kill -KILL "$guardian"
    gone "$target" && registered "$target"
}
end_orphan() { end_kill; }

begin_pair() {
    aim || return 2
    first=$target
    aim || { release "$first"; return 2; }
    what="brokers $first and $target"
    up[first]='' up[target]=''
    {
        kill -KILL "$(pid_of "$first")" "$(pid_of "$target")"
        wait "$(pid_of "$first")"
        wait "$(pid_of "$target")"
    } 2> /dev/null
    gone "$first" && gone "$target"
}
end_pair() { start_broker "$first"; release "$first"; end_kill; }

# Another process with the same id, on a directory of its own or, every other time, on the very same one. It is
# refused, and the one that was there before stays what it is. Nothing else may happen to its session meanwhile:
# whoever lets his go for so long makes room for another.
refused_twin() { ! lives "$twin"; }
begin_twin() {
    local home=$work/twin
    [ -z "$busy_servers$busy_net" ] && aim || return 2
    busy_servers=1 busy_net=1 what="of broker $target"
    twin_of=$(zk stat "/brokers/ids/$target")
    mkdir -p "$home"
    grep -v '^listeners=\|^advertised' "$work/broker-$target/server.properties" > "$home/properties"
    echo "listeners=PLAINTEXT://$(address "b$target"):$(($(own_port "$target") + 70))" >> "$home/properties"
    roll 2
    if [ $rolled -eq 0 ]; then what+=" in a directory of its own"; rm -rf "$home/data"; echo "log.dirs=$home/data" >> "$home/properties"; fi
    (inside "b$target" setsid "$build/kairnd" --config "$home/properties") > "$home/output" 2>&1 < /dev/null &
    twin=$!
    # Either it has found the directory in use, or the id.
    refused_or_waits() { refused_twin || grep -q 'event=broker-id-in-use' "$home/output"; }
    [ -n "$twin_of" ] && await 10 refused_or_waits
}
end_twin() {
    await 30 refused_twin || fail "the twin of broker $target goes on: $(tail -n 3 "$work/twin/output")"
    ! wait "$twin" || fail "the twin of broker $target ended as if all were well: $(tail -n 3 "$work/twin/output")"
    ! grep -q 'event=broker-\(ready\|registered\)' "$work/twin/output" || fail "the twin of broker $target was served"
    [ "$(zk stat "/brokers/ids/$target")" = "$twin_of" ] || say "  broker $target has registered again"
    twin='' busy_servers='' busy_net=''
    release "$target"
}

# --- ZooKeeper ---------------------------------------------------------------------------------------------

# Somebody writes nonsense by hand, and in the end what was there before; unless the controller, who knew better,
# has written something by then.
version_of() { zk stat "$1" | sed -n 's/^version=\([0-9]*\) .*/\1/p'; }
znode_nonsense='{"version":1,"leader":"nobody"'
begin_znode() {
    [ -z "$busy_servers$node" ] || return 2
    roll 6
    case $rolled in
    0|1|2) roll "$partitions"; node=/brokers/topics/chaos/partitions/$rolled/state ;;
    3) node=/brokers/topics/chaos ;;
    4) node=/config/topics/chaos ;;
    5) node=/admin/reassign_partitions ;;
    esac
    what="of $node"
    if [ $node = /admin/reassign_partitions ]; then
        node_kept=''
        zk create $node "$znode_nonsense" || { node=''; return 2; }
        return 0
    fi
    node_version=$(version_of "$node") node_kept=$(zk get "$node")
    [ -n "$node_version" ] && [ -n "$node_kept" ] && zk set "$node" "$znode_nonsense" "$node_version" || { node=''; return 2; }
}
# It is as it was, or another wrote it.
znode_mended() {
    [ -z "$node_kept" ] || ! zk set "$node" "$node_kept" $((node_version + 1)) || return 0
    [ -n "$node_kept" ] || ! zk delete "$node" || return 0
    [ -n "$(zk stat /)" ] && [ "$(zk get "$node")" != "$znode_nonsense" ]
}
end_znode() {
    await 40 znode_mended || fail "$node can not be mended: $(zk get "$node")"
    node=''
}


server_pid() { cat "$work/zookeeper-$1/pid"; }
silent() { ! serving "$1"; }
end_server() { # number, signal
    kill "-$2" "$(server_pid "$1")"
    [ "$2" != KILL ] || wait "$(server_pid "$1")"
} 2> /dev/null
begin_zk_kill() { aim_server || return 2; what="server $target_server"; end_server "$target_server" KILL; await 5 silent "$target_server"; }
end_zk_kill() { start_server "$target_server"; busy_servers=''; }
begin_zk_freeze() { aim_server || return 2; what="server $target_server"; end_server "$target_server" STOP; await 5 silent "$target_server"; }
end_zk_freeze() { end_server "$target_server" CONT; busy_servers=''; }
all_silent() { local n; for ((n = 1; n <= servers; n++)); do silent $n || return 1; done; }
each_other() { local n; for ((n = 1; n <= servers; n++)); do [ $n = "$target_server" ] || "$@" $n; done; }
stop_server() { end_server "$1" STOP; }
cont_server() { end_server "$1" CONT; }
kill_server() { end_server "$1" KILL; }
begin_zk_quorum() { aim_server || return 2; what="all but server $target_server"; each_other stop_server; await 8 all_silent; }
end_zk_quorum() { each_other cont_server; busy_servers=''; }
begin_zk_away() { aim_server || return 2; what="all servers"; kill_server "$target_server"; each_other kill_server; await 5 all_silent; }
end_zk_away() { start_server "$target_server"; each_other start_server; busy_servers=''; }

# --- the network: one cut at a time --------------------------------------------------------------------------

cut_begins() { [ -z "$busy_net" ] && aim || return 2; busy_net=1 what="broker $target"; }
cut_ends() { join_all; busy_net=''; release "$target"; }
others() { local m; for m in b1 b2 b3; do [ $m = "b$target" ] || echo $m; done; }
rest() { others; echo z1 z2 z3 c; }
neighbour() { others | head -n 1; }
cut_off_from_neighbour() { ! reaches "b$target" "$(neighbour)" 9092; }
deaf_to_neighbour() { ! reaches "$(neighbour)" "b$target" 9092; }

begin_isolate() { cut_begins || return 2; local m; for m in $(rest); do part "b$target" "$m"; done; cut_off_from_neighbour; }
end_isolate() { cut_ends; }
begin_islands() { cut_begins || return 2; local m; for m in $(others); do part "b$target" "$m"; done; cut_off_from_neighbour; }
end_islands() { cut_ends; }
begin_no_zk() {
    local m
    cut_begins || return 2
    for m in z1 z2 z3; do part "b$target" $m; done
    ! reaches "b$target" z1 2181 && await $((session_ms * 3 / 1000)) unregistered "$target"
}
end_no_zk() { cut_ends; }
begin_deaf() { cut_begins || return 2; local m; for m in $(rest); do drop "$m" "b$target"; done; deaf_to_neighbour; }
end_deaf() { cut_ends; }
begin_mute() { cut_begins || return 2; local m; for m in $(rest); do drop "b$target" "$m"; done; cut_off_from_neighbour; }
end_mute() { cut_ends; }
# Two that do not see each other, both seen by the third.
begin_bridge() { cut_begins || return 2; what+=" and $(neighbour)"; part "b$target" "$(neighbour)"; cut_off_from_neighbour; }
end_bridge() { cut_ends; }
begin_no_clients() { cut_begins || return 2; part "b$target" c; ! reaches c "b$target" 9092; }
end_no_clients() { cut_ends; }
# A server that its own leader can not reach still answers its clients for a while; so does the leader.
begin_zk_leader() {
    local n
    [ -z "$busy_net" ] && aim_server || return 2
    for ((n = 1; n <= servers; n++)); do [ "$(server_mode $n)" != leader ] || target_server=$n; done
    busy_net=1 what="server $target_server from the other servers"
    for ((n = 1; n <= servers; n++)); do [ $n = "$target_server" ] || part "z$target_server" "z$n"; done
    ! reaches "z$target_server" "z$((target_server % servers + 1))" 3888
}
end_zk_leader() { join_all; busy_net='' busy_servers=''; }
begin_slow() { cut_begins || return 2; tc qdisc add dev "m$target" root tbf rate 2mbit burst 16k latency 50ms; }
end_slow() { tc qdisc del dev "m$target" root; cut_ends; }

# --- disks -----------------------------------------------------------------------------------------------------

no_room() { [ "$(df --output=avail -k "$(data_of "$1")" | tail -n 1)" -le 64 ]; }
begin_disk_full() {
    local data room
    aim || return 2
    data=$(data_of "$target") what="of broker $target"
    room=$(df --output=avail -k "$data" | tail -n 1)
    [ "$room" -le 1024 ] || fallocate -l "$((room - room / 16))K" "$data/filler" || return 1
    dd if=/dev/zero of="$data/filler-2" bs=4k status=none 2> /dev/null
    no_room "$target"
}
# For good: a power cut must not bring it back.
end_disk_full() { rm -f "$(data_of "$target")"/filler*; sync -f "$(data_of "$target")"; release "$target"; }

cut_power() { "$build/tests/chaos/cut" "$(data_of "$1")"; }
new_power() { detach_disk "$1" && attach_disk "$1" || fail "the disk of broker $1 can not be mounted again"; }
# What is unsynced is lost, and every write fails; the broker lives on and has to notice.
begin_disk_error() {
    may_wound && aim || return 2
    what="of broker $target"
    wound "$target"
    cut_power "$target" && ! touch "$(data_of "$target")/probe" 2> /dev/null
}
end_disk_error() { end_broker "$target" KILL; new_power "$target"; start_broker "$target"; release "$target"; }
# The machine is gone, and with it what was not on the disk.
begin_power() {
    may_wound && aim || return 2
    what="of broker $target"
    wound "$target"
    kill -STOP "$(pid_of "$target")"
    cut_power "$target" || return 1
    end_broker "$target" KILL
    new_power "$target"
    gone "$target"
}
end_power() { end_kill; }
# All machines at once: only what is acknowledged on disks survives that.
begin_power_all() {
    local n
    [ -n "$flush" ] && may_wound || return 2
    what="of all brokers"
    for ((n = 1; n <= brokers; n++)); do busy[n]=1; kill -STOP "$(pid_of $n)"; done
    for ((n = 1; n <= brokers; n++)); do cut_power $n || return 1; done
    for ((n = 1; n <= brokers; n++)); do end_broker $n KILL; new_power $n; done
}
end_power_all() { local n; for ((n = 1; n <= brokers; n++)); do start_broker $n; release $n; done; }

begin_wipe() {
    may_wound && aim || return 2
    what="broker $target"
    wound "$target"
    end_broker "$target" KILL
    rm -rf "$(data_of "$target")/log"
    [ ! -e "$(data_of "$target")/log" ]
}
end_wipe() { end_kill; }
