/* metric_table.h - every metric, one row: X(ID, kind, "name", "what it counts, with units"). */
#ifndef COMMON_METRIC_TABLE_H
#define COMMON_METRIC_TABLE_H

/* clang-format off */
#define METRIC_TABLE(X)                                                                              \
    X(CONNECTIONS,        GAUGE,     "connections",              "open client and broker connections")   \
    X(CONNECTIONS_TOTAL,  COUNTER,   "connections_total",        "connections accepted since start")     \
    X(CONNECTIONS_REFUSED, COUNTER,  "connections_refused_total", "connections that were closed because their address had as many as it may") \
    X(CONNECTIONS_HELD,   COUNTER,   "connections_held_total",   "times that no connection was accepted for a moment: as many as may be are open, or too many came at once (Kafka: connection-accept-throttle-time)") \
    X(REQUESTS_TOTAL,     COUNTER,   "requests_total",           "requests decoded")                     \
    X(REQUEST_ERRORS,     COUNTER,   "request_errors_total",     "requests answered with an error")      \
    X(BYTES_IN,           COUNTER,   "bytes_in_total",           "record bytes appended for producers (Kafka: BytesInPerSec)") \
    X(BYTES_OUT,          COUNTER,   "bytes_out_total",          "record bytes sent to consumers (Kafka: BytesOutPerSec)")       \
    X(RECORDS_IN,         COUNTER,   "records_in_total",         "records appended (Kafka: MessagesInPerSec)")                     \
    X(DUPLICATES,         COUNTER,   "duplicates_total",         "requests of producers that were stored before") \
    X(BYTES_RECOMPRESSED, COUNTER,   "bytes_recompressed_total", "record bytes stored in another codec than the producer's") \
    X(SEGMENTS_DELETED,   COUNTER,   "segments_deleted_total",   "segments deleted by retention or on request") \
    X(BYTES_DELETED,      COUNTER,   "bytes_deleted_total",      "log bytes in segments deleted by retention or on request") \
    X(REPLICAS,           GAUGE,     "replicas",                 "partitions that this broker has a replica of (Kafka: PartitionCount)") \
    X(PARTITIONS,         GAUGE,     "partitions",               "partitions that this broker leads (Kafka: LeaderCount)") \
    X(UNDER_REPLICATED,   GAUGE,     "under_replicated_partitions", "of those it leads: with fewer in-sync replicas than replicas (Kafka: UnderReplicatedPartitions)") \
    X(UNDER_MIN_ISR,      GAUGE,     "under_min_isr_partitions", "of those it leads: with fewer in-sync replicas than min.insync.replicas, nothing is committed there (Kafka: UnderMinIsrPartitionCount)") \
    X(OFFLINE_REPLICAS,   GAUGE,     "offline_replicas",         "replicas that are out of use: their log can not be opened or written, or was found wrong (Kafka: OfflineReplicaCount, FailedPartitionsCount)") \
    X(REPLICA_LAG_MAX,    GAUGE,     "replica_lag_max_records",  "of those it leads: how many records the replica that is furthest behind lacks (Kafka: MaxLag, there told by the follower)") \
    X(ISR_SHRINKS,        COUNTER,   "isr_shrinks_total",        "times that an in-sync set lost members while this broker led the partition; what changes with the election of a leader is not counted (Kafka: IsrShrinksPerSec)") \
    X(ISR_EXPANDS,        COUNTER,   "isr_expands_total",        "times that an in-sync set gained members while this broker led the partition (Kafka: IsrExpandsPerSec)") \
    X(REPLICA_BYTES_IN,   COUNTER,   "replication_bytes_in_total", "record bytes copied from leaders (Kafka: ReplicationBytesInPerSec)") \
    X(REPLICA_BYTES_OUT,  COUNTER,   "replication_bytes_out_total", "record bytes sent to followers (Kafka: ReplicationBytesOutPerSec)") \
    X(REPLICA_LAG,        GAUGE,     "replication_lag_records",  "records that leaders had when they answered last, and this broker, which follows, had not (Kafka: FetcherLagMetrics)") \
    X(REPLICA_CORRUPT,    COUNTER,   "replication_corrupt_total", "answers of leaders with damaged records")   \
    X(REPLICA_THROTTLED,  COUNTER,   "replication_throttled_total", "times that a replica out of sync had to wait for replication.throttled.rate, as its leader or its follower") \
    X(REPLICA_ERRORS,     COUNTER,   "replication_errors_total", "requests of this broker's followers that failed, and partitions that leaders answered with an error") \
    X(LOGS_OPENING,       GAUGE,     "logs_opening",             "logs being opened, and checked after a crash") \
    X(RECOVERY_LOGS_LEFT, GAUGE,     "recovery_logs_left",       "after a crash: logs that have still to be checked (Kafka: remainingLogsToRecover)") \
    X(RECOVERY_FOUND,     COUNTER,   "recovery_found_bytes_total", "after a crash: bytes of logs that had to be checked, as far as they were looked at") \
    X(RECOVERY_CHECKED,   COUNTER,   "recovery_checked_bytes_total", "after a crash: of those, bytes that were checked") \
    X(LOOP_TURN_US,       HISTOGRAM, "loop_turn_us",             "duration of a loop turn, microseconds") \
    X(PRODUCE_US,         HISTOGRAM, "produce_us",               "produce request, decode to answer, microseconds") \
    X(FETCH_US,           HISTOGRAM, "fetch_us",                 "fetch request, decode to answer, microseconds") \
    X(DIRECTORIES_FULL,   GAUGE,     "log_directories_full",     "log directories that refused records in the last seconds, because their disk is full") \
    X(ZK_AWAY,            GAUGE,     "zookeeper_away",           "1 while no ZooKeeper server answers this broker") \
    X(ZK_SESSION_LOSSES,  COUNTER,   "zookeeper_session_losses_total", "ZooKeeper sessions lost")         \
    X(CLEANER_RUNS,       COUNTER,   "log_cleaner_runs_total",   "partitions compacted")                 \
    X(CLEANER_BYTES,      COUNTER,   "log_cleaner_bytes_total",  "bytes read by compaction")             \
    X(CLEANER_UNCLEANABLE, GAUGE,    "log_cleaner_uncleanable_partitions", "partitions set aside because they can not be compacted") \
    X(GROUPS,             GAUGE,     "groups",                   "consumer groups that this broker coordinates (Kafka: NumGroups)") \
    X(GROUPS_LOADING,     GAUGE,     "group_partitions_loading", "partitions of __consumer_offsets being read since this broker leads them") \
    X(GROUP_LOAD_US,      HISTOGRAM, "group_load_us",            "reading a partition of __consumer_offsets, microseconds (Kafka: partition-load-time)") \
    X(REBALANCES,         COUNTER,   "group_rebalances_total",   "generations of consumer groups that began (Kafka: group-completed-rebalance)") \
    X(OFFSETS_MIRRORED,   COUNTER,   "offsets_mirrored_total",   "committed offsets written to /consumers in ZooKeeper, or removed there") \
    X(OFFSET_COMMITS,     COUNTER,   "offset_commits_total",     "offsets committed by consumer groups (Kafka: offset-commit)") \
    X(CONTROLLER,         GAUGE,     "controller",               "1 while this broker is the controller (Kafka: ActiveControllerCount)") \
    X(OFFLINE_PARTITIONS, GAUGE,     "offline_partitions",       "partitions without a leader, as the controller knows; 0 on other brokers (Kafka: OfflinePartitionsCount)") \
    X(ELECTIONS,          COUNTER,   "leader_elections_total",   "leaders that this broker chose as the controller (Kafka: LeaderElectionRateAndTimeMs)") \
    X(UNCLEAN_ELECTIONS,  COUNTER,   "unclean_leader_elections_total", "of those: that may lack what was committed (Kafka: UncleanLeaderElectionsPerSec)")
/* clang-format on */

#endif
