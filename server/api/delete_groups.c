/* DeleteGroups: groups without members are forgotten, with all that they have committed. */
#include "common/error.h"
#include "server/api/group.h"
#include "server/api/handlers.h"
#include "server/api/request.h"

static void answered(struct group_calls *calls)
{
    struct request *request = calls->request;
    Kairn__DeleteGroupsResponse *body = arena_alloc(&request->arena, sizeof *body);
    void **pointers;
    Kairn__GroupResult *results =
        request_messages(request, calls->count, sizeof *results, &pointers);

    if (body == NULL || results == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    kairn__delete_groups_response__init(body);
    for (size_t i = 0; i < calls->count; i++) {
        kairn__group_result__init(&results[i]);
        results[i].group = (char *)calls->calls[i].group;
        results[i].error = group_error(request, &calls->calls[i]);
    }
    body->n_results = calls->count;
    body->results = (Kairn__GroupResult **)pointers;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_DELETE_GROUPS;
    request->response.delete_groups = body;
    request_finish(request);
}

void api_delete_groups(struct request *request)
{
    const Kairn__DeleteGroupsRequest *body = request->head->delete_groups;
    struct group_calls *calls = group_calls_new(request, body->n_groups, answered);
    struct groups_event *event = arena_calloc(&request->arena, 1, sizeof *event);

    if (calls == NULL || event == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    event->type = GROUPS_DELETE;
    for (size_t i = 0; i < body->n_groups; i++) {
        struct group_call *call = group_calls_add(calls, body->groups[i]);
        call->event = event;
        call->outcome.code = group_check(request, body->groups[i], OPERATION_DELETE);
    }
    group_calls_start(calls);
}
