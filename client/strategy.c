#include "client/strategy.h"

#include <stdio.h>
#include <string.h>

#define JAVA "org.apache.kafka.clients.consumer."

static const struct { const struct assignor *assignor; const char *java; } known[] = {
    { &assignor_cooperative_sticky, JAVA "CooperativeStickyAssignor" },
    { &assignor_sticky, JAVA "StickyAssignor" },
    { &assignor_range, JAVA "RangeAssignor" },
    { &assignor_roundrobin, JAVA "RoundRobinAssignor" },
};

static const struct assignor *find_built_in(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].assignor->name, name) == 0 || strcmp(known[i].java, name) == 0)
            return known[i].assignor;
    return NULL;
}

bool strategy_is_built_in(const char *name)
{
    return find_built_in(name) != NULL;
}

/* NULL: there is none of that name. */
static const struct assignor *find(struct strategy *strategy, const struct extensions *extensions,
                                   const char *name)
{
    const struct assignor *built_in = find_built_in(name);
    const struct extension *row = extension_find(extensions, EXTENSION_ASSIGNOR, name);

    if (built_in != NULL || row == NULL)
        return built_in;
    struct own_assignor *own = &strategy->own[strategy->own_count++];
    own_assignor_init(own, row);
    return &own->assignor;
}

static int add(struct strategy *strategy, const struct extensions *extensions, const char *name,
               struct k_reason *reason)
{
    if (strategy->count == STRATEGY_MAX)
        return k_reason_set(reason, K_INVALID_CONFIG,
                            "partition.assignment.strategy names more than %d assignors",
                            (int)STRATEGY_MAX);
    const struct assignor *assignor = find(strategy, extensions, name);
    if (assignor == NULL)
        return k_reason_set(reason, K_INVALID_CONFIG,
                            "partition.assignment.strategy has no \"%s\": there are "
                            "cooperative-sticky, sticky, range, roundrobin, and what was added "
                            "with klient_config_add_assignor()", name);
    if (strategy_find(strategy, assignor->name) != NULL)
        return k_reason_set(reason, K_INVALID_CONFIG,
                            "partition.assignment.strategy names %s twice", assignor->name);
    strategy->assignors[strategy->count++] = assignor;
    strategy->cooperative &= assignor->cooperative;
    return 0;
}

int strategy_read(struct strategy *strategy, const char *names,
                  const struct extensions *extensions, struct k_reason *reason)
{
    const char *at = names, *name;
    char copy[256];
    size_t size;
    int code = 0;

    *strategy = (struct strategy){ .cooperative = true };
    while (code == 0 && extension_next_name(&at, &name, &size)) {
        snprintf(copy, sizeof copy, "%.*s", (int)size, name);
        code = size < sizeof copy
                   ? add(strategy, extensions, copy, reason)
                   : k_reason_set(reason, K_INVALID_CONFIG,
                                  "partition.assignment.strategy: \"%s...\" is no name", copy);
    }
    if (code == 0 && strategy->count == 0)
        code = k_reason_set(reason, K_INVALID_CONFIG, "partition.assignment.strategy is empty");
    return code;
}

int strategy_open(struct strategy *strategy, const struct klient_config *config,
                  struct refusal *refusal, klient_error_t **error)
{
    for (size_t i = 0; i < strategy->own_count; i++) {
        int code = own_assignor_open(&strategy->own[i], config, refusal, error);
        if (code != 0) {
            strategy_close(strategy);
            return code;
        }
    }
    return 0;
}

void strategy_close(struct strategy *strategy)
{
    for (size_t i = strategy->own_count; i > 0; i--)
        own_assignor_close(&strategy->own[i - 1]);
}

const struct assignor *strategy_find(const struct strategy *strategy, const char *name)
{
    for (size_t i = 0; i < strategy->count; i++)
        if (strcmp(strategy->assignors[i]->name, name) == 0)
            return strategy->assignors[i];
    return NULL;
}
