/* find_coordinator.h - the question for the broker that coordinates a group.
 *
 * Belongs to the handle's loop. */
#ifndef CLIENT_FIND_COORDINATOR_H
#define CLIENT_FIND_COORDINATOR_H

#include <stdint.h>

#include "client/broker.h"

struct klient;

/* Fill in the body; `group` is borrowed until the request is sent. 0 or K_NOMEM. */
int find_coordinator_build(const char *group, struct request *request);

/* What an answer says: 0, and the cluster knows the address of *broker; or why not, with *error for
 * its details. */
int find_coordinator_read(struct klient *klient, const Kairn__ResponseHead *head, int32_t *broker,
                          const Kairn__Error **error);

#endif
