/* Parts of a picture, each one allocation: first the structs, then the numbers, then the text.
 * Everything that a controller says is checked here; nothing of it reaches an assertion. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "server/runtime/metadata_private.h"

enum {
    PARTITIONS_MAX = 1 << 20, /* of one topic: only to keep sizes sane */
    REPLICAS_MAX = 1024,
    LOOPS_MAX = 4096
};

/* Hands out pieces of the allocation behind the structs. */
struct carver {
    char *next;
};

static void *carve(struct carver *carver, const void *from, size_t size)
{
    void *piece = carver->next;
    if (size > 0)
        memcpy(piece, from, size);
    carver->next += size;
    return piece;
}

static const char *carve_text(struct carver *carver, const char *text)
{
    return carve(carver, text, strlen(text) + 1);
}

/* --- topics ----------------------------------------------------------------------------------- */

/* The controller could not read what is stored of the partition. */
static bool is_unread(const Kairn__PartitionEntry *entry)
{
    return (int32_t)entry->state_version < 0;
}

/* An entry that is older than what is known is not news: answers may cross. */
static bool is_older(const Kairn__PartitionEntry *entry, const struct metadata_partition *known)
{
    if (entry->leader_epoch != known->leader_epoch)
        return entry->leader_epoch < known->leader_epoch;
    return (int32_t)entry->state_version < known->version;
}

static bool entry_is_sound(const Kairn__TopicEntry *entry, const struct metadata_topic *former)
{
    if (entry->name[0] == '\0' || entry->topic_id.len != sizeof(struct uuid) ||
        entry->partition_count > PARTITIONS_MAX)
        return false;
    if (former != NULL && (strcmp(former->name, entry->name) != 0 ||
                           entry->partition_count < (uint32_t)former->partition_count))
        return false; /* a topic keeps its name and never shrinks */
    for (size_t i = 0; i < entry->n_partitions; i++) {
        const Kairn__PartitionEntry *partition = entry->partitions[i];
        if (partition->partition >= entry->partition_count ||
            partition->n_replicas > REPLICAS_MAX || partition->n_isr > REPLICAS_MAX ||
            partition->n_eligible > REPLICAS_MAX || partition->n_lost > REPLICAS_MAX ||
            partition->min_insync < 0 || partition->unclean_epoch < 0)
            return false;
    }
    return true;
}

/* The partitions as they will be; replicas still point into `former` and `entry`. */
static void partitions_merge(struct metadata_partition *partitions, const Kairn__TopicEntry *entry,
                             const struct metadata_topic *former)
{
    int32_t known = former != NULL ? former->partition_count : 0;

    const struct metadata_partition unheard = {
        .leader = -1, .leader_epoch = -1, .version = -1, .min_insync = 1, .unclean_epoch = -1};

    for (int32_t i = 0; i < (int32_t)entry->partition_count; i++)
        partitions[i] = i < known ? former->partitions[i] : unheard;
    for (size_t i = 0; i < entry->n_partitions; i++) {
        const Kairn__PartitionEntry *from = entry->partitions[i];
        struct metadata_partition *partition = &partitions[from->partition];
        if (is_unread(from)) {
            /* Nobody is told of a leader any more; the rest stays as long as nobody knows better.
             * Who leads is not told either, and goes on for those who know it. */
            partition->leader = partition->version = -1;
            if (partition->leader_epoch >= 0)
                continue;
        }
        if (is_older(from, partition))
            continue;
        *partition = (struct metadata_partition){
            .leader = from->leader,
            .leader_epoch = from->leader_epoch,
            .version = (int32_t)from->state_version,
            .min_insync = from->min_insync > 0 ? from->min_insync : 1,
            .unclean_epoch = from->unclean_epoch - 1,
            .flush_on_ack = from->flush_on_ack,
            .replica_count = (int32_t)from->n_replicas,
            .replicas = from->replicas,
            .isr_count = (int32_t)from->n_isr,
            .isr = from->isr,
            .eligible_count = (int32_t)from->n_eligible,
            .eligible = from->eligible,
            .lost_count = (int32_t)from->n_lost,
            .lost = from->lost};
    }
}

