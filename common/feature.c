#include "common/feature.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const struct feature_row rows[FEATURE_COUNT] = {
#define X(id, name_, lowest_, highest_, text_)                                                     \
    [FEATURE_##id] = { .name = name_, .lowest = lowest_, .highest = highest_, .text = text_ },
    FEATURE_TABLE(X)
#undef X
};

const struct feature_row *feature_row(enum feature feature)
{
    return &rows[feature];
}

static int find(const char *name, size_t size)
{
    for (int i = 0; i < FEATURE_COUNT; i++)
        if (strlen(rows[i].name) == size && memcmp(rows[i].name, name, size) == 0)
            return i;
    return -1;
}

int feature_find(const char *name)
{
    return find(name, strlen(name));
}

struct feature_ranges feature_ranges_built(void)
{
    struct feature_ranges ranges;

    for (int i = 0; i < FEATURE_COUNT; i++)
        ranges.of[i] = (struct feature_range){ rows[i].lowest, rows[i].highest };
    return ranges;
}

/* Levels were published from the second one on. */
struct feature_ranges feature_ranges_untold(void)
{
    struct feature_ranges ranges;

    for (int i = 0; i < FEATURE_COUNT; i++)
        ranges.of[i] = (struct feature_range){ 1, 1 };
    return ranges;
}

struct feature_levels feature_lowest(const struct feature_ranges *ranges)
{
    struct feature_levels levels;

    for (int i = 0; i < FEATURE_COUNT; i++)
        levels.of[i] = ranges->of[i].lowest;
    return levels;
}

struct feature_levels feature_highest(const struct feature_ranges *ranges)
{
    struct feature_levels levels;

    for (int i = 0; i < FEATURE_COUNT; i++)
        levels.of[i] = ranges->of[i].highest;
    return levels;
}

/* --- held back -------------------------------------------------------------------------------- */

static int hold_one(const char *entry, size_t size, struct feature_ranges *ranges,
                    struct k_reason *reason)
{
    const char *colon = memchr(entry, ':', size);
    int feature = colon == NULL ? -1 : find(entry, (size_t)(colon - entry));

    if (feature < 0)
        return k_reason_set(reason, K_INVALID_CONFIG,
                            "feature.level.max: \"%.*s\" is not a feature and a level, as in %s:%d",
                            (int)size, entry, rows[0].name, rows[0].lowest);
    struct feature_range *range = &ranges->of[feature];
    char *end;
    long level = strtol(colon + 1, &end, 10);
    if (end == colon + 1 || end != entry + size || level < range->lowest || level > range->highest)
        return k_reason_set(reason, K_INVALID_CONFIG,
                            "feature.level.max: the level of %s is to be from %d to %d, not "
                            "\"%.*s\"",
                            rows[feature].name, range->lowest, range->highest,
                            (int)(entry + size - colon - 1), colon + 1);
    range->highest = (int16_t)level;
    return 0;
}

int feature_hold(const char *text, struct feature_ranges *ranges, struct k_reason *reason)
{
    struct feature_ranges held = *ranges;
    int code = 0;

    for (const char *at = text == NULL ? "" : text; *at != '\0' && code == 0;) {
        at += strspn(at, " \t");
        size_t size = strcspn(at, ",");
        code = hold_one(at, size, &held, reason);
        at += size + (at[size] == ',');
    }
    if (code == 0)
        *ranges = held;
    return code;
}

int feature_check(const struct feature_ranges *ranges, const char *name, int level,
                  struct k_reason *reason)
{
    int feature = feature_find(name);

    if (feature < 0)
        return k_reason_set(reason, K_UNSUPPORTED_VERSION,
                            "the cluster has finalised level %d of the feature %.100s, which this "
                            "software does not know: levels are never taken back, so start a "
                            "version that knows it",
                            level, name);
    const struct feature_range *range = &ranges->of[feature];
    if (level >= range->lowest && level <= range->highest)
        return 0;
    if (level <= rows[feature].highest && level > range->highest)
        return k_reason_set(reason, K_UNSUPPORTED_VERSION,
                            "the cluster has finalised level %d of the feature %s, and "
                            "feature.level.max holds this broker at %d: levels are never taken "
                            "back, so take it out of the configuration",
                            level, name, range->highest);
    return k_reason_set(reason, K_UNSUPPORTED_VERSION,
                        "the cluster has finalised level %d of the feature %s, and this software "
                        "can %d to %d: levels are never taken back, so start a version that can "
                        "level %d",
                        level, name, range->lowest, range->highest, level);
}

/* --- in force --------------------------------------------------------------------------------- */

void feature_cell_init(struct feature_cell *cell)
{
    for (int i = 0; i < FEATURE_COUNT; i++)
        atomic_init(&cell->of[i], rows[i].lowest);
}

void feature_cell_raise(struct feature_cell *cell, const struct feature_levels *levels)
{
    for (int i = 0; i < FEATURE_COUNT; i++)
        if (levels->of[i] > atomic_load_explicit(&cell->of[i], memory_order_relaxed))
            atomic_store_explicit(&cell->of[i], levels->of[i], memory_order_relaxed);
}

struct feature_levels feature_cell_levels(const struct feature_cell *cell)
{
    struct feature_levels levels;

    for (int i = 0; i < FEATURE_COUNT; i++)
        levels.of[i] = atomic_load_explicit(&cell->of[i], memory_order_relaxed);
    return levels;
}
