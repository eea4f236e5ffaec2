#include "server/storage/clean_plan.h"

#include <assert.h>

struct clean_range clean_plan_range(const struct clean_part *parts, size_t count, int64_t start,
                                    int64_t end, int64_t checkpoint, int64_t owner_limit)
{
    assert(count > 0);
    struct clean_range range = { .from = checkpoint, .limit = parts[count - 1].base };

    if (checkpoint < start || checkpoint > end)
        range.from = start;
#ifndef MUTANT_CLEAN_ABOVE_LIMIT
    if (owner_limit < range.limit)
        range.limit = owner_limit;
#else
    (void)owner_limit;
#endif
    if (range.from >= range.limit)
        return range;
    for (size_t i = 0; i + 1 < count && parts[i].base < range.limit; i++) {
        if (parts[i + 1].base <= range.from)
            range.clean_bytes += parts[i].size;
        else
            range.dirty_bytes += parts[i].size;
    }
    return range;
}

double clean_plan_ratio(const struct clean_range *range)
{
    double all = (double)range->clean_bytes + (double)range->dirty_bytes;
    return all > 0 ? (double)range->dirty_bytes / all : 0;
}

bool clean_plan_due(const struct clean_range *range, const struct clean_policy *policy,
                    int64_t first_dirty_ms, int64_t now_ms)
{
    if (range->from >= range->limit || range->dirty_bytes == 0)
        return false;
    if (clean_plan_ratio(range) >= policy->min_dirty_ratio)
        return true;
    return first_dirty_ms >= 0 && policy->max_lag_ms < INT64_MAX &&
           first_dirty_ms < now_ms - policy->max_lag_ms;
}
