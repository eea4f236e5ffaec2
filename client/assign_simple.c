/* Java's range and roundrobin: the same results, partition by partition, while no rack is told. */
#include "client/assign_racks.h"
#include "client/assignor.h"

/* Each topic is cut into runs of equal length, the first ones longer by one where that does not go
 * even. */
static void assign_runs(struct assign_group *group)
{
    for (uint32_t t = 0; t < group->topic_count; t++) {
        const uint32_t *subscribers = group->subscribers + group->subscriber_first[t];
        uint32_t count = group->subscriber_first[t + 1] - group->subscriber_first[t];
        uint32_t partitions = (uint32_t)group->topics[t].partition_count;
        int32_t *next = group->owners + group->topics[t].first;

        for (uint32_t i = 0; i < count; i++)
            for (uint32_t run = partitions / count + (i < partitions % count); run > 0; run--)
                *next++ = (int32_t)subscribers[i];
    }
}

static int assign_range(void *context, struct assign_group *group)
{
    struct assign_racks racks;
    struct arena arena;

    (void)context;
    arena_init(&arena, NULL, 0, SIZE_MAX);
    int code = assign_racks_make(&arena, group, &racks);
    if (code == 0 && racks.count > 0)
        code = assign_range_near(&arena, group, &racks);
    else if (code == 0)
        assign_runs(group);
    arena_fini(&arena);
    return code;
}

/* The first that is not below `member`, or `count`. */
static uint32_t not_below(const uint32_t *subscribers, uint32_t count, uint32_t member)
{
    uint32_t low = 0;

    for (uint32_t high = count; low < high;) {
        uint32_t middle = low + (high - low) / 2;
        if (subscribers[middle] < member)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* All partitions in order go round all members, past those that did not subscribe to the topic. */
static int assign_roundrobin(void *context, struct assign_group *group)
{
    uint32_t turn = 0;

    (void)context;
    for (uint32_t t = 0; t < group->topic_count; t++) {
        const uint32_t *subscribers = group->subscribers + group->subscriber_first[t];
        uint32_t count = group->subscriber_first[t + 1] - group->subscriber_first[t];
        uint32_t partitions = count > 0 ? (uint32_t)group->topics[t].partition_count : 0;
        uint32_t at = not_below(subscribers, count, turn);

        for (uint32_t i = 0; i < partitions; i++, at++) {
            at = at < count ? at : 0;
            group->owners[group->topics[t].first + i] = (int32_t)subscribers[at];
            turn = subscribers[at] + 1;
        }
    }
    return 0;
}

const struct assignor assignor_range = {.name = "range", .assign = assign_range};
const struct assignor assignor_roundrobin = {.name = "roundrobin", .assign = assign_roundrobin};
