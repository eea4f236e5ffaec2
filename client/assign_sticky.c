/* Sticky: as even as the subscriptions allow, and few partitions move.
 *
 * 1. Claims. What members say they own counts by generation: the latest wins, two of one generation
 *    both lose, and who no longer subscribes owns nothing.
 * 2. Shares. How many partitions of each pool (assign_pools.h) each member gets is found by numbers
 *    alone (assign_level.h): first what nobody has is spread while what is claimed stays, then only
 *    as much of that moves as makes loads more even. What can be even without a move, moves not.
 * 3. Partitions. A member keeps its own up to its share; the rest goes round those who lack some,
 *    so that a topic is spread over its members.
 *
 * Cooperative members go on reading while they join. A partition that one of them claims is
 * withheld from all others: its owner sees that it lost it, gives it up and joins again. What is
 * kept then is a part of an even spread, so by 2 the next round moves nothing: two rounds do. */
#include <string.h>

#include "client/assign_claims.h"
#include "client/assign_pools.h"
#include "client/assignor.h"
#include "common/arena.h"
#include "common/endian.h"
#include "common/error.h"

struct sticky {
    struct assign_group *group;
    struct arena arena;
    struct assign_claim *claims;    /* by partition */
    struct assign_pools pools;
    uint32_t *claimed;              /* by edge: partitions whose claim counts */
    uint32_t *edge_of;              /* by member: its edge of the pool at hand */
    /* While partitions are handed out, by edge: how many of its own a member was asked for, and had
     * to give up. Then a list of edges that lack some. */
    uint32_t *asked, *given_up, *lacking;
};

/* Members that do not cooperate gave everything up, and remember it in their user data. */
static void hear_memory(struct sticky *sticky, int32_t member)
{
    struct consumer_text memory = sticky->group->members[member].told.user_data;
    struct consumer_sticky read;

    if (consumer_sticky_read(memory.data, memory.size, &read) == 0)
        assign_claims_hear(sticky->group, sticky->claims, member, read.owned, read.generation);
}

static int sticky_init(struct sticky *sticky, struct assign_group *group)
{
    *sticky = (struct sticky){.group = group};
    arena_init(&sticky->arena, NULL, 0, SIZE_MAX);
    if (assign_pools_make(&sticky->arena, group, &sticky->pools) != 0)
        return K_NOMEM;
    size_t edges = (size_t)sticky->pools.graph.edge_count + 1;
    sticky->claims = assign_claims_new(&sticky->arena, group);
    sticky->claimed = arena_calloc(&sticky->arena, edges, sizeof(uint32_t));
    sticky->asked = arena_calloc(&sticky->arena, edges, sizeof(uint32_t));
    sticky->given_up = arena_calloc(&sticky->arena, edges, sizeof(uint32_t));
    sticky->lacking = arena_calloc(&sticky->arena, edges, sizeof(uint32_t));
    sticky->edge_of =
        arena_calloc(&sticky->arena, (size_t)group->member_count + 1, sizeof(uint32_t));
    if (sticky->claims == NULL || sticky->claimed == NULL || sticky->asked == NULL ||
        sticky->given_up == NULL || sticky->lacking == NULL || sticky->edge_of == NULL)
        return K_NOMEM;
    return 0;
}

static void take_pool(struct sticky *sticky, uint32_t pool)
{
    const struct level_graph *graph = &sticky->pools.graph;

    for (uint32_t e = graph->pool_first[pool]; e < graph->pool_first[pool + 1]; e++)
        sticky->edge_of[graph->edge_member[e]] = e;
}

/* A claim counts when its member alone says so, and is one of the pool. */
static void judge(struct sticky *sticky, uint32_t pool, struct assign_claim *claim)
{
    const struct level_graph *graph = &sticky->pools.graph;

    if (claim->member == ASSIGN_NOBODY || claim->tied)
        return;
    /* Of a member that is not of the pool, this is an edge of another pool, or another's. */
    uint32_t edge = sticky->edge_of[claim->member];
    claim->counts = edge >= graph->pool_first[pool] && edge < graph->pool_first[pool + 1] &&
                    graph->edge_member[edge] == (uint32_t)claim->member;
    if (claim->counts)
        sticky->claimed[edge]++;
}

/* The topics of a pool, one after the other. */
static const struct assign_topic *topic_of(const struct sticky *sticky, uint32_t pool,
                                           uint32_t index)
{
    uint32_t at = sticky->pools.topic_first[pool] + index;
    return at < sticky->pools.topic_first[pool + 1]
               ? &sticky->group->topics[sticky->pools.topics[at].topic]
               : NULL;
}

static void judge_pool(struct sticky *sticky, uint32_t pool)
{
    struct level_graph *graph = &sticky->pools.graph;
    const struct assign_topic *topic;

    take_pool(sticky, pool);
    for (uint32_t i = 0; (topic = topic_of(sticky, pool, i)) != NULL; i++)
        for (int32_t p = 0; p < topic->partition_count; p++)
            judge(sticky, pool, &sticky->claims[topic->first + (uint32_t)p]);
    for (uint32_t e = graph->pool_first[pool]; e < graph->pool_first[pool + 1]; e++) {
        graph->held[e] = sticky->claimed[e];
        graph->load[graph->edge_member[e]] += sticky->claimed[e];
    }
}

