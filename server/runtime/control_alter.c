/* control_alter.c - requests to the controller that alter what exists: more partitions, other
 * configuration. Names and values were checked by server/api, of this broker too. */
#include <stdio.h>
#include <string.h>

#include "proto/head.h"
#include "server/runtime/config_values.h"
#include "server/runtime/control_tickets.h"

static bool adds_partitions(const struct control_request *request)
{
    return request->head->body_case == KAIRN__REQUEST_HEAD__BODY_CREATE_PARTITIONS;
}

size_t alter_count(const struct control_request *request)
{
    return adds_partitions(request) ? request->head->create_partitions->n_topics
                                    : request->head->alter_configs->n_resources;
}

static bool prepare_partitions(struct control_request *request)
{
    size_t count = alter_count(request);
    Kairn__CreatePartitionsResponse *body =
        message_new(request->arena, &kairn__create_partitions_response__descriptor);
    Kairn__TopicResult **results =
        messages_new(request->arena, &kairn__topic_result__descriptor, count);

    if (body == NULL || results == NULL)
        return false;
    body->n_results = count;
    body->results = results;
    request->response->body_case = KAIRN__RESPONSE_HEAD__BODY_CREATE_PARTITIONS;
    request->response->create_partitions = body;
    return true;
}

static bool prepare_configs(struct control_request *request)
{
    size_t count = alter_count(request);
    Kairn__AlterConfigsResponse *body =
        message_new(request->arena, &kairn__alter_configs_response__descriptor);
    Kairn__AlteredResult **results =
        messages_new(request->arena, &kairn__altered_result__descriptor, count);

    if (body == NULL || results == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        results[i]->resource = request->head->alter_configs->resources[i]->resource;
    body->n_results = count;
    body->results = results;
    request->response->body_case = KAIRN__RESPONSE_HEAD__BODY_ALTER_CONFIGS;
    request->response->alter_configs = body;
    return true;
}

bool alter_prepare(struct control_request *request)
{
    return adds_partitions(request) ? prepare_partitions(request) : prepare_configs(request);
}

/* --- items ------------------------------------------------------------------------------------ */

static void add_partitions(struct control *control, struct control_request *request, size_t index)
{
    const Kairn__CreatePartitionsRequest *body = request->head->create_partitions;
    const Kairn__MorePartitions *more = body->topics[index];
    const struct waiter waiter = { .request = request, .index = index };
    struct controller_event event = { .type = CONTROLLER_ADD_PARTITIONS };
    struct replica_set *assignment;
    int error = read_assignment(request->arena, more->assignment, more->n_assignment, &assignment);

    request->response->create_partitions->results[index]->name = more->topic;
    if (error != 0) {
        item_answered(&waiter, error, NULL);
        return;
    }
    event.add.ticket = ticket_new(control, &waiter);
    if (event.add.ticket == 0) {
        item_answered(&waiter, K_NOMEM, NULL);
        return;
    }
    event.add.name = more->topic;
    event.add.partitions = more->partitions <= INT32_MAX ? (int32_t)more->partitions : INT32_MAX;
    event.add.assignment = assignment;
    event.add.assignment_count = (int32_t)more->n_assignment;
    event.add.validate_only = body->validate_only;
    drive_controller(control, &event);
}

/* Whose configuration it is; false: there is no such thing. */
static bool name_entity(const Kairn__ConfigResource *resource, struct controller_event *event)
{
    event->alter.kind = ENTITY_BROKER;
    event->alter.name = resource->name;
    switch (resource->kind) {
    case KAIRN__CONFIG_RESOURCE__KIND__TOPIC:
        event->alter.kind = ENTITY_TOPIC;
        return true;
    case KAIRN__CONFIG_RESOURCE__KIND__BROKER:
        return resource->name[0] != '\0' &&
               strspn(resource->name, "0123456789") == strlen(resource->name);
    case KAIRN__CONFIG_RESOURCE__KIND__CLUSTER:
        event->alter.name = CONFIG_DEFAULT_BROKER;
        return true;
    default:
        return false;
    }
}

static void alter_configs(struct control *control, struct control_request *request, size_t index)
{
    const Kairn__AlterConfigsRequest *body = request->head->alter_configs;
    const Kairn__AlteredResource *altered = body->resources[index];
    const struct waiter waiter = { .request = request, .index = index };
    struct controller_event event = { .type = CONTROLLER_ALTER_CONFIG };
    struct controller_alteration *items =
        arena_calloc(request->arena, altered->n_alterations + 1, sizeof *items);

    if (altered->resource == NULL || !name_entity(altered->resource, &event)) {
        item_answered(&waiter, K_INVALID_REQUEST, "no such kind of resource, or no broker id");
        return;
    }
    event.alter.ticket = items == NULL ? 0 : ticket_new(control, &waiter);
    if (event.alter.ticket == 0) {
        item_answered(&waiter, K_NOMEM, NULL);
        return;
    }
    for (size_t i = 0; i < altered->n_alterations; i++) {
        const Kairn__ConfigAlteration *from = altered->alterations[i];
        items[i] = (struct controller_alteration){
            .name = from->name,
            .value = from->unset ? NULL : from->value,
            .unknown = !config_name_known(control->options.broker_options, event.alter.kind,
                                          from->name),
        };
    }
    event.alter.items = items;
    event.alter.count = (int32_t)altered->n_alterations;
    event.alter.validate_only = body->validate_only;
    drive_controller(control, &event);
}

void alter_item(struct control *control, struct control_request *request, size_t index)
{
    if (adds_partitions(request))
        add_partitions(control, request, index);
    else
        alter_configs(control, request, index);
}
