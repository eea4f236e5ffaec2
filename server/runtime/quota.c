#include "server/runtime/quota.h"

#include <stdatomic.h>

enum { SECOND_US = 1000000 };
static const int64_t debt_max_us = INT64_C(3600) * SECOND_US;

void quota_init(struct quota *quota, int64_t rate)
{
    atomic_init(&quota->rate, rate);
    atomic_init(&quota->paid_at_us, INT64_MIN);
}

void quota_set(struct quota *quota, int64_t rate)
{
    if (atomic_exchange_explicit(&quota->rate, rate, memory_order_relaxed) != rate)
        atomic_store_explicit(&quota->paid_at_us, INT64_MIN, memory_order_relaxed);
}

static int64_t rate_of(const struct quota *quota)
{
    return atomic_load_explicit(&quota->rate, memory_order_relaxed);
}

static int64_t paid_at(const struct quota *quota)
{
    return atomic_load_explicit(&quota->paid_at_us, memory_order_relaxed);
}

bool quota_is_open(const struct quota *quota, int64_t now_us)
{
    int64_t rate = rate_of(quota);

    return rate == QUOTA_UNLIMITED || (rate > 0 && paid_at(quota) <= now_us);
}

/* At most an hour, for a batch of any size and any rate. */
static int64_t cost_us(int64_t bytes, int64_t rate)
{
    double cost = rate > 0 ? (double)bytes * SECOND_US / (double)rate : (double)debt_max_us;

    return cost < (double)debt_max_us ? (int64_t)cost : debt_max_us;
}

void quota_spend(struct quota *quota, int64_t bytes, int64_t now_us)
{
    int64_t rate = rate_of(quota), paid = paid_at(quota), next;

    if (rate == QUOTA_UNLIMITED)
        return;
    do {
        int64_t from = paid > now_us ? paid : now_us;
        next = from + cost_us(bytes, rate);
#ifdef MUTANT_QUOTA_FORGETS
        next = now_us + cost_us(bytes, rate);
#endif
        if (next > now_us + debt_max_us)
            next = now_us + debt_max_us;
    } while (!atomic_compare_exchange_weak_explicit(&quota->paid_at_us, &paid, next,
                                                    memory_order_relaxed, memory_order_relaxed));
}

int64_t quota_wait_ms(const struct quota *quota, int64_t now_us)
{
    int64_t until = paid_at(quota);

    if (quota_is_open(quota, now_us))
        return 1;
    if (rate_of(quota) == 0 || until - now_us >= INT64_C(1000) * QUOTA_LOOK_MS)
        return QUOTA_LOOK_MS;
    return (until - now_us) / 1000 + 1;
}

int64_t quota_portion(const struct quota *quota)
{
    int64_t rate = rate_of(quota);

    return rate > 0 ? rate : 1;
}
