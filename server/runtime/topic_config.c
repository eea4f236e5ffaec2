#include "server/runtime/topic_config.h"

#include <string.h>

#include "common/compress.h"
#include "common/log.h"
#include "server/runtime/batch_rules.h"
#include "server/runtime/topic_config_table.h"
#include "server/storage/log.h"

enum { CLEANUP_DELETE, CLEANUP_COMPACT, TIMESTAMP_APPEND_TIME = 1, VALUE_SIZE = 256 };
enum { COMPRESSION_PRODUCER, COMPRESSION_UNCOMPRESSED, COMPRESSION_NONE };  /* then the codecs */
enum { LZ4_LEVEL_FAST = 9 };            /* what Kafka's default stands for */

static const struct option rows[] = {
#define X(kind, field, topic_name, broker_name, default_text, low, high, choice_text, about)       \
    { .name = (topic_name), .type = OPTION_##kind, .offset = offsetof(struct topic_config, field), \
      .fallback = (default_text), .min = (low), .max = (high), .choices = (choice_text),           \
      .flags = OPTION_RUNTIME | OPTION_PER_TOPIC, .text = (about) },
#define Y(topic_name)                                                                              \
    { .name = (topic_name), .type = OPTION_STRING, .flags = OPTION_NOT_YET,                        \
      .text = "Not supported yet." },
#define W(topic_name, about)                                                                       \
    { .name = (topic_name), .type = OPTION_PAIRS, .fallback = "",                                  \
      .flags = OPTION_RUNTIME | OPTION_PER_TOPIC, .text = (about) },
#define Z(topic_name, about)                                                                       \
    { .name = (topic_name), .type = OPTION_STRING, .flags = OPTION_NO_EFFECT, .text = (about) },
    TOPIC_CONFIG_TABLE(X)
    TOPIC_CONFIG_APART_TABLE(W)
    TOPIC_CONFIG_IDLE_TABLE(Z)
    TOPIC_CONFIG_NOT_YET_TABLE(Y)
#undef Z
#undef W
#undef Y
#undef X
};

static const char *const broker_names[] = {
#define X(kind, field, topic_name, broker_name, default_text, low, high, choice_text, about)       \
    broker_name,
    TOPIC_CONFIG_TABLE(X)
#undef X
};

enum { SERVED_COUNT = sizeof broker_names / sizeof broker_names[0] };

const struct option_table topic_config_table = {
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
};

const char *topic_config_broker_name(const char *name)
{
    for (size_t i = 0; i < SERVED_COUNT; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return broker_names[i];
    }
    return NULL;
}

/* log.flush.interval.ms has another option as its default. */
static void default_flush_ms(const struct option_table *broker_table, const void *broker_values,
                             struct topic_config *config)
{
    const struct option *source = options_find(broker_table, "log.flush.scheduler.interval.ms");

    if (source != NULL && config->flush_ms == INT64_MAX)
        memcpy(&config->flush_ms, (const char *)broker_values + source->offset, sizeof(int64_t));
}

int topic_config_defaults(const struct option_table *broker_table, const void *broker_values,
                          struct topic_config *out, struct k_reason *reason)
{
    struct topic_config config;
    memset(&config, 0, sizeof config);      /* also what lies between fields: they are compared */
    int code = options_defaults(&topic_config_table, &config, NULL);
    if (code != 0)
        return code;

    for (size_t i = 0; i < SERVED_COUNT; i++) {
        const struct option *source = options_find(broker_table, broker_names[i]);
        if (source == NULL)
            continue;
        char text[VALUE_SIZE];
        options_format(source, broker_values, text, sizeof text);
        code = options_set(&topic_config_table, &config, NULL, OPTION_FROM_CLUSTER, rows[i].name,
                           text, reason);
        if (code != 0)
            return code;
    }
    default_flush_ms(broker_table, broker_values, &config);
    memcpy(out, &config, sizeof config);
    return 0;
}

void topic_config_resolve(const struct topic_config *defaults, const struct metadata_topic *topic,
                          struct topic_config *out)
{
    *out = *defaults;
    for (int32_t i = 0; i < topic->config_count; i++) {
        const struct metadata_config *config = &topic->configs[i];
        struct k_reason reason;
        int code = options_set(&topic_config_table, out, NULL, OPTION_FROM_CLUSTER, config->name,
                               config->value, &reason);
        if (code != 0)
            LOG_WARN("topic-config-ignored", "topic=%s name=%s reason=\"%s\"", topic->name,
                     config->name, reason.text);
    }
}

