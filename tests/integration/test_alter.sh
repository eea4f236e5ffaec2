#!/bin/bash
# Topics and configurations altered while brokers run: by kairn, by hand in ZooKeeper, under load.
. "$(dirname "$0")/lib.sh"
cluster_up --brokers 3 --zookeepers 1 --set log.segment.bytes=1000000 --set log.cleaner.backoff.ms=3600000
kairn topic create orders --partitions 3 > /dev/null || die "create"

value() { kairn config get "$1" --value "${@:2}"; }
counts() { [ "$(value "${@:2}")" = "$1" ]; }        # VALUE NAME --topic T
says() { grep -h "event=$1 .*$2" "$dir"/broker-*/log; }
# How many bytes a batch may have: one record of this size arrives, or not.
record_of() { head -c "$1" /dev/zero | tr '\0' x; }
fits() { record_of "$1" | kairn produce "${2:-orders}" --partition "${3:-0}" > /dev/null 2>&1; }

# --- more partitions, under load ---------------------------------------------------------------
# The pace of a producer that is not done before the new partitions are there.
(for i in $(seq 1500); do echo "$i"; sleep 0.002; done) |
    kairn produce orders --partitioner round-robin --set metadata.max.age.ms=200 > /dev/null 2> "$dir/produce" &
producer=$!
kairn consume orders --partition 0 --max 200 --format '%v\n' > "$dir/consumed" &
consumer=$!
under_way() { kairn consume orders --partition 0 --exit-at-end --max 1 | grep -q .; }
await 20 under_way || die "nothing arrives: $(cat "$dir/produce")"
expect_refusal "fewer" 1 'can grow, but not fall to 2' kairn topic alter orders --partitions 2
expect_refusal "as many" 1 'has 3 partitions already' kairn topic alter orders --partitions 3
expect_refusal "nothing" 2 'nothing to do' kairn topic alter orders
kairn topic alter orders --partitions 6 > "$dir/out" 2> "$dir/err" || die "alter: $(cat "$dir/err")"
expect_match "warning" "$(cat "$dir/err")" 'keys move .* hash .* modulo .* was 3 and is now 6'
expect_match "report" "$(cat "$dir/out")" 'partitions 6'
wait $producer || die "produce: $(cat "$dir/produce")"
wait $consumer || die "consume"
expect_equal "a consumer that is assigned goes on" "$(wc -l < "$dir/consumed")" 200
kairn consume orders --exit-at-end --format '%p %v\n' > "$dir/all" || die "consume"
expect_equal "every record arrived once" "$(cut -d' ' -f2 "$dir/all" | sort -n | uniq | wc -l) $(wc -l < "$dir/all")" "1500 1500"
expect_equal "new partitions are used" "$(cut -d' ' -f1 "$dir/all" | sort -u | tr '\n' ' ')" "0 1 2 3 4 5 "
expect_match "stored" "$(zk get /brokers/topics/orders)" '^\{"partitions":\{"0":\[[123]\],"1":\[[123]\],"2":\[[123]\],"3":\[[123]\],"4":\[[123]\],"5":\[[123]\]\},"topic_id":"[A-Za-z0-9_-]{22}","adding_replicas":\{\},"removing_replicas":\{\},"version":3\}$'

# --- settings of a topic -----------------------------------------------------------------------
fits 5000 || die "a record of 5000 bytes is too large"
kairn topic alter orders --config max.message.bytes=1000 --config segment.ms=60000 > /dev/null || die "alter"
await 5 counts 1000 max.message.bytes --topic orders || die "max.message.bytes"
refuses() { ! fits 5000; }
await 5 refuses || die "max.message.bytes=1000 does not count"
expect_equal "Kafka's bytes" "$(zk get /config/topics/orders)" '{"version":1,"config":{"max.message.bytes":"1000","segment.ms":"60000"}}'
expect_equal "Kafka's note" "$(zk get /config/changes/config_change_0000000000)" '{"version":2,"entity_path":"topics/orders"}'
kairn topic alter orders --unset max.message.bytes > /dev/null || die "unset"
await 5 fits 5000 || die "max.message.bytes counts still"
expect_equal "the rest stays" "$(zk get /config/topics/orders)" '{"version":1,"config":{"segment.ms":"60000"}}'
expect_refusal "a typo" 1 'did you mean "segment.bytes"' kairn topic alter orders --config segment.byte=1
expect_refusal "a typo at creation" 1 'did you mean "segment.bytes"' kairn topic create x --config segment.byte=1
expect_refusal "a bad value" 1 'segment.bytes.*14 to' kairn topic alter orders --config segment.bytes=1
expect_refusal "an unknown topic" 1 'UNKNOWN_TOPIC_OR_PARTITION' kairn topic alter nobody --config segment.bytes=1000
expect_refusal "half of it refused changes nothing" 1 'partitions already' kairn topic alter orders --partitions 6 --config segment.ms=1
expect_equal "nothing changed" "$(value segment.ms --topic orders)" 60000
expect_equal "validate says so" "$(kairn topic alter orders --validate --partitions 9 --config segment.ms=1 2> /dev/null | head -n 1)" "could alter topic orders"
expect_equal "nothing changed" "$(value segment.ms --topic orders)" 60000

