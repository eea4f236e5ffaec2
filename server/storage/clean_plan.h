/* storage/clean_plan.h - which part of a log is to be compacted, and is it time. Pure.
 *
 * A log is clean up to its checkpoint and dirty from there to the limit: nothing in the active
 * segment and nothing beyond what the log's owner allows is ever touched. */
#ifndef STORAGE_CLEAN_PLAN_H
#define STORAGE_CLEAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clean_part {                     /* a segment */
    int64_t base, size;
};

struct clean_range {
    int64_t from, limit;                /* dirty: [from, limit); empty when from >= limit */
    int64_t clean_bytes, dirty_bytes;   /* of whole segments; one that is both counts as dirty */
};

/* Of `count` (at least 1) segments, the last of them active. `checkpoint` -1: never cleaned; one
 * that lies outside the log counts as never. `owner_limit` is exclusive. */
struct clean_range clean_plan_range(const struct clean_part *parts, size_t count, int64_t start,
                                    int64_t end, int64_t checkpoint, int64_t owner_limit);

struct clean_policy {
    double min_dirty_ratio;
    int64_t max_lag_ms;                 /* INT64_MAX: none */
};

double clean_plan_ratio(const struct clean_range *range);

/* Is it time? `first_dirty_ms` is the time of the first dirty record; -1: unknown. */
bool clean_plan_due(const struct clean_range *range, const struct clean_policy *policy,
                    int64_t first_dirty_ms, int64_t now_ms);

#endif
