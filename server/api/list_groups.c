/* ListGroups: those that this broker coordinates, over all partitions of the offsets topic. */
#include <string.h>

#include "common/error.h"
#include "server/api/group.h"
#include "server/api/handlers.h"
#include "server/api/request.h"
#include "server/runtime/group_place.h"
#include "server/runtime/metadata.h"

struct listing {
    struct request *request;
    Kairn__ListedGroup **rows;          /* in the arena */
    size_t count, capacity;
    bool starved;
};

/* --- on the coordinators' loops, one after the other, with the request's arena to themselves -- */

static bool is_wanted(const struct request *request, const struct groups_description *group)
{
    const Kairn__ListGroupsRequest *asked = request->head->list_groups;
    bool wanted = asked->n_states == 0;

    for (size_t i = 0; i < asked->n_states; i++)
        wanted |= strcmp(asked->states[i], group_state_name(group->state)) == 0;
    return wanted && authorise_group(request->principal, OPERATION_DESCRIBE, group->group) == 0;
}

/* Room for one more row; NULL: none. */
static Kairn__ListedGroup *new_row(struct listing *listing)
{
    struct arena *arena = &listing->request->arena;

    if (listing->count == listing->capacity) {
        size_t capacity = listing->capacity == 0 ? 64 : 2 * listing->capacity;
        Kairn__ListedGroup **grown = arena_calloc(arena, capacity, sizeof *grown);
        if (grown == NULL)
            return NULL;
        if (listing->count > 0)
            memcpy(grown, listing->rows, listing->count * sizeof *grown);
        listing->rows = grown;
        listing->capacity = capacity;
    }
    return listing->rows[listing->count] = arena_alloc(arena, sizeof(Kairn__ListedGroup));
}

static void visit(void *context, const struct groups_description *description)
{
    struct listing *listing = context;
    struct arena *arena = &listing->request->arena;

    if (listing->starved || !is_wanted(listing->request, description))
        return;
    Kairn__ListedGroup *row = new_row(listing);
    if (row == NULL) {
        listing->starved = true;
        return;
    }
    kairn__listed_group__init(row);
    row->group = arena_strdup(arena, description->group);
    row->protocol_type = arena_strdup(arena, description->protocol_type);
    row->state = (char *)group_state_name(description->state);
    if (row->group == NULL || row->protocol_type == NULL)
        listing->starved = true;
    else
        listing->count++;
}

static int look(struct group_call *call, const struct groups *groups)
{
    struct group_calls *calls = call->context;
    struct listing *listing = calls->context;
    int code = groups_describe(groups, NULL, visit, listing);

    return listing->starved ? K_NOMEM : code;
}

/* --- on the request's ------------------------------------------------------------------------- */

/* What is not known yet is said, beside what is. Partitions that have moved meanwhile are
 * somebody else's to list. */
static void answered(struct group_calls *calls)
{
    struct request *request = calls->request;
    const struct listing *listing = calls->context;
    Kairn__ListGroupsResponse *body = arena_alloc(&request->arena, sizeof *body);

    if (body == NULL || listing->starved) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    kairn__list_groups_response__init(body);
    body->n_groups = listing->count;
    body->groups = listing->rows;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_LIST_GROUPS;
    request->response.list_groups = body;
    for (size_t i = 0; i < calls->count && request->response.error == NULL; i++)
        if (calls->calls[i].outcome.code != K_NOT_COORDINATOR)
            request->response.error = group_error(request, &calls->calls[i]);
    request_finish(request);
}

void api_list_groups(struct request *request)
{
    const struct metadata_topic *topic =
        metadata_topic_by_name(shard_picture(request->shard), OFFSETS_TOPIC);
    int32_t count = topic != NULL ? topic->partition_count : 0;
    struct group_calls *calls = group_calls_new(request, (size_t)count, answered);
    struct listing *listing = arena_calloc(&request->arena, 1, sizeof *listing);

    if (calls == NULL || listing == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    listing->request = request;
    calls->context = listing;
    for (int32_t i = 0; i < count; i++) {
        if (topic->partitions[i].leader != request->api->broker_id)
            continue;
        struct group_call *call = group_calls_add(calls, NULL);
        call->key = (struct partition_key){.topic_id = topic->id, .index = i};
        call->look = look;
    }
    group_calls_start_in_turn(calls);
}
