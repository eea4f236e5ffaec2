/* describe.h - pictures of the cluster for applications (klient_metadata_t). Any thread. */
#ifndef CLIENT_DESCRIBE_H
#define CLIENT_DESCRIBE_H

#include <stdbool.h>

#include "client/klient.h"

/* Ask any broker for a picture with the named topics, or all. Waits. A topic that it does not know
 * is asked of the controller's too. */
klient_code_t describe(klient_t *klient, const char *const *names, size_t count, bool all,
                       bool configs, int64_t timeout_ms, klient_metadata_t **out,
                       klient_error_t **error);

/* One topic, which must exist. */
klient_code_t describe_topic(klient_t *klient, const char *topic, int64_t timeout_ms,
                             klient_metadata_t **out, klient_error_t **error);

#endif
