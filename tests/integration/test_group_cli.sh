#!/bin/bash
# Groups from the command line: kairn consume --group shares, commits and leaves; kairn group lists, describes, resets and
# deletes, with lag in records and in time, and members that have nothing to do.
. "$(dirname "$0")/lib.sh"

cluster_up --brokers 3 --zookeepers 1 --set group.initial.rebalance.delay.ms=100

number() { grep -o "\"$1\":[0-9]*" | head -n 1 | cut -d : -f 2; }     # the first of that name: a group's own
lag() { kairn group describe "$1" --json | number lag; }
lag_is() { [ "$(lag "$1")" = "$2" ]; }
has_members() { [ "$(kairn group describe "$1" --json | number members)" = "$2" ]; }
committed() { kairn group reset "$1" --to current --dry-run --export 2> /dev/null | tr '\n' ' '; }

kairn topic create orders --partitions 3 --replication-factor 3 > /dev/null || die "create"
kairn topic create logs --partitions 2 > /dev/null || die "create"
expect_equal "no groups yet" "$(kairn group list --json)" "[]"
expect_refusal "nobody" 1 'GROUP_ID_NOT_FOUND.*try: kairn group list' kairn group describe nobody
expect_refusal "nobody to delete" 1 GROUP_ID_NOT_FOUND kairn group delete nobody

# A member reads, commits what it has printed, and leaves.
seq 90 | kairn produce orders --partitioner round-robin 2> /dev/null
expect_equal "everything is read" "$(kairn consume orders --group readers --exit-at-end | sort -n | tr '\n' ' ')" "$(seq -s ' ' 90) "
expect_match "listed" "$(kairn group list)" 'readers +Empty +consumer +[123]'
expect_equal "nothing is read twice" "$(kairn consume orders --group readers --exit-at-end)" ""
expect_equal "a maximum is kept to" "$(seq 9 | kairn produce orders --partition 0 2> /dev/null; kairn consume orders --group readers --max 4)" "$(seq 4)"
expect_equal "and what was printed is committed" "$(committed readers)" "orders,0,34 orders,1,30 orders,2,30 "

# How far it is, in records and in time.
waits_a_second() { [ "$(kairn group describe readers --json | number waits_ms)" -ge 1000 ]; }
await 20 waits_a_second || die "the first record does not wait: $(kairn group describe readers)"
expect_match "lag" "$(kairn group describe readers)" $'lag 5, the oldest record has waited for [1-9].*\n.*orders +0 +34 +39 +5 +[1-9]'
waits=$(kairn group describe readers --json | number waits_ms)
[ "$waits" -ge 1000 ] && [ "$waits" -lt 60000 ] || die "the first record waits for $waits ms"

# Members: who has what, and who has nothing. What needs a group without members is refused.
members=()
for i in 1 2 3 4; do
    kairn consume orders --group readers --set client.id=reader-$i > "$dir/out-$i" 2> "$dir/err-$i" &
    members+=($!)
done
await 20 has_members readers 4 || die "they do not join: $(kairn group members readers)"
stable() { kairn group describe readers | grep -q Stable; }
await 20 stable || die "the group does not settle"
expect_match "members" "$(kairn group members readers)" $'reader-[1-4] +/127.0.0.1 +- +[^ ]+ +1 +orders:[0-2]\n'
expect_match "one of four has nothing of three partitions" "$(kairn group members readers)" 'reader-[1-4] .* 0 +idle'
expect_match "said beside the offsets, too" "$(kairn group describe readers)" 'idle: reader-[1-4] at /127.0.0.1 has no partition'
expect_equal "and in JSON" "$(kairn group members readers --json | grep -o '"idle":true' | wc -l)" 1
await 20 lag_is readers 0 || die "they do not read: $(kairn group describe readers)"
expect_refusal "reset with members" 1 'NON_EMPTY_GROUP.*Stable, with 4 members.*stop its members' kairn group reset readers --to beginning
expect_match "it can be tried" "$(kairn group reset readers --to beginning --dry-run 2> "$dir/said")" 'orders +0 +39 +0 +-39'
expect_match "and says so" "$(cat "$dir/said")" 'could not be reset now'
expect_refusal "delete with members" 1 NON_EMPTY_GROUP kairn group delete readers
expect_refusal "offsets in use" 1 GROUP_SUBSCRIBED_TO_TOPIC kairn group delete readers --topic orders:1
expect_match "by state" "$(kairn group list --state stable)" 'readers +Stable'
expect_equal "by another state" "$(kairn group list --state Empty,Dead --json)" "[]"

