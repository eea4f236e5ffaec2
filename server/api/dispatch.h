/* api/dispatch.h - from a decoded request to its handler. */
#ifndef API_DISPATCH_H
#define API_DISPATCH_H

struct request;

/* Answer `request`: by the handler of its body, or UNSUPPORTED_VERSION when the broker does not
 * know the body or its version. On the request's shard. */
void api_dispatch(struct request *request);

#endif
