/* api/controller.h - requests that the controller serves: handed on, and the answer taken back. */
#ifndef API_CONTROLLER_H
#define API_CONTROLLER_H

#include "server/api/request.h"
#include "server/runtime/control.h"

/* A question to the controller on behalf of a request. Embedded in the handler's own struct. */
struct controller_call {
    struct control_request ask;
    struct request *request;
    Kairn__RequestHead head;        /* what is asked: the request's, with a body of the handler's */
    Kairn__ResponseHead response;       /* valid in answered() when code is 0 */
    void (*answered)(struct controller_call *call);     /* on the request's shard, once */
};

/* The head starts as the request's own. */
void controller_call_init(struct controller_call *call, struct request *request,
                          void (*answered)(struct controller_call *call));

/* Ask. A request that a broker has handed on is not handed on once more: it is answered
 * NOT_CONTROLLER here when the controller has moved meanwhile. */
void controller_call_start(struct controller_call *call);

/* The whole of it for a request that only the controller looks at: ask it what came, answer what
 * it answers; or refuse when `code` is not 0. */
void controller_forward(struct request *request, int code);

int controller_call_code(const struct controller_call *call);
/* Words for the code; NULL: the code's own. */
const char *controller_call_text(const struct controller_call *call);

#endif
