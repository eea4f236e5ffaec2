/* subscription.h - what a consumer asked for: topics by name, or those that an expression matches.
 *
 * Immutable and shared by the application's thread and the loop, but for the expression, which only
 * the loop matches with. */
#ifndef CLIENT_SUBSCRIPTION_H
#define CLIENT_SUBSCRIPTION_H

#include <stdatomic.h>
#include <stddef.h>

#include "common/arena.h"

struct k_reason;
struct pattern;

struct subscription {
    atomic_uint references;
    struct arena arena;
    const char *text;               /* of the expression; NULL: topics by name */
    struct pattern *pattern;
    const char **topics;            /* ascending, each once */
    size_t count;
};

/* 0, K_NOMEM, K_INVALID_ARGUMENT (none, or a name that can not be), or what pattern_new() says. */
int subscription_of_topics(const char *const *topics, size_t count, struct subscription **out);
int subscription_of_pattern(const char *text, struct subscription **out, struct k_reason *reason);

struct subscription *subscription_ref(struct subscription *subscription);
void subscription_unref(struct subscription *subscription);     /* NULL is allowed */

#endif
