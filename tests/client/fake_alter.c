/* fake_alter.c - what a fake broker answers to requests that alter something, or describe what can
 * be altered. There is one configuration for everything, and it knows what was set last. */
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "tests/client/fake_private.h"

static int add_partitions(struct fake *fake, const Kairn__MorePartitions *more, bool validate_only)
{
    struct fake_topic *topic = fake_topic_by_name(fake, more->topic);

    if (topic == NULL)
        return K_UNKNOWN_TOPIC_OR_PARTITION;
    if (more->partitions > PARTITIONS_MAX || (int)more->partitions <= topic->partition_count)
        return K_INVALID_PARTITIONS;
    while (!validate_only && topic->partition_count < (int)more->partitions) {
        struct fake_partition *partition = &topic->partitions[topic->partition_count];
        partition->leader = topic->partition_count++ % fake->broker_count;
        partition->aborted_offset = -1;
        fake->sequence++;
    }
    return 0;
}

static void create_partitions(struct fake *fake, const Kairn__CreatePartitionsRequest *question,
                              Kairn__ResponseHead *head)
{
    struct arena *arena = &fake->arena;
    Kairn__CreatePartitionsResponse *body = arena_alloc(arena, sizeof *body);

    kairn__create_partitions_response__init(body);
    body->results = arena_calloc(arena, question->n_topics, sizeof *body->results);
    body->n_results = question->n_topics;
    for (size_t i = 0; i < question->n_topics; i++) {
        const Kairn__MorePartitions *more = question->topics[i];
        int code = add_partitions(fake, more, question->validate_only);
        body->results[i] = arena_alloc(arena, sizeof *body->results[i]);
        kairn__topic_result__init(body->results[i]);
        body->results[i]->name = more->topic;
        body->results[i]->partitions = more->partitions;
        body->results[i]->error = code != 0 ? head_error(arena, code, NULL) : NULL;
    }
    head->body_case = KAIRN__RESPONSE_HEAD__BODY_CREATE_PARTITIONS;
    head->create_partitions = body;
}

static void alter_configs(struct fake *fake, const Kairn__AlterConfigsRequest *question,
                          Kairn__ResponseHead *head)
{
    struct arena *arena = &fake->arena;
    Kairn__AlterConfigsResponse *body = arena_alloc(arena, sizeof *body);

    kairn__alter_configs_response__init(body);
    body->results = arena_calloc(arena, question->n_resources, sizeof *body->results);
    body->n_results = question->n_resources;
    for (size_t i = 0; i < question->n_resources; i++) {
        const Kairn__AlteredResource *altered = question->resources[i];
        const Kairn__ConfigAlteration *last = altered->alterations[altered->n_alterations - 1];
        body->results[i] = arena_alloc(arena, sizeof *body->results[i]);
        kairn__altered_result__init(body->results[i]);
        body->results[i]->resource = altered->resource;
        if (strcmp(last->name, "nonsense") == 0)
            body->results[i]->error = head_error(arena, K_INVALID_CONFIG, "nonsense");
        else if (!question->validate_only)
            snprintf(fake->setting, sizeof fake->setting, "%s%s%s", last->name,
                     last->unset ? " unset" : "=", last->unset ? "" : last->value);
    }
    head->body_case = KAIRN__RESPONSE_HEAD__BODY_ALTER_CONFIGS;
    head->alter_configs = body;
}

static Kairn__ConfigEntry *add_entry(struct arena *arena, Kairn__ConfigResult *result)
{
    Kairn__ConfigEntry *entry = arena_alloc(arena, sizeof *entry);

    kairn__config_entry__init(entry);
    result->entries[result->n_entries++] = entry;
    return entry;
}

