/* DescribeConfigs: every option of a topic or of this broker, or what is set for all brokers; with
 * the value that counts, and everything that is set, what counts first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/options.h"
#include "server/api/handlers.h"
#include "server/api/hint.h"
#include "server/api/request.h"
#include "server/runtime/config_values.h"
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

/* What is set of one option, what counts first. */
struct chain_builder {
    struct request *request;
    Kairn__ConfigSynonym *items;
    void **pointers;
    size_t count;
    bool failed;
};

enum { SYNONYMS_MAX = 5 };      /* topic, broker, cluster, file, default */

static bool chain_start(struct chain_builder *chain, struct request *request)
{
    *chain = (struct chain_builder){ .request = request };
    chain->items = request_messages(request, SYNONYMS_MAX, sizeof *chain->items, &chain->pointers);
    chain->failed = chain->items == NULL;
    return !chain->failed;
}

static void chain_add(struct chain_builder *chain, const char *name, const char *value,
                      const char *source)
{
    if (chain->failed || value == NULL)
        return;
    Kairn__ConfigSynonym *synonym = &chain->items[chain->count++];
    kairn__config_synonym__init(synonym);
    synonym->name = (char *)name;
    synonym->value = arena_strdup(&chain->request->arena, value);
    synonym->source = (char *)source;
    chain->failed = synonym->value == NULL;
}

static const char *find_config(const struct metadata_config *configs, int32_t count,
                               const char *name)
{
    for (int32_t i = 0; i < count; i++) {
        if (strcmp(configs[i].name, name) == 0)
            return configs[i].value;
    }
    return NULL;
}

/* What the picture has for a broker, or for all of them. */
static void add_dynamic(struct chain_builder *chain, const struct option *row, const char *broker,
                        const char *source)
{
    const struct metadata_settings *settings =
        metadata_settings(shard_picture(chain->request->shard), broker);

    if (settings != NULL && option_changeable(row))
        chain_add(chain, row->name,
                  find_config(settings->configs, settings->config_count, row->name), source);
}

/* All that says something about an option of this broker. */
static void add_of_broker(struct chain_builder *chain, const struct option *row)
{
    const struct api *api = chain->request->api;
    enum option_source source = api->option_sources[row - api->option_table->rows];
    char self[16], value[VALUE_SIZE] = "";

    snprintf(self, sizeof self, "%d", (int)api->broker_id);
    add_dynamic(chain, row, self, "broker");
    add_dynamic(chain, row, CONFIG_DEFAULT_BROKER, "cluster");
    if ((row->flags & OPTION_SECRET) == 0)
        options_format(row, api->option_values, value, sizeof value);
    if (source != OPTION_FROM_DEFAULT)
        chain_add(chain, row->name, value, source_name(source));
    chain_add(chain, row->name, row->fallback != NULL ? row->fallback : "",
              source_name(OPTION_FROM_DEFAULT));
}

/* The first of the chain is what counts. False when out of memory. */
static bool chain_finish(const struct chain_builder *chain, const struct option *row,
                         Kairn__ConfigEntry *entry)
{
    if (chain->failed)
        return false;
    kairn__config_entry__init(entry);
    entry->name = (char *)row->name;
    entry->sensitive = (row->flags & OPTION_SECRET) != 0;
    entry->read_only = !option_changeable(row);
    entry->n_synonyms = chain->count;
    entry->synonyms = (Kairn__ConfigSynonym **)chain->pointers;
    if (chain->count > 0) {
        entry->value = chain->items[0].value;
        entry->source = chain->items[0].source;
    }
    return true;
}

static bool fill_entry(struct request *request, const struct metadata_topic *topic,
                       const struct option *row, Kairn__ConfigEntry *entry)
{
    struct chain_builder chain;
    const struct option *of_broker = row;

    if (!chain_start(&chain, request))
        return false;
    if (topic != NULL) {
        const char *broker_name = topic_config_broker_name(row->name);
        chain_add(&chain, row->name,
                  find_config(topic->configs, topic->config_count, row->name), "topic");
        of_broker = broker_name != NULL ? options_find(request->api->option_table, broker_name)
                                        : NULL;
    }
    if (of_broker != NULL)
        add_of_broker(&chain, of_broker);
    else
        chain_add(&chain, row->name, row->fallback, source_name(OPTION_FROM_DEFAULT));
    return chain_finish(&chain, row, entry);
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
        if (is_served(&table->rows[i]) &&
            !fill_entry(request, topic, &table->rows[i], &entries[result->n_entries++]))
            return false;
    }
    result->entries = (Kairn__ConfigEntry **)pointers;
    return true;
}

/* Only what is set for all brokers: the rest is each broker's own. */
static bool describe_cluster(struct request *request, Kairn__ConfigResult *result)
{
    const struct metadata_settings *settings =
        metadata_settings(shard_picture(request->shard), CONFIG_DEFAULT_BROKER);
    size_t count = settings != NULL ? (size_t)settings->config_count : 0;
    void **pointers;
    int code = authorise_cluster(request->principal, OPERATION_DESCRIBE_CONFIGS);

    if (code != 0) {
        result->error = hint_code(request, code, NULL);
        return true;
    }
    Kairn__ConfigEntry *entries = request_messages(request, count, sizeof *entries, &pointers);
    for (size_t i = 0; entries != NULL && i < count; i++) {
        kairn__config_entry__init(&entries[i]);
        entries[i].name = arena_strdup(&request->arena, settings->configs[i].name);
        entries[i].value = arena_strdup(&request->arena, settings->configs[i].value);
        entries[i].source = (char *)source_name(OPTION_FROM_CLUSTER);
        if (entries[i].name == NULL || entries[i].value == NULL)
            return false;
    }
    result->n_entries = count;
    result->entries = (Kairn__ConfigEntry **)pointers;
    return entries != NULL;
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
    case KAIRN__CONFIG_RESOURCE__KIND__CLUSTER:
        return describe_cluster(request, result);
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
