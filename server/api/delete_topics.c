/* DeleteTopics: handed to the controller as it came. */
#include "common/error.h"
#include "proto/head.h"
#include "server/api/controller.h"
#include "server/api/handlers.h"

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
    controller_forward(request, authorise_all(request));
}
