#include "server/core/election.h"

const struct controller_broker *broker_find(const struct controller_broker *brokers, size_t count,
                                            int32_t id)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (brokers[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && brokers[low].id == id ? &brokers[low] : NULL;
}

bool replica_set_has(const struct replica_set *set, int32_t id)
{
    for (int32_t i = 0; i < set->count; i++)
        if (set->ids[i] == id)
            return true;
    return false;
}

int32_t election_winner(const struct replica_set *assignment, const struct replica_set *isr,
                        const struct controller_broker *live, size_t live_count)
{
    for (int32_t i = 0; i < assignment->count; i++) {
        int32_t id = assignment->ids[i];
        bool is_live = broker_find(live, live_count, id) != NULL;

#ifdef MUTANT_DEAD_LEADER
        is_live = true;
#endif
        if (is_live && replica_set_has(isr, id))
            return id;
    }
    return -1;
}
