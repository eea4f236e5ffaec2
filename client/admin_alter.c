/* admin_alter.c - altering what exists: more partitions, other configuration. */
#include <stdlib.h>
#include <string.h>

#include "client/admin_internal.h"
#include "client/ask.h"
#include "client/error.h"
#include "common/error.h"

/* --- more partitions -------------------------------------------------------------------------- */

void klient_more_partitions_init(klient_more_partitions_t *more)
{
    *more = (klient_more_partitions_t){ .size = sizeof *more };
}

static int judge_partitions(const Kairn__ResponseHead *head)
{
    return admin_judge(head->create_partitions->results, head->create_partitions->n_results);
}

static int build_more(struct arena *arena, const klient_more_partitions_t *from,
                      Kairn__MorePartitions **out)
{
    Kairn__MorePartitions *to = arena_alloc(arena, sizeof *to);

    if (from == NULL || from->size < sizeof *from || from->topic == NULL || from->partitions < 1)
        return K_INVALID_ARGUMENT;
    if (to == NULL)
        return K_NOMEM;
    kairn__more_partitions__init(to);
    to->topic = arena_strdup(arena, from->topic);
    to->partitions = (uint32_t)from->partitions;
    int code = to->topic == NULL ? K_NOMEM : 0;
    if (code == 0 && from->assignment != NULL) {
        code = admin_assignment(arena, from->assignment, from->assignment_count,
                                from->replication_factor, &to->assignment);
        to->n_assignment = code == 0 ? (size_t)from->assignment_count : 0;
    }
    *out = to;
    return code;
}

static klient_code_t make_partitions(struct task *task, struct product *out,
                                     klient_error_t **error)
{
    const Kairn__CreatePartitionsRequest *asked = ask_body(task);
    Kairn__ResponseHead *head;
    klient_code_t code = ask_unpack(task, &head, error);

    if (code != KLIENT_OK)
        return code;
    return admin_take(head, head->create_partitions->results, head->create_partitions->n_results,
                      asked->n_topics, NULL, out, error);
}

static klient_code_t begin_partitions(struct call *call, klient_admin_t *admin,
                                      const klient_more_partitions_t *const *more, size_t count,
                                      int validate_only, int64_t timeout_ms,
                                      klient_error_t **error)
{
    int code = admin_check(admin);
    if (code != 0 || more == NULL || count == 0)
        return fail(error, code != 0 ? code : K_INVALID_ARGUMENT, NULL);

    struct ask *ask = ask_new(admin->klient, KAIRN__REQUEST_HEAD__BODY_CREATE_PARTITIONS,
                              &kairn__create_partitions_request__descriptor);
    if (ask == NULL)
        return fail(error, K_NOMEM, NULL);
    Kairn__CreatePartitionsRequest *body = ask->body;
    Kairn__MorePartitions **rows = arena_calloc(&ask->arena, count, sizeof *rows);
    code = rows == NULL ? K_NOMEM : 0;
    for (size_t i = 0; code == 0 && i < count; i++)
        code = build_more(&ask->arena, more[i], &rows[i]);
    if (code != 0) {
        ask_free(ask);
        return fail(error, code, NULL);
    }
    body->topics = rows;
    body->n_topics = count;
    body->validate_only = validate_only != 0;
    ask->once = true;
    ask->judge = judge_partitions;
    ask_call(ask, timeout_ms, make_partitions, call);
    return KLIENT_OK;
}

klient_code_t klient_admin_create_partitions(klient_admin_t *admin,
                                             const klient_more_partitions_t *const *more,
                                             size_t count, int validate_only, int64_t timeout_ms,
                                             klient_results_t **results, klient_error_t **error)
{
    struct call call;
    klient_code_t code =
        begin_partitions(&call, admin, more, count, validate_only, timeout_ms, error);

    return code != KLIENT_OK ? code : admin_wait_results(&call, results, error);
}

klient_code_t klient_admin_create_partitions_async(klient_admin_t *admin,
                                                   const klient_more_partitions_t *const *more,
                                                   size_t count, int validate_only,
                                                   int64_t timeout_ms, klient_queue_t *queue,
                                                   void *opaque, klient_error_t **error)
{
    struct call call;
    klient_code_t code =
        begin_partitions(&call, admin, more, count, validate_only, timeout_ms, error);

    return code != KLIENT_OK ? code : call_post(&call, queue, opaque, error);
}

/* --- configurations --------------------------------------------------------------------------- */

/* As admin_judge(), for results that are not of topics. */
static int judge_altered(const Kairn__ResponseHead *head)
{
    const Kairn__AlterConfigsResponse *body = head->alter_configs;
    int code = 0;

    for (size_t i = 0; i < body->n_results; i++) {
        code = head_error_code(body->results[i]->error);
        if (code != K_NOT_CONTROLLER)
            return 0;
    }
    return code;
}

