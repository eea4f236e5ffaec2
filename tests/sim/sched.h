/* sched.h - what happens next: events in order of simulated time, ties broken by the seed.
 *
 * Nothing in the order depends on an address, so the same seed gives the same story. */
#ifndef TESTS_SIM_SCHED_H
#define TESTS_SIM_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/rand.h"

/* `payload` was allocated by sched_payload() and belongs to the handler, who frees it. */
typedef void (*sched_handler)(void *context, void *payload);

struct sched_event {
    int64_t at_us;
    uint64_t tie, number;       /* the number: two with the same tie stay as they came */
    sched_handler handler;
    void *context, *payload;
};

struct sched {
    int64_t now_us;
    struct rand rand;
    uint64_t fired, added;
    struct sched_event *heap;
    size_t count, capacity;
};

void sched_init(struct sched *sched, uint64_t seed);
void sched_fini(struct sched *sched);           /* frees the payloads that nobody got */

/* Zeroed memory for an event; aborts when there is none. */
void *sched_payload(size_t size);

/* In the past: now. */
void sched_at(struct sched *sched, int64_t at_us, sched_handler handler, void *context,
              void *payload);
/* Of several at the same moment the first comes first, and before those of sched_at(). */
void sched_in_order(struct sched *sched, int64_t at_us, sched_handler handler, void *context,
                    void *payload);
static inline void sched_after(struct sched *sched, int64_t delay_us, sched_handler handler,
                               void *context, void *payload)
{
    sched_at(sched, sched->now_us + delay_us, handler, context, payload);
}

/* Let the next event happen, unless it is after `until_us` or there is none: false. */
bool sched_next(struct sched *sched, int64_t until_us);

#endif
