#include "client/assign_claims.h"

#include <string.h>

#include "common/endian.h"

struct assign_claim *assign_claims_new(struct arena *arena, const struct assign_group *group)
{
    struct assign_claim *claims =
        arena_alloc(arena, ((size_t)group->partition_count + 1) * sizeof *claims);

    for (uint32_t p = 0; claims != NULL && p < group->partition_count; p++)
        claims[p] = (struct assign_claim){.member = ASSIGN_NOBODY};
    return claims;
}

static void hear_claim(struct assign_claim *claim, int32_t member, int32_t generation)
{
    if (claim->member == member)
        return;
#ifdef MUTANT_STALE_CLAIM_KEPT
    generation = CONSUMER_GENERATION_NONE;
#endif
    if (claim->member == ASSIGN_NOBODY || generation > claim->generation)
        *claim = (struct assign_claim){.member = member, .generation = generation};
    else if (generation == claim->generation)
        claim->tied = true;
}

static int compare_name(const struct assign_topic *topic, struct consumer_text name)
{
    int order = strncmp(topic->name, name.data, name.size);
    return order != 0 ? order : topic->name[name.size] != '\0';
}

static const struct assign_topic *find_topic(const struct assign_group *group,
                                             struct consumer_text name)
{
    uint32_t low = 0;

    for (uint32_t high = group->topic_count; low < high;) {
        uint32_t middle = low + (high - low) / 2;
        if (compare_name(&group->topics[middle], name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < group->topic_count && compare_name(&group->topics[low], name) == 0
               ? &group->topics[low]
               : NULL;
}

void assign_claims_hear(const struct assign_group *group, struct assign_claim *claims,
                        int32_t member, struct consumer_list owned, int32_t generation)
{
    struct consumer_claim told;

    while (consumer_claim_next(&owned, &told)) {
        const struct assign_topic *topic = find_topic(group, told.topic);
        for (int32_t i = 0; topic != NULL && i < told.count; i++) {
            int32_t partition = consumer_partition(&told, i);
            if (partition >= 0 && partition < topic->partition_count)
                hear_claim(&claims[topic->first + (uint32_t)partition], member, generation);
        }
    }
}

/* Before version 2, members that cooperate say their generation in the user data. */
void assign_claims_hear_owner(const struct assign_group *group, struct assign_claim *claims,
                              int32_t member)
{
    const struct consumer_subscription *told = &group->members[member].told;
    int32_t generation = told->generation;

    if (generation == CONSUMER_GENERATION_NONE && told->user_data.size == sizeof generation)
        generation = (int32_t)load_u32(told->user_data.data);
    assign_claims_hear(group, claims, member, told->owned, generation);
}

void assign_claims_withhold(struct assign_group *group, const struct assign_claim *claims)
{
#ifdef MUTANT_GIVEN_BEFORE_REVOKED
    return;
#endif
    for (uint32_t p = 0; p < group->partition_count; p++) {
        const struct assign_claim *claim = &claims[p];
        if (group->owners[p] == ASSIGN_NOBODY || claim->member == ASSIGN_NOBODY ||
            (claim->counts && claim->member == group->owners[p]))
            continue;
        group->owners[p] = ASSIGN_NOBODY;
        group->withheld++;
    }
}
