/* control_reassign.c - requests to the controller for other replicas, and what is under way. */
#include <string.h>

#include "proto/head.h"
#include "server/runtime/control_tickets.h"

/* --- wishes ----------------------------------------------------------------------------------- */

Kairn__Error **reassign_error(const struct waiter *waiter)
{
    const Kairn__ResponseHead *response = waiter->request->response;

    return response->body_case == KAIRN__RESPONSE_HEAD__BODY_ALTER_REASSIGNMENTS
               ? &response->alter_reassignments->results[waiter->index]->error
               : NULL;
}

static bool prepare(struct control_request *request, size_t count)
{
    const Kairn__AlterReassignmentsRequest *asked = request->head->alter_reassignments;
    Kairn__AlterReassignmentsResponse *body =
        message_new(request->arena, &kairn__alter_reassignments_response__descriptor);
    Kairn__AlterReassignmentsResult **results =
        messages_new(request->arena, &kairn__alter_reassignments_result__descriptor, count);

    if (body == NULL || results == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        results[i]->partition = asked->partitions[i]->partition;
    body->n_results = count;
    body->results = results;
    request->response->body_case = KAIRN__RESPONSE_HEAD__BODY_ALTER_REASSIGNMENTS;
    request->response->alter_reassignments = body;
    return true;
}

static void wish(struct control *control, struct control_request *request, size_t index)
{
    const Kairn__Reassignment *asked = request->head->alter_reassignments->partitions[index];
    const struct waiter waiter = { .request = request, .index = index };
    struct controller_event event = { .type = CONTROLLER_REASSIGN_ASKED };

    if (asked->partition == NULL || asked->n_replicas > REPLICAS_MAX) {
        item_answered(&waiter,
                      asked->partition == NULL ? K_INVALID_REQUEST : K_INVALID_REPLICA_ASSIGNMENT,
                      asked->partition == NULL ? "which partition?"
                                               : "a partition has 1 to 16 replicas");
        return;
    }
    event.reassign.ticket = ticket_new(control, &waiter);
    if (event.reassign.ticket == 0) {
        item_answered(&waiter, K_NOMEM, NULL);
        return;
    }
    event.reassign.name = asked->partition->topic;
    event.reassign.partition =
        asked->partition->partition <= INT32_MAX ? (int32_t)asked->partition->partition : -1;
    event.reassign.cancel = asked->cancel;
    event.reassign.replicas.count = (int32_t)asked->n_replicas;
    if (asked->n_replicas > 0)
        memcpy(event.reassign.replicas.ids, asked->replicas,
               asked->n_replicas * sizeof *asked->replicas);
    drive_controller(control, &event);
}

/* --- what is under way ------------------------------------------------------------------------ */

struct listing {
    const struct control_request *request;
    Kairn__OngoingReassignment **rows;      /* NULL: only count */
    size_t count;
    bool failed;
};

/* Named, when the request names some. */
static bool is_asked_for(const struct listing *listing, const char *topic, int32_t partition)
{
    const Kairn__ListReassignmentsRequest *body = listing->request->head->list_reassignments;

    for (size_t i = 0; i < body->n_partitions; i++)
        if (body->partitions[i]->partition == (uint32_t)partition &&
            strcmp(body->partitions[i]->topic, topic) == 0)
            return true;
    return body->n_partitions == 0;
}

static bool copy_places(struct arena *arena, const struct replica_set *replicas, uint16_t mask,
                        int32_t **out, size_t *count)
{
    int32_t *ids = arena_calloc(arena, (size_t)replicas->count + 1, sizeof *ids);

    for (int32_t i = 0; ids != NULL && i < replicas->count; i++)
        if ((mask >> i & 1) != 0)
            ids[(*count)++] = replicas->ids[i];
    *out = ids;
    return ids != NULL;
}

static Kairn__OngoingReassignment *row_of(struct arena *arena, const char *topic,
                                          int32_t partition, const struct replica_set *replicas,
                                          struct replica_moves moves)
{
    Kairn__OngoingReassignment *row =
        message_new(arena, &kairn__ongoing_reassignment__descriptor);
    Kairn__TopicPartition *name = message_new(arena, &kairn__topic_partition__descriptor);

    if (row == NULL || name == NULL)
        return NULL;
    name->topic = arena_strdup(arena, topic);
    name->partition = (uint32_t)partition;
    row->partition = name;
    return name->topic != NULL &&
                   copy_places(arena, replicas, UINT16_MAX, &row->replicas, &row->n_replicas) &&
                   copy_places(arena, replicas, moves.adding, &row->adding, &row->n_adding) &&
                   copy_places(arena, replicas, moves.removing, &row->removing, &row->n_removing)
               ? row
               : NULL;
}

static void visit(void *context, const char *topic, int32_t partition,
                  const struct partition_state *state, struct replica_moves moves)
{
    struct listing *listing = context;

    if (!is_asked_for(listing, topic, partition))
        return;
    if (listing->rows != NULL) {
        Kairn__OngoingReassignment *row =
            row_of(listing->request->arena, topic, partition, &state->replicas, moves);
        listing->failed |= row == NULL;
        listing->rows[listing->count] = row;
    }
    listing->count++;
}

static void list(struct control *control, struct control_request *request)
{
    struct listing counted = { .request = request }, listing = counted;
    Kairn__ListReassignmentsResponse *body =
        message_new(request->arena, &kairn__list_reassignments_response__descriptor);

    controller_reassignments(control->chair.core, &counted, visit);
    listing.rows = arena_calloc(request->arena, counted.count + 1, sizeof *listing.rows);
    if (body == NULL || listing.rows == NULL) {
        request_answer(request, K_NOMEM, NULL);
        return;
    }
    controller_reassignments(control->chair.core, &listing, visit);
    body->n_partitions = listing.count;
    body->partitions = listing.rows;
    request->response->body_case = KAIRN__RESPONSE_HEAD__BODY_LIST_REASSIGNMENTS;
    request->response->list_reassignments = body;
    request_answer(request, listing.failed ? K_NOMEM : 0, NULL);
}

void reassign_serve(struct control *control, struct control_request *request)
{
    if (request->head->body_case == KAIRN__REQUEST_HEAD__BODY_LIST_REASSIGNMENTS) {
        list(control, request);
        return;
    }
    size_t count = request->head->alter_reassignments->n_partitions;
    if (prepare(request, count))
        serve_items(control, request, count, wish);
    else
        request_answer(request, K_NOMEM, NULL);
}
