/* admin_settings.c - what a topic, a broker, or all brokers are set to (klient_settings_t). */
#include <stdlib.h>

#include "client/admin_internal.h"
#include "client/ask.h"
#include "client/error.h"
#include "common/error.h"

struct klient_settings {
    Kairn__ResponseHead *head;          /* owned */
    const Kairn__ConfigResult *result;
};

static bool read_broker(const char *name, int32_t *out)
{
    char *end;
    long id = strtol(name, &end, 10);

    *out = (int32_t)id;
    return name[0] >= '0' && name[0] <= '9' && *end == '\0' && id <= INT32_MAX;
}

static klient_code_t make_settings(struct task *task, struct product *out, klient_error_t **error)
{
    const Kairn__DescribeConfigsRequest *asked = ask_body(task);
    Kairn__ResponseHead *head;
    klient_code_t outcome = ask_unpack(task, &head, error);

    if (outcome != KLIENT_OK)
        return outcome;
    const Kairn__DescribeConfigsResponse *answer = head->describe_configs;
    const Kairn__Error *why = answer->n_results == 1 ? answer->results[0]->error : NULL;
    klient_settings_t *settings = calloc(1, sizeof *settings);
    if (settings == NULL || answer->n_results != 1)
        outcome = fail(error, settings == NULL ? K_NOMEM : K_MALFORMED, NULL);
    else if (head_error_code(why) != 0)
        outcome = fail(error, why->code, "%s: %s", asked->resources[0]->name,
                       why->message[0] != '\0' ? why->message : k_error_text(why->code));
    if (outcome != KLIENT_OK) {
        free(settings);
        kairn__response_head__free_unpacked(head, NULL);
        return outcome;
    }
    *settings = (klient_settings_t){ .head = head, .result = answer->results[0] };
    *out = (struct product){ PRODUCT_SETTINGS, settings };
    return KLIENT_OK;
}

static klient_code_t begin(struct call *call, klient_admin_t *admin, klient_resource_t kind,
                           const char *name, int64_t timeout_ms, klient_error_t **error)
{
    int32_t broker = -1;
    int code = admin_check(admin);

    if (code == 0 && (name == NULL || kind > KLIENT_RESOURCE_CLUSTER ||
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
    body->resources = arena_copy(&ask->arena, &resource, sizeof resource);
    if (resource == NULL || copy == NULL || body->resources == NULL) {
        ask_free(ask);
        return fail(error, K_NOMEM, NULL);
    }
    kairn__config_resource__init(resource);
    resource->kind = (Kairn__ConfigResource__Kind)kind;     /* the same numbers */
    resource->name = copy;
    body->n_resources = 1;
    ask_call(ask, timeout_ms, make_settings, call);
    return KLIENT_OK;
}

klient_code_t klient_admin_describe_configs(klient_admin_t *admin, klient_resource_t kind,
                                            const char *name, int64_t timeout_ms,
                                            klient_settings_t **out, klient_error_t **error)
{
    struct call call;
    void *made;

    if (out == NULL)
        return fail(error, K_INVALID_ARGUMENT, NULL);
    klient_code_t code = begin(&call, admin, kind, name, timeout_ms, error);
    if (code == KLIENT_OK)
        code = call_wait(&call, &made, error);
    if (code == KLIENT_OK)
        *out = made;
    return code;
}

klient_code_t klient_admin_describe_configs_async(klient_admin_t *admin, klient_resource_t kind,
                                                  const char *name, int64_t timeout_ms,
                                                  klient_queue_t *queue, void *opaque,
                                                  klient_error_t **error)
{
    struct call call;
    klient_code_t code = begin(&call, admin, kind, name, timeout_ms, error);

    return code != KLIENT_OK ? code : call_post(&call, queue, opaque, error);
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
