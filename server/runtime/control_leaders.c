/* control_leaders.c - requests to the controller about leaders and in-sync sets: what leaders
 * propose, what people ask for, brokers that are about to stop. */
#include <string.h>

#include "proto/head.h"
#include "server/runtime/control_tickets.h"

/* --- answers ---------------------------------------------------------------------------------- */

Kairn__Error **leaders_error(const struct waiter *waiter)
{
    const Kairn__ResponseHead *response = waiter->request->response;

    switch (response->body_case) {
    case KAIRN__RESPONSE_HEAD__BODY_UPDATE_ISR:
        return &response->update_isr->verdicts[waiter->index]->error;
    case KAIRN__RESPONSE_HEAD__BODY_ELECT_LEADERS:
        return &response->elect_leaders->results[waiter->index]->error;
    default:
        return NULL;
    }
}

void leaders_answered(const struct waiter *waiter, const struct controller_effect *effect)
{
    const Kairn__ResponseHead *response = waiter->request->response;

    if (response->body_case == KAIRN__RESPONSE_HEAD__BODY_UPDATE_ISR)
        response->update_isr->verdicts[waiter->index]->state_version =
            (uint32_t)effect->answer.version;
}

/* --- in-sync sets ----------------------------------------------------------------------------- */

static int read_members(struct arena *arena, const Kairn__IsrProposal *proposal,
                        struct controller_member **out)
{
    struct controller_member *members =
        arena_calloc(arena, proposal->n_members + 1, sizeof *members);

    if (members == NULL)
        return K_NOMEM;
    if (proposal->n_members > REPLICAS_MAX)
        return K_INVALID_REQUEST;
    for (size_t i = 0; i < proposal->n_members; i++) {
        const Kairn__IsrMember *member = proposal->members[i];
        members[i].id = member->broker;
        if (member->incarnation.len != 0 &&
            head_uuid(member->incarnation, &members[i].incarnation) != 0)
            return K_INVALID_REQUEST;
    }
    *out = members;
    return 0;
}

static void propose(struct control *control, struct control_request *request, size_t index)
{
    const Kairn__UpdateIsrRequest *body = request->head->update_isr;
    const Kairn__IsrProposal *proposal = body->proposals[index];
    const struct waiter waiter = { .request = request, .index = index };
    struct controller_event event = { .type = CONTROLLER_ISR_ASKED };
    struct controller_member *members;
    int error = read_members(request->arena, proposal, &members);

    if (error == 0 && (head_uuid(proposal->topic_id, &event.isr.topic) != 0 ||
                       head_uuid(body->incarnation, &event.isr.incarnation) != 0 ||
                       proposal->partition > INT32_MAX || proposal->state_version > INT32_MAX))
        error = K_INVALID_REQUEST;
    if (error == 0)
        event.isr.ticket = ticket_new(control, &waiter);
    if (error != 0 || event.isr.ticket == 0) {
        item_answered(&waiter, error != 0 ? error : K_NOMEM, NULL);
        return;
    }
    event.isr.broker = body->broker;
    event.isr.partition = (int32_t)proposal->partition;
    event.isr.leader_epoch = proposal->leader_epoch;
    event.isr.version = (int32_t)proposal->state_version;
    event.isr.round = proposal->round;
    event.isr.reign = body->controller_epoch;
    event.isr.flush_on_ack = proposal->flush_on_ack;
    event.isr.members = members;
    event.isr.member_count = (int32_t)proposal->n_members;
    event.isr.more = true;
    drive_controller(control, &event);
}

static bool prepare_verdicts(struct control_request *request, size_t count)
{
    Kairn__UpdateIsrResponse *body =
        message_new(request->arena, &kairn__update_isr_response__descriptor);
    Kairn__IsrVerdict **verdicts =
        messages_new(request->arena, &kairn__isr_verdict__descriptor, count);

    if (body == NULL || verdicts == NULL)
        return false;
    body->n_verdicts = count;
    body->verdicts = verdicts;
    request->response->body_case = KAIRN__RESPONSE_HEAD__BODY_UPDATE_ISR;
    request->response->update_isr = body;
    return true;
}

/* --- leaders ---------------------------------------------------------------------------------- */

/* Would the election make a difference? */
static bool needs_leader(const struct metadata_partition *partition,
                         Kairn__ElectLeadersRequest__Kind kind)
{
    if (kind == KAIRN__ELECT_LEADERS_REQUEST__KIND__UNCLEAN)
        return partition->leader == -1;
    return partition->replica_count > 0 && partition->leader != partition->replicas[0];
}

/* Those of `picture` that need it; `partitions` NULL: only count them. */
static size_t list_needy(struct arena *arena, const struct metadata *picture,
                         Kairn__ElectLeadersRequest__Kind kind, Kairn__TopicPartition **partitions)
{
    size_t count = 0;

    for (size_t t = 0; t < picture->topic_count; t++) {
        const struct metadata_topic *topic = picture->topics[t];
        for (int32_t p = 0; p < topic->partition_count; p++) {
            if (!needs_leader(&topic->partitions[p], kind))
                continue;
            if (partitions != NULL) {
                Kairn__TopicPartition *entry =
                    message_new(arena, &kairn__topic_partition__descriptor);
                char *name = arena_strdup(arena, topic->name);
                if (entry == NULL || name == NULL)
                    return 0;
                entry->topic = name;
                entry->partition = (uint32_t)p;
                partitions[count] = entry;
            }
            count++;
        }
    }
    return count;
}

