/* admin_offsets.h - a question of an administrator to one group's coordinator whose answer is
 * offsets. */
#ifndef CLIENT_ADMIN_OFFSETS_H
#define CLIENT_ADMIN_OFFSETS_H

#include <stddef.h>

#include "client/group_ask.h"
#include "client/klient.h"

/* The kind's read() fills in what was told. */
struct group_offsets_ask {
    struct group_ask ask;
    klient_offset_t *offsets;           /* in the survey's arena */
    size_t count;
};

/* Ask, and wait for the answer: the offsets, sorted, for the caller to free. Errors as of
 * klient_admin_group_offsets(). */
klient_code_t admin_wait_offsets(klient_admin_t *admin, const char *group,
                                 const struct group_ask_kind *kind, int64_t timeout_ms,
                                 klient_offsets_t **out, klient_error_t **error);

/* The same, to be answered by a queue. */
klient_code_t admin_post_offsets(klient_admin_t *admin, const char *group,
                                 const struct group_ask_kind *kind, int64_t timeout_ms,
                                 klient_queue_t *queue, void *opaque, klient_error_t **error);

#endif
