/* AlterConfigs: check names and values, hand what is sound to the controller, answer in the asker's
 * order. Only what is named changes. */
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "server/api/controller.h"
#include "server/api/handlers.h"
#include "server/api/hint.h"
#include "server/runtime/config_values.h"
#include "server/runtime/metadata.h"
#include "server/runtime/shard.h"

struct alteration {
    struct controller_call call;
    Kairn__AlterConfigsRequest forwarded;
    size_t count;
    Kairn__AlteredResult *results;          /* in the order of the request */
    void **pointers;
    size_t *places;                         /* of each forwarded resource among the results */
};

/* --- the answer ------------------------------------------------------------------------------- */

static void answer(struct alteration *alteration)
{
    struct request *request = alteration->call.request;
    Kairn__AlterConfigsResponse *body = arena_alloc(&request->arena, sizeof *body);
    if (body == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    kairn__alter_configs_response__init(body);
    body->n_results = alteration->count;
    body->results = (Kairn__AlteredResult **)alteration->pointers;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_ALTER_CONFIGS;
    request->response.alter_configs = body;
    request_finish(request);
}

static void controller_answered(struct controller_call *call)
{
    struct alteration *alteration = LIST_OWNER(call, struct alteration, call);
    const Kairn__AlterConfigsResponse *body = NULL;
    int code = controller_call_code(call);

    if (code == 0) {
        body = call->response.alter_configs;
        if (call->response.body_case != KAIRN__RESPONSE_HEAD__BODY_ALTER_CONFIGS ||
            body->n_results != alteration->forwarded.n_resources)
            code = K_UNKNOWN_SERVER_ERROR;
    }
    for (size_t i = 0; i < alteration->forwarded.n_resources; i++) {
        size_t place = alteration->places[i];
        alteration->results[place].error =
            code == 0 ? body->results[i]->error
                      : hint_code(call->request, code, controller_call_text(call));
    }
    answer(alteration);
}

/* --- what can be refused here ----------------------------------------------------------------- */

/* A typo in a broker's id would be kept for a broker that never comes. */
static int check_broker(struct request *request, const Kairn__AlteredResource *altered,
                        struct k_reason *reason)
{
    const char *name = altered->resource->name;
    const struct metadata *picture = shard_picture(request->shard);
    char *end;
    long id = strtol(name, &end, 10);
    bool sets = false;

    if (name[0] < '0' || name[0] > '9' || *end != '\0' || id > INT32_MAX)
        return k_reason_set(reason, K_INVALID_REQUEST, "\"%.60s\" is not a broker id", name);
    for (size_t i = 0; i < altered->n_alterations; i++)
        sets |= !altered->alterations[i]->unset;
    if (sets && metadata_broker(picture, (int32_t)id) == NULL)
        return k_reason_set(reason, K_BROKER_NOT_AVAILABLE, "no broker %s is registered", name);
    return authorise_cluster(request->principal, OPERATION_ALTER_CONFIGS);
}

static int check_resource(struct request *request, const Kairn__AlteredResource *altered,
                          struct k_reason *reason)
{
    if (altered->resource == NULL || altered->n_alterations == 0)
        return k_reason_set(reason, K_INVALID_REQUEST, "nothing is to be altered");
    switch (altered->resource->kind) {
    case KAIRN__CONFIG_RESOURCE__KIND__TOPIC:
        return authorise_topic(request->principal, OPERATION_ALTER_CONFIGS,
                               altered->resource->name);
    case KAIRN__CONFIG_RESOURCE__KIND__BROKER:
        return check_broker(request, altered, reason);
    case KAIRN__CONFIG_RESOURCE__KIND__CLUSTER:
        return authorise_cluster(request->principal, OPERATION_ALTER_CONFIGS);
    default:
        return k_reason_set(reason, K_INVALID_REQUEST, "no such kind of resource");
    }
}

/* Values are as they are to be stored afterwards. */
static int take_alterations(struct request *request, const Kairn__AlteredResource *altered,
                            struct k_reason *reason)
{
    enum entity_kind kind = altered->resource->kind == KAIRN__CONFIG_RESOURCE__KIND__TOPIC
                                ? ENTITY_TOPIC
                                : ENTITY_BROKER;

    for (size_t i = 0; i < altered->n_alterations; i++) {
        Kairn__ConfigAlteration *item = altered->alterations[i];
        for (size_t j = 0; j < i; j++) {
            if (strcmp(altered->alterations[j]->name, item->name) == 0)
                return k_reason_set(reason, K_INVALID_REQUEST, "%.100s is given twice: keep one",
                                    item->name);
        }
        /* Whatever stands there can be taken out, also what was never an option. */
        if (item->unset)
            continue;
        const char *stored = NULL;
        int code = config_value_take(&request->arena, request->api->option_table, kind,
                                     item->name, item->value, &stored, reason);
        if (code != 0)
            return code == K_UNKNOWN_NAME ? K_INVALID_CONFIG : code;
        item->value = (char *)stored;
    }
    return 0;
}

/* Memory for all; false: none. */
static bool prepare(struct alteration *alteration, struct request *request)
{
    const Kairn__AlterConfigsRequest *body = request->head->alter_configs;

    alteration->count = body->n_resources;
    alteration->results = request_messages(request, alteration->count, sizeof *alteration->results,
                                           &alteration->pointers);
    alteration->places =
        arena_calloc(&request->arena, alteration->count + 1, sizeof *alteration->places);
    alteration->forwarded = *body;
    alteration->forwarded.n_resources = 0;
    alteration->forwarded.resources = arena_calloc(&request->arena, alteration->count + 1,
                                                   sizeof *alteration->forwarded.resources);
    return alteration->results != NULL && alteration->places != NULL &&
           alteration->forwarded.resources != NULL;
}

void api_alter_configs(struct request *request)
{
    const Kairn__AlterConfigsRequest *body = request->head->alter_configs;
    struct alteration *alteration = arena_calloc(&request->arena, 1, sizeof *alteration);
    if (alteration == NULL || !prepare(alteration, request)) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    controller_call_init(&alteration->call, request, controller_answered);
    alteration->call.head.alter_configs = &alteration->forwarded;

    for (size_t i = 0; i < alteration->count; i++) {
        Kairn__AlteredResource *altered = body->resources[i];
        Kairn__AlteredResult *result = &alteration->results[i];
        struct k_reason reason = { "" };

        kairn__altered_result__init(result);
        result->resource = altered->resource;
        int code = check_resource(request, altered, &reason);
        if (code == 0)
            code = take_alterations(request, altered, &reason);
        if (code != 0) {
            result->error =
                hint_code(request, code, reason.text[0] != '\0' ? reason.text : NULL);
            continue;
        }
        alteration->places[alteration->forwarded.n_resources] = i;
        alteration->forwarded.resources[alteration->forwarded.n_resources++] = altered;
    }
    if (alteration->forwarded.n_resources == 0)
        answer(alteration);
    else
        controller_call_start(&alteration->call);
}