bool topic_config_compacted(const struct topic_config *config)
{
    return config->cleanup_policy != CLEANUP_DELETE;
}

/* The codec of stored batches, and the level to compress with; -1: as they were sent. */
static int codec_of(const struct topic_config *config, int *level)
{
    *level = COMPRESS_LEVEL_DEFAULT;
    if (config->compression_type == COMPRESSION_PRODUCER)
        return -1;
    if (config->compression_type <= COMPRESSION_NONE)
        return CODEC_NONE;
    int codec = CODEC_GZIP + config->compression_type - COMPRESSION_NONE - 1;
    if (codec == CODEC_GZIP && config->gzip_level > 0)
        *level = config->gzip_level;        /* the choices are -1 and the levels from 1 */
    else if (codec == CODEC_LZ4 && config->lz4_level != LZ4_LEVEL_FAST)
        *level = config->lz4_level;
    else if (codec == CODEC_ZSTD)
        *level = config->zstd_level;
    return codec;
}

/* `defaults` with the topic's value of only one option. */
static struct topic_config resolve_one(const struct topic_config *defaults,
                                       const struct metadata_topic *topic, const char *name)
{
    struct topic_config config = *defaults;
    struct k_reason reason;             /* of garbage topic_config_resolve() has told */

    for (int32_t i = 0; i < topic->config_count; i++) {
        if (strcmp(topic->configs[i].name, name) == 0)
            (void)options_set(&topic_config_table, &config, NULL, OPTION_FROM_CLUSTER, name,
                              topic->configs[i].value, &reason);
    }
    return config;
}

int topic_config_codec_of(const struct topic_config *defaults, const struct metadata_topic *topic)
{
    struct topic_config config = resolve_one(defaults, topic, "compression.type");
    int level;

    return codec_of(&config, &level);
}

int32_t topic_config_batch_max_of(const struct topic_config *defaults,
                                  const struct metadata_topic *topic)
{
    return resolve_one(defaults, topic, "max.message.bytes").max_message_bytes;
}

static bool append_time(const struct topic_config *config)
{
    return config->timestamp_type == TIMESTAMP_APPEND_TIME;
}

/* The newer name's bound, unless only the older one is set. */
static int64_t bound(int64_t own, int64_t both)
{
    return own != INT64_MAX ? own : both;
}

void topic_config_for_batches(const struct topic_config *config, struct batch_rules *out)
{
    *out = (struct batch_rules){
        .keys = topic_config_compacted(config),
        .before_max_ms = bound(config->timestamp_before_max_ms,
                               config->timestamp_difference_max_ms),
        .after_max_ms = bound(config->timestamp_after_max_ms, config->timestamp_difference_max_ms),
        .batch_bytes_max = (size_t)config->max_message_bytes,
    };
    out->codec = codec_of(config, &out->level);
    out->bounded = !append_time(config) &&
                   (out->before_max_ms != INT64_MAX || out->after_max_ms != INT64_MAX);
}

bool topic_config_deletes(const struct topic_config *config)
{
    return config->cleanup_policy != CLEANUP_COMPACT;
}

void topic_config_for_log(const struct topic_config *config, struct log_config *out)
{
    *out = (struct log_config){
        .segment_bytes = config->segment_bytes,
        .segment_ms = config->segment_ms,
        .index_bytes = config->segment_index_bytes,
        .index_interval_bytes = config->index_interval_bytes,
        .max_message_bytes = config->max_message_bytes,
        .cleanup_delete = topic_config_deletes(config),
        .retention_ms = config->retention_ms,
        .retention_bytes = config->retention_bytes,
        .segment_jitter_ms = config->segment_jitter_ms,
        .append_time = append_time(config),
        .compacted = topic_config_compacted(config),
        .preallocate = config->preallocate,
    };
    /* What is to be compacted by a certain age must not stay in the active segment for longer. */
    if (out->compacted && config->max_compaction_lag_ms < out->segment_ms)
        out->segment_ms = config->max_compaction_lag_ms;
}
