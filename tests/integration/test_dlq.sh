#!/bin/bash
# Records that can not be processed, by consumers that are killed with SIGKILL in the middle: each is processed or
# becomes a dead letter, delays survive, and a replay that is killed goes on where it was.
. "$(dirname "$0")/lib.sh"

records=1000
said=$dir/said
: > "$said"
probe_begin() { # group, topic, properties...
    "$build/tests/integration/dlq_probe" "$bootstrap" "$@" >> "$said" 2> "$dir/probe.err" &
    consumer=$!
}
probe_kill() { kill -9 "$consumer"; wait "$consumer" 2> /dev/null; }
probe_end() {
    kill -TERM "$consumer"
    wait "$consumer" || die "the consumer failed: $(cat "$dir/probe.err")"
}
lines() { wc -l < "$said"; }
said_more_than() { [ "$(lines)" -gt "$1" ]; }
dead_values() { kairn dlq show "$1" --json | sed -n 's/.*"value":"\([^"]*\)".*/\1/p' | sort -u; }
values() { kairn consume "$1" --exit-at-end | sort -u; }
waiting() { kairn dlq status "$1" --json | sed -n 's/.*"waiting":\([0-9]*\).*/\1/p'; }

cluster_up --brokers 3 --set group.initial.rebalance.delay.ms=300 --set min.insync.replicas=2
await 20 kairn cluster status || die "not healthy: $(kairn cluster status)"
# work_through TOPIC GROUP PROPERTY...: a topic full of records, by consumers that are killed. Whatever it takes: each is
# processed or a dead letter in the end.
work_through() {
    local topic=$1 group=$2 kill again; shift 2
    expect_success "create" kairn topic create "$topic" --partitions 3 --replication-factor 3 > /dev/null
    for ((i = 0; i < records; i++)); do
        case $((i % 10)) in 3) echo "bad-$i" ;; 6) echo "once-$i" ;; *) echo "good-$i" ;; esac
    done > "$dir/input"
    kairn produce "$topic" < "$dir/input" 2> /dev/null || die "produce"
    grep ^bad "$dir/input" | sort > "$dir/bad"
    grep -v ^bad "$dir/input" | sort > "$dir/fine"
    : > "$said"
    for kill in 1 2 3 4; do
        probe_begin "$group" "$topic" "$@"
        await 60 said_more_than $(($(lines) + 100 * kill)) || die "nothing is processed: $(cat "$dir/probe.err")"
        probe_kill
    done
    probe_begin "$group" "$topic" "$@"
    await 120 all_done "$topic" || die "lost: $(done_values | comm -13 - "$dir/fine" | head -n 3)," \
        "not dead: $(dead_values "$topic.dlq" | comm -13 - "$dir/bad" | head -n 3)"
    probe_end
    again=$(($(grep -c '^done ' "$said") - $(wc -l < "$dir/fine")))
    echo "$*: killed 4 times, all $(wc -l < "$dir/fine") processed, $again times once more; all $(wc -l < "$dir/bad") dead letters"
}
done_values() { grep '^done ' "$said" | cut -d' ' -f2 | sort -u; }
all_done() { done_values | cmp -s - "$dir/fine" && dead_values "$1.dlq" | cmp -s - "$dir/bad"; }

# --- killed again and again -------------------------------------------------------------------------------

work_through payments cashiers mode=in-place retries=2 backoff.ms=200 backoff.max.ms=400
work_through orders workers mode=topic retries=2 backoff.ms=200 backoff.max.ms=400
expect_match "like its source" "$(kairn topic describe orders.dlq --json)" '"partitions":\[.*"partition":2'
expect_equal "three replicas" "$(members orders.dlq 0)" 1,2,3
expect_match "attempts" "$(kairn dlq show orders.dlq --max 1 --json)" '"group":"workers","error":"it is bad","attempts":3,'

# --- a delay survives the process --------------------------------------------------------------------------

