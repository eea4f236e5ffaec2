#include "client/strategy.h"

#include <string.h>

#define JAVA "org.apache.kafka.clients.consumer."

static const struct { const struct assignor *assignor; const char *java; } known[] = {
    { &assignor_cooperative_sticky, JAVA "CooperativeStickyAssignor" },
    { &assignor_sticky, JAVA "StickyAssignor" },
    { &assignor_range, JAVA "RangeAssignor" },
    { &assignor_roundrobin, JAVA "RoundRobinAssignor" },
};

_Static_assert(sizeof known / sizeof known[0] == STRATEGY_MAX, "raise STRATEGY_MAX");

static const struct assignor *find(const char *name, size_t size)
{
    for (size_t i = 0; i < STRATEGY_MAX; i++) {
        const char *names[] = { known[i].assignor->name, known[i].java };
        for (size_t j = 0; j < 2; j++)
            if (strlen(names[j]) == size && memcmp(names[j], name, size) == 0)
                return known[i].assignor;
    }
    return NULL;
}

int strategy_read(struct strategy *strategy, const char *names, struct k_reason *reason)
{
    const char *blanks = ", \t\n";

    *strategy = (struct strategy){ .cooperative = true };
    for (const char *at = names + strspn(names, blanks); *at != '\0'; at += strspn(at, blanks)) {
        size_t size = strcspn(at, blanks);
        const struct assignor *assignor = find(at, size);
        if (assignor == NULL)
            return k_reason_set(reason, K_INVALID_CONFIG,
                                "partition.assignment.strategy has no \"%.*s\": there are "
                                "cooperative-sticky, sticky, range and roundrobin", (int)size, at);
        if (strategy_find(strategy, assignor->name) != NULL)
            return k_reason_set(reason, K_INVALID_CONFIG,
                                "partition.assignment.strategy names %s twice", assignor->name);
        strategy->assignors[strategy->count++] = assignor;
        strategy->cooperative &= assignor->cooperative;
        at += size;
    }
    if (strategy->count == 0)
        return k_reason_set(reason, K_INVALID_CONFIG, "partition.assignment.strategy is empty");
    return 0;
}

const struct assignor *strategy_find(const struct strategy *strategy, const char *name)
{
    for (size_t i = 0; i < strategy->count; i++)
        if (strcmp(strategy->assignors[i]->name, name) == 0)
            return strategy->assignors[i];
    return NULL;
}