struct topic_sizes {
    size_t partitions, configs, ids, text;
};

static struct topic_sizes topic_measure(const Kairn__TopicEntry *entry,
                                        const struct metadata_topic *former,
                                        const struct metadata_partition *partitions)
{
    struct topic_sizes sizes = {.partitions = entry->partition_count * sizeof *partitions,
                                .text = strlen(entry->name) + 1};

    for (uint32_t i = 0; i < entry->partition_count; i++)
        sizes.ids += (size_t)(partitions[i].replica_count + partitions[i].isr_count +
                              partitions[i].eligible_count + partitions[i].lost_count) *
                     sizeof(int32_t);
    if (entry->configs_changed) {
        sizes.configs = entry->n_configs * sizeof(struct metadata_config);
        for (size_t i = 0; i < entry->n_configs; i++)
            sizes.text += strlen(entry->configs[i]->name) + strlen(entry->configs[i]->value) + 2;
    } else if (former != NULL) {
        sizes.configs = (size_t)former->config_count * sizeof(struct metadata_config);
        for (int32_t i = 0; i < former->config_count; i++)
            sizes.text += strlen(former->configs[i].name) + strlen(former->configs[i].value) + 2;
    }
    return sizes;
}

static void configs_carve(struct carver *text, struct metadata_config *configs,
                          const Kairn__TopicEntry *entry, const struct metadata_topic *former,
                          int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        bool changed = entry->configs_changed;
        configs[i].name =
            carve_text(text, changed ? entry->configs[i]->name : former->configs[i].name);
        configs[i].value =
            carve_text(text, changed ? entry->configs[i]->value : former->configs[i].value);
    }
}

int topic_part_new(const Kairn__TopicEntry *entry, const struct metadata_topic *former,
                   struct topic_part **out)
{
    if (!entry_is_sound(entry, former))
        return K_MALFORMED;
    struct metadata_partition *merged = calloc((size_t)entry->partition_count + 1, sizeof *merged);
    if (merged == NULL)
        return K_NOMEM;

    partitions_merge(merged, entry, former);
    struct topic_sizes sizes = topic_measure(entry, former, merged);
    struct topic_part *part =
        part_new(sizeof *part + sizes.partitions + sizes.configs + sizes.ids + sizes.text);
    if (part == NULL) {
        free(merged);
        return K_NOMEM;
    }

    struct carver partitions = {(char *)(part + 1)};
    struct carver configs = {partitions.next + sizes.partitions};
    struct carver ids = {configs.next + sizes.configs};
    struct carver text = {ids.next + sizes.ids};
    struct metadata_topic *topic = &part->topic;

    for (uint32_t i = 0; i < entry->partition_count; i++) {
        struct metadata_partition *from = &merged[i];
        from->replicas =
            carve(&ids, from->replicas, (size_t)from->replica_count * sizeof *from->replicas);
        from->isr = carve(&ids, from->isr, (size_t)from->isr_count * sizeof *from->isr);
        from->eligible =
            carve(&ids, from->eligible, (size_t)from->eligible_count * sizeof *from->eligible);
        from->lost = carve(&ids, from->lost, (size_t)from->lost_count * sizeof *from->lost);
    }
    topic->partitions = carve(&partitions, merged, sizes.partitions);
    topic->partition_count = (int32_t)entry->partition_count;
    topic->config_count = (int32_t)(sizes.configs / sizeof(struct metadata_config));
    topic->configs = (const struct metadata_config *)configs.next;
    configs_carve(&text, (struct metadata_config *)configs.next, entry, former,
                  topic->config_count);
    topic->name = carve_text(&text, entry->name);
    memcpy(topic->id.bytes, entry->topic_id.data, sizeof topic->id.bytes);
    free(merged);
    *out = part;
    return 0;
}

/* --- brokers ---------------------------------------------------------------------------------- */

static int broker_compare(const void *left, const void *right)
{
    const struct metadata_broker *a = left, *b = right;
    return (a->id > b->id) - (a->id < b->id);
}

