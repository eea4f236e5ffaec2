/* Changes: brokers ask the controller for news; answered by the control plane of this broker. */
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
    request->response.changes = call->response.changes;
    request_finish(request);
}

void api_changes(struct request *request)
{
    int code = authorise_cluster(request->principal, OPERATION_CLUSTER_ACTION);
    struct controller_call *call = arena_calloc(&request->arena, 1, sizeof *call);

    if (code != 0 || call == NULL) {
        request_fail(request, code != 0 ? code : K_NOMEM, NULL);
        return;
    }
    controller_call_init(call, request, controller_answered);
    controller_call_start(call);
}
