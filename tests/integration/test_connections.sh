#!/bin/bash
# How many connections a broker lets in, how fast, and what becomes of who is too many.
. "$(dirname "$0")/lib.sh"
cluster_up --brokers 1 --zookeepers 1 --set max.connections.per.ip=6 --set log.lines.max=10 --set log.lines.interval.ms=2000
kairn topic create orders > /dev/null || die "create"
port=$port_base

# Connections that greet and stay; each open one is a number in `held`.
greeting='KAIR\x00\x01\x00\x01\xff\xff\x00\x00'
held=()
greets() { # opens one more; fails when no greeting comes back in time
    local fd answer
    exec {fd}<> "/dev/tcp/127.0.0.1/$port" || return 1
    printf '%b' "$greeting" >&"$fd"
    answer=$(timeout "$1" head -c 4 <&"$fd" | tr -d '\0')
    [ "$answer" = KAIR ] || { exec {fd}>&-; return 1; }
    held+=("$fd")
}
let_go() { local fd; for fd in "${held[@]}"; do exec {fd}>&-; done; held=(); }
refused() { kairn broker metrics 1 --match connections_refused | awk '$1 == "connections_refused_total" { print $2 }'; }

# One address has six at most, whoever it is; then it is served again.
for i in 1 2 3 4 5 6 7 8; do greets 2; done
[ ${#held[@]} -ge 4 ] && [ ${#held[@]} -le 6 ] || die "${#held[@]} connections of one address, 6 are allowed"
let_go
await 10 kairn cluster status || die "not served any more after too many connections"
grep -q 'event=connection-refused' "$dir/broker-1/log" || die "no word about refused connections"
[ "$(refused)" -ge 1 ] || die "connections_refused_total is $(refused)"

# While running: no limit per address, then one in all. Who is too many waits, and comes in when one goes.
kairn config set --broker 1 max.connections.per.ip=1000 > /dev/null || die "config set per.ip"
await 10 greets 2 || die "the limit per address did not change"
for i in 1 2 3 4 5 6 7 8; do greets 2 || die "connection $i beyond the former limit"; done
kairn config set --broker 1 max.connections=4 > /dev/null || die "config set max.connections"
waits() { ! greets 1; }
await 10 waits || die "more than max.connections are served"
let_go
await 10 kairn cluster status || die "who waited was not let in"

# Who is slow to come, to say something or to end what it began: each is given as long as is set while it runs.
set_running() { kairn config set --broker 1 "$@" > /dev/null || die "config set $*"; }
let_in_slowly() { # four, one in a second
    local began=$SECONDS; let_go
    for _ in 1 2 3 4; do greets 5 || return 1; done
    [ $((SECONDS - began)) -ge 2 ]
}
# Says this after its greeting, and is hung up on.
hung_up_on() { greets 2 && { printf '%b' "$1" >&"${held[-1]}"; timeout 5 cat <&"${held[-1]}"; }; }
set_running --unset max.connections
set_running max.connection.creation.rate=1
await 20 let_in_slowly || die "the rate of connections did not change"
let_go
set_running --unset max.connection.creation.rate
set_running connections.max.idle.ms=300
await 20 hung_up_on '' || die "the time of silence did not change"
set_running --unset connections.max.idle.ms
set_running connections.slow.ms=300
await 20 hung_up_on '\x00\x00\x10\x00half' || die "the time of a request did not change"
set_running --unset connections.slow.ms
let_go

# What is logged too often is cut, and what was left out is counted; other lines are not cut by that.
says() { grep -q "event=$1 .*$2" "$dir/broker-1/log"; }
kairn broker loglevel 1 debug > /dev/null || die "loglevel"
floods() { for _ in $(seq 12); do kairn broker list > /dev/null; done; says log-flooded of=connection-over; }
await 30 floods || die "a flood of lines is not cut: $(grep -c event=connection-over "$dir/broker-1/log")"
counted() { kairn broker list > /dev/null; says log-lines-left-out 'of=connection-over lines=[1-9]'; }
await 10 counted || die "what was left out is not told"
floods && kairn broker loglevel 1 info > /dev/null || die "loglevel"
await 5 says log-level-changed 'from=debug to=info' || die "a flood hides other lines"
