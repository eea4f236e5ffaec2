/* topic_config_table.h - what can be configured per topic, one row each.
 *
 *   X(TYPE, field, "topic's name", "broker's name", "default", min, max, choices, "text")
 *   W("name", "text")      "partition:broker,..." or "*", read by throttled.h: no field
 *   Z("name", "text")      accepted without effect
 *   Y("name")              known to Kafka, not served yet
 *
 * The broker's option of that name is the default of topics that do not override it. */
#ifndef RUNTIME_TOPIC_CONFIG_TABLE_H
#define RUNTIME_TOPIC_CONFIG_TABLE_H

/* clang-format off */
#define TOPIC_CONFIG_TABLE(X)                                                                         \
    X(ENUM, cleanup_policy, "cleanup.policy", "log.cleanup.policy", "delete", 0, 0,                   \
      "delete|compact|compact,delete|delete,compact",                                                 \
      "What happens to old segments; a compacted topic refuses records without a key.") \
    X(ENUM, compression_type, "compression.type", "compression.type", "producer", 0, 0,               \
      "producer|uncompressed|none|gzip|snappy|lz4|zstd",                                              \
      "Codec of stored batches: the producer's own, or this one; what arrives in another is compressed anew (none and uncompressed are the same).") \
    X(ENUM, gzip_level, "compression.gzip.level", "compression.gzip.level", "-1", 0, 0,               \
      "-1|1|2|3|4|5|6|7|8|9",                                                                         \
      "Level of gzip when the broker compresses anew; -1: zlib's default, 6.")                        \
    X(INT, lz4_level, "compression.lz4.level", "compression.lz4.level", "9", 1, 17, NULL,             \
      "Level of lz4 when the broker compresses anew; 9 means the fast compressor, as in Kafka.")      \
    X(INT, zstd_level, "compression.zstd.level", "compression.zstd.level", "3", -131072, 22, NULL,    \
      "Level of zstd when the broker compresses anew.")                                               \
    X(LONG, delete_retention_ms, "delete.retention.ms", "log.cleaner.delete.retention.ms", "86400000", 0, OPTION_NO_MAX, NULL, \
      "Milliseconds that a deletion (a record without value) stays in a compacted log after it was compacted first.") \
    X(INT, index_interval_bytes, "index.interval.bytes", "log.index.interval.bytes", "4096", 0, 2147483647, NULL, \
      "Bytes of log between two entries of the offset index.")                                        \
    X(INT, max_message_bytes, "max.message.bytes", "message.max.bytes", "1048588", 0, 2147483647, NULL, \
      "Largest record batch accepted, in bytes, compressed as sent.")                                 \
    X(LONG, max_compaction_lag_ms, "max.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms", "9223372036854775807", 1, OPTION_NO_MAX, NULL, \
      "A log whose oldest uncompacted record is older than this many milliseconds is compacted whatever its ratio, and its segments are closed at that age.") \
    X(DOUBLE, min_cleanable_ratio, "min.cleanable.dirty.ratio", "log.cleaner.min.cleanable.ratio", "0.5", 0, 1, NULL, \
      "A log is compacted when this share of its bytes has not been yet.")                            \
    X(LONG, min_compaction_lag_ms, "min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms", "0", 0, OPTION_NO_MAX, NULL, \
      "Records younger than this many milliseconds are not compacted.")                               \
    X(LONG, flush_messages, "flush.messages", "log.flush.interval.messages", "9223372036854775807", 1, OPTION_NO_MAX, NULL, \
      "A log is synced to the disk when this many records are not, in the background.")               \
    X(LONG, flush_ms, "flush.ms", "log.flush.interval.ms", "9223372036854775807", 0, OPTION_NO_MAX, NULL, \
      "A log is synced to the disk this many milliseconds after the last time, in the background; never later than after a minute.") \
    X(BOOL, flush_on_ack, "log.flush.on.ack", "log.flush.on.ack", "false", 0, 0, NULL,                \
      "Records are confirmed, and can be read, once they are on the disk: with true, a power cut takes nothing that was acknowledged.") \
    X(ENUM, timestamp_type, "message.timestamp.type", "log.message.timestamp.type", "CreateTime", 0, 0, \
      "CreateTime|LogAppendTime",                                                                     \
      "Whose clock stamps records: the producer's, or the broker's at the append.")                   \
    X(LONG, timestamp_before_max_ms, "message.timestamp.before.max.ms", "log.message.timestamp.before.max.ms", \
      "9223372036854775807", 0, OPTION_NO_MAX, NULL,                                                  \
      "A producer's timestamp may lie this many milliseconds before the broker's clock; not with LogAppendTime.") \
    X(LONG, timestamp_after_max_ms, "message.timestamp.after.max.ms", "log.message.timestamp.after.max.ms", \
      "9223372036854775807", 0, OPTION_NO_MAX, NULL,                                                  \
      "A producer's timestamp may lie this many milliseconds after the broker's clock; not with LogAppendTime.") \
    X(LONG, timestamp_difference_max_ms, "message.timestamp.difference.max.ms", "log.message.timestamp.difference.max.ms", \
      "9223372036854775807", 0, OPTION_NO_MAX, NULL,                                                  \
      "Both bounds at once, under the older name: holds where the newer one is not set.")             \
    X(INT, min_insync_replicas, "min.insync.replicas", "min.insync.replicas", "1", 1, 2147483647, NULL, \
      "In-sync replicas that acks=all needs; never more than the topic has replicas.")                \
    X(BOOL, unclean_leader_election, "unclean.leader.election.enable", "unclean.leader.election.enable", "false", 0, 0, NULL, \
      "When no replica that has all committed records lives, let another one lead: it goes on sooner, and loses what that one lacks.") \
    X(BOOL, preallocate, "preallocate", "log.preallocate", "false", 0, 0, NULL,                       \
      "With its first record, a segment reserves segment.bytes on the disk; what is left over is given back when it is closed.") \
    X(INT, segment_bytes, "segment.bytes", "log.segment.bytes", "1073741824", 14, 2147483647, NULL,   \
      "A segment is closed before it grows over this many bytes.")                                    \
    X(INT, segment_index_bytes, "segment.index.bytes", "log.index.size.max.bytes", "10485760", 4, 2147483647, NULL, \
      "A segment is closed when its index has this many bytes.")                                      \
    X(LONG, segment_ms, "segment.ms", "log.roll.ms", "604800000", 1, OPTION_NO_MAX, NULL,                    \
      "A segment is closed when its first record is older than this, in milliseconds.")               \
    X(LONG, segment_jitter_ms, "segment.jitter.ms", "log.roll.jitter.ms", "0", 0, OPTION_NO_MAX, NULL, \
      "A segment is closed up to this many milliseconds before segment.ms, each by a share of its own.") \
    X(LONG, retention_ms, "retention.ms", "log.retention.ms", "604800000", -1, OPTION_NO_MAX, NULL,   \
      "A segment is deleted when its newest record is older than this, in milliseconds; -1: never. Not if the topic is only compacted.") \
    X(LONG, retention_bytes, "retention.bytes", "log.retention.bytes", "-1", -1, OPTION_NO_MAX, NULL, \
      "The oldest segments of a partition are deleted while the rest has this many bytes; -1: never. Not if the topic is only compacted.") \
    X(LONG, file_delete_delay_ms, "file.delete.delay.ms", "log.segment.delete.delay.ms", "60000", 0, OPTION_NO_MAX, NULL, \
      "Files of a deleted segment leave the disk after this many milliseconds.")

#define TOPIC_CONFIG_APART_TABLE(W)                                                                   \
    W(TOPIC_LEADER_THROTTLED,                                                                         \
      "partition:broker,...: partitions that these brokers, as their leaders, send to replicas out of sync only at leader.replication.throttled.rate; *: all.") \
    W(TOPIC_FOLLOWER_THROTTLED,                                                                       \
      "partition:broker,...: partitions that these brokers, as followers out of sync, copy only at follower.replication.throttled.rate; *: all.")

#define TOPIC_LEADER_THROTTLED "leader.replication.throttled.replicas"
#define TOPIC_FOLLOWER_THROTTLED "follower.replication.throttled.replicas"

#define TOPIC_CONFIG_IDLE_TABLE(Z)                                                                    \
    Z("message.downconversion.enable", "Without effect: batches are version 2, and nobody asks for older ones.") \
    Z("message.format.version", "Without effect: batches are version 2, as in Kafka since 3.0.")

#define TOPIC_CONFIG_NOT_YET_TABLE(Y)                                                                 \
    Y("local.retention.bytes") Y("local.retention.ms") Y("remote.storage.enable")
/* clang-format on */

#endif
