/* reach.h - can brokers be reached? What is wrong with that goes to the handle's troubles.
 *
 * Belongs to the handle's loop. */
#ifndef CLIENT_REACH_H
#define CLIENT_REACH_H

#include <stdbool.h>
#include <stddef.h>

#include "client/broker.h"

/* All of a handle, those of the bootstrap list included, and how many have failed last. */
struct reach {
    size_t brokers, failing;
};

/* A broker comes and goes. */
void reach_add(struct broker *broker);
void reach_remove(struct broker *broker);

/* It can not be connected to, the connection broke, or it does not answer. `awaited`: somebody
 * waits for it. */
void reach_failed(struct broker *broker, int code, bool awaited);

/* Is this the code of a request to a broker that can not be reached? */
bool reach_is_broken(int code);

/* It has answered: for each answer. */
void reach_restored(struct broker *broker);
static inline void reach_answered(struct broker *broker)
{
    if (broker->failing)
        reach_restored(broker);
}

#endif
