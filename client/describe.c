#include "client/describe.h"

#include <stdlib.h>
#include <string.h>

#include "client/ask.h"
#include "client/error.h"
#include "client/handle.h"
#include "common/error.h"
#include "common/uuid.h"

enum { CONTROLLER_MS = 1000 };          /* it is asked as a favour: only so long */

struct klient_metadata {
    Kairn__ResponseHead *head;          /* owned */
    const Kairn__MetadataResponse *picture;
    char (*topic_ids)[UUID_TEXT_SIZE];  /* owned, one per topic */
};

static int by_broker(const void *a, const void *b)
{
    const Kairn__BrokerInfo *const *x = a, *const *y = b;
    return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

static int by_name(const void *a, const void *b)
{
    const Kairn__TopicInfo *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static int by_partition(const void *a, const void *b)
{
    const Kairn__PartitionInfo *const *x = a, *const *y = b;
    return ((*x)->partition > (*y)->partition) - ((*x)->partition < (*y)->partition);
}

static void sort(void *rows, size_t count, int (*compare)(const void *, const void *))
{
    if (count > 1)
        qsort(rows, count, sizeof(void *), compare);
}

/* Takes over `head`, also on failure. */
static int metadata_new(Kairn__ResponseHead *head, klient_metadata_t **out)
{
    klient_metadata_t *metadata = calloc(1, sizeof *metadata);
    Kairn__MetadataResponse *picture = head->metadata;

    if (metadata != NULL)
        metadata->topic_ids = calloc(picture->n_topics + 1, UUID_TEXT_SIZE);
    if (metadata == NULL || metadata->topic_ids == NULL) {
        free(metadata);
        kairn__response_head__free_unpacked(head, NULL);
        return K_NOMEM;
    }
    metadata->head = head;
    metadata->picture = picture;
    sort(picture->brokers, picture->n_brokers, by_broker);
    sort(picture->topics, picture->n_topics, by_name);
    for (size_t i = 0; i < picture->n_topics; i++) {
        Kairn__TopicInfo *topic = picture->topics[i];
        struct uuid id;
        sort(topic->partitions, topic->n_partitions, by_partition);
        if (head_uuid(topic->topic_id, &id) == 0)
            uuid_format(&id, metadata->topic_ids[i]);
    }
    *out = metadata;
    return 0;
}

static size_t count_unknown(const Kairn__ResponseHead *head)
{
    const Kairn__MetadataResponse *picture = head->metadata;
    size_t count = 0;

    for (size_t i = 0; i < picture->n_topics; i++)
        count += head_error_code(picture->topics[i]->error) == K_UNKNOWN_TOPIC_OR_PARTITION;
    return count;
}

/* Other brokers hear of a new topic later than its maker; the controller's does not. */
static int32_t who_knows_better(const Kairn__ResponseHead *head)
{
    return count_unknown(head) > 0 ? head->metadata->controller : -1;
}

static klient_code_t make_picture(struct task *task, struct product *out, klient_error_t **error)
{
    klient_metadata_t *metadata;
    Kairn__ResponseHead *head, *better;
    klient_code_t code = ask_unpack(task, &head, error);

    if (code != KLIENT_OK)
        return code;
    better = ask_unpack_second(task);
    if (better != NULL) {
        bool replaces = count_unknown(better) < count_unknown(head);
        kairn__response_head__free_unpacked(replaces ? head : better, NULL);
        head = replaces ? better : head;
    }
    if (metadata_new(head, &metadata) != 0)
        return fail(error, K_NOMEM, NULL);
    *out = (struct product){ PRODUCT_METADATA, metadata };
    return KLIENT_OK;
}

/* It is all about this topic. */
static klient_code_t make_topic(struct task *task, struct product *out, klient_error_t **error)
{
    const Kairn__MetadataRequest *asked = ask_body(task);
    klient_code_t code = make_picture(task, out, error);

    if (code != KLIENT_OK)
        return code;
    const Kairn__MetadataResponse *picture = ((klient_metadata_t *)out->object)->picture;
    if (picture->n_topics != 1)
        code = fail(error, K_MALFORMED, NULL);
    else if (head_error_code(picture->topics[0]->error) != 0)
        code = fail(error, picture->topics[0]->error->code, "%s: %s", asked->topics[0],
                    k_error_text(picture->topics[0]->error->code));
    if (code != KLIENT_OK)
        product_free(out);
    return code;
}

static klient_code_t look(klient_t *klient, const char *const *names, size_t count,
                          enum describe_what what, bool configs, int64_t timeout_ms,
                          product_maker make, struct call *out, klient_error_t **error)
{
    for (size_t i = 0; i < count; i++)
        if (names[i] == NULL)
            return fail(error, K_INVALID_ARGUMENT, NULL);
    struct ask *ask = ask_new(klient, KAIRN__REQUEST_HEAD__BODY_METADATA,
                              &kairn__metadata_request__descriptor);
    if (ask == NULL)
        return fail(error, K_NOMEM, NULL);

    Kairn__MetadataRequest *body = ask->body;
    char **topics = arena_calloc(&ask->arena, count + 1, sizeof *topics);
    int code = topics == NULL ? K_NOMEM : 0;
    for (size_t i = 0; code == 0 && i < count; i++) {
        topics[i] = arena_strdup(&ask->arena, names[i]);
        code = topics[i] == NULL ? K_NOMEM : 0;
    }
    if (code != 0) {
        ask_free(ask);
        return fail(error, code, NULL);
    }
    body->all_topics = what == DESCRIBE_ALL;
    body->topics = topics;
    body->n_topics = count;
    body->topic_configs = configs;
    ask->second = who_knows_better;
    ask->second_ms = CONTROLLER_MS;
    ask_call(ask, timeout_ms, make, out);
    return KLIENT_OK;
}

klient_code_t describe(klient_t *klient, const char *const *names, size_t count,
                       enum describe_what what, int64_t timeout_ms, struct call *out,
                       klient_error_t **error)
{
    return look(klient, names, count, what, what == DESCRIBE_NAMED, timeout_ms, make_picture, out,
                error);
}

klient_code_t describe_topic(klient_t *klient, const char *topic, int64_t timeout_ms,
                             struct call *out, klient_error_t **error)
{
    return look(klient, &topic, 1, DESCRIBE_NAMED, false, timeout_ms, make_topic, out, error);
}

klient_code_t describe_wait(struct call *call, klient_metadata_t **out, klient_error_t **error)
{
    void *made;
    klient_code_t code = call_wait(call, &made, error);

    if (code == KLIENT_OK)
        *out = made;
    return code;
}

void klient_metadata_free(klient_metadata_t *metadata)
{
    if (metadata == NULL)
        return;
    kairn__response_head__free_unpacked(metadata->head, NULL);
    free(metadata->topic_ids);
    free(metadata);
}

/* --- reading it ------------------------------------------------------------------------------- */

const char *klient_metadata_cluster_id(const klient_metadata_t *metadata)
{
    return metadata->picture->cluster_id;
}

int32_t klient_metadata_controller(const klient_metadata_t *metadata)
{
    return metadata->picture->controller;
}

int32_t klient_metadata_controller_epoch(const klient_metadata_t *metadata)
{
    return metadata->picture->controller_epoch;
}

size_t klient_metadata_broker_count(const klient_metadata_t *metadata)
{
    return metadata->picture->n_brokers;
}

size_t klient_metadata_topic_count(const klient_metadata_t *metadata)
{
    return metadata->picture->n_topics;
}

klient_code_t klient_metadata_broker(const klient_metadata_t *metadata, size_t index,
                                     klient_broker_info_t *out)
{
    if (index >= metadata->picture->n_brokers || out->size < sizeof *out)
        return KLIENT_INVALID_ARGUMENT;
    const Kairn__BrokerInfo *broker = metadata->picture->brokers[index];
    out->id = broker->id;
    out->host = broker->host;
    out->port = (uint16_t)broker->port;
    out->rack = broker->rack;
    return KLIENT_OK;
}

klient_code_t klient_metadata_topic(const klient_metadata_t *metadata, size_t index,
                                    klient_topic_info_t *out)
{
    if (index >= metadata->picture->n_topics || out->size < sizeof *out)
        return KLIENT_INVALID_ARGUMENT;
    const Kairn__TopicInfo *topic = metadata->picture->topics[index];
    out->name = topic->name;
    out->id = metadata->topic_ids[index];
    out->code = (klient_code_t)head_error_code(topic->error);
    out->internal = topic->internal;
    out->partition_count = (int32_t)topic->n_partitions;
    out->config_count = topic->n_configs;
    return KLIENT_OK;
}

klient_code_t klient_metadata_partition(const klient_metadata_t *metadata, size_t topic,
                                        size_t index, klient_partition_info_t *out)
{
    if (topic >= metadata->picture->n_topics ||
        index >= metadata->picture->topics[topic]->n_partitions || out->size < sizeof *out)
        return KLIENT_INVALID_ARGUMENT;
    const Kairn__PartitionInfo *partition = metadata->picture->topics[topic]->partitions[index];
    out->partition = (int32_t)partition->partition;
    out->code = (klient_code_t)head_error_code(partition->error);
    if (out->code == KLIENT_OK && partition->leader < 0)
        out->code = KLIENT_LEADER_NOT_AVAILABLE;
    out->leader = partition->leader;
    out->leader_epoch = partition->leader_epoch;
    out->replicas = partition->replicas;
    out->replica_count = partition->n_replicas;
    out->isr = partition->isr;
    out->isr_count = partition->n_isr;
    out->offline = partition->offline;
    out->offline_count = partition->n_offline;
    out->eligible = partition->eligible;
    out->eligible_count = partition->n_eligible;
    out->min_insync = partition->min_insync;
    return KLIENT_OK;
}

klient_code_t klient_metadata_topic_config(const klient_metadata_t *metadata, size_t topic,
                                           size_t index, klient_setting_t *out)
{
    if (topic >= metadata->picture->n_topics ||
        index >= metadata->picture->topics[topic]->n_configs || out->size < sizeof *out)
        return KLIENT_INVALID_ARGUMENT;
    const Kairn__ConfigEntry *entry = metadata->picture->topics[topic]->configs[index];
    *out = (klient_setting_t){ .size = out->size, .name = entry->name, .value = entry->value,
                               .source = entry->source };
    return KLIENT_OK;
}
