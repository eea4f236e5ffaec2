/* own_assignor.h - an assignor that the application added, in the shape that groups use.
 *
 * Opened and closed with its consumer, by the application's thread; everything between runs on the
 * handle's loop. */
#ifndef CLIENT_OWN_ASSIGNOR_H
#define CLIENT_OWN_ASSIGNOR_H

#include <stdbool.h>

#include "client/assignor.h"
#include "client/extension.h"
#include "common/arena.h"

struct own_assignor {
    struct assignor assignor;       /* its context is this object, which does not move */
    klient_assignor_t calls;
    void *state;
    bool opened;
    struct arena scratch;           /* of one call */
    struct refusal *refusal;        /* of the group: why a call failed. Borrowed */
};

/* `row` is borrowed. Not opened yet: only its name and kind are of use. */
void own_assignor_init(struct own_assignor *own, const struct extension *row);

/* 0, or K_INVALID_CONFIG: it does not start. */
int own_assignor_open(struct own_assignor *own, const struct klient_config *config,
                      struct refusal *refusal, klient_error_t **error);
void own_assignor_close(struct own_assignor *own);      /* no-op unless opened */

#endif