static void fill_pool(struct sticky *sticky, uint32_t pool)
{
    struct level_graph *graph = &sticky->pools.graph;
    const struct assign_topic *topic;
    uint32_t units = 0;

    for (uint32_t i = 0; (topic = topic_of(sticky, pool, i)) != NULL; i++)
        units += (uint32_t)topic->partition_count;
    for (uint32_t e = graph->pool_first[pool]; e < graph->pool_first[pool + 1]; e++)
        units -= sticky->claimed[e];
    level_fill(graph, pool, units);
}

static int find_shares(struct sticky *sticky)
{
    struct level_graph *graph = &sticky->pools.graph;
    int error;

    for (uint32_t g = 0; g < graph->pool_count; g++)
        judge_pool(sticky, g);
    for (uint32_t g = 0; g < graph->pool_count; g++)
        fill_pool(sticky, g);
#ifdef MUTANT_MOVED_WITHOUT_NEED
    return level_balance(graph, NULL);
#endif
    error = level_balance(graph, sticky->claimed);
    return error != 0 ? error : level_balance(graph, NULL);
}

/* Whether a member keeps the next partition that is its own. What it has to give up is taken evenly
 * from all that it has, not always from the last topic, and from each member elsewhere. */
static bool keeps(struct sticky *sticky, uint32_t edge)
{
    uint64_t own = sticky->claimed[edge], share = sticky->pools.graph.held[edge];
    uint32_t index = sticky->asked[edge]++;

    if (own <= share)
        return true;
    uint64_t shift = sticky->pools.graph.edge_member[edge] % own;
    if (index != (sticky->given_up[edge] * own + shift) / (own - share))
        return true;
    sticky->given_up[edge]++;
    return false;
}

static void keep_pool(struct sticky *sticky, uint32_t pool)
{
    const struct assign_topic *topic;

    for (uint32_t i = 0; (topic = topic_of(sticky, pool, i)) != NULL; i++)
        for (int32_t p = 0; p < topic->partition_count; p++) {
            const struct assign_claim *claim = &sticky->claims[topic->first + (uint32_t)p];
            if (claim->counts && keeps(sticky, sticky->edge_of[claim->member]))
                sticky->group->owners[topic->first + (uint32_t)p] = claim->member;
        }
}

/* In rounds: one each, and out who has enough. */
static void hand_out_pool(struct sticky *sticky, uint32_t pool)
{
    const struct level_graph *graph = &sticky->pools.graph;
    uint32_t *lacking = sticky->lacking, count = 0, at = 0, left = 0;
    const struct assign_topic *topic;

    for (uint32_t e = graph->pool_first[pool]; e < graph->pool_first[pool + 1]; e++) {
        /* From here on: how many it has. */
        sticky->asked[e] -= sticky->given_up[e];
        if (sticky->asked[e] < graph->held[e])
            lacking[count++] = e;
    }
    for (uint32_t i = 0; (topic = topic_of(sticky, pool, i)) != NULL; i++)
        for (int32_t p = 0; p < topic->partition_count; p++) {
            int32_t *owner = &sticky->group->owners[topic->first + (uint32_t)p];
            if (*owner != ASSIGN_NOBODY)
                continue;
            if (at == count) {
                count = left;
                at = left = 0;
            }
            uint32_t edge = lacking[at++];
            *owner = (int32_t)graph->edge_member[edge];
            if (++sticky->asked[edge] < graph->held[edge])
                lacking[left++] = edge;
        }
}

static int assign(struct assign_group *group, bool cooperative)
{
    struct sticky sticky;
    int error = sticky_init(&sticky, group);

    for (uint32_t m = 0; error == 0 && m < group->member_count; m++) {
        if (cooperative)
            assign_claims_hear_owner(group, sticky.claims, (int32_t)m);
        else
            hear_memory(&sticky, (int32_t)m);
    }
    if (error == 0)
        error = find_shares(&sticky);
    for (uint32_t g = 0; error == 0 && g < sticky.pools.graph.pool_count; g++) {
        take_pool(&sticky, g);
        keep_pool(&sticky, g);
        hand_out_pool(&sticky, g);
    }
    if (error == 0 && cooperative)
        assign_claims_withhold(group, sticky.claims);
    arena_fini(&sticky.arena);
    return error;
}

static int assign_sticky(void *context, struct assign_group *group)
{
    (void)context;
    return assign(group, false);
}

static int assign_cooperative(void *context, struct assign_group *group)
{
    (void)context;
    return assign(group, true);
}

static int tell_sticky(void *context, const struct assign_joining *joining, struct buffer *out)
{
    (void)context;
    return consumer_sticky_write(out, joining->owned, joining->owned_count, joining->generation);
}

static int tell_cooperative(void *context, const struct assign_joining *joining,
                            struct buffer *out)
{
    uint8_t generation[sizeof(uint32_t)];

    (void)context;
    store_u32(generation, (uint32_t)joining->generation);
    return buffer_copy(out, generation, sizeof generation);
}

const struct assignor assignor_sticky = {
    .name = "sticky", .tell = tell_sticky, .assign = assign_sticky};
const struct assignor assignor_cooperative_sticky = {.name = "cooperative-sticky",
                                                     .cooperative = true,
                                                     .tell = tell_cooperative,
                                                     .assign = assign_cooperative};
