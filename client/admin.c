#include <stdlib.h>
#include <string.h>

#include "client/admin_internal.h"
#include "client/ask.h"
#include "client/config.h"
#include "client/describe.h"
#include "client/error.h"
#include "client/handle.h"
#include "common/error.h"

klient_admin_t *klient_admin_open(klient_t *klient, klient_error_t **error)
{
    if (klient == NULL || handle_forked(klient)) {
        fail(error, klient == NULL ? K_INVALID_ARGUMENT : K_FORKED, NULL);
        return NULL;
    }
    klient_admin_t *admin = calloc(1, sizeof *admin);
    if (admin == NULL) {
        fail(error, K_NOMEM, NULL);
        return NULL;
    }
    admin->klient = handle_ref(klient);
    return admin;
}

klient_admin_t *klient_admin_new(const klient_config_t *config, klient_error_t **error)
{
    if (config != NULL && config_suits(config, USE_ADMIN, error) != 0)
        return NULL;
    klient_t *klient = klient_new(config, error);
    if (klient == NULL)
        return NULL;
    klient_admin_t *admin = klient_admin_open(klient, error);
    klient_free(klient);
    return admin;
}

void klient_admin_close(klient_admin_t *admin)
{
    if (admin == NULL)
        return;
    handle_unref(admin->klient);
    free(admin);
}

void klient_new_topic_init(klient_new_topic_t *topic)
{
    *topic = (klient_new_topic_t){ .size = sizeof *topic, .partitions = -1,
                                   .replication_factor = -1 };
}

int admin_check(const klient_admin_t *admin)
{
    if (admin == NULL)
        return K_INVALID_ARGUMENT;
    return handle_check(admin->klient);
}

int admin_check_partitions(const klient_admin_t *admin,
                           const klient_topic_partition_t *partitions, size_t count)
{
    int code = admin_check(admin);

    if (code == 0 && (partitions == NULL || count == 0))
        code = K_INVALID_ARGUMENT;
    for (size_t i = 0; code == 0 && i < count; i++)
        if (partitions[i].topic == NULL || partitions[i].partition < 0)
            code = K_INVALID_ARGUMENT;
    return code;
}

/* --- create ----------------------------------------------------------------------------------- */

static int judge_created(const Kairn__ResponseHead *head)
{
    return admin_judge(head->create_topics->results, head->create_topics->n_results);
}

/* --- topics ----------------------------------------------------------------------------------- */

static int build_configs(struct arena *arena, const klient_new_topic_t *from, Kairn__NewTopic *to)
{
    to->configs = arena_calloc(arena, from->config_count + 1, sizeof *to->configs);
    for (size_t i = 0; to->configs != NULL && i < from->config_count; i++) {
        Kairn__ConfigEntry *entry = arena_alloc(arena, sizeof *entry);
        if (entry == NULL)
            return K_NOMEM;
        kairn__config_entry__init(entry);
        entry->name = arena_strdup(arena, from->config_names[i]);
        entry->value = arena_strdup(arena, from->config_values[i]);
        if (entry->name == NULL || entry->value == NULL)
            return K_NOMEM;
        to->configs[to->n_configs++] = entry;
    }
    return to->configs == NULL ? K_NOMEM : 0;
}

int admin_assignment(struct arena *arena, const int32_t *ids, int32_t rows, int32_t width,
                     Kairn__ReplicaList ***out)
{
    if (rows < 1 || width < 1)
        return K_INVALID_REPLICA_ASSIGNMENT;
    Kairn__ReplicaList **lists = arena_calloc(arena, (size_t)rows, sizeof *lists);
    if (lists == NULL)
        return K_NOMEM;
    for (int32_t i = 0; i < rows; i++) {
        Kairn__ReplicaList *list = arena_alloc(arena, sizeof *list);
        if (list == NULL)
            return K_NOMEM;
        kairn__replica_list__init(list);
        list->brokers = arena_copy(arena, ids + (size_t)i * (size_t)width,
                                   (size_t)width * sizeof(int32_t));
        if (list->brokers == NULL)
            return K_NOMEM;
        list->n_brokers = (size_t)width;
        lists[i] = list;
    }
    *out = lists;
    return 0;
}

static int build_assignment(struct arena *arena, const klient_new_topic_t *from,
                            Kairn__NewTopic *to)
{
    if (from->assignment == NULL)
        return 0;
    int code = admin_assignment(arena, from->assignment, from->partitions,
                                from->replication_factor, &to->assignment);
    to->n_assignment = code == 0 ? (size_t)from->partitions : 0;
    return code;
}

