/* api/dispatch.h - from a decoded request to its handler. */
#ifndef API_DISPATCH_H
#define API_DISPATCH_H

#include <stdbool.h>

struct request;

/* Answer `request`: by the handler of its body, or UNSUPPORTED_VERSION when the broker does not
 * know the body or its version. On the request's shard. */
void api_dispatch(struct request *request);

/* Does the head alone tell that nothing of the payload can be taken? It has not come yet and is not
 * looked at. Then the answer says why, and the caller finishes the request when all of it has gone
 * by. Otherwise it is to be decoded anew when it is whole. */
bool api_refuse_unread(struct request *request);

#endif
