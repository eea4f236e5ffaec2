/* SyncGroup: the leader brings the assignment, everybody gets its own, once it is stored. */
#include "common/error.h"
#include "server/api/group.h"
#include "server/api/handlers.h"
#include "server/api/request.h"

static void answered(struct group_calls *calls)
{
    struct request *request = calls->request;
    const struct group_call *call = &calls->calls[0];
    const struct group_answer *answer = &call->answer;
    Kairn__SyncGroupResponse *body = arena_alloc(&request->arena, sizeof *body);

    if (call->outcome.code != 0) {
        group_fail(request, call);
        return;
    }
    if (body == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    kairn__sync_group_response__init(body);
    if (answer->protocol_type != NULL)
        body->protocol_type = (char *)answer->protocol_type;
    if (answer->protocol != NULL)
        body->protocol = (char *)answer->protocol;
    body->assignment.data = (uint8_t *)answer->assignment.data;
    body->assignment.len = answer->assignment.size;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_SYNC_GROUP;
    request->response.sync_group = body;
    request_finish(request);
}

/* False when out of memory. */
static bool fill_event(struct request *request, struct groups_event *event)
{
    const Kairn__SyncGroupRequest *body = request->head->sync_group;
    struct groups_member *assignments =
        arena_calloc(&request->arena, body->n_assignments + 1, sizeof *assignments);

    if (assignments == NULL)
        return false;
    for (size_t i = 0; i < body->n_assignments; i++) {
        const Kairn__MemberAssignment *assignment = body->assignments[i];
        assignments[i].id = assignment->member;
        assignments[i].assignment =
            (struct groups_span){assignment->assignment.data, assignment->assignment.len};
    }
    event->type = GROUPS_SYNC;
    event->asker.member = body->member;
    event->asker.instance = text_or_null(body->instance);
    event->asker.generation = body->generation;
    event->sync.protocol_type = text_or_null(body->protocol_type);
    event->sync.protocol = text_or_null(body->protocol);
    event->sync.assignments = assignments;
    event->sync.assignment_count = body->n_assignments;
    return true;
}

void api_sync_group(struct request *request)
{
    const char *group = request->head->sync_group->group;
    int code = group_check(request, group, OPERATION_READ);
    struct group_call *call = group_call_new(request, group, answered);
    struct groups_event *event = arena_calloc(&request->arena, 1, sizeof *event);

    if (code == 0 && (call == NULL || event == NULL || !fill_event(request, event)))
        code = K_NOMEM;
    if (code != 0) {
        request_fail(request, code, NULL);
        return;
    }
    call->event = event;
    group_call_ask(call);
}