/* What is asked for: what the request names, or all that need it in this broker's picture, which is
 * the controller's. */
static bool list_elections(struct control *control, struct control_request *request,
                           Kairn__TopicPartition ***out, size_t *count)
{
    const Kairn__ElectLeadersRequest *body = request->head->elect_leaders;

    *out = body->partitions;
    *count = body->n_partitions;
    if (!body->all)
        return true;
    const struct metadata *picture = metadata_get(control->options.cell);
    *count = list_needy(request->arena, picture, body->kind, NULL);
    *out = arena_calloc(request->arena, *count + 1, sizeof **out);
    bool listed =
        *out != NULL && list_needy(request->arena, picture, body->kind, *out) == *count;
    metadata_put(picture);
    return listed;
}

static bool prepare_elections(struct control *control, struct control_request *request,
                              size_t *count)
{
    Kairn__ElectLeadersResponse *body =
        message_new(request->arena, &kairn__elect_leaders_response__descriptor);
    Kairn__TopicPartition **partitions;

    if (body == NULL || !list_elections(control, request, &partitions, count))
        return false;
    Kairn__ElectLeadersResult **results =
        messages_new(request->arena, &kairn__elect_leaders_result__descriptor, *count);
    if (results == NULL)
        return false;
    for (size_t i = 0; i < *count; i++)
        results[i]->partition = partitions[i];
    body->n_results = *count;
    body->results = results;
    request->response->body_case = KAIRN__RESPONSE_HEAD__BODY_ELECT_LEADERS;
    request->response->elect_leaders = body;
    return true;
}

static void elect(struct control *control, struct control_request *request, size_t index)
{
    const Kairn__TopicPartition *named =
        request->response->elect_leaders->results[index]->partition;
    const struct waiter waiter = { .request = request, .index = index };
    struct controller_event event = { .type = CONTROLLER_ELECT_ASKED };

    event.elect.ticket = ticket_new(control, &waiter);
    if (event.elect.ticket == 0) {
        item_answered(&waiter, K_NOMEM, NULL);
        return;
    }
    event.elect.name = named->topic;
    event.elect.partition = named->partition <= INT32_MAX ? (int32_t)named->partition : -1;
    event.elect.kind =
        request->head->elect_leaders->kind == KAIRN__ELECT_LEADERS_REQUEST__KIND__UNCLEAN
            ? ELECT_UNCLEAN
            : ELECT_PREFERRED;
    event.elect.more = true;
    drive_controller(control, &event);
}

/* --- brokers that stop ------------------------------------------------------------------------ */

static void drain(struct control *control, struct control_request *request)
{
    const Kairn__DrainRequest *body = request->head->drain;
    Kairn__DrainResponse *answer =
        message_new(request->arena, &kairn__drain_response__descriptor);
    struct controller_event event = { .type = CONTROLLER_DRAIN_ASKED };

    event.drain.broker = body->broker;
    if (head_uuid(body->incarnation, &event.drain.incarnation) != 0) {
        request_answer(request, K_INVALID_REQUEST, "an incarnation has 16 bytes");
        return;
    }
    if (answer != NULL) {
        request->response->body_case = KAIRN__RESPONSE_HEAD__BODY_DRAIN;
        request->response->drain = answer;
        event.drain.ticket = ticket_new(control, &(struct waiter){ .request = request });
    }
    if (event.drain.ticket == 0)
        request_answer(request, K_NOMEM, NULL);
    else
        drive_controller(control, &event);
}

void leaders_drained(struct control_request *request, const struct controller_effect *effect)
{
    request->response->drain->remaining = (uint32_t)effect->answer.remaining;
    request->response->drain->unmovable = (uint32_t)effect->answer.unmovable;
    request_answer(request, effect->answer.error, NULL);
}

/* --- routing ---------------------------------------------------------------------------------- */

void leaders_serve(struct control *control, struct control_request *request)
{
    size_t count;

    switch (request->head->body_case) {
    case KAIRN__REQUEST_HEAD__BODY_UPDATE_ISR:
        count = request->head->update_isr->n_proposals;
        if (prepare_verdicts(request, count))
            serve_items(control, request, count, propose);
        else
            request_answer(request, K_NOMEM, NULL);
        break;
    case KAIRN__REQUEST_HEAD__BODY_ELECT_LEADERS:
        if (prepare_elections(control, request, &count))
            serve_items(control, request, count, elect);
        else
            request_answer(request, K_NOMEM, NULL);
        break;
    default:
        drain(control, request);
        return;
    }
    /* What the items asked for is ordered together. */
    drive_controller(control, &(struct controller_event){ .type = CONTROLLER_TICK });
}
