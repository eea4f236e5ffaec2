#include "server/runtime/topic_config.h"

#include <string.h>

#include "common/log.h"
#include "server/runtime/topic_config_table.h"
#include "server/storage/log.h"

enum { CLEANUP_DELETE, TIMESTAMP_APPEND_TIME = 1, VALUE_SIZE = 256 };

static const struct option rows[] = {
#define X(kind, field, topic_name, broker_name, default_text, low, high, choice_text, about)       \
    { .name = (topic_name), .type = OPTION_##kind, .offset = offsetof(struct topic_config, field), \
      .fallback = (default_text), .min = (low), .max = (high), .choices = (choice_text),           \
      .flags = OPTION_RUNTIME | OPTION_PER_TOPIC, .text = (about) },
#define Y(topic_name)                                                                              \
    { .name = (topic_name), .type = OPTION_STRING, .flags = OPTION_NOT_YET,                        \
      .text = "Not supported yet." },
    TOPIC_CONFIG_TABLE(X)
    TOPIC_CONFIG_NOT_YET_TABLE(Y)
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

int topic_config_defaults(const struct option_table *broker_table, const void *broker_values,
                          struct topic_config *out, struct k_reason *reason)
{
    struct topic_config config;
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
    *out = config;
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

void topic_config_for_log(const struct topic_config *config, struct log_config *out)
{
    *out = (struct log_config){
        .segment_bytes = config->segment_bytes,
        .segment_ms = config->segment_ms,
        .index_bytes = config->segment_index_bytes,
        .index_interval_bytes = config->index_interval_bytes,
        .max_message_bytes = config->max_message_bytes,
        .append_time = config->timestamp_type == TIMESTAMP_APPEND_TIME,
    };
}