static bool broker_is_sound(const Kairn__BrokerEntry *entry)
{
    if (entry->id < 0 || entry->incarnation.len != sizeof(struct uuid) || entry->loops > LOOPS_MAX)
        return false;
    for (size_t i = 0; i < entry->n_endpoints; i++)
        if (entry->endpoints[i]->port > UINT16_MAX)
            return false;
    return true;
}

static void broker_carve(struct metadata_broker *broker, const Kairn__BrokerEntry *entry,
                         struct carver *endpoints, struct carver *text)
{
    struct metadata_endpoint *first = (struct metadata_endpoint *)endpoints->next;

    for (size_t i = 0; i < entry->n_endpoints; i++) {
        const Kairn__Endpoint *from = entry->endpoints[i];
        struct metadata_endpoint endpoint = {.port = (uint16_t)from->port};
        endpoint.listener = carve_text(text, from->listener);
        endpoint.protocol = carve_text(text, from->protocol);
        endpoint.host = carve_text(text, from->host);
        carve(endpoints, &endpoint, sizeof endpoint);
    }
    *broker = (struct metadata_broker){.id = entry->id,
                                       .loops = (int32_t)entry->loops,
                                       .endpoints = first,
                                       .endpoint_count = entry->n_endpoints};
    memcpy(broker->incarnation.bytes, entry->incarnation.data, sizeof broker->incarnation.bytes);
    broker->rack = carve_text(text, entry->rack);
}

int broker_part_new(Kairn__BrokerEntry *const *entries, size_t count, struct broker_part **out)
{
    size_t table = count * sizeof(struct metadata_broker), endpoint_count = 0, text_size = 0;

    for (size_t i = 0; i < count; i++) {
        if (!broker_is_sound(entries[i]))
            return K_MALFORMED;
        text_size += strlen(entries[i]->rack) + 1;
        endpoint_count += entries[i]->n_endpoints;
        for (size_t e = 0; e < entries[i]->n_endpoints; e++) {
            const Kairn__Endpoint *endpoint = entries[i]->endpoints[e];
            text_size += strlen(endpoint->listener) + strlen(endpoint->protocol) +
                         strlen(endpoint->host) + 3;
        }
    }
    size_t endpoint_size = endpoint_count * sizeof(struct metadata_endpoint);
    struct broker_part *part = part_new(sizeof *part + table + endpoint_size + text_size);
    if (part == NULL)
        return K_NOMEM;

    struct carver endpoints = {(char *)part->brokers + table};
    struct carver text = {endpoints.next + endpoint_size};
    part->count = count;
    for (size_t i = 0; i < count; i++)
        broker_carve(&part->brokers[i], entries[i], &endpoints, &text);
    qsort(part->brokers, count, sizeof *part->brokers, broker_compare);
    for (size_t i = 1; i < count; i++)
        if (part->brokers[i - 1].id == part->brokers[i].id) {
            part_unref(part);
            return K_MALFORMED;
        }
    *out = part;
    return 0;
}

/* --- settings of brokers ---------------------------------------------------------------------- */

static bool is_told(Kairn__SettingsEntry *const *entries, size_t count, const char *broker)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(entries[i]->broker, broker) == 0)
            return true;
    return false;
}

struct settings_sizes {
    size_t items, configs, text;
};

static void measure_settings(struct settings_sizes *sizes, const char *broker, size_t configs)
{
    sizes->items++;
    sizes->configs += configs;
    sizes->text += strlen(broker) + 1;
}

static void measure_config(struct settings_sizes *sizes, const char *name, const char *value)
{
    sizes->text += strlen(name) + strlen(value) + 2;
}

static struct metadata_config carve_config(struct carver *text, const char *name, const char *value)
{
    struct metadata_config config = {.name = carve_text(text, name)};
    config.value = carve_text(text, value);
    return config;
}

