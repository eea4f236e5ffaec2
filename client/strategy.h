/* strategy.h - which assignors a member offers: partition.assignment.strategy. Pure. */
#ifndef CLIENT_STRATEGY_H
#define CLIENT_STRATEGY_H

#include <stdbool.h>
#include <stddef.h>

#include "client/assignor.h"
#include "common/error.h"

enum { STRATEGY_MAX = 4 };

struct strategy {
    const struct assignor *assignors[STRATEGY_MAX];     /* as preferred */
    size_t count;
    bool cooperative;               /* all of them are: nothing is given up to join */
};

/* From names separated by commas. 0, or K_INVALID_CONFIG for an unknown name, one that comes twice,
 * or none. */
int strategy_read(struct strategy *strategy, const char *names, struct k_reason *reason);

/* One of them by its name; NULL: none. */
const struct assignor *strategy_find(const struct strategy *strategy, const char *name);

#endif