expect_success "create" kairn topic create slow --partitions 1 --replication-factor 3 > /dev/null
echo once-slow | kairn produce slow 2> /dev/null || die "produce"
probe_begin slow-workers slow mode=topic backoff.ms=5000 backoff.jitter.percent=0
await 30 grep -q '^failed once-slow 0' "$said" || die "it did not fail: $(cat "$dir/probe.err")"
stored_retry() { kairn consume slow.retry.slow-workers --exit-at-end | grep -qx once-slow; }
await 20 stored_retry || die "no retry"
probe_kill
failed_ms=$(sed -n 's/^failed once-slow 0 //p' "$said" | head -n 1)
probe_begin slow-workers slow mode=topic backoff.ms=5000 backoff.jitter.percent=0
await 30 grep -qx 'done once-slow' "$said" || die "it did not come back"
took_ms=$(($(date +%s%3N) - failed_ms))
probe_end
[ $took_ms -ge 4900 ] || die "it came back after $took_ms ms instead of 5000"
expect_equal "its failure was not forgotten" "$(grep -c '^failed once-slow [1-9]' "$said")" 0
echo "it came back after $took_ms ms, to another process"

# --- looking -------------------------------------------------------------------------------------------------

letters=$(waiting orders.dlq) bad=$(wc -l < "$dir/bad")
[ "$letters" -ge "$bad" ] || die "$letters dead letters for $bad bad records"
expect_match "list" "$(kairn dlq list)" "orders.dlq +3 +$letters +$letters.*payments.dlq +3"
expect_refusal "too many wait" 1 "orders.dlq: $letters dead letters wait, more than 10" kairn dlq status --threshold 10
expect_success "not too many" kairn dlq status --threshold "$letters" > /dev/null
expect_match "status as JSON" "$(kairn dlq status orders.dlq --json)" '"threshold":0,"exceeded":true'
expect_success "filtered" kairn dlq status orders.dlq --error poison > /dev/null
expect_equal "by group" "$(kairn dlq show orders.dlq --group nobody | wc -l)" 0
expect_equal "by reason" "$(kairn dlq show orders.dlq --error 'is bad' --max 3 --json | wc -l)" 3
expect_equal "by source" "$(kairn dlq show orders.dlq --source another | wc -l)" 0
expect_match "for people" "$(kairn dlq show orders.dlq --max 1)" '^orders.dlq-[0-2]@0  from orders-[0-2]@[0-9]+  group workers  failed 3 times'
expect_refusal "no topic" 2 "TOPIC is missing" kairn dlq show
expect_refusal "no such topic" 1 "UNKNOWN_TOPIC|not exist|unknown" kairn dlq replay nowhere.dlq --timeout 8000

# --- replaying -----------------------------------------------------------------------------------------------

