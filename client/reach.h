/* reach.h - can brokers be reached? What is wrong with that goes to the handle's troubles.
 *
 * Belongs to the handle's loop. */
#ifndef CLIENT_REACH_H
#define CLIENT_REACH_H

#include <stdbool.h>
#include <stddef.h>

#include "client/broker.h"

/* How many brokers a handle has, those of the bootstrap list included, and of which state. */
struct reach {
    size_t brokers, answering, failing;
};

/* A broker comes and goes. */
void reach_add(struct broker *broker);
void reach_remove(struct broker *broker);

/* It can not be connected to, the connection broke, or it does not answer. `awaited`: somebody
 * waits for it. */
void reach_failed(struct broker *broker, int code, bool awaited);

/* Does the code say that who was asked for a partition does not lead it? Not: that it can not be
 * reached, or that there is no such topic. */
bool reach_is_elsewhere(int code);

/* It has answered: for each answer. */
void reach_restored(struct broker *broker);
static inline void reach_answered(struct broker *broker)
{
    if (broker->reach != REACH_ANSWERS)
        reach_restored(broker);
}

#endif
