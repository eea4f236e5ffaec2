#include "server/core/features.h"

#include <assert.h>
#include <string.h>

static const struct features_effects nothing = { 0, NULL };

void features_init(struct features *features)
{
    memset(features, 0, sizeof *features);
}

/* The highest level that all of them can; 0: there is none. */
static int16_t reachable(const struct features_event *event, int feature)
{
    int16_t lowest = 0, highest = event->seen.broker_count == 0 ? 0 : FEATURE_LEVEL_MAX;

    for (size_t i = 0; i < event->seen.broker_count; i++) {
        const struct feature_range *range = &event->seen.brokers[i].of[feature];
        if (range->lowest > lowest)
            lowest = range->lowest;
#ifdef MUTANT_FEATURE_BEYOND
        if (i == 0)
#else
        if (range->highest < highest)
#endif
            highest = range->highest;
    }
    return lowest <= highest ? highest : 0;
}

/* What should be stored; false: it is already. */
static bool plan(const struct features_event *event, struct feature_levels *levels)
{
    bool changes = false;

    *levels = event->seen.levels;
#ifndef MUTANT_FEATURE_ALONE
    if (!event->seen.complete)
        return false;
#endif
    for (int i = 0; i < FEATURE_COUNT; i++) {
        int16_t level = reachable(event, i);
        /* Level 1 is what a broker can that says nothing of the feature: one that does not know it
         * would be shut out by its name. */
        if (level == 1 && levels->of[i] == 0)
            continue;
#ifdef MUTANT_FEATURE_LOWERED
        if (level == levels->of[i])
#else
        if (level <= levels->of[i])
#endif
            continue;
        levels->of[i] = level;
        changes = true;
    }
    return changes;
}

/* F1, F2, on what is about to be ordered. */
static void check(const struct features_event *event, const struct feature_levels *levels)
{
    for (int i = 0; i < FEATURE_COUNT; i++) {
        assert(levels->of[i] >= event->seen.levels.of[i]);
        if (levels->of[i] == event->seen.levels.of[i])
            continue;
        for (size_t b = 0; b < event->seen.broker_count; b++) {
            assert(levels->of[i] <= event->seen.brokers[b].of[i].highest);
            assert(levels->of[i] >= event->seen.brokers[b].of[i].lowest);
        }
    }
}

static struct features_effects one(struct features *features)
{
    return (struct features_effects){ 1, &features->effect };
}

/* While a store is under way nothing else is decided: it ends with another look. */
static struct features_effects on_seen(struct features *features,
                                       const struct features_event *event)
{
    struct feature_levels levels;

    if (features->storing || !plan(event, &levels))
        return nothing;
    check(event, &levels);
    features->storing = true;
    features->effect = (struct features_effect){ .type = FEATURES_DO_STORE,
                                                 .round = ++features->round,
                                                 .version = event->seen.version,
                                                 .registrations = event->seen.registrations,
                                                 .levels = levels };
    return one(features);
}

/* Whatever came of it, the truth is what stands there. */
static struct features_effects on_stored(struct features *features,
                                         const struct features_event *event)
{
    if (!features->storing || event->stored.round != features->round)
        return nothing;
    features->storing = false;
    features->effect = (struct features_effect){ .type = FEATURES_DO_LOOK };
    return one(features);
}

struct features_effects features_step(struct features *features,
                                      const struct features_event *event)
{
    switch (event->type) {
    case FEATURES_SEEN:
        return on_seen(features, event);
    case FEATURES_STORED:
        return on_stored(features, event);
    case FEATURES_DEPOSED:
        features->storing = false;
        break;
    }
    return nothing;
}