static struct settings_sizes settings_measure(const struct settings_part *former,
                                              Kairn__SettingsEntry *const *entries, size_t count)
{
    struct settings_sizes sizes = {0};

    for (size_t i = 0; former != NULL && i < former->count; i++) {
        const struct metadata_settings *known = &former->items[i];
        if (is_told(entries, count, known->broker))
            continue;
        measure_settings(&sizes, known->broker, (size_t)known->config_count);
        for (int32_t c = 0; c < known->config_count; c++)
            measure_config(&sizes, known->configs[c].name, known->configs[c].value);
    }
    for (size_t i = 0; i < count; i++) {
        measure_settings(&sizes, entries[i]->broker, entries[i]->n_configs);
        for (size_t c = 0; c < entries[i]->n_configs; c++)
            measure_config(&sizes, entries[i]->configs[c]->name, entries[i]->configs[c]->value);
    }
    return sizes;
}

int settings_part_new(const struct settings_part *former, Kairn__SettingsEntry *const *entries,
                      size_t count, struct settings_part **out)
{
    for (size_t i = 0; i < count; i++)
        if (entries[i]->broker[0] == '\0' || is_told(entries, i, entries[i]->broker))
            return K_MALFORMED;
    struct settings_sizes sizes = settings_measure(former, entries, count);
    struct settings_part *part =
        part_new(sizeof *part + sizes.items * sizeof part->items[0] +
                 sizes.configs * sizeof(struct metadata_config) + sizes.text);
    if (part == NULL)
        return K_NOMEM;

    struct metadata_config *config = (struct metadata_config *)(part->items + sizes.items);
    struct carver text = {(char *)(config + sizes.configs)};
    for (size_t i = 0; former != NULL && i < former->count; i++) {
        const struct metadata_settings *known = &former->items[i];
        if (is_told(entries, count, known->broker))
            continue;
        part->items[part->count++] =
            (struct metadata_settings){.broker = carve_text(&text, known->broker),
                                       .configs = config,
                                       .config_count = known->config_count};
        for (int32_t c = 0; c < known->config_count; c++)
            *config++ = carve_config(&text, known->configs[c].name, known->configs[c].value);
    }
    for (size_t i = 0; i < count; i++) {
        if (entries[i]->n_configs == 0)
            continue; /* not configured any more */
        part->items[part->count++] =
            (struct metadata_settings){.broker = carve_text(&text, entries[i]->broker),
                                       .configs = config,
                                       .config_count = (int32_t)entries[i]->n_configs};
        for (size_t c = 0; c < entries[i]->n_configs; c++)
            *config++ = carve_config(&text, entries[i]->configs[c]->name,
                                     entries[i]->configs[c]->value);
    }
    *out = part;
    return 0;
}

/* --- deletions -------------------------------------------------------------------------------- */

static bool holds_id(const struct uuid *ids, size_t count, const uint8_t *id)
{
    for (size_t i = count; i > 0; i--)
        if (memcmp(ids[i - 1].bytes, id, sizeof ids->bytes) == 0)
            return true;
    return false;
}

int deleted_part_new(const struct deleted_part *former, const ProtobufCBinaryData *ids,
                     size_t count, struct deleted_part **out)
{
    struct deleted_part *part =
        part_new(sizeof *part + (former->count + count) * sizeof part->ids[0]);
    if (part == NULL)
        return K_NOMEM;

    memcpy(part->ids, former->ids, former->count * sizeof part->ids[0]);
    part->count = former->count;
    for (size_t i = 0; i < count; i++) {
        if (ids[i].len != sizeof part->ids[0].bytes) {
            part_unref(part);
            return K_MALFORMED;
        }
        if (!holds_id(part->ids, part->count, ids[i].data))
            memcpy(part->ids[part->count++].bytes, ids[i].data, ids[i].len);
    }
    if (part->count > METADATA_DELETED_MAX) {
        size_t excess = part->count - METADATA_DELETED_MAX;
        memmove(part->ids, part->ids + excess, METADATA_DELETED_MAX * sizeof part->ids[0]);
        part->count = METADATA_DELETED_MAX;
    }
    *out = part;
    return 0;
}
