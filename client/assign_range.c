/* range where racks count: the rule of KIP-881, with leaders before other replicas.
 *
 * Each member gets as many partitions of a topic as range gives it. Which ones is decided in three
 * rounds: those led in its rack, those with a replica there, and what is left, in runs. */
#include "client/assign_pools.h"
#include "client/assign_racks.h"
#include "common/error.h"

/* Topics with the same subscribers and as many partitions, which are cut in the same way. */
struct cut {
    struct assign_group *group;
    const struct assign_racks *racks;
    const struct assign_topic **topics;
    uint32_t topic_count;
    const uint32_t *members;
    uint32_t member_count;
    uint32_t share, larger;         /* a member's, and how many more members get one on top */
    uint32_t *taken;                /* by place in `members` */
    int32_t *owners;                /* of the first topic's partitions */
};

static bool has_room(const struct cut *cut, uint32_t i)
{
    return cut->taken[i] < cut->share + (cut->larger > 0);
}

static void take(struct cut *cut, uint32_t i, int32_t partition)
{
    cut->owners[partition] = (int32_t)cut->members[i];
    if (++cut->taken[i] > cut->share)
        cut->larger--;
}

static bool is_near(const struct cut *cut, uint32_t i, int32_t partition, bool any)
{
    for (uint32_t t = 0; t < cut->topic_count; t++)
        if (!assign_racks_near(cut->racks, cut->members[i],
                               cut->topics[t]->first + (uint32_t)partition, any))
            return false;
    return true;
}

static void take_near(struct cut *cut, bool any)
{
    for (int32_t p = 0; p < cut->topics[0]->partition_count; p++)
        for (uint32_t i = 0; cut->owners[p] == ASSIGN_NOBODY && i < cut->member_count; i++)
            if (has_room(cut, i) && is_near(cut, i, p, any))
                take(cut, i, p);
}

static void take_rest(struct cut *cut)
{
    uint32_t i = 0;

    for (int32_t p = 0; p < cut->topics[0]->partition_count; p++) {
        if (cut->owners[p] != ASSIGN_NOBODY)
            continue;
        while (!has_room(cut, i))
            i++;
        take(cut, i, p);
    }
}

/* The first of `topics`, and those of the others that are like it, which are taken out. Returns
 * how many are left. */
static uint32_t take_alike(struct cut *cut, const struct assign_topic **topics, uint32_t count)
{
    uint32_t left = 0;

    cut->topic_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct assign_topic *topic = topics[i];
        if (i == 0 || topic->partition_count == cut->topics[0]->partition_count)
            cut->topics[cut->topic_count++] = topic;
        else
            topics[left++] = topic;
    }
    return left;
}

static void assign_alike(struct cut *cut)
{
    uint32_t partitions = (uint32_t)cut->topics[0]->partition_count;

    cut->share = partitions / cut->member_count;
    cut->larger = partitions % cut->member_count;
    cut->owners = cut->group->owners + cut->topics[0]->first;
    for (uint32_t i = 0; i < cut->member_count; i++)
        cut->taken[i] = 0;
#ifndef MUTANT_LEADERS_LIKE_REPLICAS
    take_near(cut, false);
#endif
    take_near(cut, true);
    take_rest(cut);
    for (uint32_t t = 1; t < cut->topic_count; t++)
        for (uint32_t p = 0; p < partitions; p++)
            cut->group->owners[cut->topics[t]->first + p] = cut->owners[p];
}

int assign_range_near(struct arena *arena, struct assign_group *group,
                      const struct assign_racks *racks)
{
    struct cut cut = { .group = group, .racks = racks };
    struct assign_pools pools;
    size_t topics = (size_t)group->topic_count + 1;
    const struct assign_topic **open = arena_calloc(arena, topics, sizeof(struct assign_topic *));

    cut.topics = arena_calloc(arena, topics, sizeof(struct assign_topic *));
    cut.taken = arena_calloc(arena, (size_t)group->member_count + 1, sizeof(uint32_t));
    if (open == NULL || cut.topics == NULL || cut.taken == NULL ||
        assign_pools_make(arena, group, &pools) != 0)
        return K_NOMEM;
    for (uint32_t g = 0; g < pools.graph.pool_count; g++) {
        const struct pool_topic *first = &pools.topics[pools.topic_first[g]];
        uint32_t count = pools.topic_first[g + 1] - pools.topic_first[g];
        for (uint32_t i = 0; i < count; i++)
            open[i] = &group->topics[first[i].topic];
        cut.members = group->subscribers + group->subscriber_first[first->topic];
        cut.member_count = first->count;
        while (count > 0) {
            count = take_alike(&cut, open, count);
            assign_alike(&cut);
        }
    }
    return 0;
}
