/* topic_config_table.h - what can be configured per topic, one row each.
 *
 *   X(TYPE, field, "topic's name", "broker's name", "default", min, max, choices, "text")
 *
 * The broker's option of that name is the default of topics that do not override it. Names that
 * Kafka knows and we do not serve yet follow: Y("name"). */
#ifndef RUNTIME_TOPIC_CONFIG_TABLE_H
#define RUNTIME_TOPIC_CONFIG_TABLE_H

/* clang-format off */
#define TOPIC_CONFIG_TABLE(X)                                                                         \
    X(ENUM, cleanup_policy, "cleanup.policy", "log.cleanup.policy", "delete", 0, 0,                   \
      "delete|compact|compact,delete|delete,compact",                                                 \
      "What happens to old segments; a compacted topic refuses records without a key. Nothing is removed or compacted yet.") \
    X(ENUM, compression_type, "compression.type", "compression.type", "producer", 0, 0, "producer",   \
      "Codec of stored batches: always the producer's own.")                                          \
    X(INT, index_interval_bytes, "index.interval.bytes", "log.index.interval.bytes", "4096", 0, 2147483647, NULL, \
      "Bytes of log between two entries of the offset index.")                                        \
    X(INT, max_message_bytes, "max.message.bytes", "message.max.bytes", "1048588", 0, 2147483647, NULL, \
      "Largest record batch accepted, in bytes, compressed as sent.")                                 \
    X(ENUM, timestamp_type, "message.timestamp.type", "log.message.timestamp.type", "CreateTime", 0, 0, \
      "CreateTime|LogAppendTime",                                                                     \
      "Whose clock stamps records: the producer's, or the broker's at the append.")                   \
    X(INT, min_insync_replicas, "min.insync.replicas", "min.insync.replicas", "1", 1, 2147483647, NULL, \
      "In-sync replicas that acks=all needs; never more than the topic has replicas.")                \
    X(INT, segment_bytes, "segment.bytes", "log.segment.bytes", "1073741824", 14, 2147483647, NULL,   \
      "A segment is closed before it grows over this many bytes.")                                    \
    X(INT, segment_index_bytes, "segment.index.bytes", "log.index.size.max.bytes", "10485760", 4, 2147483647, NULL, \
      "A segment is closed when its index has this many bytes.")                                      \
    X(LONG, segment_ms, "segment.ms", "log.roll.ms", "604800000", 1, OPTION_NO_MAX, NULL,                    \
      "A segment is closed when its first record is older than this, in milliseconds.")

#define TOPIC_CONFIG_NOT_YET_TABLE(Y)                                                                 \
    Y("delete.retention.ms") Y("file.delete.delay.ms") Y("flush.messages") Y("flush.ms")              \
    Y("follower.replication.throttled.replicas") Y("leader.replication.throttled.replicas")           \
    Y("local.retention.bytes") Y("local.retention.ms") Y("max.compaction.lag.ms")                     \
    Y("message.downconversion.enable") Y("message.format.version")                                    \
    Y("message.timestamp.after.max.ms") Y("message.timestamp.before.max.ms")                          \
    Y("message.timestamp.difference.max.ms") Y("min.cleanable.dirty.ratio")                           \
    Y("min.compaction.lag.ms") Y("preallocate") Y("remote.storage.enable") Y("retention.bytes")       \
    Y("retention.ms") Y("segment.jitter.ms") Y("unclean.leader.election.enable")                      \
    Y("log.flush.on.ack")
/* clang-format on */

#endif