static int build_alteration(struct arena *arena, const klient_alteration_t *from,
                            Kairn__AlteredResource **out)
{
    Kairn__AlteredResource *to = arena_alloc(arena, sizeof *to);
    Kairn__ConfigResource *resource = arena_alloc(arena, sizeof *resource);

    if (from == NULL || from->size < sizeof *from || from->name == NULL ||
        from->config_count == 0 || from->kind > KLIENT_RESOURCE_CLUSTER)
        return K_INVALID_ARGUMENT;
    if (to == NULL || resource == NULL)
        return K_NOMEM;
    kairn__altered_resource__init(to);
    kairn__config_resource__init(resource);
    resource->kind = (Kairn__ConfigResource__Kind)from->kind;
    resource->name = arena_strdup(arena, from->name);
    to->resource = resource;
    to->alterations = arena_calloc(arena, from->config_count, sizeof *to->alterations);
    if (resource->name == NULL || to->alterations == NULL)
        return K_NOMEM;
    for (; to->n_alterations < from->config_count; to->n_alterations++) {
        const char *name = from->config_names[to->n_alterations];
        const char *value = from->config_values[to->n_alterations];
        Kairn__ConfigAlteration *item = arena_alloc(arena, sizeof *item);
        if (name == NULL)
            return K_INVALID_ARGUMENT;
        if (item == NULL)
            return K_NOMEM;
        kairn__config_alteration__init(item);
        item->name = arena_strdup(arena, name);
        item->value = arena_strdup(arena, value != NULL ? value : "");
        item->unset = value == NULL;
        if (item->name == NULL || item->value == NULL)
            return K_NOMEM;
        to->alterations[to->n_alterations] = item;
    }
    *out = to;
    return 0;
}

/* Outcomes of an alteration in the form of others: rows of names and errors that are the head's. */
static klient_code_t make_altered(struct task *task, struct product *out, klient_error_t **error)
{
    const Kairn__AlterConfigsRequest *asked = ask_body(task);
    Kairn__ResponseHead *head;
    klient_code_t code = ask_unpack(task, &head, error);

    if (code != KLIENT_OK)
        return code;
    const Kairn__AlterConfigsResponse *body = head->alter_configs;
    size_t count = body->n_results;
    Kairn__TopicResult **rows =
        calloc(1, (count + 1) * (sizeof *rows + sizeof(Kairn__TopicResult)));
    Kairn__TopicResult *items = (Kairn__TopicResult *)(rows + count + 1);

    if (rows == NULL) {
        kairn__response_head__free_unpacked(head, NULL);
        return fail(error, K_NOMEM, NULL);
    }
    for (size_t i = 0; i < count; i++) {
        const Kairn__ConfigResource *resource = body->results[i]->resource;
        kairn__topic_result__init(&items[i]);
        if (resource != NULL)
            items[i].name = resource->name;
        items[i].error = body->results[i]->error;
        rows[i] = &items[i];
    }
    return admin_take(head, rows, count, asked->n_resources, rows, out, error);
}

static klient_code_t begin_alter(struct call *call, klient_admin_t *admin,
                                 const klient_alteration_t *const *alterations, size_t count,
                                 int validate_only, int64_t timeout_ms, klient_error_t **error)
{
    int code = admin_check(admin);
    if (code != 0 || alterations == NULL || count == 0)
        return fail(error, code != 0 ? code : K_INVALID_ARGUMENT, NULL);

    struct ask *ask = ask_new(admin->klient, KAIRN__REQUEST_HEAD__BODY_ALTER_CONFIGS,
                              &kairn__alter_configs_request__descriptor);
    if (ask == NULL)
        return fail(error, K_NOMEM, NULL);
    Kairn__AlterConfigsRequest *body = ask->body;
    Kairn__AlteredResource **rows = arena_calloc(&ask->arena, count, sizeof *rows);
    code = rows == NULL ? K_NOMEM : 0;
    for (size_t i = 0; code == 0 && i < count; i++)
        code = build_alteration(&ask->arena, alterations[i], &rows[i]);
    if (code != 0) {
        ask_free(ask);
        return fail(error, code, NULL);
    }
    body->resources = rows;
    body->n_resources = count;
    body->validate_only = validate_only != 0;
    ask->once = true;
    ask->judge = judge_altered;
    ask_call(ask, timeout_ms, make_altered, call);
    return KLIENT_OK;
}

klient_code_t klient_admin_alter_configs(klient_admin_t *admin,
                                         const klient_alteration_t *const *alterations,
                                         size_t count, int validate_only, int64_t timeout_ms,
                                         klient_results_t **results, klient_error_t **error)
{
    struct call call;
    klient_code_t code =
        begin_alter(&call, admin, alterations, count, validate_only, timeout_ms, error);

    return code != KLIENT_OK ? code : admin_wait_results(&call, results, error);
}

klient_code_t klient_admin_alter_configs_async(klient_admin_t *admin,
                                               const klient_alteration_t *const *alterations,
                                               size_t count, int validate_only,
                                               int64_t timeout_ms, klient_queue_t *queue,
                                               void *opaque, klient_error_t **error)
{
    struct call call;
    klient_code_t code =
        begin_alter(&call, admin, alterations, count, validate_only, timeout_ms, error);

    return code != KLIENT_OK ? code : call_post(&call, queue, opaque, error);
}
