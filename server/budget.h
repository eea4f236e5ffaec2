/* budget.h - bytes of requests in one broker, received or in work, and the limit on them.
 *
 * A request is charged with what has come of it: who announces much and sends little holds little.
 * While the limit is exceeded all wait, half received or not, but for one that goes first: so one
 * request always fits, whatever its size. Thread-safe: atomics. */
#ifndef SERVER_BUDGET_H
#define SERVER_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct budget {
    int64_t limit;                  /* bytes; below 0: none */
    _Atomic int64_t used;
};

static inline void budget_init(struct budget *budget, int64_t limit)
{
    budget->limit = limit;
    atomic_init(&budget->used, 0);
}

static inline bool budget_exceeded(struct budget *budget)
{
    return budget->limit >= 0 && atomic_load(&budget->used) > budget->limit;
}

static inline void budget_take(struct budget *budget, int64_t size)
{
    atomic_fetch_add(&budget->used, size);
}

/* True when this brought the use back under the limit: whoever waits may go on. */
static inline bool budget_give(struct budget *budget, int64_t size)
{
    int64_t before = atomic_fetch_sub(&budget->used, size);
    return budget->limit >= 0 && before > budget->limit && before - size <= budget->limit;
}

#endif