static int build_topic(struct arena *arena, const klient_new_topic_t *from, Kairn__NewTopic **out)
{
    Kairn__NewTopic *to = arena_alloc(arena, sizeof *to);

    if (from == NULL || from->size < sizeof *from || from->name == NULL)
        return K_INVALID_ARGUMENT;
    if (to == NULL)
        return K_NOMEM;
    kairn__new_topic__init(to);
    to->name = arena_strdup(arena, from->name);
    to->partitions = from->partitions;
    to->replication_factor = from->replication_factor;
    int code = to->name == NULL ? K_NOMEM : build_configs(arena, from, to);
    if (code == 0)
        code = build_assignment(arena, from, to);
    *out = to;
    return code;
}

static klient_code_t make_created(struct task *task, struct product *out, klient_error_t **error)
{
    const Kairn__CreateTopicsRequest *asked = ask_body(task);
    Kairn__ResponseHead *head;
    klient_code_t code = ask_unpack(task, &head, error);

    if (code != KLIENT_OK)
        return code;
    return admin_take(head, head->create_topics->results, head->create_topics->n_results,
                      asked->n_topics, NULL, out, error);
}

static klient_code_t begin_create(struct call *call, klient_admin_t *admin,
                                  const klient_new_topic_t *const *topics, size_t count,
                                  int validate_only, int64_t timeout_ms, klient_error_t **error)
{
    int code = admin_check(admin);
    if (code != 0 || topics == NULL || count == 0)
        return fail(error, code != 0 ? code : K_INVALID_ARGUMENT, NULL);

    struct ask *ask = ask_new(admin->klient, KAIRN__REQUEST_HEAD__BODY_CREATE_TOPICS,
                              &kairn__create_topics_request__descriptor);
    if (ask == NULL)
        return fail(error, K_NOMEM, NULL);
    Kairn__CreateTopicsRequest *body = ask->body;
    Kairn__NewTopic **rows = arena_calloc(&ask->arena, count, sizeof *rows);
    code = rows == NULL ? K_NOMEM : 0;
    for (size_t i = 0; code == 0 && i < count; i++)
        code = build_topic(&ask->arena, topics[i], &rows[i]);
    if (code != 0) {
        ask_free(ask);
        return fail(error, code, NULL);
    }
    body->topics = rows;
    body->n_topics = count;
    body->validate_only = validate_only != 0;
    ask->once = true;
    ask->judge = judge_created;
    ask_call(ask, timeout_ms, make_created, call);
    return KLIENT_OK;
}

klient_code_t klient_admin_create_topics(klient_admin_t *admin,
                                         const klient_new_topic_t *const *topics, size_t count,
                                         int validate_only, int64_t timeout_ms,
                                         klient_results_t **results, klient_error_t **error)
{
    struct call call;
    klient_code_t code =
        begin_create(&call, admin, topics, count, validate_only, timeout_ms, error);

    return code != KLIENT_OK ? code : admin_wait_results(&call, results, error);
}

klient_code_t klient_admin_create_topics_async(klient_admin_t *admin,
                                               const klient_new_topic_t *const *topics,
                                               size_t count, int validate_only,
                                               int64_t timeout_ms, klient_queue_t *queue,
                                               void *opaque, klient_error_t **error)
{
    struct call call;
    klient_code_t code =
        begin_create(&call, admin, topics, count, validate_only, timeout_ms, error);

    return code != KLIENT_OK ? code : call_post(&call, queue, opaque, error);
}

/* --- delete ----------------------------------------------------------------------------------- */

static int judge_deleted(const Kairn__ResponseHead *head)
{
    return admin_judge(head->delete_topics->results, head->delete_topics->n_results);
}

static klient_code_t make_deleted(struct task *task, struct product *out, klient_error_t **error)
{
    const Kairn__DeleteTopicsRequest *asked = ask_body(task);
    Kairn__ResponseHead *head;
    klient_code_t code = ask_unpack(task, &head, error);

    if (code != KLIENT_OK)
        return code;
    return admin_take(head, head->delete_topics->results, head->delete_topics->n_results,
                      asked->n_topics, NULL, out, error);
}

static klient_code_t begin_delete(struct call *call, klient_admin_t *admin,
                                  const char *const *names, size_t count, int64_t timeout_ms,
                                  klient_error_t **error)
{
    int code = admin_check(admin);
    if (code != 0 || names == NULL || count == 0)
        return fail(error, code != 0 ? code : K_INVALID_ARGUMENT, NULL);

    struct ask *ask = ask_new(admin->klient, KAIRN__REQUEST_HEAD__BODY_DELETE_TOPICS,
                              &kairn__delete_topics_request__descriptor);
    if (ask == NULL)
        return fail(error, K_NOMEM, NULL);
    Kairn__DeleteTopicsRequest *body = ask->body;
    char **topics = arena_calloc(&ask->arena, count, sizeof *topics);
    code = topics == NULL ? K_NOMEM : 0;
    for (size_t i = 0; code == 0 && i < count; i++) {
        topics[i] = names[i] == NULL ? NULL : arena_strdup(&ask->arena, names[i]);
        code = topics[i] == NULL ? K_NOMEM : 0;
    }
    if (code != 0) {
        ask_free(ask);
        return fail(error, code, NULL);
    }
    body->topics = topics;
    body->n_topics = count;
    ask->once = true;
    ask->judge = judge_deleted;
    ask_call(ask, timeout_ms, make_deleted, call);
    return KLIENT_OK;
}

