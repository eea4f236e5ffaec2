/* OffsetFetch: what a group has committed, of some partitions or of all. */
#include "common/error.h"
#include "server/api/group.h"
#include "server/api/handlers.h"
#include "server/api/hint.h"
#include "server/api/request.h"

/* One answer. */
struct found {
    Kairn__CommittedOffset row;
    Kairn__TopicPartition partition;
};

struct fetching {
    struct request *request;
    struct found *found;
    void **pointers;
    size_t count, capacity;
    bool starved;
};

/* --- on the coordinator's loop, which has the request's arena to itself meanwhile ------------- */

static void fill(struct fetching *fetching, struct found *found,
                 const struct groups_offset *offset)
{
    found->row.offset = offset->offset;
    found->row.leader_epoch = offset->leader_epoch;
    found->row.metadata = arena_strdup(&fetching->request->arena, offset->metadata);
    fetching->starved |= found->row.metadata == NULL;
}

static void init_found(struct found *found, char *topic, uint32_t partition)
{
    kairn__committed_offset__init(&found->row);
    kairn__topic_partition__init(&found->partition);
    found->row.partition = &found->partition;
    found->row.offset = found->row.leader_epoch = -1;
    found->partition.topic = topic;
    found->partition.partition = partition;
}

static int look_up(struct group_call *call, const struct groups *groups, struct fetching *fetching)
{
    const struct request *request = fetching->request;

    for (size_t i = 0; i < fetching->count; i++) {
        struct found *found = &fetching->found[i];
        const Kairn__TopicPartition *asked = request->head->offset_fetch->partitions[i];
        struct groups_offset offset;
        if (found->row.error != NULL || asked->partition > INT32_MAX)
            continue;
        int code = groups_committed(groups, call->group, asked->topic, (int32_t)asked->partition,
                                    &offset);
        if (code != 0)
            return code;
        fill(fetching, found, &offset);
        found->row.topic_known = groups_topic_known(groups, call->group, asked->topic);
    }
    return fetching->starved ? K_NOMEM : 0;
}

static void count_one(void *context, const char *group, const struct groups_offset *offset)
{
    struct fetching *fetching = context;

    (void)group;
    (void)offset;
    fetching->capacity++;
}

/* Those of topics that the asker may not see are left out. */
static void take_one(void *context, const char *group, const struct groups_offset *offset)
{
    struct fetching *fetching = context;
    struct request *request = fetching->request;

    (void)group;
    if (fetching->starved ||
        authorise_topic(request->principal, OPERATION_DESCRIBE, offset->topic) != 0)
        return;
    struct found *found = &fetching->found[fetching->count];
    char *topic = arena_strdup(&request->arena, offset->topic);
    if (topic == NULL) {
        fetching->starved = true;
        return;
    }
    init_found(found, topic, (uint32_t)offset->partition);
    found->row.topic_known = true;
    fill(fetching, found, offset);
    fetching->count++;
}

static int take_all(struct group_call *call, const struct groups *groups,
                    struct fetching *fetching)
{
    int code = groups_offsets(groups, call->group, count_one, fetching);
    if (code != 0)
        return code;
    fetching->found = request_messages(fetching->request, fetching->capacity,
                                       sizeof *fetching->found, &fetching->pointers);
    if (fetching->found == NULL)
        return K_NOMEM;
    code = groups_offsets(groups, call->group, take_one, fetching);
    return fetching->starved ? K_NOMEM : code;
}

static int look(struct group_call *call, const struct groups *groups)
{
    struct group_calls *calls = call->context;
    struct fetching *fetching = calls->context;

    return fetching->request->head->offset_fetch->all ? take_all(call, groups, fetching)
                                                      : look_up(call, groups, fetching);
}

/* --- on the request's ------------------------------------------------------------------------- */

static void answered(struct group_calls *calls)
{
    struct request *request = calls->request;
    const struct fetching *fetching = calls->context;
    Kairn__OffsetFetchResponse *body = arena_alloc(&request->arena, sizeof *body);

    if (calls->calls[0].outcome.code != 0) {
        group_fail(request, &calls->calls[0]);
        return;
    }
    if (body == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    kairn__offset_fetch_response__init(body);
    body->n_offsets = fetching->count;
    body->offsets = (Kairn__CommittedOffset **)fetching->pointers;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_OFFSET_FETCH;
    request->response.offset_fetch = body;
    request_finish(request);
}

/* False when out of memory. */
static bool prepare(struct request *request, struct fetching *fetching)
{
    const Kairn__OffsetFetchRequest *body = request->head->offset_fetch;

    fetching->request = request;
    if (body->all)
        return true;
    fetching->found = request_messages(request, body->n_partitions, sizeof *fetching->found,
                                       &fetching->pointers);
    if (fetching->found == NULL)
        return false;
    for (; fetching->count < body->n_partitions; fetching->count++) {
        const Kairn__TopicPartition *asked = body->partitions[fetching->count];
        struct found *found = &fetching->found[fetching->count];
        int code = authorise_topic(request->principal, OPERATION_DESCRIBE, asked->topic);
        init_found(found, asked->topic, asked->partition);
        if (code != 0)
            found->row.error = hint_code(request, code, NULL);
    }
    return true;
}

void api_offset_fetch(struct request *request)
{
    const char *group = request->head->offset_fetch->group;
    int code = group_check(request, group, OPERATION_DESCRIBE);
    struct group_calls *calls = group_calls_new(request, 1, answered);
    struct fetching *fetching = arena_calloc(&request->arena, 1, sizeof *fetching);

    if (code == 0 && (calls == NULL || fetching == NULL || !prepare(request, fetching)))
        code = K_NOMEM;
    if (code != 0) {
        request_fail(request, code, NULL);
        return;
    }
    calls->context = fetching;
    group_calls_add(calls, group)->look = look;
    group_calls_start_in_turn(calls);
}
