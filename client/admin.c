#include <stdlib.h>
#include <string.h>

#include "client/admin_internal.h"
#include "client/ask.h"
#include "client/config.h"
#include "client/describe.h"
#include "client/error.h"
#include "client/handle.h"
#include "common/error.h"

struct klient_settings {
    Kairn__ResponseHead *head;          /* owned */
    const Kairn__ConfigResult *result;
};

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

/* --- results ---------------------------------------------------------------------------------- */

int admin_judge(Kairn__TopicResult *const *rows, size_t count)
{
    int code = 0;

    for (size_t i = 0; i < count; i++) {
        code = head_error_code(rows[i]->error);
        if (code != K_NOT_CONTROLLER && code != K_BROKER_NOT_AVAILABLE)
            return 0;
    }
    return code;
}

static int judge_created(const Kairn__ResponseHead *head)
{
    return admin_judge(head->create_topics->results, head->create_topics->n_results);
}

static int judge_deleted(const Kairn__ResponseHead *head)
{
    return admin_judge(head->delete_topics->results, head->delete_topics->n_results);
}

static klient_code_t first_failure(Kairn__TopicResult *const *rows, size_t count,
                                   const int32_t *numbers, klient_error_t **error)
{
    for (size_t i = 0; i < count; i++) {
        const Kairn__Error *why = rows[i]->error;
        if (head_error_code(why) == 0)
            continue;
        const char *text = why->message[0] != '\0' ? why->message : k_error_text(why->code);
        return numbers == NULL ? fail(error, why->code, "%s: %s", rows[i]->name, text)
                               : fail(error, why->code, "%s-%d: %s", rows[i]->name,
                                      (int)numbers[i], text);
    }
    return KLIENT_OK;
}

klient_code_t admin_take_partitions(Kairn__ResponseHead *head, Kairn__TopicResult **rows,
                                    size_t count, size_t expected, void *made,
                                    const int32_t *numbers, klient_results_t **out,
                                    klient_error_t **error)
{
    if (count != expected) {
        kairn__response_head__free_unpacked(head, NULL);
        free(made);
        return fail(error, K_MALFORMED, NULL);
    }
    klient_code_t code = first_failure(rows, count, numbers, error);
    klient_results_t *results = out == NULL ? NULL : calloc(1, sizeof *results);
    if (results == NULL) {
        kairn__response_head__free_unpacked(head, NULL);
        free(made);
    } else {
        *results = (klient_results_t){ .head = head, .rows = rows, .count = count, .made = made,
                                       .numbers = numbers };
        *out = results;
    }
    return code;
}

klient_code_t admin_take(Kairn__ResponseHead *head, Kairn__TopicResult **rows, size_t count,
                         size_t expected, void *made, klient_results_t **out,
                         klient_error_t **error)
{
    return admin_take_partitions(head, rows, count, expected, made, NULL, out, error);
}

size_t klient_results_count(const klient_results_t *results)
{
    return results->count;
}

const char *klient_results_name(const klient_results_t *results, size_t index)
{
    return index < results->count ? results->rows[index]->name : NULL;
}

klient_code_t klient_results_code(const klient_results_t *results, size_t index)
{
    return index < results->count ? (klient_code_t)head_error_code(results->rows[index]->error)
                                  : KLIENT_INVALID_ARGUMENT;
}

const char *klient_results_text(const klient_results_t *results, size_t index)
{
    klient_code_t code = klient_results_code(results, index);

    if (code == KLIENT_OK || index >= results->count)
        return k_error_text(code);
    const char *message = results->rows[index]->error->message;
    return message[0] != '\0' ? message : k_error_text(code);
}

int32_t klient_results_partition(const klient_results_t *results, size_t index)
{
    return index < results->count && results->numbers != NULL ? results->numbers[index] : -1;
}

int32_t klient_results_partitions(const klient_results_t *results, size_t index)
{
    return index < results->count ? (int32_t)results->rows[index]->partitions : -1;
}

int32_t klient_results_replication_factor(const klient_results_t *results, size_t index)
{
    return index < results->count ? (int32_t)results->rows[index]->replication_factor : -1;
}

