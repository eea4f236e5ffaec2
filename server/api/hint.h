/* api/hint.h - errors that save the asker a round trip. */
#ifndef API_HINT_H
#define API_HINT_H

#include <stdint.h>

#include "proto/kairn.pb-c.h"

struct metadata;
struct metadata_broker;
struct metadata_endpoint;
struct outcome;
struct request;

/* The endpoint of a broker on the listener that the asker came by; NULL: it has none. */
const struct metadata_endpoint *hint_endpoint(const struct request *request,
                                              const struct metadata_broker *broker);

/* An error in the request's arena; `text` NULL: the code's own. Never NULL: when out of memory, a
 * constant that says so. */
Kairn__Error *hint_code(struct request *request, int code, const char *text);

/* The outcome of a partition as an error, with leader and limit; NULL only for success. */
Kairn__Error *hint_error(struct request *request, const struct outcome *outcome);
/* `text` NULL: the code's own. */
Kairn__Error *hint_error_text(struct request *request, const struct outcome *outcome,
                              const char *text);

#endif
