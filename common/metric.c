#include "common/metric.h"

#include <stdlib.h>

static const struct metric_row rows[] = {
#define X(id, kind, name, text) { METRIC_##kind, name, text },
    METRIC_TABLE(X)
#undef X
};

struct metrics {
    _Atomic int64_t values[METRIC_COUNT];               /* of a histogram: how many were observed */
    _Atomic int64_t *buckets[METRIC_COUNT];             /* METRIC_BUCKETS each, for histograms */
    _Atomic int64_t maxima[METRIC_COUNT];               /* of histograms */
};

struct metrics *metrics_new(void)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);
    for (int id = 0; metrics != NULL && id < METRIC_COUNT; id++) {
        if (rows[id].kind != METRIC_HISTOGRAM)
            continue;
        metrics->buckets[id] = calloc(METRIC_BUCKETS, sizeof *metrics->buckets[id]);
        if (metrics->buckets[id] == NULL) {
            metrics_free(metrics);
            return NULL;
        }
    }
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL)
        return;
    for (int id = 0; id < METRIC_COUNT; id++)
        free(metrics->buckets[id]);
    free(metrics);
}

void metric_add(struct metrics *metrics, enum metric_id id, int64_t amount)
{
    atomic_fetch_add_explicit(&metrics->values[id], amount, memory_order_relaxed);
}

void metric_set(struct metrics *metrics, enum metric_id id, int64_t value)
{
    atomic_store_explicit(&metrics->values[id], value, memory_order_relaxed);
}

/* Values below 2 * METRIC_FINE have a bucket of their own; of the others, each power of two has
 * METRIC_FINE, 2^shift wide. */
static int bucket_of(int64_t value)
{
    if (value < 2 * METRIC_FINE)
        return value < 0 ? 0 : (int)value;
    int shift = 63 - __builtin_clzll((unsigned long long)value) - METRIC_FINE_BITS;
    return shift * METRIC_FINE + (int)(value >> shift);
}

static int64_t last_of(int bucket)
{
    if (bucket < 2 * METRIC_FINE)
        return bucket;
    int shift = bucket / METRIC_FINE - 1;
    return (int64_t)((((uint64_t)(bucket - shift * METRIC_FINE) + 1) << shift) - 1);
}

/* Once it is near the largest there will be, this only reads. */
static void raise(_Atomic int64_t *max, int64_t value)
{
    int64_t known = atomic_load_explicit(max, memory_order_relaxed);
    while (value > known &&
           !atomic_compare_exchange_weak_explicit(max, &known, value, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
}

void metric_observe(struct metrics *metrics, enum metric_id id, int64_t value)
{
    raise(&metrics->maxima[id], value);
    atomic_fetch_add_explicit(&metrics->buckets[id][bucket_of(value)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metrics->values[id], 1, memory_order_relaxed);
}

int64_t metric_value(const struct metrics *metrics, enum metric_id id)
{
    return atomic_load_explicit(&metrics->values[id], memory_order_relaxed);
}

int64_t metric_quantile(const struct metrics *metrics, enum metric_id id, double q)
{
    int64_t total = 0, seen = 0;
    for (int b = 0; b < METRIC_BUCKETS; b++)
        total += atomic_load_explicit(&metrics->buckets[id][b], memory_order_relaxed);
    for (int b = 0; b < METRIC_BUCKETS && total > 0; b++) {
        seen += atomic_load_explicit(&metrics->buckets[id][b], memory_order_relaxed);
        if (seen > 0 && (double)seen >= q * (double)total) {
            int64_t max = metric_max(metrics, id);
            return last_of(b) < max ? last_of(b) : max;
        }
    }
    return 0;
}

int64_t metric_max(const struct metrics *metrics, enum metric_id id)
{
    return atomic_load_explicit(&metrics->maxima[id], memory_order_relaxed);
}

const struct metric_row *metric_row(enum metric_id id)
{
    return &rows[id];
}
