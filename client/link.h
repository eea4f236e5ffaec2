/* link.h - one connection to a broker. The first serves everything; a loop of the broker that
 * carries real traffic gets one of its own, so that produce and fetch run where the partition
 * lives, without a message between threads, while small clients stay at one connection.
 *
 * Belongs to the handle's loop. Links live as long as their broker. */
#ifndef CLIENT_LINK_H
#define CLIENT_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/list.h"
#include "net/channel.h"

struct broker;
struct config_values;

struct link {
    struct broker *broker;          /* borrowed */
    struct list node;               /* in the broker's list, but for the first */
    struct channel *channel;        /* owned; NULL until needed */
    uint16_t wanted;                /* the loop asked for, or GREETING_ANY_LOOP */
    int32_t loop;                   /* the loop that serves it; -1: not greeted yet */
    /* Bytes that partitions of this loop moved over the first link, since when. */
    int64_t since_ms;
    uint64_t bytes;
};

void link_init(struct link *link, struct broker *broker, uint16_t wanted);

/* Calls in flight are answered before it returns. */
void link_close(struct link *link);

/* What is configured of a connection; the rest is zero. Texts are borrowed. */
struct channel_options link_options(const struct config_values *values);

/* Make the channel, which connects, unless there is one. 0 or K_NOMEM. */
int link_connect(struct link *link);

/* Connected and greeted? */
bool link_ready(const struct link *link);

/* The one to ask about a partition of `loop` (-1: unknown): the loop's own if it is up, else the
 * first. */
struct link *link_for(struct broker *broker, int32_t loop);

/* A partition of `loop` moved `bytes`: counts towards a link of the loop's own. */
void link_count(struct broker *broker, int32_t loop, uint64_t bytes);

#endif
