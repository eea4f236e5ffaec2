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

enum { METRIC_BUCKETS = 64 };      /* bucket b counts values v with 2^(b-1) <= v < 2^b */

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
/* Upper bound of the bucket that holds quantile q (0..1) of a histogram; 0 when empty. */
int64_t metric_quantile(const struct metrics *metrics, enum metric_id id, double q);
const struct metric_row *metric_row(enum metric_id id);

#endif
