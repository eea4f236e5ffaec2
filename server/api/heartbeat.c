/* Heartbeat: a member lives; answered at once, or with the news of a rebalance, or when the asker
 * has waited enough. */
#include "common/error.h"
#include "server/api/group.h"
#include "server/api/handlers.h"
#include "server/api/request.h"

static void answered(struct group_calls *calls)
{
    struct request *request = calls->request;
    const struct group_call *call = &calls->calls[0];
    Kairn__HeartbeatResponse *body = arena_alloc(&request->arena, sizeof *body);

    if (call->outcome.code != 0) {
        group_fail(request, call);
        return;
    }
    if (body == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    kairn__heartbeat_response__init(body);
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_HEARTBEAT;
    request->response.heartbeat = body;
    request_finish(request);
}

void api_heartbeat(struct request *request)
{
    const Kairn__HeartbeatRequest *body = request->head->heartbeat;
    int code = group_check(request, body->group, OPERATION_READ);
    struct group_call *call = group_call_new(request, body->group, answered);
    struct groups_event *event = arena_calloc(&request->arena, 1, sizeof *event);

    if (code == 0 && (call == NULL || event == NULL))
        code = K_NOMEM;
    if (code != 0) {
        request_fail(request, code, NULL);
        return;
    }
    event->type = GROUPS_HEARTBEAT;
    event->asker.member = body->member;
    event->asker.instance = text_or_null(body->instance);
    event->asker.generation = body->generation;
    event->heartbeat.wait_ms = body->wait_ms;
    call->event = event;
    group_call_ask(call);
}
