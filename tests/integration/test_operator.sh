#!/bin/bash
# What people who look after a cluster do by hand: settings with units, what would be made, offsets and
# directories at a glance, records from files, completed words.
. "$(dirname "$0")/lib.sh"
cluster_up --brokers 2 --zookeepers 1 --set log.segment.delete.delay.ms=1s

# --- times and sizes for people -----------------------------------------------------------------------

stored() { zk get "/config/topics/$1" | grep -o "\"$2\":\"[^\"]*\""; }
kairn topic create orders --partitions 3 --config retention.ms=36h --config segment.bytes=1MiB > /dev/null || die "create"
expect_equal "stored when it is made" "$(stored orders retention.ms)" '"retention.ms":"129600000"'
expect_equal "stored when it is made" "$(stored orders segment.bytes)" '"segment.bytes":"1048576"'
kairn topic alter orders --config retention.ms=14d --config max.compaction.lag.ms=forever > /dev/null || die "alter"
expect_equal "stored when it is altered" "$(stored orders retention.ms)" '"retention.ms":"1209600000"'
expect_equal "no end" "$(stored orders max.compaction.lag.ms)" '"max.compaction.lag.ms":"9223372036854775807"'
kairn config set --topic orders retention.ms=forever > /dev/null || die "set"
expect_equal "no end, where -1 says so" "$(stored orders retention.ms)" '"retention.ms":"-1"'
kairn config set --topic orders retention.ms=14d > /dev/null || die "set"
kairn config set --cluster log.cleaner.backoff.ms=20s > /dev/null || die "set for all brokers"
expect_match "for all brokers" "$(zk get '/config/brokers/<default>')" '"log.cleaner.backoff.ms":"20000"'
expect_match "people see both" "$(kairn topic describe orders)" 'retention.ms=1209600000 \(14d\)'
expect_match "people see both" "$(kairn config list --topic orders)" 'segment.bytes +1048576 \(1MiB\) +topic'
expect_match "programs see the number" "$(kairn topic describe orders --json)" '"retention.ms":"1209600000"'
expect_match "the broker's own" "$(kairn config list --broker 1 --changed)" 'log.segment.delete.delay.ms +1000 \(1s\)'
expect_refusal "no unit" 1 'retention.ms: expected a number of milliseconds, or one with ms, s, m, h or d, or forever' \
    kairn topic alter orders --config retention.ms=14x
expect_equal "as it was" "$(stored orders retention.ms)" '"retention.ms":"1209600000"'
zk set /config/topics/orders '{"version":1,"config":{"retention.ms":"2d"}}' || die "by hand"
by_hand() { [[ $(kairn topic describe orders --json) == *'"retention.ms":"172800000"'* ]]; }
await 10 by_hand || die "what is written by hand may have a unit: $(kairn topic describe orders)"
kairn topic alter orders --config segment.bytes=1MiB > /dev/null || die "alter"
expect_equal "and is stored as the number with the next change" "$(stored orders retention.ms)" '"retention.ms":"172800000"'
expect_refusal "a property" 2 'linger.ms: expected a number of milliseconds' kairn topic list --set linger.ms=1.5s

# --- what is made, what is there ----------------------------------------------------------------------

expect_match "a trial" "$(kairn topic create more --partitions 4 --dry-run)" 'would create topic more: partitions 4, replication factor 1'
expect_refusal "nothing was made" 1 UNKNOWN_TOPIC kairn topic describe more
expect_refusal "a trial that fails" 1 INVALID_CONFIG kairn topic create more --config segment.bytes=1B --dry-run
expect_refusal "there already" 1 TOPIC_ALREADY_EXISTS kairn topic create orders
expect_equal "there, which is fine" "$(kairn topic create orders --if-not-exists)" "topic orders is there already"
expect_equal "for programs" "$(kairn topic create orders --if-not-exists --json)" '[{"topic":"orders","exists":true}]'
expect_success "made" kairn topic create more --if-not-exists > /dev/null
expect_match "placed" "$(kairn topic create placed --assignment 2:1,1:2)" 'created topic placed: partitions 2, replication factor 2'
expect_match "where it was asked for" "$(zk get /brokers/topics/placed)" '"partitions":\{"0":\[2,1\],"1":\[1,2\]\}'
expect_refusal "no place" 2 'a broker has one replica' kairn topic create other --assignment 1:1
expect_refusal "nobody there" 1 'INVALID_REPLICA_ASSIGNMENT|BROKER_NOT_AVAILABLE' kairn topic create other --assignment 1:7
kairn topic delete placed > /dev/null || die "delete"
expect_refusal "not there" 1 UNKNOWN_TOPIC kairn topic delete more less
expect_equal "not there, which is fine" "$(kairn topic delete less --if-exists)" "topic less is not there"