void klient_results_free(klient_results_t *results)
{
    if (results == NULL)
        return;
    kairn__response_head__free_unpacked(results->head, NULL);
    free(results->made);
    free(results);
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

klient_code_t klient_admin_create_topics(klient_admin_t *admin,
                                         const klient_new_topic_t *const *topics, size_t count,
                                         int validate_only, int64_t timeout_ms,
                                         klient_results_t **results, klient_error_t **error)
{
    Kairn__ResponseHead *head;
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
    klient_code_t outcome = ask_wait(ask, timeout_ms, &head, error);
    if (outcome != KLIENT_OK)
        return outcome;
    return admin_take(head, head->create_topics->results, head->create_topics->n_results, count,
                      NULL, results, error);
}

klient_code_t klient_admin_delete_topics(klient_admin_t *admin, const char *const *names,
                                         size_t count, int64_t timeout_ms,
                                         klient_results_t **results, klient_error_t **error)
{
    Kairn__ResponseHead *head;
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
    klient_code_t outcome = ask_wait(ask, timeout_ms, &head, error);
    if (outcome != KLIENT_OK)
        return outcome;
    return admin_take(head, head->delete_topics->results, head->delete_topics->n_results, count,
                      NULL, results, error);
}

klient_code_t klient_admin_describe_cluster(klient_admin_t *admin, int64_t timeout_ms,
                                            klient_metadata_t **out, klient_error_t **error)
{
    int code = admin_check(admin);
    if (code != 0 || out == NULL)
        return fail(error, code != 0 ? code : K_INVALID_ARGUMENT, NULL);
    return describe(admin->klient, NULL, 0, false, false, timeout_ms, out, error);
}

klient_code_t klient_admin_list_topics(klient_admin_t *admin, int64_t timeout_ms,
                                       klient_metadata_t **out, klient_error_t **error)
{
    int code = admin_check(admin);
    if (code != 0 || out == NULL)
        return fail(error, code != 0 ? code : K_INVALID_ARGUMENT, NULL);
    return describe(admin->klient, NULL, 0, true, false, timeout_ms, out, error);
}

klient_code_t klient_admin_describe_topics(klient_admin_t *admin, const char *const *names,
                                           size_t count, int64_t timeout_ms,
                                           klient_metadata_t **out, klient_error_t **error)
{
    int code = admin_check(admin);
    if (code != 0 || out == NULL || names == NULL || count == 0)
        return fail(error, code != 0 ? code : K_INVALID_ARGUMENT, NULL);
    return describe(admin->klient, names, count, false, true, timeout_ms, out, error);
}

/* --- settings --------------------------------------------------------------------------------- */

static bool read_broker(const char *name, int32_t *out)
{
    char *end;
    long id = strtol(name, &end, 10);

    *out = (int32_t)id;
    return name[0] >= '0' && name[0] <= '9' && *end == '\0' && id <= INT32_MAX;
}

klient_code_t klient_admin_describe_configs(klient_admin_t *admin, klient_resource_t kind,
                                            const char *name, int64_t timeout_ms,
                                            klient_settings_t **out, klient_error_t **error)
{
    Kairn__ResponseHead *head;
    int32_t broker = -1;
    int code = admin_check(admin);
    if (code == 0 && (name == NULL || out == NULL || kind > KLIENT_RESOURCE_CLUSTER ||
                      (kind == KLIENT_RESOURCE_BROKER && !read_broker(name, &broker))))
        code = K_INVALID_ARGUMENT;
    if (code != 0)
        return fail(error, code, NULL);

    struct ask *ask = ask_new(admin->klient, KAIRN__REQUEST_HEAD__BODY_DESCRIBE_CONFIGS,
                              &kairn__describe_configs_request__descriptor);
    if (ask == NULL)
        return fail(error, K_NOMEM, NULL);
    ask->broker = broker;               /* what stands in its file, it alone knows */
    Kairn__DescribeConfigsRequest *body = ask->body;
    Kairn__ConfigResource *resource = arena_alloc(&ask->arena, sizeof *resource);
    char *copy = arena_strdup(&ask->arena, name);
    if (resource == NULL || copy == NULL) {
        ask_free(ask);
        return fail(error, K_NOMEM, NULL);
    }
    kairn__config_resource__init(resource);
    resource->kind = (Kairn__ConfigResource__Kind)kind;     /* the same numbers */
    resource->name = copy;
    body->resources = arena_copy(&ask->arena, &resource, sizeof resource);
    body->n_resources = 1;
    klient_code_t outcome = ask_wait(ask, timeout_ms, &head, error);
    if (outcome != KLIENT_OK)
        return outcome;

    const Kairn__DescribeConfigsResponse *answer = head->describe_configs;
    const Kairn__Error *why = answer->n_results == 1 ? answer->results[0]->error : NULL;
    klient_settings_t *settings = calloc(1, sizeof *settings);
    if (settings == NULL || answer->n_results != 1)
        outcome = fail(error, settings == NULL ? K_NOMEM : K_MALFORMED, NULL);
    else if (head_error_code(why) != 0)
        outcome = fail(error, why->code, "%s: %s", name,
                       why->message[0] != '\0' ? why->message : k_error_text(why->code));
    if (outcome != KLIENT_OK) {
        free(settings);
        kairn__response_head__free_unpacked(head, NULL);
        return outcome;
    }
    *settings = (klient_settings_t){ .head = head, .result = answer->results[0] };
    *out = settings;
    return KLIENT_OK;
}

size_t klient_settings_count(const klient_settings_t *settings)
{
    return settings->result->n_entries;
}

klient_code_t klient_settings_get(const klient_settings_t *settings, size_t index,
                                  klient_setting_t *out)
{
    if (index >= settings->result->n_entries || out->size < sizeof *out)
        return KLIENT_INVALID_ARGUMENT;
    const Kairn__ConfigEntry *entry = settings->result->entries[index];
    *out = (klient_setting_t){
        .size = out->size,
        .name = entry->name,
        .value = entry->value,
        .source = entry->source,
        .read_only = entry->read_only,
        .secret = entry->sensitive,
        .synonym_count = entry->n_synonyms,
    };
    return KLIENT_OK;
}

klient_code_t klient_settings_synonym(const klient_settings_t *settings, size_t index,
                                      size_t synonym, klient_setting_t *out)
{
    if (index >= settings->result->n_entries || out->size < sizeof *out ||
        synonym >= settings->result->entries[index]->n_synonyms)
        return KLIENT_INVALID_ARGUMENT;
    const Kairn__ConfigSynonym *from = settings->result->entries[index]->synonyms[synonym];
    *out = (klient_setting_t){ .size = out->size, .name = from->name, .value = from->value,
                               .source = from->source };
    return KLIENT_OK;
}

void klient_settings_free(klient_settings_t *settings)
{
    if (settings == NULL)
        return;
    kairn__response_head__free_unpacked(settings->head, NULL);
    free(settings);
}