/* Two settings: one that is constant, and one that tells who answers, and what was set last. */
static void describe_configs(const struct fake_broker *broker,
                             const Kairn__DescribeConfigsRequest *question,
                             Kairn__ResponseHead *head)
{
    struct arena *arena = &broker->fake->arena;
    Kairn__DescribeConfigsResponse *body = arena_alloc(arena, sizeof *body);
    Kairn__ConfigResult *result = arena_alloc(arena, sizeof *result);
    Kairn__ConfigSynonym *synonym = arena_alloc(arena, sizeof *synonym);

    kairn__describe_configs_response__init(body);
    kairn__config_result__init(result);
    kairn__config_synonym__init(synonym);
    result->resource = question->resources[0];
    result->entries = arena_calloc(arena, 2, sizeof(void *));
    Kairn__ConfigEntry *entry = add_entry(arena, result);
    entry->name = (char *)"retention.ms";
    entry->value = (char *)"604800000";
    entry->source = (char *)"default";
    entry = add_entry(arena, result);
    entry->name = synonym->name = (char *)"told.by";
    entry->value = synonym->value =
        arena_printf(arena, "%d: %s", broker->id + 1, broker->fake->setting);
    entry->source = synonym->source = (char *)"broker";
    entry->read_only = entry->sensitive = true;
    entry->synonyms = arena_copy(arena, &synonym, sizeof synonym);
    entry->n_synonyms = 1;
    body->results = arena_copy(arena, &result, sizeof result);
    body->n_results = 1;
    head->body_case = KAIRN__RESPONSE_HEAD__BODY_DESCRIBE_CONFIGS;
    head->describe_configs = body;
}

static void delete_records(const struct fake_broker *broker,
                           const Kairn__DeleteRecordsPartition *row, Kairn__ResponseHead *head)
{
    struct fake *fake = broker->fake;
    Kairn__DeleteRecordsResponse *body = arena_alloc(&fake->arena, sizeof *body);
    Kairn__DeleteRecordsResult *result = arena_alloc(&fake->arena, sizeof *result);
    struct fake_partition *partition = fake_partition_by_id(fake, row->topic_id, row->partition);
    int code = 0;

    kairn__delete_records_response__init(body);
    kairn__delete_records_result__init(result);
    if (partition == NULL)
        code = K_UNKNOWN_TOPIC_OR_PARTITION;
    else if (partition->leader != broker->id)
        code = K_NOT_LEADER_OR_FOLLOWER;
    else if (row->offset > partition->end)
        code = K_OFFSET_OUT_OF_RANGE;
    if (code == 0) {
        int64_t offset = row->offset == -1 ? partition->end : row->offset;
        partition->start = offset > partition->start ? offset : partition->start;
        result->log_start = partition->start;
    } else {
        result->error = head_error(&fake->arena, code, NULL);
        result->log_start = -1;
    }
    body->results = arena_copy(&fake->arena, &result, sizeof result);
    body->n_results = 1;
    head->body_case = KAIRN__RESPONSE_HEAD__BODY_DELETE_RECORDS;
    head->delete_records = body;
}

/* The partition that a request names by topic and number, NULL: there is none. */
static struct fake_partition *named(struct fake *fake, const Kairn__TopicPartition *name)
{
    struct fake_topic *topic = fake_topic_by_name(fake, name->topic);

    return topic != NULL && (int)name->partition < topic->partition_count
               ? &topic->partitions[name->partition]
               : NULL;
}

/* Preferred is the first broker, for every partition. */
static void elect_leaders(struct fake *fake, const Kairn__ElectLeadersRequest *question,
                          Kairn__ResponseHead *head)
{
    struct arena *arena = &fake->arena;
    Kairn__ElectLeadersResponse *body = arena_alloc(arena, sizeof *body);

    kairn__elect_leaders_response__init(body);
    body->results = arena_calloc(arena, question->n_partitions + 1, sizeof *body->results);
    for (size_t i = 0; i < question->n_partitions; i++) {
        struct fake_partition *partition = named(fake, question->partitions[i]);
        Kairn__ElectLeadersResult *result = arena_alloc(arena, sizeof *result);
        int code = partition == NULL        ? K_UNKNOWN_TOPIC_OR_PARTITION
                   : partition->leader == 0 ? K_ELECTION_NOT_NEEDED
                                            : 0;
        kairn__elect_leaders_result__init(result);
        result->partition = question->partitions[i];
        result->error = code != 0 ? head_error(arena, code, NULL) : NULL;
        if (code == 0) {
            partition->leader = 0;
            partition->epoch++;
            fake->sequence++;
        }
        body->results[body->n_results++] = result;
    }
    head->body_case = KAIRN__RESPONSE_HEAD__BODY_ELECT_LEADERS;
    head->elect_leaders = body;
}

