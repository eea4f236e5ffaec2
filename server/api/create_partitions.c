/* CreatePartitions: handed to the controller as it came. */
#include "common/error.h"
#include "server/api/controller.h"
#include "server/api/handlers.h"

static void controller_answered(struct controller_call *call)
{
    struct request *request = call->request;
    int code = controller_call_code(call);

    if (code != 0) {
        request_fail(request, code, controller_call_text(call));
        return;
    }
    request->response.body_case = call->response.body_case;
    request->response.create_partitions = call->response.create_partitions;
    request_finish(request);
}

void api_create_partitions(struct request *request)
{
    const Kairn__CreatePartitionsRequest *body = request->head->create_partitions;
    struct controller_call *call = arena_calloc(&request->arena, 1, sizeof *call);
    int code = call == NULL ? K_NOMEM : 0;

    for (size_t i = 0; i < body->n_topics && code == 0; i++)
        code = authorise_topic(request->principal, OPERATION_ALTER, body->topics[i]->topic);
    if (code != 0) {
        request_fail(request, code, NULL);
        return;
    }
    controller_call_init(call, request, controller_answered);
    controller_call_start(call);
}