klient_code_t klient_admin_delete_topics(klient_admin_t *admin, const char *const *names,
                                         size_t count, int64_t timeout_ms,
                                         klient_results_t **results, klient_error_t **error)
{
    struct call call;
    klient_code_t code = begin_delete(&call, admin, names, count, timeout_ms, error);

    return code != KLIENT_OK ? code : admin_wait_results(&call, results, error);
}

klient_code_t klient_admin_delete_topics_async(klient_admin_t *admin, const char *const *names,
                                               size_t count, int64_t timeout_ms,
                                               klient_queue_t *queue, void *opaque,
                                               klient_error_t **error)
{
    struct call call;
    klient_code_t code = begin_delete(&call, admin, names, count, timeout_ms, error);

    return code != KLIENT_OK ? code : call_post(&call, queue, opaque, error);
}

/* --- describe --------------------------------------------------------------------------------- */

static klient_code_t begin_describe(struct call *call, klient_admin_t *admin,
                                    const char *const *names, size_t count,
                                    enum describe_what what, int64_t timeout_ms,
                                    klient_error_t **error)
{
    int code = admin_check(admin);

    if (code == 0 && what == DESCRIBE_NAMED && (names == NULL || count == 0))
        code = K_INVALID_ARGUMENT;
    return code != 0 ? fail(error, code, NULL)
                     : describe(admin->klient, names, count, what, timeout_ms, call, error);
}

static klient_code_t wait_for_picture(klient_admin_t *admin, const char *const *names,
                                      size_t count, enum describe_what what, int64_t timeout_ms,
                                      klient_metadata_t **out, klient_error_t **error)
{
    struct call call;

    if (out == NULL)
        return fail(error, K_INVALID_ARGUMENT, NULL);
    klient_code_t code = begin_describe(&call, admin, names, count, what, timeout_ms, error);
    return code != KLIENT_OK ? code : describe_wait(&call, out, error);
}

static klient_code_t post_picture(klient_admin_t *admin, const char *const *names, size_t count,
                                  enum describe_what what, int64_t timeout_ms,
                                  klient_queue_t *queue, void *opaque, klient_error_t **error)
{
    struct call call;
    klient_code_t code = begin_describe(&call, admin, names, count, what, timeout_ms, error);

    return code != KLIENT_OK ? code : call_post(&call, queue, opaque, error);
}

klient_code_t klient_admin_describe_cluster(klient_admin_t *admin, int64_t timeout_ms,
                                            klient_metadata_t **out, klient_error_t **error)
{
    return wait_for_picture(admin, NULL, 0, DESCRIBE_CLUSTER, timeout_ms, out, error);
}

klient_code_t klient_admin_describe_cluster_async(klient_admin_t *admin, int64_t timeout_ms,
                                                  klient_queue_t *queue, void *opaque,
                                                  klient_error_t **error)
{
    return post_picture(admin, NULL, 0, DESCRIBE_CLUSTER, timeout_ms, queue, opaque, error);
}

klient_code_t klient_admin_list_topics(klient_admin_t *admin, int64_t timeout_ms,
                                       klient_metadata_t **out, klient_error_t **error)
{
    return wait_for_picture(admin, NULL, 0, DESCRIBE_ALL, timeout_ms, out, error);
}

klient_code_t klient_admin_list_topics_async(klient_admin_t *admin, int64_t timeout_ms,
                                             klient_queue_t *queue, void *opaque,
                                             klient_error_t **error)
{
    return post_picture(admin, NULL, 0, DESCRIBE_ALL, timeout_ms, queue, opaque, error);
}

klient_code_t klient_admin_describe_topics(klient_admin_t *admin, const char *const *names,
                                           size_t count, int64_t timeout_ms,
                                           klient_metadata_t **out, klient_error_t **error)
{
    return wait_for_picture(admin, names, count, DESCRIBE_NAMED, timeout_ms, out, error);
}

klient_code_t klient_admin_describe_topics_async(klient_admin_t *admin, const char *const *names,
                                                 size_t count, int64_t timeout_ms,
                                                 klient_queue_t *queue, void *opaque,
                                                 klient_error_t **error)
{
    return post_picture(admin, names, count, DESCRIBE_NAMED, timeout_ms, queue, opaque, error);
}