# segment.bytes: a running log rolls by the new size; message.timestamp.type: by the new clock.
segments() { ls "$dir"/broker-*/data*/orders-0/*.log 2> /dev/null | wc -l; }
before=$(segments)
kairn topic alter orders --config segment.bytes=3000 --config message.timestamp.type=LogAppendTime > /dev/null || die "alter"
await 5 counts LogAppendTime message.timestamp.type --topic orders
for i in 1 2 3 4; do fits 2000; done
[ "$(segments)" -ge $((before + 3)) ] || die "segment.bytes=3000 does not count: $before, $(segments)"

# --- brokers, all brokers, and what counts first -----------------------------------------------
chain() { kairn config get "$1" --json "${@:2}" | sed 's/.*"synonyms"//' | grep -o '"source": *"[a-z]*"\|"value": *"[^"]*"' | sed 's/.*: *"\(.*\)"/\1/' | paste -sd' '; }
leader=$(kairn topic describe orders --json | grep -o '"leader": *[0-9]*' | head -1 | grep -o '[0-9]*$')
kairn config set --cluster message.max.bytes=3000 log.segment.bytes=700000 > /dev/null || die "set --cluster"
await 5 refuses || die "the cluster's message.max.bytes does not count"
kairn config set --broker "$leader" message.max.bytes=9000 > /dev/null || die "set --broker"
await 5 fits 5000 || die "the broker's message.max.bytes does not count"
expect_equal "stored" "$(zk get "/config/brokers/$leader")" '{"version":1,"config":{"message.max.bytes":"9000"}}'
expect_equal "stored" "$(zk get '/config/brokers/<default>')" '{"version":1,"config":{"message.max.bytes":"3000","log.segment.bytes":"700000"}}'
other=$((leader % 3 + 1))
expect_equal "another broker" "$(value message.max.bytes --broker $other)" 3000
expect_equal "precedence" "$(chain log.segment.bytes --broker "$leader")" "cluster 700000 file 1000000 default 1073741824"
expect_equal "precedence" "$(chain segment.bytes --topic orders)" "topic 3000 cluster 700000 file 1000000 default 1073741824"
expect_match "list" "$(kairn config list --cluster)" 'log.segment.bytes +700000 +cluster'
expect_match "list" "$(kairn config list --broker 1)" 'log.dirs .* file +at a restart'
expect_refusal "a restart" 1 'needs a restart' kairn config set --cluster log.dirs=/tmp
expect_refusal "a secret" 1 'secret' kairn config set --broker 1 zookeeper.digest=a:b
expect_refusal "no broker" 1 'no broker 77' kairn config set --broker 77 log.segment.bytes=1000
expect_refusal "no such broker to ask" 1 'no live broker 77' kairn config list --broker 77
expect_refusal "whose" 2 'whose' kairn config list
expect_refusal "a typo" 1 "did you mean 'segment.bytes'" kairn config get segment.byte --topic orders
kairn config set --broker "$leader" --unset message.max.bytes > /dev/null || die "unset"
await 5 refuses || die "the broker's message.max.bytes counts still"

# log.level: a broker says more at once, and no more again; others are left alone.
expect_equal "the level before" "$(kairn broker loglevel 2)" "info (default)"
expect_match "louder" "$(kairn broker loglevel 2 debug)" 'log.level=debug'
told() { says log-level-changed "broker=$1 from=$2 to=$3"; }
await 5 told 2 info debug || die "broker 2 did not hear of its log.level"
expect_equal "the level now" "$(kairn broker loglevel 2 --json)" '{"broker":"2","level":"debug","source":"broker"}'
expect_equal "the others" "$(says log-level-changed 'broker=[13]')" ""
expect_equal "stored" "$(zk get /config/brokers/2)" '{"version":1,"config":{"log.level":"debug"}}'
kairn config set --cluster log.level=error > /dev/null || die "set"
await 5 told 1 info error || die "log.level of all brokers does not count"
expect_match "back" "$(kairn broker loglevel 2 --unset)" 'log.level unset'
await 5 told 2 debug error || die "--unset does not count"
kairn config set --cluster --unset log.level > /dev/null || die "unset"
await 5 told 3 error info || die "back to the file's log.level"
expect_refusal "no such level" 1 'debug, info, warn, error, off' kairn broker loglevel 2 loud
expect_refusal "which" 2 'either' kairn broker loglevel 2 debug --unset
expect_refusal "no such broker" 1 'no broker 77' kairn broker loglevel 77 debug
kairn broker loglevel 3 debug > /dev/null || die "it stays over a restart"

# log.cleaner.backoff.ms: a log that was due for a look in an hour is compacted now.
kairn topic create kept --config cleanup.policy=compact --config segment.bytes=2000 --config min.cleanable.dirty.ratio=0.01 > /dev/null || die "create"
for i in $(seq 300); do echo "key:$i"; done | kairn produce kept --key-separator : --set batch.size=500 > /dev/null 2>&1 || die "produce"
kept() { kairn consume kept --exit-at-end --format '%v\n' | wc -l; }
expect_equal "not compacted yet" "$(kept)" 300
kairn config set --cluster log.cleaner.backoff.ms=100 > /dev/null || die "set"
compacted() { [ "$(kept)" -lt 300 ]; }
await 20 compacted || die "log.cleaner.backoff.ms does not count"
expect_equal "the last value is there" "$(kairn consume kept --exit-at-end --format '%v\n' | tail -1)" 300

# --- by hand ------------------------------------------------------------------------------------
zk set '/config/brokers/<default>' '{"version":1,"config":{"message.max.bytes":"9000"}}' || die "set"
await 20 fits 5000 || die "a set by hand does not count"
zk set /config/topics/orders '{"version":1,"config":{"max.message.bytes":"1500"}}' || die "set"
await 20 counts 1500 max.message.bytes --topic orders || die "a set by hand does not count"
refuses || die "a set by hand does not count"
expect_equal "what it does not name is gone" "$(value segment.bytes --topic orders)" 1000000
zk set /config/topics/orders 'this is no JSON' || die "set"
await 20 says config-ignored 'path=/config/topics/orders .*not JSON' || die "garbage is not reported"
zk set /config/topics/orders '{"version":1,"config":{"max.message.bytes":"lots","colour":"red"}}' || die "set"
await 20 says config-ignored 'path=/config/topics/orders name=max.message.bytes .*lots' || die "garbage is not reported"
await 20 says config-ignored 'path=/config/topics/orders name=colour' || die "garbage is not reported"
# Two changes beside it are found one after the other: in between everything was looked at again.
for bytes in 3000 4000; do
    zk set /config/topics/kept "{\"version\":1,\"config\":{\"segment.bytes\":\"$bytes\"}}" || die "set"
    await 20 counts $bytes segment.bytes --topic kept || die "a set by hand does not count"
done
expect_equal "once" "$(says config-ignored 'name=colour' | wc -l)" 1
expect_equal "the last good one stays" "$(value max.message.bytes --topic orders)" 1500

# --- another controller, and a restart of everything ---------------------------------------------
cluster stop "$(controller)" || die "stop"
await 20 counts 1500 max.message.bytes --topic orders || die "the next controller forgot it"
kairn topic alter orders --config segment.ms=7 > /dev/null || die "alter"
expect_equal "what can not be served keeps its place" "$(zk get /config/topics/orders)" '{"version":1,"config":{"max.message.bytes":"lots","colour":"red","segment.ms":"7"}}'
expect_success "junk can be taken out" kairn topic alter orders --unset colour --config max.message.bytes=1600 > /dev/null
cluster down > /dev/null
cluster up > /dev/null 2>&1 || die "up"
await 20 kairn cluster status || die "not healthy: $(kairn cluster status)"
await 20 counts 1600 max.message.bytes --topic orders || die "a restart forgot it"
expect_equal "cluster" "$(value message.max.bytes --broker 1)" 9000
await 20 counts debug log.level --broker 3 || die "a restart forgot log.level"
await 5 told 3 info debug || die "a restart forgot log.level"
expect_equal "partitions" "$(kairn topic describe orders | grep -c ok)" 6
refuses || die "max.message.bytes does not count after a restart"
echo passed
