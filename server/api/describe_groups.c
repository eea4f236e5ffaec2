/* DescribeGroups: state, members, and what they were assigned. */
#include "common/error.h"
#include "server/api/group.h"
#include "server/api/handlers.h"
#include "server/api/request.h"
#include "server/runtime/group_members.h"

/* One group, in the order of the request. */
struct described {
    Kairn__GroupInfo info;
    struct request *request;
    bool found, starved;
};

/* --- on the coordinator's loop, which has the request's arena to itself meanwhile ------------- */

static char *copy(struct request *request, const char *text)
{
    return text != NULL ? arena_strdup(&request->arena, text) : (char *)protobuf_c_empty_string;
}

static bool fill_members(struct request *request, const struct groups_description *description,
                         Kairn__GroupInfo *info)
{
    void **pointers;
    Kairn__GroupMember *rows =
        request_messages(request, description->member_count, sizeof *rows, &pointers);
    const struct groups_member *members = group_members_copy(
        &request->arena, description->members, description->member_count);

    if (rows == NULL || members == NULL)
        return false;
    for (size_t i = 0; i < description->member_count; i++) {
        const struct groups_member *member = &members[i];
        kairn__group_member__init(&rows[i]);
        rows[i].member = (char *)member->id;
        if (member->instance != NULL)
            rows[i].instance = (char *)member->instance;
        rows[i].client_id = (char *)member->client_id;
        rows[i].client_host = (char *)member->client_host;
        rows[i].metadata.data = (uint8_t *)member->metadata.data;
        rows[i].metadata.len = member->metadata.size;
        rows[i].assignment.data = (uint8_t *)member->assignment.data;
        rows[i].assignment.len = member->assignment.size;
        rows[i].session_timeout_ms = (uint32_t)member->session_timeout_ms;
        rows[i].rebalance_timeout_ms = (uint32_t)member->rebalance_timeout_ms;
    }
    info->n_members = description->member_count;
    info->members = (Kairn__GroupMember **)pointers;
    return true;
}

static void visit(void *context, const struct groups_description *description)
{
    struct described *described = context;
    struct request *request = described->request;
    Kairn__GroupInfo *info = &described->info;

    info->state = (char *)group_state_name(description->state);
    info->protocol_type = copy(request, description->protocol_type);
    info->protocol = copy(request, description->protocol);
    info->leader = copy(request, description->leader);
    info->generation = description->generation;
    described->found = true;
    described->starved = info->protocol_type == NULL || info->protocol == NULL ||
                         info->leader == NULL || !fill_members(request, description, info);
}

static int look(struct group_call *call, const struct groups *groups)
{
    struct group_calls *calls = call->context;
    struct described *described =
        (struct described *)calls->context + (call - calls->calls);
    int code = groups_describe(groups, call->group, visit, described);

    if (code == 0 && !described->found)
        code = K_GROUP_ID_NOT_FOUND;
    return described->starved ? K_NOMEM : code;
}

/* --- on the request's ------------------------------------------------------------------------- */

static void answered(struct group_calls *calls)
{
    struct request *request = calls->request;
    struct described *all = calls->context;
    Kairn__DescribeGroupsResponse *body = arena_alloc(&request->arena, sizeof *body);
    Kairn__GroupInfo **rows = arena_calloc(&request->arena, calls->count + 1, sizeof *rows);

    if (body == NULL || rows == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    kairn__describe_groups_response__init(body);
    for (size_t i = 0; i < calls->count; i++) {
        const char *name = all[i].info.group;
        if (calls->calls[i].outcome.code != 0) {
            kairn__group_info__init(&all[i].info);
            all[i].info.group = (char *)name;
            all[i].info.state = (char *)group_state_name(GROUP_DEAD);
            all[i].info.error = group_error(request, &calls->calls[i]);
        }
        all[i].info.coordinator = request->api->broker_id;
        rows[i] = &all[i].info;
    }
    body->n_groups = calls->count;
    body->groups = rows;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_DESCRIBE_GROUPS;
    request->response.describe_groups = body;
    request_finish(request);
}

void api_describe_groups(struct request *request)
{
    const Kairn__DescribeGroupsRequest *body = request->head->describe_groups;
    struct group_calls *calls = group_calls_new(request, body->n_groups, answered);
    struct described *all = arena_calloc(&request->arena, body->n_groups + 1, sizeof *all);

    if (calls == NULL || all == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    calls->context = all;
    for (size_t i = 0; i < body->n_groups; i++) {
        struct group_call *call = group_calls_add(calls, body->groups[i]);
        kairn__group_info__init(&all[i].info);
        all[i].info.group = body->groups[i];
        all[i].request = request;
        call->look = look;
        call->outcome.code = group_check(request, body->groups[i], OPERATION_DESCRIBE);
    }
    group_calls_start_in_turn(calls);
}
