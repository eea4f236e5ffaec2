/* feature.h - feature levels: what a build can, what a cluster has agreed on.
 *
 * Thread-safe: constant data, and a cell of atomics that one thread writes. */
#ifndef COMMON_FEATURE_H
#define COMMON_FEATURE_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/feature_table.h"

enum feature {
#define X(id, name, lowest, highest, text) FEATURE_##id,
    FEATURE_TABLE(X)
#undef X
    FEATURE_COUNT
};

enum { FEATURE_LEVEL_MAX = INT16_MAX };

struct feature_row {
    const char *name;
    int16_t lowest, highest;                /* levels that this build can */
    const char *text;
};

struct feature_range { int16_t lowest, highest; };
struct feature_ranges { struct feature_range of[FEATURE_COUNT]; };  /* what a broker can */
struct feature_levels { int16_t of[FEATURE_COUNT]; };               /* one of each */

const struct feature_row *feature_row(enum feature feature);

/* The feature of this name, or -1. */
int feature_find(const char *name);

/* What this build can. */
struct feature_ranges feature_ranges_built(void);

/* What a broker can that says nothing of features. */
struct feature_ranges feature_ranges_untold(void);

/* The lowest, and the highest, of each. */
struct feature_levels feature_lowest(const struct feature_ranges *ranges);
struct feature_levels feature_highest(const struct feature_ranges *ranges);

/* "name:level,...": these features only up to that level. NULL or "": nothing is held back.
 * Returns 0 or INVALID_CONFIG. */
int feature_hold(const char *text, struct feature_ranges *ranges, struct k_reason *reason);

/* May a broker with these ranges be in a cluster that has finalised this? 0, or
 * UNSUPPORTED_VERSION with what to do about it. */
int feature_check(const struct feature_ranges *ranges, const char *name, int level,
                  struct k_reason *reason);

/* --- levels in force, for every thread of a broker -------------------------------------------- */

struct feature_cell { _Atomic int16_t of[FEATURE_COUNT]; };

/* At the lowest levels. */
void feature_cell_init(struct feature_cell *cell);
/* Levels only grow: lower ones change nothing. One thread. */
void feature_cell_raise(struct feature_cell *cell, const struct feature_levels *levels);
struct feature_levels feature_cell_levels(const struct feature_cell *cell);   /* any thread */

#endif
