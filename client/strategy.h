/* strategy.h - which assignors a member offers: partition.assignment.strategy.
 *
 * Reading it is pure; the application's own assignors have to be opened before they are used. */
#ifndef CLIENT_STRATEGY_H
#define CLIENT_STRATEGY_H

#include <stdbool.h>
#include <stddef.h>

#include "client/assignor.h"
#include "client/own_assignor.h"
#include "common/error.h"

enum { STRATEGY_MAX = 16 };

/* Refers to itself: it does not move. */
struct strategy {
    const struct assignor *assignors[STRATEGY_MAX];     /* as preferred */
    size_t count;
    bool cooperative;               /* all of them are: nothing is given up to join */
    struct own_assignor own[STRATEGY_MAX];
    size_t own_count;
};

/* From names separated by commas: built-in ones, and what the application added to `extensions`,
 * which is borrowed. 0, or K_INVALID_CONFIG for an unknown name, one that comes twice, more than
 * STRATEGY_MAX, or none. */
int strategy_read(struct strategy *strategy, const char *names,
                  const struct extensions *extensions, struct k_reason *reason);

/* Open those of the application; why one of their calls failed is written to *refusal. 0, or
 * K_INVALID_CONFIG and none is open. */
int strategy_open(struct strategy *strategy, const struct klient_config *config,
                  struct refusal *refusal, klient_error_t **error);
void strategy_close(struct strategy *strategy);

/* Is there a built-in one of that name? */
bool strategy_is_built_in(const char *name);

/* One of them by its name; NULL: none. */
const struct assignor *strategy_find(const struct strategy *strategy, const char *name);

#endif
