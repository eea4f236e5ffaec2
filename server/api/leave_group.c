/* LeaveGroup: members go, each with a word of its own. */
#include "common/error.h"
#include "server/api/group.h"
#include "server/api/handlers.h"
#include "server/api/hint.h"
#include "server/api/request.h"

static void answered(struct group_calls *calls)
{
    struct request *request = calls->request;
    Kairn__LeaveGroupResponse *body = arena_alloc(&request->arena, sizeof *body);
    void **pointers;
    Kairn__LeaveResult *results =
        request_messages(request, calls->count, sizeof *results, &pointers);

    if (calls->count > 0 && group_is_elsewhere(calls->calls[0].outcome.code)) {
        group_fail(request, &calls->calls[0]);
        return;
    }
    if (body == NULL || results == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    kairn__leave_group_response__init(body);
    for (size_t i = 0; i < calls->count; i++) {
        kairn__leave_result__init(&results[i]);
        results[i].error = group_error(request, &calls->calls[i]);
    }
    body->n_results = calls->count;
    body->results = (Kairn__LeaveResult **)pointers;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_LEAVE_GROUP;
    request->response.leave_group = body;
    request_finish(request);
}

void api_leave_group(struct request *request)
{
    const Kairn__LeaveGroupRequest *body = request->head->leave_group;
    int code = group_check(request, body->group, OPERATION_READ);
    struct group_calls *calls = group_calls_new(request, body->n_members, answered);
    struct groups_event *events =
        arena_calloc(&request->arena, body->n_members + 1, sizeof *events);

    if (code == 0 && (calls == NULL || events == NULL))
        code = K_NOMEM;
    if (code != 0) {
        request_fail(request, code, NULL);
        return;
    }
    for (size_t i = 0; i < body->n_members; i++) {
        events[i].type = GROUPS_LEAVE;
        events[i].asker.member = body->members[i]->member;
        events[i].asker.instance = text_or_null(body->members[i]->instance);
        events[i].asker.generation = -1;
        group_calls_add(calls, body->group)->event = &events[i];
    }
    group_calls_start(calls);
}
