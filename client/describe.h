/* describe.h - pictures of the cluster for applications (klient_metadata_t). Any thread. */
#ifndef CLIENT_DESCRIBE_H
#define CLIENT_DESCRIBE_H

#include "client/call.h"
#include "client/klient.h"

enum describe_what {
    DESCRIBE_CLUSTER,                   /* no topics */
    DESCRIBE_ALL,                       /* topics */
    DESCRIBE_NAMED                      /* with their configuration */
};

/* Begin a call that asks any broker for a picture. A topic that it does not know is asked of the
 * controller's too. `names` only with DESCRIBE_NAMED. */
klient_code_t describe(klient_t *klient, const char *const *names, size_t count,
                       enum describe_what what, int64_t timeout_ms, struct call *out,
                       klient_error_t **error);

/* The same for one topic, which must exist, without its configuration. */
klient_code_t describe_topic(klient_t *klient, const char *topic, int64_t timeout_ms,
                             struct call *out, klient_error_t **error);

/* Wait for either of them. */
klient_code_t describe_wait(struct call *call, klient_metadata_t **out, klient_error_t **error);

#endif