/* The last one stays under way for ever; without one nothing can be cancelled. */
static void alter_reassignments(struct fake *fake, const Kairn__AlterReassignmentsRequest *question,
                                Kairn__ResponseHead *head)
{
    struct arena *arena = &fake->arena;
    Kairn__AlterReassignmentsResponse *body = arena_alloc(arena, sizeof *body);

    kairn__alter_reassignments_response__init(body);
    body->results = arena_calloc(arena, question->n_partitions + 1, sizeof *body->results);
    for (size_t i = 0; i < question->n_partitions; i++) {
        const Kairn__Reassignment *wish = question->partitions[i];
        Kairn__AlterReassignmentsResult *result = arena_alloc(arena, sizeof *result);
        int code = named(fake, wish->partition) == NULL ? K_UNKNOWN_TOPIC_OR_PARTITION
                   : wish->cancel && fake->reassigned_to == 0
                       ? K_NO_REASSIGNMENT_IN_PROGRESS
                       : 0;
        kairn__alter_reassignments_result__init(result);
        result->partition = wish->partition;
        result->error = code != 0 ? head_error(arena, code, NULL) : NULL;
        if (code == 0)
            fake->reassigned_to = wish->cancel ? 0 : wish->replicas[wish->n_replicas - 1];
        body->results[body->n_results++] = result;
    }
    head->body_case = KAIRN__RESPONSE_HEAD__BODY_ALTER_REASSIGNMENTS;
    head->alter_reassignments = body;
}

static void list_reassignments(struct fake *fake, Kairn__ResponseHead *head)
{
    struct arena *arena = &fake->arena;
    Kairn__ListReassignmentsResponse *body = arena_alloc(arena, sizeof *body);

    kairn__list_reassignments_response__init(body);
    if (fake->reassigned_to != 0) {
        const int32_t replicas[] = { 1, fake->reassigned_to };
        Kairn__OngoingReassignment *row = arena_alloc(arena, sizeof *row);
        kairn__ongoing_reassignment__init(row);
        row->partition = arena_alloc(arena, sizeof *row->partition);
        kairn__topic_partition__init(row->partition);
        row->partition->topic = (char *)"orders";
        row->replicas = arena_copy(arena, replicas, sizeof replicas);
        row->n_replicas = 2;
        row->adding = row->replicas + 1;
        row->n_adding = 1;
        row->removing = row->replicas;
        row->n_removing = 1;
        body->partitions = arena_copy(arena, &row, sizeof row);
        body->n_partitions = 1;
    }
    head->body_case = KAIRN__RESPONSE_HEAD__BODY_LIST_REASSIGNMENTS;
    head->list_reassignments = body;
}

bool fake_alter(struct fake_broker *broker, const Kairn__RequestHead *request,
                Kairn__ResponseHead *head)
{
    switch (request->body_case) {
    case KAIRN__REQUEST_HEAD__BODY_CREATE_PARTITIONS:
        create_partitions(broker->fake, request->create_partitions, head);
        return true;
    case KAIRN__REQUEST_HEAD__BODY_ALTER_CONFIGS:
        alter_configs(broker->fake, request->alter_configs, head);
        return true;
    case KAIRN__REQUEST_HEAD__BODY_DESCRIBE_CONFIGS:
        describe_configs(broker, request->describe_configs, head);
        return true;
    case KAIRN__REQUEST_HEAD__BODY_DELETE_RECORDS:
        delete_records(broker, request->delete_records->partitions[0], head);
        return true;
    case KAIRN__REQUEST_HEAD__BODY_ELECT_LEADERS:
        elect_leaders(broker->fake, request->elect_leaders, head);
        return true;
    case KAIRN__REQUEST_HEAD__BODY_ALTER_REASSIGNMENTS:
        alter_reassignments(broker->fake, request->alter_reassignments, head);
        return true;
    case KAIRN__REQUEST_HEAD__BODY_LIST_REASSIGNMENTS:
        list_reassignments(broker->fake, head);
        return true;
    default:
        return false;
    }
}
