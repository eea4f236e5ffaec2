/* runtime/topic_config.h - a topic's configuration: the broker's defaults, overridden by name.
 *
 * No state; any thread. */
#ifndef RUNTIME_TOPIC_CONFIG_H
#define RUNTIME_TOPIC_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/options.h"
#include "server/runtime/metadata.h"

struct batch_rules;
struct log_config;

struct topic_config {
    int32_t cleanup_policy, compression_type, timestamp_type;     /* index into the row's choices */
    int32_t index_interval_bytes, max_message_bytes, min_insync_replicas;
    int32_t segment_bytes, segment_index_bytes;
    int32_t gzip_level;                 /* index into the row's choices: 0 is -1, i is level i */
    int32_t lz4_level, zstd_level;
    int64_t segment_ms, segment_jitter_ms;
    int64_t retention_ms, retention_bytes, file_delete_delay_ms;
    int64_t delete_retention_ms, min_compaction_lag_ms, max_compaction_lag_ms;
    double min_cleanable_ratio;
    int64_t timestamp_before_max_ms, timestamp_after_max_ms, timestamp_difference_max_ms;
    int64_t flush_messages, flush_ms;
    bool flush_on_ack, preallocate, unclean_leader_election;
};

extern const struct option_table topic_config_table;

/* The broker's option that is the default of the topic's option `name`; NULL: there is none. */
const char *topic_config_broker_name(const char *name);

/* The defaults that a broker's values give to every topic. Returns 0 or INVALID_CONFIG. */
int topic_config_defaults(const struct option_table *broker_table, const void *broker_values,
                          struct topic_config *out, struct k_reason *reason);

/* `defaults` with a topic's overrides. What can not be understood (stored by hand in ZooKeeper, or
 * by a newer broker) keeps its default and is logged with the topic's name. */
void topic_config_resolve(const struct topic_config *defaults, const struct metadata_topic *topic,
                          struct topic_config *out);

bool topic_config_compacted(const struct topic_config *config);
/* Are old segments deleted? A topic may be both. */
bool topic_config_deletes(const struct topic_config *config);

/* The codec of a topic's stored batches, straight from what is known of it; -1: as they were
 * sent. */
int topic_config_codec_of(const struct topic_config *defaults, const struct metadata_topic *topic);

/* Its max.message.bytes, likewise. */
int32_t topic_config_batch_max_of(const struct topic_config *defaults,
                                  const struct metadata_topic *topic);

void topic_config_for_batches(const struct topic_config *config, struct batch_rules *out);
void topic_config_for_log(const struct topic_config *config, struct log_config *out);

#endif