kairn topic create __consumer_offsets --partitions 2 --replication-factor 1 > /dev/null || die "create"
kairn topic list | grep -q __consumer && die "internal topics are shown: $(kairn topic list)"
expect_match "internal topics on demand" "$(kairn topic list --internal)" '__consumer_offsets +2 +1'

# --- where logs begin and end -------------------------------------------------------------------------

seq 1 100 | kairn produce orders --partition 0 2> /dev/null || die "produce"
seq 1 7 | kairn produce orders --partition 2 2> /dev/null || die "produce"
kairn topic trim orders --partition 0 --before 40 > /dev/null || die "trim"
expect_match "offsets" "$(kairn topic offsets orders:0,2)" 'orders +0 +40 +100 +60
orders +2 +0 +7 +7'
expect_equal "all topics but the cluster's own" "$(kairn topic offsets | awk 'NR > 1 {print $1}' | sort -u)" orders
time=$(kairn consume orders --partition 0 --from 70 --max 1 --format '%T')
first=$(kairn consume orders --partition 0 --exit-at-end --format '%T %o\n' | awk -v time="$time" '$1 >= time {print $2; exit}')
expect_equal "at a time" "$(kairn topic offsets orders:0 --time "@$time" --json)" \
    "[{\"topic\":\"orders\",\"partition\":0,\"earliest\":40,\"latest\":100,\"difference\":60,\"at_time\":$first}]"
expect_match "later than all" "$(kairn topic offsets orders:2 --time 2100-01-01)" 'orders +2 +0 +7 +7 +-'
expect_refusal "no time" 2 '--time takes' kairn topic offsets --time yesterday
expect_refusal "no partition" 1 'orders has no partition 9' kairn topic offsets orders:9

# --- what lies in which directory ---------------------------------------------------------------------

expect_equal "sums" "$(kairn broker log-dirs --summary | awk -v dir="$dir" '$2 == dir "/broker-" $1 "/data" {n += $3} END {print n}')" 5
at=$(leader orders 0)
expect_match "logs" "$(kairn broker log-dirs "$at")" " $at +$dir/broker-$at/data +orders-0 +[1-9][0-9]* +40 +100"
other=$(kairn broker log-dirs $((3 - at)))
[[ $other == *orders-0* ]] && die "what another broker leads is shown: $other"
kairn topic create pair --partitions 1 --replication-factor 2 > /dev/null && seq 9 | kairn produce pair 2> /dev/null || die "produce"
leads=$(leader pair 0) follows=$((3 - $(leader pair 0)))
expect_match "copies" "$(kairn broker log-dirs $follows)" "BROKER +FOLLOWS +LEADER +LEADER-BYTES +END +LAG +STATE
 +$follows +pair-0 +$leads +[1-9][0-9]* +9 +0 +in-sync"
[[ $(kairn broker log-dirs $leads) == *FOLLOWS* ]] && die "copies of a broker that was not asked for"
expect_match "copies, for programs" "$(kairn broker log-dirs $follows --json)" \
    "\"follows\":\[\{\"topic\":\"pair\",\"partition\":0,\"leader\":$leads,\"leader_bytes\":[0-9]+,\"log_end\":9,\"lag\":0,\"state\":\"in-sync\"\}\]"
kairn topic delete pair > /dev/null || die "delete"
expect_match "for programs" "$(kairn broker log-dirs --json)" \
    '\{"topic":"orders","partition":2,"bytes":[0-9]+,"log_start":0,"log_end":7\}.*"out_of_use":\[\]'
expect_refusal "no such broker" 1 'no live broker 9' kairn broker log-dirs 9
expect_refusal "no broker" 2 "'x' is no broker id" kairn broker log-dirs x

# --- records from files -------------------------------------------------------------------------------

kairn topic create from --partitions 2 > /dev/null && kairn topic create to --partitions 2 > /dev/null || die "create"
printf 'one:1\ntwo:2\n' > "$dir/first"
printf 'three:3' > "$dir/second"
printf 'four:\xff\xfe\n' | kairn produce from --key-separator : --header by=hand --file "$dir/first" --file "$dir/second" --file - \
    2> "$dir/said" || die "produce: $(cat "$dir/said")"
expect_match "all files" "$(cat "$dir/said")" '^4 records'
expect_refusal "no such file, so nothing is sent" 1 "$dir/none: No such file" kairn produce from --file "$dir/first" --file "$dir/none"
expect_equal "nothing was sent" "$(kairn topic offsets from --json | grep -o '"latest":[0-9]*' | awk -F: '{n += $2} END {print n}')" 4

kairn consume from --exit-at-end --json > "$dir/from.json" || die "consume"
kairn produce to --input json --file "$dir/from.json" 2> /dev/null || die "produce what consume printed"
same() { sed -E 's/"topic":"[a-z]*"//' | sort; }
expect_equal "the same records again" "$(kairn consume to --exit-at-end --json | same)" "$(same < "$dir/from.json")"