# Watching: again every second, and what is committed meanwhile.
timeout 15 kairn group describe readers --watch --json > "$dir/watched" & watcher=$!
seen() { [ "$(wc -l < "$dir/watched")" -ge 3 ]; }
await 15 seen || die "watch showed: $(cat "$dir/watched")"
kill $watcher
expect_match "a document a line" "$(tail -n 1 "$dir/watched")" '^\[\{"group":"readers".*\}\]$'

# Ctrl-C: commits, and leaves at once.
seq 300 | kairn produce orders --partitioner round-robin 2> /dev/null
printed() { [ "$(cat "$dir"/out-* | wc -l)" -eq 305 ]; }
await 20 printed || die "printed $(cat "$dir"/out-* | wc -l) of 305"
kill -INT "${members[@]}"
for i in 0 1 2 3; do wait "${members[i]}" || die "an interrupted member failed: $(cat "$dir/err-$((i + 1))")"; done
has_members readers 0 || die "they did not leave: $(kairn group members readers)"
expect_equal "what was printed is committed" "$(lag readers)" 0
expect_equal "every record came once" "$(cat "$dir"/out-* | sort -n | uniq -c | awk '$1 > 2' | wc -l)" 0

# Somebody who reads no further is an end, too, also when there is nothing more to print: the member leaves.
kairn group reset readers --to beginning > /dev/null || die "reset"
kairn consume orders --group readers --set max.poll.records=1 | head -n 3 > /dev/null
has_members readers 0 || die "it did not leave"
kairn group reset readers --to beginning > /dev/null || die "reset"
kairn consume orders --group readers | head -n 1 > /dev/null
has_members readers 0 || die "it did not leave when all was printed"

# Resets.
reset() { kairn group reset readers "$@" > /dev/null || die "reset $*"; }
reset --to end;                     expect_equal "end" "$(committed readers)" "orders,0,139 orders,1,130 orders,2,130 "
reset --to earliest --topic orders; expect_equal "earliest" "$(committed readers)" "orders,0,0 orders,1,0 orders,2,0 "
reset --to 25 --topic orders:0,2;   expect_equal "an offset" "$(committed readers)" "orders,0,25 orders,1,0 orders,2,25 "
reset --shift 10;                   expect_equal "on" "$(committed readers)" "orders,0,35 orders,1,10 orders,2,35 "
reset --shift -5 --topic orders:1;  expect_equal "back" "$(committed readers)" "orders,0,35 orders,1,5 orders,2,35 "
reset --ago 1h;                     expect_equal "a duration" "$(committed readers)" "orders,0,0 orders,1,0 orders,2,0 "
reset --to 2038-01-01T00:00;        expect_equal "a time" "$(committed readers)" "orders,0,139 orders,1,130 orders,2,130 "
third=$(kairn consume orders --partition 1 --from 30 --max 1 --format '%T')
reset --to "@$third" --topic orders:1
[ "$(committed readers | grep -o 'orders,1,[0-9]*' | cut -d, -f3)" -le 30 ] || die "a record's own time: $(committed readers)"
expect_match "beyond the end is the end" "$(kairn group reset readers --shift 1000 2>&1)" 'orders-0: 1139 is outside of the log, which has 0 to 139: taking 139'
expect_match "before the beginning is the beginning" "$(kairn group reset readers --shift -1000 2>&1)" 'orders +0 +139 +0 +-139'

# Out to a file, changed, and back; as Kafka's tool writes it, with groups, too.
kairn group reset readers --to end --dry-run --export > "$dir/plan" || die "export"
expect_equal "a dry run changes nothing" "$(committed readers)" "orders,0,0 orders,1,0 orders,2,0 "
sed 's/^orders,1,.*/orders,1,7/' "$dir/plan" > "$dir/changed"
reset --file "$dir/changed";        expect_equal "from a file" "$(committed readers)" "orders,0,139 orders,1,7 orders,2,130 "
printf '"readers",orders,0,3\nothers,orders,1,4\n' | kairn group reset readers --file - > /dev/null || die "from standard input"
expect_equal "only its own lines" "$(committed readers)" "orders,0,3 orders,1,7 orders,2,130 "
echo 'orders,zero,5' > "$dir/bad"
expect_refusal "a bad line" 1 'bad, line 1: its partition is no number' kairn group reset readers --file "$dir/bad"
expect_equal "changes nothing" "$(committed readers)" "orders,0,3 orders,1,7 orders,2,130 "

