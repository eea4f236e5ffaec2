#include "server/core/placement.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "server/core/election.h"

/* A broker's seat at the table that the leaders are dealt around. */
struct seat {
    int32_t broker;
    int32_t rack; /* index; equal for brokers of one rack */
    size_t lap;   /* how many brokers of its rack have a smaller id */
    const char *rack_name;
};

static int seat_compare(const void *left, const void *right)
{
    const struct seat *a = left, *b = right;

    if (a->lap != b->lap)
        return a->lap < b->lap ? -1 : 1;
    int order = strcmp(a->rack_name, b->rack_name);
    return order != 0 ? order : (a->broker > b->broker) - (a->broker < b->broker);
}

/* Without racks brokers sit by id. With racks one broker of every rack sits down, racks in the
 * order of their names, then the next of every rack that has more. Returns the number of racks,
 * 0 when racks are not used. */
static int32_t seats_fill(struct seat *seats, const struct controller_broker *brokers, size_t count)
{
    bool racks = true;
    for (size_t i = 0; i < count; i++)
        racks = racks && brokers[i].rack[0] != '\0';

    for (size_t i = 0; i < count; i++) {
        seats[i] = (struct seat){.broker = brokers[i].id, .rack_name = brokers[i].rack};
        for (size_t j = 0; racks && j < i; j++)
            if (strcmp(brokers[j].rack, brokers[i].rack) == 0)
                seats[i].lap++;
    }
    if (!racks)
        return 0;

    qsort(seats, count, sizeof *seats, seat_compare);
    int32_t rack_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (seats[i].lap == 0) {
            seats[i].rack = rack_count++;
            continue;
        }
        for (size_t j = 0; j < i; j++)
            if (seats[j].lap == 0 && strcmp(seats[j].rack_name, seats[i].rack_name) == 0)
                seats[i].rack = seats[j].rack;
    }
    return rack_count;
}

/* The seat of the k-th follower: never the leader's own, for k below count - 1. */
static size_t follower_seat(size_t leader, uint64_t shift, uint64_t k, size_t count)
{
    return count == 1 ? leader : (leader + 1 + (shift + k) % (count - 1)) % count;
}

static bool rack_is_used(const struct seat *seats, size_t count, const struct replica_set *set,
                         int32_t rack)
{
    for (size_t i = 0; i < count; i++)
        if (seats[i].rack == rack && replica_set_has(set, seats[i].broker))
            return true;
    return false;
}

/* Add followers behind the leader: first one for every rack that has none yet, then any broker. */
static void fill_across_racks(const struct seat *seats, size_t count, int32_t rack_count,
                              size_t leader, uint64_t shift, int32_t replication_factor,
                              struct replica_set *set)
{
    int32_t racks_used = 1;

    for (uint64_t k = 0; set->count < replication_factor; k++) {
        const struct seat *seat =
            &seats[follower_seat(leader, shift * (uint64_t)rack_count, k, count)];
        bool used = rack_is_used(seats, count, set, seat->rack);

        if ((used && racks_used < rack_count) || replica_set_has(set, seat->broker))
            continue;
        set->ids[set->count++] = seat->broker;
        racks_used += !used;
    }
}

/* Where the deal begins: the seat of partition 0's leader, how far its followers are shifted, and
 * the first partition that is dealt. */
struct deal {
    size_t start;
    uint64_t shift;
    int32_t first;
};

static int place(const struct controller_broker *brokers, size_t broker_count, struct deal deal,
                 int32_t partitions, int32_t replication_factor, struct replica_set *sets)
{
    if (replication_factor < 1 || replication_factor > REPLICAS_MAX ||
        (size_t)replication_factor > broker_count)
        return K_INVALID_REPLICATION_FACTOR;

    struct seat *seats = calloc(broker_count, sizeof *seats);
    if (seats == NULL)
        return K_NOMEM;

    int32_t rack_count = seats_fill(seats, brokers, broker_count);

    for (int32_t i = 0; i < partitions; i++) {
        size_t p = (size_t)deal.first + (size_t)i;
        size_t leader = (p + deal.start) % broker_count;
        struct replica_set *set = &sets[i];

        /* A lap is over: shift once more, or the same pairs of brokers would always go together. */
        if (p > 0 && p % broker_count == 0)
            deal.shift++;
        *set = (struct replica_set){.count = 1, .ids = {seats[leader].broker}};
        if (rack_count > 0) {
            fill_across_racks(seats, broker_count, rack_count, leader, deal.shift,
                              replication_factor, set);
            continue;
        }
        for (int32_t k = 0; k < replication_factor - 1; k++)
            set->ids[set->count++] =
                seats[follower_seat(leader, deal.shift, (uint64_t)k, broker_count)].broker;
    }
    free(seats);
    return 0;
}

int placement_choose(const struct controller_broker *brokers, size_t broker_count,
                     int32_t partitions, int32_t replication_factor, uint64_t seed,
                     struct replica_set *sets)
{
    struct deal deal = {0};

    if (broker_count > 0)
        deal = (struct deal){.start = (uint32_t)seed % broker_count,
                             .shift = (seed >> 32) % broker_count};
    return place(brokers, broker_count, deal, partitions, replication_factor, sets);
}

int placement_extend(const struct controller_broker *brokers, size_t broker_count, int32_t leader,
                     int32_t first, int32_t partitions, int32_t replication_factor,
                     struct replica_set *sets)
{
    size_t start = 0;

    while (start < broker_count && brokers[start].id < leader)
        start++;
    if (start == broker_count)
        start = 0; /* it is gone, and nobody has a larger id */
    return place(brokers, broker_count,
                 (struct deal){.start = start, .shift = start, .first = first}, partitions,
                 replication_factor, sets);
}