printf '%s\n' '{"value":"good","partition":1,"headers":{"a":"b"}}' '' '{"valeu":"bad"}' '{"value":"never"}' > "$dir/bad"
expect_refusal "a bad line ends it" 1 "bad:3: a record has no valeu" kairn produce to --input json --file "$dir/bad"
expect_equal "what was before it is sent" "$(kairn consume to --partition 1 --exit-at-end --format '%h %v\n' | tail -n 1)" "a=b good"
expect_match "or it is skipped" "$(kairn produce to --input json --skip-bad --json --file "$dir/bad" 2> /dev/null)" '"records":2,.*"skipped":1'
expect_match "and counted" "$(kairn produce to --input json --skip-bad --partition 0 < "$dir/bad" 2>&1)" \
    'standard input:3: skipped: a record has no valeu.*2 records, .* 0 failed, 1 lines skipped'
expect_equal "--partition counts for all" "$(kairn consume to --partition 0 --exit-at-end | tail -n 2 | paste -sd' ')" "good never"
expect_refusal "which form" 2 '--input takes lines or json' kairn produce to --input xml
expect_refusal "a key of its own" 2 'leave out --key-separator' kairn produce to --input json --key-separator :

# --- completed words ----------------------------------------------------------------------------------

# completed LINE: what bash would offer for what is written so far.
completed() {
    (
        # shellcheck disable=SC1091
        . "$top/deploy/completion/kairn.bash"
        COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDBREAKS=$' \t\n"><=;|&(:'
        _kairn
        printf '%s\n' "${COMPREPLY[@]}" | paste -sd' '
    )
}
expect_equal "topics" "$(completed 'kairn topic describe ')" "from orders to"
expect_equal "as begun" "$(completed 'kairn topic describe --verbose o')" "orders"
expect_equal "of a flag" "$(completed 'kairn config list --topic=o')" "orders"
expect_equal "the cluster's own, as begun" "$(completed 'kairn consume __')" "__consumer_offsets"
expect_equal "brokers" "$(completed 'kairn broker log-dirs ')" "1 2"
kairn consume orders --group readers --exit-at-end > /dev/null || die "consume"
expect_equal "groups" "$(completed 'kairn group describe ')" "readers"
export KAIRN_BOOTSTRAP=127.0.0.1:1
expect_equal "of the brokers on the line" "$(completed "kairn topic describe --bootstrap $bootstrap o")" "orders"
expect_equal "without a cluster: nouns" "$(completed 'kairn to')" "topic"
expect_equal "verbs" "$(completed 'kairn group ')" "list describe members reset delete remove-members import"
expect_equal "options" "$(completed 'kairn topic create t --d')" "--dry-run"
expect_equal "choices" "$(completed 'kairn produce t --input ')" "lines json"
touch "$dir/a-file"
expect_equal "files" "$(completed "kairn produce t --file $dir/a-f")" "$dir/a-file"
expect_equal "no names" "$(completed 'kairn topic describe ')" ""

# --- what is wrong is coloured ------------------------------------------------------------------------

export KAIRN_BOOTSTRAP=$bootstrap
on_terminal() { script -qec "TERM=xterm $*" /dev/null < /dev/null; }
kairn topic create pair --partitions 1 --replication-factor 2 > /dev/null || die "create"
cluster stop 2 > /dev/null || die "stop"
alone() { have_members pair 1 0; }
await 20 alone || die "broker 2 is away: $(state pair)"
red=$'\e\\[31mOFFLINE\e\\[0m' yellow=$'\e\\[33mUNDER-REPLICATED\e\\[0m'
expect_match "on a terminal" "$(on_terminal kairn topic describe pair)" "$yellow"
expect_match "the worst" "$(on_terminal kairn cluster status)" "$red.*$yellow"
[[ $(on_terminal NO_COLOR=1 kairn cluster status) == *$'\e'* ]] && die "coloured against NO_COLOR"
[[ $(kairn cluster status) == *$'\e'* ]] && die "coloured for a program"

# --- watched, until all is well again ------------------------------------------------------------------

timeout 60 kairn cluster status --watch --json > "$dir/watched" &
watch=$!
seen() { grep -q "\"healthy\": *$1" "$dir/watched"; }
await 20 seen false || die "nothing is wrong: $(tail -n 1 "$dir/watched")"
cluster start 2 > /dev/null || die "start"
await 30 seen true || die "what is wrong ends the watch: $(tail -n 1 "$dir/watched")"
kill $watch
expect_match "a document a line" "$(tail -n 1 "$dir/watched")" '^\{"cluster_id".*\}$'
expect_match "as text" "$(timeout 20 kairn cluster status --watch | head -n 1)" '^cluster '
echo passed