# What can not be done says what could.
expect_refusal "where to" 2 'One of --to, --ago, --shift and --file' kairn group reset readers
expect_refusal "two places" 2 'One of' kairn group reset readers --to end --shift 1
expect_refusal "no place" 2 '2026-11-29T13:05' kairn group reset readers --to tomorrow
expect_refusal "no duration" 2 '2h30m' kairn group reset readers --ago long
expect_refusal "nothing committed" 1 '--topic says what' kairn group reset newcomer --to end
expect_refusal "nothing to shift" 1 'nothing to start from' kairn group reset newcomer --shift 1 --topic logs
expect_refusal "no such topic" 1 'no topic nothing' kairn group reset readers --to end --topic nothing
expect_refusal "no such partition" 1 'no partition 7' kairn group reset readers --to end --topic orders:7
expect_success "a group can be made" kairn group reset newcomer --to end --topic orders:0 > /dev/null
expect_equal "with what was named" "$(committed newcomer)" "orders,0,139 "

# Records that were deleted before the group read them are told, and are no lag.
kairn topic trim orders --before 100 > /dev/null || die "trim"
expect_match "lost" "$(kairn group describe readers)" 'orders-1: 93 offsets were deleted before the group read them; the log starts at 100'
expect_equal "no lag" "$(lag readers)" 69

# Several topics, and those that an expression names, also later ones.
echo one | kairn produce logs 2> /dev/null
expect_equal "several topics" "$(kairn consume logs orders --group several --exit-at-end | wc -l)" 100
kairn consume '(lo|more-).*' --regex --group pattern > "$dir/matched" 2> "$dir/matched.err" & matcher=$!
await 20 grep -q one "$dir/matched" || die "the pattern matches nothing: $(cat "$dir/matched.err")"
kairn topic create more-logs > /dev/null && echo two | kairn produce more-logs 2> /dev/null
await 20 grep -q two "$dir/matched" || die "a later topic is not read: $(cat "$dir/matched.err")"
kill -INT $matcher; wait $matcher || die "the member failed: $(cat "$dir/matched.err")"
expect_refusal "an expression" 2 'parenthesis' kairn consume 'or(' --regex --group pattern
expect_refusal "an expression alone" 2 'needs a group' kairn consume 'or.*' --regex
expect_refusal "a partition" 2 'shares out partitions by itself' kairn consume orders --group readers --partition 1
expect_refusal "a place" 2 'kairn group reset' kairn consume orders --group readers --from 5
expect_equal "several topics by hand" "$(kairn consume logs orders --exit-at-end | wc -l)" 100

# Removing members: a static one is in its group for long after it stopped.
kairn consume orders --group statics --set group.instance.id=one --set session.timeout.ms=300000 > "$dir/static" 2>&1 & static=$!
await 20 has_members statics 1 || die "it does not join: $(cat "$dir/static")"
kill -INT $static; wait $static || die "the member failed: $(cat "$dir/static")"
expect_refusal "it is still a member" 1 NON_EMPTY_GROUP kairn group delete statics
expect_refusal "whom" 2 'say who: --member or --instance' kairn group remove-members statics
expect_refusal "another one" 1 'member nobody of group statics: UNKNOWN_MEMBER_ID' kairn group remove-members statics --member nobody
expect_equal "it is removed" "$(kairn group remove-members statics --instance one)" "removed instance one of group statics"
expect_equal "and is gone" "$(kairn group remove-members statics --instance one --json 2> /dev/null)" '[{"group":"statics","instance":"one","removed":false,"error":"UNKNOWN_MEMBER_ID"}]'
expect_equal "so the group can go" "$(kairn group delete statics)" "deleted group statics"

# Deleting: offsets of a topic, and groups. Those of a topic that is gone go by themselves.
expect_equal "offsets" "$(kairn group delete several --topic logs)" $'deleted what group several has committed of logs-0\ndeleted what group several has committed of logs-1'
expect_refusal "once" 1 'committed nothing of topic logs' kairn group delete several --topic logs
kairn topic delete more-logs > /dev/null
forgotten() { ! kairn group describe pattern | grep -q more-logs; }
await 10 forgotten || die "a topic that is gone: $(kairn group describe pattern)"
expect_success "it is left out" kairn group reset pattern --to end > /dev/null 2>&1
expect_equal "groups" "$(kairn group delete several pattern newcomer | sort | tr '\n' ' ')" "deleted group newcomer deleted group pattern deleted group several "
expect_match "the others stay" "$(kairn group list --json)" '^\[\{"group":"readers","state":"Empty","type":"consumer","coordinator":[123]\}\]$'

# The coordinator dies: the next one tells the same.
before=$(committed readers)
coordinator=$(kairn group list --json | number coordinator)
kill -9 "$(broker_pid "$coordinator")"
expect_equal "after a failover" "$(committed readers)" "$before"
expect_success "and it can be reset" kairn group reset readers --to end > /dev/null
echo passed
