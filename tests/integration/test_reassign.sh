#!/bin/bash
# Replicas and leaders go where they should: reassignment by command and by znode, cancelled and
# thrown over; a broker drained, a cluster rebalanced, preferred leaders brought back; all of it
# under a load that loses nothing.
. "$(dirname "$0")/lib.sh"

field() { kairn topic describe "$1" --json | grep -o "\"$2\":[^]]*]" | tr -d '\n'; }
replicas() { field "$1" replicas | grep -o '\[[^]]*\]' | tr -d '\n'; }
settled() { [ "$(replicas "$1")" = "$2" ] && kairn cluster status; }
holds() { ls -d "$dir/broker-$1"/data*/"$2" > /dev/null 2>&1; }

# Long sessions: a broker that is stopped for a moment must stay a member.
cluster_up --brokers 3 --set zookeeper.session.timeout.ms=30000
expect_success "create" kairn topic create orders --partitions 2 --replication-factor 2 --config min.insync.replicas=1
await 20 kairn cluster status || die "not healthy: $(kairn cluster status)"
expect_refusal "too many replicas" 1 INVALID_REPLICATION_FACTOR kairn topic create many --partitions 1 --replication-factor 4
seq 1 2000 | kairn produce orders 2> /dev/null || die "produce"

# Somewhere else, while records come.
(seq 2001 6000 | kairn produce orders > /dev/null 2> "$dir/produce.err"; echo $? > "$dir/produced") &
before=$(replicas orders)
expect_success "everywhere" kairn partition reassign orders --to 3,1,2 --timeout 60000 > "$dir/moved"
await 20 settled orders '[3,1,2][3,1,2]' || die "three replicas: $(kairn topic describe orders)"
expect_success "to one" kairn partition reassign orders --to 2 --timeout 60000 > "$dir/moved"
await 20 settled orders '[2][2]' || die "one replica: $(kairn topic describe orders)"
expect_match "in the record" "$(zk get /brokers/topics/orders)" '"partitions":\{"0":\[2\],"1":\[2\]\}.*"adding_replicas":\{\},"removing_replicas":\{\}'
wait
expect_equal "the load saw no failure ($(cat "$dir/produce.err"))" "$(cat "$dir/produced")" 0
expect_equal "nothing lost, nothing twice" "$(kairn consume orders --exit-at-end | sort -n | md5sum)" "$(seq 1 6000 | md5sum)"
await 10 sh -c "! ls -d '$dir'/broker-1/data*/orders-0 2> /dev/null" || die "broker 1 still has a log: $(ls -d "$dir"/broker-*/data*/*)"

# The way old tools of Kafka ask for it.
expect_success "znode" zk create /admin/reassign_partitions '{"version":1,"partitions":[{"topic":"orders","partition":0,"replicas":[1,2]},{"topic":"nothing","partition":0,"replicas":[1]}]}'
await 20 settled orders '[1,2][2]' || die "by znode: $(kairn topic describe orders)"
await 10 sh -c "! '$probe' '$zookeeper' get /admin/reassign_partitions" || die "the request is still there"

# The first replica is preferred, and leads once it is asked to.
expect_success "elect" kairn partition elect orders:0
expect_match "leader" "$(kairn topic describe orders --json)" '"partition":0,"leader":1,'
expect_success "the other way round" kairn partition reassign orders:0 --to 2,1 --timeout 60000 > "$dir/moved"
leads() { [[ $(kairn topic describe orders --json) == *"\"partition\":0,\"leader\":$1,"* ]]; }
expect_success "by znode" zk create /admin/preferred_replica_election '{"version":1,"partitions":[{"topic":"orders","partition":0},{"topic":"nothing","partition":0}]}'
await 10 leads 2 || die "by znode: $(kairn topic describe orders)"
await 10 sh -c "! '$probe' '$zookeeper' get /admin/preferred_replica_election" || die "the request is still there"
expect_match "nothing to elect" "$(kairn partition elect orders:0)" 'nothing to elect'

# A number of replicas, and who gets them is chosen.
expect_success "factor" kairn partition reassign orders --replication-factor 2 --timeout 60000 > "$dir/moved"
await 20 kairn cluster status || die "factor: $(kairn topic describe orders)"
expect_equal "copies" "$(kairn topic describe orders --json | grep -o '"replicas":\[[0-9],[0-9]\]' | wc -l)" 2

# A broker gives all away, and gets a share again.
expect_refusal "nobody is asked" 2 'yes' kairn broker drain 2
expect_match "dry run" "$(kairn broker drain 2 --dry-run)" 'TOPIC +PARTITION +FROM +TO'
expect_success "drain" kairn broker drain 2 --yes --timeout 60000 > "$dir/moved"
await 20 kairn cluster status || die "drained: $(kairn topic describe orders)"
[[ $(replicas orders) != *2* ]] || die "broker 2 still has replicas: $(replicas orders)"
expect_success "rebalance" kairn cluster rebalance --timeout 60000 > "$dir/moved"
await 20 kairn cluster status || die "rebalanced: $(kairn topic describe orders)"
[[ $(replicas orders) == *2* ]] || die "broker 2 has nothing: $(replicas orders)"
expect_match "even" "$(kairn cluster rebalance --dry-run)" 'nothing to move'

# What a dead broker can not finish is listed, and taken back.
expect_success "pull" kairn partition reassign orders --to 1 --timeout 60000 > "$dir/moved"
await 20 settled orders '[1][1]' || die "to 1: $(kairn topic describe orders)"
for paused in 2 3; do [ "$paused" = "$(controller)" ] || break; done     # who decides must go on
kill -STOP "$(broker_pid $paused)"
expect_success "begin" kairn partition reassign orders:0 --to $paused --no-wait > "$dir/moved"
expect_match "listed" "$(kairn partition reassign --list)" "orders +0 +$paused,1 +$paused +1"
expect_match "cancelled" "$(kairn partition reassign --cancel)" 'cancelled 1'
expect_match "not listed" "$(kairn partition reassign --list)" 'no reassignment'
expect_equal "as before" "$(replicas orders)" '[1][1]'
kill -CONT "$(broker_pid $paused)"
await 60 sh -c "kairn cluster status | grep -q 'brokers *3'" || die "broker $paused did not come back"
expect_refusal "nothing to cancel is no failure" 0 'cancelled 0' kairn partition reassign --cancel
expect_refusal "a broker that is not there" 1 INVALID_REPLICA_ASSIGNMENT kairn partition reassign orders:0 --to 9

# A reassignment outlives its controller: the next one finds it, and goes on.
for paused in 2 3; do [ "$paused" = "$(controller)" ] || break; done
kill -STOP "$(broker_pid $paused)"
expect_success "begin" kairn partition reassign orders:0 --to $paused --no-wait > "$dir/moved"
first=$(controller)
cluster kill "$first"
cluster start "$first" > /dev/null || die "broker $first did not come back"
await 30 sh -c "kairn partition reassign --list | grep -q '^orders'" || die "forgotten: $(kairn partition reassign --list)"
kill -CONT "$(broker_pid $paused)"
await 60 settled orders "[$paused][1]" || die "not finished: $(kairn topic describe orders)"

expect_equal "still all of it" "$(kairn consume orders --exit-at-end | sort -n | md5sum)" "$(seq 1 6000 | md5sum)"
echo "reassignments: ok"
