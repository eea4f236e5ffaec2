/* DescribeConfigs: every option of a topic or of this broker, with its value and its source. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/options.h"
#include "server/api/handlers.h"
#include "server/api/hint.h"
#include "server/api/request.h"
#include "server/runtime/metadata.h"
#include "server/runtime/shard.h"
#include "server/runtime/topic_config.h"

enum { VALUE_SIZE = 1024 };

static const char *source_name(enum option_source source)
{
    switch (source) {
    case OPTION_FROM_FILE:
    case OPTION_FROM_FLAG:
        return "file";
    case OPTION_FROM_CLUSTER:
        return "cluster";
    case OPTION_FROM_DEFAULT:
        break;
    }
    return "default";
}

static bool is_served(const struct option *row)
{
    return (row->flags & (OPTION_NOT_YET | OPTION_NO_EFFECT)) == 0;
}

/* The broker's value of a row and where it comes from. False when out of memory. */
static bool fill_from_broker(struct request *request, const struct option *row,
                             Kairn__ConfigEntry *entry)
{
    const struct api *api = request->api;
    char value[VALUE_SIZE] = "";

    if ((row->flags & OPTION_SECRET) == 0)
        options_format(row, api->option_values, value, sizeof value);
    entry->value = arena_strdup(&request->arena, value);
    entry->source = (char *)source_name(api->option_sources[row - api->option_table->rows]);
    return entry->value != NULL;
}

static bool fill_from_topic(struct request *request, const struct metadata_topic *topic,
                            const struct option *row, Kairn__ConfigEntry *entry)
{
    for (int32_t i = 0; i < topic->config_count; i++) {
        if (strcmp(topic->configs[i].name, row->name) == 0) {
            entry->value = arena_strdup(&request->arena, topic->configs[i].value);
            entry->source = (char *)"topic";
            return entry->value != NULL;
        }
    }
    const struct option *source =
        options_find(request->api->option_table, topic_config_broker_name(row->name));
    if (source != NULL)
        return fill_from_broker(request, source, entry);
    entry->value = (char *)row->fallback;
    entry->source = (char *)source_name(OPTION_FROM_DEFAULT);
    return true;
}

/* All served rows; `topic` NULL: the broker's. */
static bool fill_entries(struct request *request, const struct option_table *table,
                         const struct metadata_topic *topic, Kairn__ConfigResult *result)
{
    void **pointers;
    Kairn__ConfigEntry *entries =
        request_messages(request, table->count, sizeof *entries, &pointers);
    if (entries == NULL)
        return false;

    for (size_t i = 0; i < table->count; i++) {
        const struct option *row = &table->rows[i];
        if (!is_served(row))
            continue;
        Kairn__ConfigEntry *entry = &entries[result->n_entries++];
        kairn__config_entry__init(entry);
        entry->name = (char *)row->name;
        if (!(topic != NULL ? fill_from_topic(request, topic, row, entry)
                            : fill_from_broker(request, row, entry)))
            return false;
    }
    result->entries = (Kairn__ConfigEntry **)pointers;
    return true;
}

static bool describe_topic(struct request *request, const char *name, Kairn__ConfigResult *result)
{
    const struct metadata_topic *topic =
        metadata_topic_by_name(shard_picture(request->shard), name);
    int code = authorise_topic(request->principal, OPERATION_DESCRIBE_CONFIGS, name);
    if (code == 0 && topic == NULL)
        code = K_UNKNOWN_TOPIC_OR_PARTITION;
    if (code == 0)
        return fill_entries(request, &topic_config_table, topic, result);
    result->error = hint_code(request, code, NULL);
    return true;
}

static bool describe_broker(struct request *request, const char *name, Kairn__ConfigResult *result)
{
    char self[16];
    snprintf(self, sizeof self, "%d", (int)request->api->broker_id);

    int code = authorise_cluster(request->principal, OPERATION_DESCRIBE_CONFIGS);
    if (code == 0 && name[0] != '\0' && strcmp(name, self) != 0) {
        result->error = hint_code(
            request, K_INVALID_REQUEST,
            arena_printf(&request->arena, "this is broker %s: ask broker %s itself", self, name));
        return true;
    }
    if (code == 0)
        return fill_entries(request, request->api->option_table, NULL, result);
    result->error = hint_code(request, code, NULL);
    return true;
}

static bool describe(struct request *request, Kairn__ConfigResource *resource,
                     Kairn__ConfigResult *result)
{
    kairn__config_result__init(result);
    result->resource = resource;
    switch (resource->kind) {
    case KAIRN__CONFIG_RESOURCE__KIND__TOPIC:
        return describe_topic(request, resource->name, result);
    case KAIRN__CONFIG_RESOURCE__KIND__BROKER:
        return describe_broker(request, resource->name, result);
    default:
        result->error = hint_code(request, K_INVALID_REQUEST, "no such kind of resource");
        return true;
    }
}

void api_describe_configs(struct request *request)
{
    const Kairn__DescribeConfigsRequest *asked = request->head->describe_configs;
    Kairn__DescribeConfigsResponse *body = arena_alloc(&request->arena, sizeof *body);
    void **pointers;
    Kairn__ConfigResult *results =
        request_messages(request, asked->n_resources, sizeof *results, &pointers);
    bool described = body != NULL && results != NULL;

    for (size_t i = 0; i < asked->n_resources && described; i++)
        described = describe(request, asked->resources[i], &results[i]);
    if (!described) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    kairn__describe_configs_response__init(body);
    body->n_results = asked->n_resources;
    body->results = (Kairn__ConfigResult **)pointers;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_DESCRIBE_CONFIGS;
    request->response.describe_configs = body;
    request_finish(request);
}
