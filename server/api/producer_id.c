/* ProducerId: an id that no producer ever had. */
#include "common/error.h"
#include "server/api/handlers.h"
#include "server/api/request.h"
#include "server/runtime/producer_ids.h"
#include "server/runtime/shard.h"

struct asking {
    struct producer_id_ask ask;
    struct request *request;
};

static void answered(struct producer_id_ask *ask)
{
    struct request *request = LIST_OWNER(ask, struct asking, ask)->request;
    Kairn__ProducerIdResponse *body = arena_alloc(&request->arena, sizeof *body);

    if (ask->code != 0 || body == NULL) {
        request_fail(request, body == NULL ? K_NOMEM : ask->code, NULL);
        return;
    }
    kairn__producer_id_response__init(body);
    body->producer_id = ask->id;
    request->response.body_case = KAIRN__RESPONSE_HEAD__BODY_PRODUCER_ID;
    request->response.producer_id = body;
    request_finish(request);
}

void api_producer_id(struct request *request)
{
    struct asking *asking = arena_calloc(&request->arena, 1, sizeof *asking);
    int code = authorise_cluster(request->principal, OPERATION_WRITE);

    if (code != 0) {
        request_fail(request, code, NULL);
        return;
    }
    if (asking == NULL) {
        request_fail(request, K_NOMEM, NULL);
        return;
    }
    asking->request = request;
    asking->ask.answer_to = shard_mail_target(request->shard);
    asking->ask.answered = answered;
    asking->ask.deadline_ms = request_deadline_ms(request);
    request->api->ask_producer_id(request->api->control, &asking->ask);
}
