/* DeleteTopics: handed to the controller as it came. */
#include "common/error.h"
#include "proto/head.h"
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
    request->response.delete_topics = call->response.delete_topics;
    request_finish(request);
}

static int authorise_all(const struct request *request)
{
    const Kairn__DeleteTopicsRequest *body = request->head->delete_topics;
    int code = 0;

    for (size_t i = 0; i < body->n_topics && code == 0; i++)
        code = authorise_topic(request->principal, OPERATION_DELETE, body->topics[i]);
    for (size_t i = 0; i < body->n_topic_ids && code == 0; i++) {
        struct uuid id;
        code = head_uuid(body->topic_ids[i], &id) != 0
             ? K_INVALID_REQUEST
             : authorise_topic_id(request->principal, OPERATION_DELETE, &id);
    }
    return code;
}

void api_delete_topics(struct request *request)
{
    int code = authorise_all(request);
    struct controller_call *call = arena_calloc(&request->arena, 1, sizeof *call);

    if (code != 0 || call == NULL) {
        request_fail(request, code != 0 ? code : K_NOMEM, NULL);
        return;
    }
    controller_call_init(call, request, controller_answered);
    controller_call_start(call);
}
