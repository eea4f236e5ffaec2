#include "server/api/controller.h"

#include "common/error.h"
#include "server/runtime/shard.h"

void controller_call_init(struct controller_call *call, struct request *request,
                          void (*answered)(struct controller_call *call))
{
    call->request = request;
    call->answered = answered;
    call->head = *request->head;
    kairn__response_head__init(&call->response);
}

static void call_answered(struct control_request *ask)
{
    struct controller_call *call = LIST_OWNER(ask, struct controller_call, ask);

    call->answered(call);
}

void controller_call_start(struct controller_call *call)
{
    struct request *request = call->request;
    const struct api *api = request->api;

    call->ask = (struct control_request){
        .answer_to = shard_mail_target(request->shard),
        .answered = call_answered,
        .head = &call->head,
        .deadline_ms = request_deadline_ms(request),
        .controller = -1,
        .arena = &request->arena,
        .response = &call->response,
    };
    if (request->head->relayed || request->head->body_case == KAIRN__REQUEST_HEAD__BODY_CHANGES)
        api->ask_controller(api->control, &call->ask);
    else
        api->relay_to_controller(api->control, &call->ask);
}

static void forward_answered(struct controller_call *call)
{
    struct request *request = call->request;
    int code = controller_call_code(call);

    if (code != 0) {
        request_fail(request, code, controller_call_text(call));
        return;
    }
    request->response.body_case = call->response.body_case;
    request->response.changes = call->response.changes;     /* whichever body it is: a union */
    request_finish(request);
}

void controller_forward(struct request *request, int code)
{
    struct controller_call *call =
        code != 0 ? NULL : arena_calloc(&request->arena, 1, sizeof *call);

    if (call == NULL) {
        request_fail(request, code != 0 ? code : K_NOMEM, NULL);
        return;
    }
    controller_call_init(call, request, forward_answered);
    controller_call_start(call);
}

int controller_call_code(const struct controller_call *call)
{
    return call->ask.code;
}

const char *controller_call_text(const struct controller_call *call)
{
    return call->ask.message[0] != '\0' ? call->ask.message : NULL;
}