expect_success "create" kairn topic create fixed --partitions 3 --replication-factor 3 > /dev/null
expect_match "dry" "$(kairn dlq replay orders.dlq --dry-run)" "^$letters dead letters would be replayed"
expect_equal "dry sends nothing" "$(values fixed | wc -l)" 0
kairn dlq replay orders.dlq --to fixed --set max.poll.records=1 > "$dir/replay" 2>&1 &
replay=$!
# It runs for moments only, so that it is caught between its first and its last letter.
some_replayed() {
    kill -STOP $replay || return
    [ "$(waiting orders.dlq)" -ge "$letters" ] || return 0
    kill -CONT $replay
    return 1
}
await 30 some_replayed || die "nothing is replayed: $(cat "$dir/replay")"
kill -9 $replay
wait $replay 2> /dev/null
left=$(waiting orders.dlq)
[ "$left" -gt 0 ] || die "the replay was over before it was killed"
expect_match "it goes on" "$(kairn dlq replay orders.dlq --to fixed)" "^$left dead letters replayed"
values fixed | cmp -s - "$dir/bad" || die "not replayed: $(values fixed | comm -13 - "$dir/bad" | head -n 3)"
sent=$(kairn consume fixed --exit-at-end | wc -l)
[ "$sent" -le $((letters + 1)) ] || die "$sent records for $letters dead letters: more than one was sent twice"
expect_success "nothing waits" kairn dlq status orders.dlq > /dev/null
expect_match "nothing is left" "$(kairn dlq replay orders.dlq --to fixed)" '^0 dead letters replayed'
expect_match "replayed, with where it was" "$(kairn consume fixed --max 1 --json)" '"key":"klient.dlq.replayed","value":"orders.dlq-[0-2]@[0-9]+"'
echo "killed with $left of $letters to go, then went on"
# With a filter, and from the beginning, it counts on its own.
one=$(kairn dlq show orders.dlq --max 1 --json)
offset=$(sed -n 's/^{"dead_letter":{"topic":"orders.dlq","partition":\([0-2]\),.*/\1/p' <<< "$one")
expect_match "filtered" "$(kairn dlq replay orders.dlq --to fixed --error bad --partition "$offset" --max 2)" '^2 dead letters replayed'
expect_match "all anew" "$(kairn dlq replay orders.dlq --to fixed --from-beginning --dry-run)" "^$letters dead letters would be"

# --- to where they came from, in envelopes -----------------------------------------------------------------

expect_success "create" kairn topic create parcels --partitions 2 --replication-factor 3 > /dev/null
printf 'k\tpoison-\303\244\n' | kairn produce parcels --key-separator "$(printf '\t')" --header trace=7 2> /dev/null || die "produce"
probe_begin openers parcels dead.letter.form=envelope
await 30 grep -q '^failed poison' "$said" || die "it did not fail: $(cat "$dir/probe.err")"
await 30 kairn dlq show parcels.dlq --max 1 || die "no dead letter"
probe_end
expect_match "an envelope" "$(kairn consume parcels.dlq --exit-at-end)" '^."topic":"parcels","partition":[01],"offset":0,.*"error":"it is poison","attempts":1,"key":"k","value":"poison-.*"headers":.[{]"key":"trace","value":"7".*$'
expect_match "shown alike" "$(kairn dlq show parcels.dlq --json)" '"error":"it is poison","attempts":1,"key":"k","value":"poison-'
expect_match "replayed" "$(kairn dlq replay parcels.dlq)" '^1 dead letters replayed'
expect_equal "as it was" "$(kairn consume parcels --exit-at-end --format '%k %v %h\n' | tail -n 1)" "k poison-$(printf '\303\244') trace=7,klient.dlq.replayed=$(kairn dlq show parcels.dlq --json | sed -n 's/.*"topic":"parcels.dlq","partition":\([01]\),"offset":\([0-9]*\).*/parcels.dlq-\1@\2/p')"

# --- too large for their topic ----------------------------------------------------------------------------

expect_success "create" kairn topic create bulky --partitions 1 --replication-factor 3 > /dev/null
expect_success "create" kairn topic create bulky.dlq --partitions 1 --replication-factor 3 --config max.message.bytes=2000 > /dev/null
printf 'k\tpoison-%03000d\n' 7 | kairn produce bulky --key-separator "$(printf '\t')" 2> /dev/null || die "produce"
probe_begin packers bulky
is_dead() { kairn dlq show bulky.dlq --json | grep -q left_out; }
await 30 is_dead || die "no dead letter: $(kairn dlq show bulky.dlq --json)"
probe_end
expect_match "without its value" "$(kairn dlq show bulky.dlq --json)" '"attempts":1,"left_out":3007,"key":"k","value":""'
expect_match "not sent back" "$(kairn dlq replay bulky.dlq 2>&1)" '^1 dead letters are not replayed'
expect_match "for sure" "$(kairn dlq replay bulky.dlq --from-beginning --json 2> /dev/null)" '"replayed":0,.*"not_whole":1'
echo "passed"
