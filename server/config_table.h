/* config_table.h - every option of kairnd, under the names of Kafka's server.properties.
 *
 *   X(TYPE, field, "name", "default", min, max, "choices", flags, "alias", "text")   served
 *   Y("name", FLAG, "text")        known to Kafka: without effect here, or not yet served
 *
 * docs/configuration.md is made from this table: kairnd --print-config-docs. */
#ifndef SERVER_CONFIG_TABLE_H
#define SERVER_CONFIG_TABLE_H

/* clang-format off */
#define CONFIG_TABLE(X)                                                                              \
    X(STRING, zookeeper_connect, "zookeeper.connect", NULL, 0, 0, NULL, 0, NULL,                     \
      "ZooKeeper servers as host:port,host:port with an optional /chroot at the end; required.")     \
    X(INT, zookeeper_session_timeout_ms, "zookeeper.session.timeout.ms", "18000", 100, 2147483647, NULL, 0, NULL, \
      "How long ZooKeeper keeps a broker it does not hear of, in milliseconds; the death of the process alone is noticed at once.") \
    X(STRING, zookeeper_digest, "zookeeper.digest", NULL, 0, 0, NULL, OPTION_SECRET, NULL,           \
      "user:password that protects our nodes in ZooKeeper; unset: anybody may change them.")         \
    X(INT, broker_id, "broker.id", "-1", -1, 2147483647, NULL, 0, NULL,                              \
      "Number of this broker in the cluster; -1: the one in the log directories, or a new one above reserved.broker.max.id.") \
    X(INT, reserved_broker_max_id, "reserved.broker.max.id", "1000", 0, 2147483647, NULL, 0, NULL,   \
      "Generated broker ids are larger than this.")                                                  \
    X(STRING, broker_rack, "broker.rack", NULL, 0, 0, NULL, 0, NULL,                                 \
      "Rack of this broker: replicas of a partition are spread over racks.")                         \
    X(STRING, listeners, "listeners", "PLAINTEXT://:9092", 0, 0, NULL, 0, NULL,                      \
      "Where to listen, as NAME://host:port,...; no host: every address; port 0: a free one.")       \
    X(STRING, advertised_listeners, "advertised.listeners", NULL, 0, 0, NULL, 0, NULL,               \
      "What clients and brokers are told to connect to, by listener name; unset: the listeners themselves.") \
    X(STRING, listener_protocols, "listener.security.protocol.map",                                  \
      "PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL", 0, 0, NULL, 0, NULL, \
      "Security protocol of each listener name; only PLAINTEXT is served yet.")                      \
    X(STRING, inter_broker_listener, "inter.broker.listener.name", NULL, 0, 0, NULL, 0, NULL,        \
      "Name of the listener that brokers use among themselves; unset: the first one.")               \
    X(STRING, feature_level_max, "feature.level.max", NULL, 0, 0, NULL, 0, NULL,                     \
      "Feature levels that this broker is held at, as name:level,..., for instance replication.version:1: while any broker is, the cluster stays there and can go back to the version before; unset: the highest.") \
    X(STRING, log_dirs, "log.dirs", "/tmp/kairn-logs", 0, 0, NULL, 0, "log.dir",                     \
      "Directories for data, separated by commas; a new partition goes where the fewest are.")       \
    X(INT, num_loops, "num.loops", "0", 0, 256, NULL, 0, NULL,                                       \
      "Event loops, one thread each, that own partitions and connections; 0: one per processor, at most 8.") \
    X(ENUM, leader_fencing, "leader.fencing", "lease", 0, 0, "lease|serve", 0, NULL,                 \
      "After losing ZooKeeper for 2/3 of the session timeout, lease stops serving what a new leader could contradict; serve goes on.") \
    X(BOOL, auto_create_topics, "auto.create.topics.enable", "false", 0, 0, NULL, 0, NULL,           \
      "Make topics that producers name, or consumers with allow.auto.create.topics, when they do not exist; Kafka's default is true.") \
    X(INT, num_partitions, "num.partitions", "1", 1, 10000, NULL, 0, NULL,                           \
      "Partitions of topics that are created without a number.")                                     \
    X(INT, default_replication_factor, "default.replication.factor", "1", 1, 32767, NULL, 0, NULL,   \
      "Replicas of topics that are created without a number.")                                       \
    X(BOOL, delete_topic_enable, "delete.topic.enable", "true", 0, 0, NULL, 0, NULL,                 \
      "Topics may be deleted; false: who asks hears TOPIC_DELETION_DISABLED, and requests below /admin/delete_topics are removed unserved. The controller judges: set it alike on all brokers.") \
    X(INT, policy_max_partitions, "create.topic.policy.max.partitions", "0", 0, 10000, NULL, 0, NULL, \
      "Partitions that a topic may be made with, or be given later; 0: any number. Who asks for more hears POLICY_VIOLATION, as with the next three; __consumer_offsets is exempt. The controller judges: set them alike on all brokers.") \
    X(INT, policy_min_factor, "create.topic.policy.min.replication.factor", "0", 0, 16, NULL, 0, NULL, \
      "Replicas that a topic has to be made with, at least; 0: any number.")                         \
    X(INT, policy_max_factor, "create.topic.policy.max.replication.factor", "0", 0, 16, NULL, 0, NULL, \
      "Replicas that a topic may be made with, at most; 0: any number.")                             \
    X(STRING, policy_name_pattern, "create.topic.policy.name.pattern", NULL, 0, 0, NULL, 0, NULL,    \
      "Regular expression (PCRE2) that the whole name of a topic has to match when it is made, with each \\ doubled in a file; unset: any name.") \
    X(INT, offsets_partitions, "offsets.topic.num.partitions", "50", 1, 10000, NULL, 0, NULL, \
      "Partitions of __consumer_offsets, which is made when a consumer group is first looked for.") \
    X(INT, offsets_replication_factor, "offsets.topic.replication.factor", "3", 1, 32767, NULL, 0, NULL, \
      "Replicas of __consumer_offsets; with fewer brokers it is not made, and groups have no coordinator.")                          \
    X(INT, offsets_segment_bytes, "offsets.topic.segment.bytes", "104857600", 14, 2147483647, NULL, 0, NULL, \
      "segment.bytes of __consumer_offsets: small segments are compacted sooner and loaded faster.") \
    X(INT, offsets_codec, "offsets.topic.compression.codec", "0", 0, 4, NULL, 0, NULL, \
      "How batches of __consumer_offsets are compressed: 0 not, 1 gzip, 2 snappy, 3 lz4, 4 zstd; a batch that would grow is not. For large groups, whose record has to fit into the topic's max.message.bytes.") \
    X(INT, offsets_metadata_max, "offset.metadata.max.bytes", "4096", 1, 2147483647, NULL, 0, NULL, \
      "Bytes of metadata that may stand beside a committed offset.") \
    X(INT, offsets_commit_timeout_ms, "offsets.commit.timeout.ms", "5000", 1, 2147483647, NULL, 0, NULL, \
      "How long a commit, or an assignment, waits to be stored by all in-sync replicas, in milliseconds.") \
    X(INT, offsets_retention_minutes, "offsets.retention.minutes", "10080", 1, 2147483647, NULL, 0, NULL, \
      "Committed offsets are forgotten when their group has had no members for so many minutes, those of consumers without a group so long after the commit.") \
    X(LONG, offsets_check_interval_ms, "offsets.retention.check.interval.ms", "600000", 1, OPTION_NO_MAX, NULL, 0, NULL, \
      "How often offsets are looked for that are to be forgotten, in milliseconds.") \
    X(INT, offsets_mirror_interval_ms, "offsets.zookeeper.mirror.interval.ms", "0", 0, 2147483647, NULL, 0, NULL, \
      "Committed offsets are copied to /consumers/GROUP/offsets/TOPIC/PARTITION in ZooKeeper, each partition at most once in so many milliseconds, for people and old tools; 0: they are not.") \
    X(INT, group_initial_delay_ms, "group.initial.rebalance.delay.ms", "3000", 0, 2147483647, NULL, 0, NULL, \
      "How long the first rebalance of an empty group waits for more members, in milliseconds, each time that one came.") \
    X(INT, group_session_min_ms, "group.min.session.timeout.ms", "6000", 0, 2147483647, NULL, 0, NULL, \
      "Shortest session.timeout.ms that a member may ask for, in milliseconds.") \
    X(INT, group_session_max_ms, "group.max.session.timeout.ms", "1800000", 1, 2147483647, NULL, 0, NULL, \
      "Longest session.timeout.ms that a member may ask for, in milliseconds.") \
    X(INT, group_max_size, "group.max.size", "2147483647", 1, 2147483647, NULL, 0, NULL, \
      "Members of a group, at most.") \
    X(INT, request_max_bytes, "socket.request.max.bytes", "104857600", 1024, 2147483647, NULL, 0, NULL, \
      "Largest request in bytes; a connection that sends a larger one is closed.")                   \
    X(LONG, queued_max_bytes, "queued.max.request.bytes", "268435456", -1, OPTION_NO_MAX, NULL, 0, NULL,    \
      "Bytes of requests being received or in work above which a broker reads no more; -1: no limit.") \
    X(LONG, connections_max_idle_ms, "connections.max.idle.ms", "600000", 0, OPTION_NO_MAX, NULL, OPTION_RUNTIME, NULL, \
      "A connection without traffic is closed after this many milliseconds; 0: never. A change counts for new connections.")              \
    X(INT, connections_slow_ms, "connections.slow.ms", "30000", 0, 2147483647, NULL, OPTION_RUNTIME, NULL, \
      "A connection is closed when in so many milliseconds less than a tenth arrives of a request that is half received, or less than a tenth is taken of the answers that wait (of 1 MiB, if more wait); 0: never. A change counts for new connections.") \
    X(INT, connections_max, "max.connections", "2147483647", 0, 2147483647, NULL, OPTION_RUNTIME, NULL, \
      "Connections that may be open; who comes then waits to be accepted. Those of brokers, where inter.broker.listener.name has a listener of its own, do not wait.") \
    X(INT, connections_per_ip, "max.connections.per.ip", "2147483647", 0, 2147483647, NULL, OPTION_RUNTIME, NULL, \
      "Of them, how many of one address; further ones are closed.")                                  \
    X(STRING, connections_per_ip_overrides, "max.connections.per.ip.overrides", NULL, 0, 0, NULL, 0, NULL, \
      "Other numbers for single addresses, as in 10.0.0.7:200,[::1]:10; names are not looked up.")   \
    X(INT, connection_rate, "max.connection.creation.rate", "2147483647", 0, 2147483647, NULL, OPTION_RUNTIME, NULL, \
      "Connections that are accepted in a second; who comes faster waits. Brokers as above.")        \
    X(STRING, tcp_congestion, "socket.tcp.congestion", NULL, 0, 0, NULL, 0, NULL,                    \
      "TCP congestion control of accepted connections, for instance cubic; unset: the system's.")    \
    X(INT, fetch_max_bytes, "fetch.max.bytes", "57671680", 1024, 1073741824, NULL, 0, NULL,          \
      "Most record bytes in one answer to a fetch; the first batch is sent even if larger.")         \
    X(INT, request_timeout_ms, "request.timeout.ms", "30000", 1, 2147483647, NULL, 0, NULL,          \
      "Limit in milliseconds of requests that name none themselves.")                                \
    X(INT, message_max_bytes, "message.max.bytes", "1048588", 0, 2147483647, NULL, OPTION_PER_TOPIC, NULL, \
      "Largest record batch accepted, in bytes, compressed as sent (topic: max.message.bytes).")     \
    X(INT, min_insync_replicas, "min.insync.replicas", "1", 1, 2147483647, NULL, OPTION_PER_TOPIC, NULL, \
      "In-sync replicas that acks=all needs; never more than the topic has replicas.")               \
    X(BOOL, unclean_leader_election, "unclean.leader.election.enable", "false", 0, 0, NULL, OPTION_PER_TOPIC, NULL, \
      "When no replica that has all committed records lives, let another one lead: it goes on sooner, and loses what that one lacks.") \
    X(BOOL, auto_leader_rebalance, "auto.leader.rebalance.enable", "true", 0, 0, NULL, 0, NULL,      \
      "Give leadership back to preferred replicas (the first of each partition) from time to time.") \
    X(LONG, leader_imbalance_interval_s, "leader.imbalance.check.interval.seconds", "300", 1, 2147483647, NULL, 0, NULL, \
      "How often the controller looks whether leaders should move back.")                            \
    X(INT, leader_imbalance_percent, "leader.imbalance.per.broker.percentage", "10", 0, 2147483647, NULL, 0, NULL, \
      "Of the partitions that a broker should lead, others may lead this many in a hundred before they move back.") \
    X(BOOL, controlled_shutdown, "controlled.shutdown.enable", "true", 0, 0, NULL, 0, NULL,          \
      "A broker that is told to stop hands over what it leads first, for at most five seconds.")     \
    X(ENUM, compression_type, "compression.type", "producer", 0, 0,                                  \
      "producer|uncompressed|none|gzip|snappy|lz4|zstd", OPTION_PER_TOPIC, NULL,                     \
      "Codec of stored batches: the producer's own, or this one; what arrives in another is compressed anew (none and uncompressed are the same).") \
    X(ENUM, compression_gzip_level, "compression.gzip.level", "-1", 0, 0, "-1|1|2|3|4|5|6|7|8|9",    \
      OPTION_PER_TOPIC, NULL, "Level of gzip when the broker compresses anew; -1: zlib's default, 6.") \
    X(INT, compression_lz4_level, "compression.lz4.level", "9", 1, 17, NULL, OPTION_PER_TOPIC, NULL, \
      "Level of lz4 when the broker compresses anew; 9 means the fast compressor, as in Kafka.")     \
    X(INT, compression_zstd_level, "compression.zstd.level", "3", -131072, 22, NULL, OPTION_PER_TOPIC, NULL, \
      "Level of zstd when the broker compresses anew.")                                              \
    X(ENUM, log_cleanup_policy, "log.cleanup.policy", "delete", 0, 0,                                \
      "delete|compact|compact,delete|delete,compact", OPTION_PER_TOPIC, NULL,                        \
      "What happens to old segments; a compacted topic refuses records without a key (topic: cleanup.policy).") \
    X(BOOL, log_cleaner_enable, "log.cleaner.enable", "true", 0, 0, NULL, 0, NULL,                   \
      "Compact the logs of topics whose cleanup.policy says so.")                                    \
    X(INT, log_cleaner_threads, "log.cleaner.threads", "1", 0, 64, NULL, 0, NULL,                    \
      "Logs that are compacted at the same time; at most two of them are at work. Memory, buffers and rate are divided by it.") \
    X(LONG, log_cleaner_dedupe_bytes, "log.cleaner.dedupe.buffer.size", "134217728", 1048576, OPTION_NO_MAX, NULL, OPTION_RUNTIME, NULL, \
      "Bytes of memory for the keys of all compactions under way, 24 for each key; with more keys a log is compacted in several passes.") \
    X(DOUBLE, log_cleaner_load_factor, "log.cleaner.io.buffer.load.factor", "0.9", 0.01, 1, NULL, OPTION_RUNTIME, NULL, \
      "How full that memory may become: more keys a pass, but slower ones.")                         \
    X(INT, log_cleaner_io_bytes, "log.cleaner.io.buffer.size", "524288", 8192, 2147483647, NULL, OPTION_RUNTIME, NULL, \
      "Bytes of the buffers that all compactions under way read and write with.")                    \
    X(DOUBLE, log_cleaner_bytes_per_second, "log.cleaner.io.max.bytes.per.second", "1.7976931348623157E308", 1, 1.7976931348623157E308, NULL, OPTION_RUNTIME, NULL, \
      "Bytes that compaction reads and writes in a second, at most.")                                \
    X(LONG, log_cleaner_backoff_ms, "log.cleaner.backoff.ms", "15000", 0, OPTION_NO_MAX, NULL, OPTION_RUNTIME, NULL,     \
      "Milliseconds between looks for a log that is to be compacted, while there is none.")          \
    X(LONG, log_cleaner_delete_retention_ms, "log.cleaner.delete.retention.ms", "86400000", 0, OPTION_NO_MAX, NULL, OPTION_PER_TOPIC, NULL, \
      "Milliseconds that a deletion (a record without value) stays in a compacted log after it was compacted first (topic: delete.retention.ms).") \
    X(LONG, log_cleaner_min_lag_ms, "log.cleaner.min.compaction.lag.ms", "0", 0, OPTION_NO_MAX, NULL, OPTION_PER_TOPIC, NULL, \
      "Records younger than this many milliseconds are not compacted (topic: min.compaction.lag.ms).") \
    X(LONG, log_cleaner_max_lag_ms, "log.cleaner.max.compaction.lag.ms", "9223372036854775807", 1, OPTION_NO_MAX, NULL, OPTION_PER_TOPIC, NULL, \
      "A log whose oldest uncompacted record is older than this many milliseconds is compacted whatever its ratio (topic: max.compaction.lag.ms).") \
    X(DOUBLE, log_cleaner_min_ratio, "log.cleaner.min.cleanable.ratio", "0.5", 0, 1, NULL, OPTION_PER_TOPIC, NULL, \
      "A log is compacted when this share of its bytes has not been yet (topic: min.cleanable.dirty.ratio).") \
    X(INT, log_segment_bytes, "log.segment.bytes", "1073741824", 14, 2147483647, NULL, OPTION_PER_TOPIC, NULL, \
      "A segment is closed before it grows over this many bytes (topic: segment.bytes).")            \
    X(LONG, log_roll_ms, "log.roll.ms", "604800000", 1, OPTION_NO_MAX, NULL, OPTION_PER_TOPIC, NULL,        \
      "A segment is closed when its first record is older than this, in milliseconds; unset: log.roll.hours (topic: segment.ms).") \
    X(INT, log_roll_hours, "log.roll.hours", "168", 1, 2147483647, NULL, 0, NULL,                    \
      "The same in hours, where log.roll.ms is not set.")                                            \
    X(LONG, log_roll_jitter_ms, "log.roll.jitter.ms", "0", 0, OPTION_NO_MAX, NULL, OPTION_PER_TOPIC, NULL, \
      "A segment is closed up to this many milliseconds before log.roll.ms, each by a share of its own; unset: log.roll.jitter.hours (topic: segment.jitter.ms).") \
    X(INT, log_roll_jitter_hours, "log.roll.jitter.hours", "0", 0, 2147483647, NULL, 0, NULL,        \
      "The same in hours, where log.roll.jitter.ms is not set.")                                     \
    X(LONG, log_retention_ms, "log.retention.ms", "604800000", -1, OPTION_NO_MAX, NULL, OPTION_PER_TOPIC, NULL, \
      "A segment is deleted when its newest record is older than this, in milliseconds; -1: never; unset: log.retention.minutes, or else log.retention.hours (topic: retention.ms).") \
    X(INT, log_retention_minutes, "log.retention.minutes", "10080", -1, 2147483647, NULL, 0, NULL,   \
      "The same in minutes, where log.retention.ms is not set.")                                     \
    X(INT, log_retention_hours, "log.retention.hours", "168", -1, 2147483647, NULL, 0, NULL,         \
      "The same in hours, where neither of the others is set.")                                      \
    X(LONG, log_retention_bytes, "log.retention.bytes", "-1", -1, OPTION_NO_MAX, NULL, OPTION_PER_TOPIC, NULL, \
      "The oldest segments of a partition are deleted while the rest has this many bytes; -1: never (topic: retention.bytes).") \
    X(LONG, log_retention_check_interval_ms, "log.retention.check.interval.ms", "300000", 1, OPTION_NO_MAX, NULL, 0, NULL, \
      "How often segments are looked for that are to be deleted, in milliseconds.")                  \
    X(LONG, log_segment_delete_delay_ms, "log.segment.delete.delay.ms", "60000", 0, OPTION_NO_MAX, NULL, OPTION_PER_TOPIC, NULL, \
      "Files of deleted segments and topics leave the disk after this many milliseconds (topic: file.delete.delay.ms).") \
    X(INT, log_index_bytes, "log.index.size.max.bytes", "10485760", 4, 2147483647, NULL, OPTION_PER_TOPIC, NULL, \
      "A segment is closed when its index has this many bytes (topic: segment.index.bytes).")        \
    X(INT, log_index_interval_bytes, "log.index.interval.bytes", "4096", 0, 2147483647, NULL, OPTION_PER_TOPIC, NULL, \
      "Bytes of log between two entries of the offset index (topic: index.interval.bytes).")         \
    X(LONG, log_flush_messages, "log.flush.interval.messages", "9223372036854775807", 1, OPTION_NO_MAX, NULL, OPTION_PER_TOPIC, NULL, \
      "A log is synced to the disk when this many records are not, in the background (topic: flush.messages).") \
    X(LONG, log_flush_ms, "log.flush.interval.ms", "9223372036854775807", 0, OPTION_NO_MAX, NULL, OPTION_PER_TOPIC, NULL, \
      "A log is synced to the disk this many milliseconds after the last time, in the background; never later than after a minute (topic: flush.ms).") \
    X(LONG, log_flush_scheduler_ms, "log.flush.scheduler.interval.ms", "9223372036854775807", 0, OPTION_NO_MAX, NULL, 0, NULL, \
      "The default of log.flush.interval.ms.")                                                         \
    X(BOOL, log_flush_on_ack, "log.flush.on.ack", "false", 0, 0, NULL, OPTION_PER_TOPIC, NULL,       \
      "Records are confirmed, and can be read, once they are on the disk: with true, a power cut takes nothing that was acknowledged (topic: log.flush.on.ack).") \
    X(ENUM, log_timestamp_type, "log.message.timestamp.type", "CreateTime", 0, 0,                    \
      "CreateTime|LogAppendTime", OPTION_PER_TOPIC, NULL,                                            \
      "Whose clock stamps records: the producer's, or the broker's at the append (topic: message.timestamp.type).") \
    X(LONG, log_timestamp_before_max_ms, "log.message.timestamp.before.max.ms", "9223372036854775807", 0, \
      OPTION_NO_MAX, NULL, OPTION_PER_TOPIC, NULL,                                                   \
      "A producer's timestamp may lie this many milliseconds before the broker's clock; not with LogAppendTime (topic: message.timestamp.before.max.ms).") \
    X(LONG, log_timestamp_after_max_ms, "log.message.timestamp.after.max.ms", "9223372036854775807", 0, \
      OPTION_NO_MAX, NULL, OPTION_PER_TOPIC, NULL,                                                   \
      "A producer's timestamp may lie this many milliseconds after the broker's clock; not with LogAppendTime (topic: message.timestamp.after.max.ms).") \
    X(LONG, log_timestamp_difference_max_ms, "log.message.timestamp.difference.max.ms", "9223372036854775807", 0, \
      OPTION_NO_MAX, NULL, OPTION_PER_TOPIC, NULL,                                                   \
      "Both bounds at once, under the older name: holds where the newer one is not set (topic: message.timestamp.difference.max.ms).") \
    X(LONG, log_idle_close_ms, "log.idle.close.ms", "60000", 100, OPTION_NO_MAX, NULL, 0, NULL,      \
      "A partition that nobody reads or writes for so many milliseconds gives back its descriptors and memory until its next use.") \
    X(BOOL, log_preallocate, "log.preallocate", "false", 0, 0, NULL, OPTION_PER_TOPIC, NULL,         \
      "With its first record, a segment reserves log.segment.bytes on the disk; what is left over is given back when it is closed (topic: preallocate).") \
    X(INT, num_recovery_threads, "num.recovery.threads.per.data.dir", "0", 0, 64, NULL, 0, NULL,     \
      "Threads that open logs and, after a crash, check them, for each log directory; 0: one per processor.") \
    X(INT, producer_expiration_ms, "producer.id.expiration.ms", "86400000", 1, 2147483647, NULL, 0, NULL, \
      "A producer that has not written to a partition for so many milliseconds (to the minute) is forgotten there.") \
    X(LONG, replica_lag_max_ms, "replica.lag.time.max.ms", "30000", 1, OPTION_NO_MAX, NULL, 0, NULL,  \
      "A follower that has not had all of its leader's log for so many milliseconds leaves the in-sync set.") \
    X(INT, replica_wait_max_ms, "replica.fetch.wait.max.ms", "500", 1, 60000, NULL, 0, NULL,         \
      "How long a leader keeps a follower's question when there is no news, in milliseconds.")       \
    X(INT, replica_backoff_ms, "replica.fetch.backoff.ms", "1000", 0, 60000, NULL, 0, NULL,          \
      "Most milliseconds between attempts of a follower to reach its leader; the first come sooner.") \
    X(INT, replica_fetch_max_bytes, "replica.fetch.max.bytes", "1048576", 1, 1073741824, NULL, 0, NULL, \
      "Most record bytes of one partition in an answer to a follower; the first batch is sent even if larger.") \
    X(LONG, leader_throttled_rate, "leader.replication.throttled.rate", "9223372036854775807", 0, OPTION_NO_MAX, NULL, OPTION_RUNTIME, NULL, \
      "Most bytes a second that this broker sends of partitions in leader.replication.throttled.replicas to replicas out of sync.") \
    X(LONG, follower_throttled_rate, "follower.replication.throttled.rate", "9223372036854775807", 0, OPTION_NO_MAX, NULL, OPTION_RUNTIME, NULL, \
      "Most bytes a second that this broker copies of partitions in follower.replication.throttled.replicas while it is out of sync.") \
    X(INT, replica_response_max_bytes, "replica.fetch.response.max.bytes", "10485760", 1, 67108864, NULL, 0, NULL, \
      "Most record bytes of all partitions in an answer to a follower; the first batch is sent even if larger.") \
    X(ENUM, log_level, "log.level", "info", 0, 0, "debug|info|warn|error|off", OPTION_RUNTIME, NULL, \
      "Least important lines that are logged, on standard error; broker-ready is written in any case. kairn broker loglevel changes it.") \
    X(INT, log_lines_max, "log.lines.max", "1000", 0, 2147483647, NULL, 0, NULL,                     \
      "Lines of one kind (from one place in the program) that are logged in log.lines.interval.ms at most; what is left out is counted, and the count logged; 0: no limit.") \
    X(INT, log_lines_interval_ms, "log.lines.interval.ms", "60000", 1, 2147483647, NULL, 0, NULL,    \
      "The time that log.lines.max is for, in milliseconds.")

