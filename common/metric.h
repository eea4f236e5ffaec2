/* metric.h - counters, gauges and histograms, one set per broker or client handle.
 *
 * The table in metric_table.h names them. Adding is wait-free (relaxed atomics) from any thread;
 * a snapshot is not consistent across metrics. */
#ifndef COMMON_METRIC_H
#define COMMON_METRIC_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "common/metric_table.h"

enum metric_id {
#define X(id, kind, name, text) METRIC_##id,
    METRIC_TABLE(X)
#undef X
    METRIC_COUNT
};

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* Buckets of a histogram: values below 16 exactly, larger ones to one part in eight. */
enum {
    METRIC_FINE_BITS = 3,
    METRIC_FINE = 1 << METRIC_FINE_BITS,
    METRIC_BUCKETS = (63 - METRIC_FINE_BITS) * METRIC_FINE + METRIC_FINE
};

struct metric_row {
    enum metric_kind kind;
    const char *name, *text;
};

struct metrics;

struct metrics *metrics_new(void);                       /* NULL when out of memory */
void metrics_free(struct metrics *metrics);              /* NULL is allowed */

void metric_add(struct metrics *metrics, enum metric_id id, int64_t amount);
void metric_set(struct metrics *metrics, enum metric_id id, int64_t value);
void metric_observe(struct metrics *metrics, enum metric_id id, int64_t value);

int64_t metric_value(const struct metrics *metrics, enum metric_id id);
/* The largest value that may stand in the bucket of quantile q (0 to 1) of a histogram, never above
 * the largest observed one; 0 when empty. */
int64_t metric_quantile(const struct metrics *metrics, enum metric_id id, double q);
/* The largest value that a histogram observed; 0 when empty. */
int64_t metric_max(const struct metrics *metrics, enum metric_id id);
const struct metric_row *metric_row(enum metric_id id);

#endif