#define CONFIG_OTHER_TABLE(Y)                                                                        \
    Y("background.threads", OPTION_NO_EFFECT, "Work runs on num.loops and a small pool for disks.")  \
    Y("num.io.threads", OPTION_NO_EFFECT, "See num.loops.")                                          \
    Y("num.network.threads", OPTION_NO_EFFECT, "See num.loops.")                                     \
    Y("num.replica.fetchers", OPTION_NO_EFFECT, "See num.loops.")                                    \
    Y("queued.max.requests", OPTION_NO_EFFECT, "See queued.max.request.bytes.")                      \
    Y("replica.fetch.min.bytes", OPTION_NO_EFFECT, "A leader answers as soon as there is anything.") \
    Y("controlled.shutdown.max.retries", OPTION_NO_EFFECT, "See controlled.shutdown.enable.")        \
    Y("controlled.shutdown.retry.backoff.ms", OPTION_NO_EFFECT, "See controlled.shutdown.enable.")   \
    Y("controller.socket.timeout.ms", OPTION_NO_EFFECT, "The controller calls nobody: brokers ask it.")      \
    Y("delete.records.purgatory.purge.interval.requests", OPTION_NO_EFFECT, "Requests that wait are dropped when they are done.") \
    Y("fetch.purgatory.purge.interval.requests", OPTION_NO_EFFECT, "Requests that wait are dropped when they are done.") \
    Y("producer.purgatory.purge.interval.requests", OPTION_NO_EFFECT, "Requests that wait are dropped when they are done.") \
    Y("replication.quota.window.num", OPTION_NO_EFFECT, "What is sent is paid for before more is.")  \
    Y("replication.quota.window.size.seconds", OPTION_NO_EFFECT, "What is sent is paid for before more is.") \
    Y("broker.id.generation.enable", OPTION_NO_EFFECT, "broker.id=-1 generates an id.")              \
    Y("log.flush.offset.checkpoint.interval.ms", OPTION_NO_EFFECT, "Checkpoints are written every second.") \
    Y("replica.high.watermark.checkpoint.interval.ms", OPTION_NO_EFFECT, "Checkpoints are written every second.") \
    Y("log.message.downconversion.enable", OPTION_NO_EFFECT, "Batches are version 2, and nobody asks for older ones.") \
    Y("log.message.format.version", OPTION_NO_EFFECT, "Batches are version 2, as in Kafka since 3.0.") \
    Y("offsets.commit.required.acks", OPTION_NO_EFFECT, "Commits wait for all in-sync replicas.")    \
    Y("offsets.load.buffer.size", OPTION_NO_EFFECT, "Offsets are loaded in small pieces.")           \
    Y("socket.listen.backlog.size", OPTION_NO_EFFECT, "The system's limit applies.")                 \
    Y("socket.receive.buffer.bytes", OPTION_NO_EFFECT, "The system adapts it.")                      \
    Y("socket.send.buffer.bytes", OPTION_NO_EFFECT, "The system adapts it.")                         \
    Y("zookeeper.connection.timeout.ms", OPTION_NO_EFFECT, "A broker waits for ZooKeeper and says so.") \
    Y("zookeeper.max.in.flight.requests", OPTION_NO_EFFECT, "Requests are pipelined.")               \
    Y("alter.config.policy.class.name", OPTION_NOT_YET, "Policies.")                                 \
    Y("allow.everyone.if.no.acl.found", OPTION_NOT_YET, "Access control.")                           \
    Y("authorizer.class.name", OPTION_NOT_YET, "Access control.")                                    \
    Y("client.quota.callback.class", OPTION_NOT_YET, "Quotas of clients.")                           \
    Y("connections.max.reauth.ms", OPTION_NOT_YET, "Authentication.")                                \
    Y("control.plane.listener.name", OPTION_NOT_YET, "Use inter.broker.listener.name.")              \
    Y("controller.quota.window.num", OPTION_NOT_YET, "Quotas of clients.")                           \
    Y("controller.quota.window.size.seconds", OPTION_NOT_YET, "Quotas of clients.")                  \
    Y("create.topic.policy.class.name", OPTION_NOT_YET, "Use create.topic.policy.max.partitions, .min.replication.factor, .max.replication.factor and .name.pattern; classes of Java are not run.")                                 \
    Y("delegation.token.secret.key", OPTION_NOT_YET, "Authentication.")                              \
    Y("inter.broker.protocol.version", OPTION_NOT_YET, "Use feature.level.max.")                     \
    Y("metric.reporters", OPTION_NOT_YET, "Metrics over HTTP.")                                      \
    Y("password.encoder.secret", OPTION_NOT_YET, "Secrets are not stored in ZooKeeper.")             \
    Y("principal.builder.class", OPTION_NOT_YET, "Access control.")                                  \
    Y("quota.window.num", OPTION_NOT_YET, "Quotas of clients.")                                      \
    Y("quota.window.size.seconds", OPTION_NOT_YET, "Quotas of clients.")                             \
    Y("remote.log.storage.system.enable", OPTION_NOT_YET, "Tiered storage.")                         \
    Y("replica.selector.class", OPTION_NOT_YET, "Replication.")                                      \
    Y("sasl.enabled.mechanisms", OPTION_NOT_YET, "Authentication.")                                  \
    Y("sasl.mechanism.inter.broker.protocol", OPTION_NOT_YET, "Authentication.")                     \
    Y("security.inter.broker.protocol", OPTION_NOT_YET, "Use inter.broker.listener.name.")           \
    Y("ssl.keystore.location", OPTION_NOT_YET, "Encryption.")                                        \
    Y("ssl.keystore.password", OPTION_NOT_YET, "Encryption.")                                        \
    Y("ssl.truststore.location", OPTION_NOT_YET, "Encryption.")                                      \
    Y("super.users", OPTION_NOT_YET, "Access control.")                                              \
    Y("transaction.max.timeout.ms", OPTION_NOT_YET, "Transactions.")                                 \
    Y("transaction.state.log.min.isr", OPTION_NOT_YET, "Transactions.")                              \
    Y("transaction.state.log.num.partitions", OPTION_NOT_YET, "Transactions.")                       \
    Y("transaction.state.log.replication.factor", OPTION_NOT_YET, "Transactions.")                   \
    Y("transactional.id.expiration.ms", OPTION_NOT_YET, "Transactions.")                             \
    Y("zookeeper.set.acl", OPTION_NOT_YET, "Use zookeeper.digest.")                                  \
    Y("zookeeper.ssl.client.enable", OPTION_NOT_YET, "Debian's ZooKeeper library has no TLS.")
/* clang-format on */

#endif
