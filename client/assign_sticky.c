/* Sticky: as even as the subscriptions allow, and few partitions move.
 *
 * 1. Claims. What members say they own counts by generation: the latest wins, two of one generation
 *    both lose, and who no longer subscribes owns nothing.
 * 2. Shares. How many partitions of each pool (assign_pools.h) each member gets is found by numbers
 *    alone (assign_level.h): first what nobody has is spread while what is claimed stays, then only
 *    as much of that moves as makes loads more even. What can be even without a move, moves not.
 * 3. Partitions. A member keeps its own up to its share; the rest goes round those who lack some,
 *    so that a topic is spread over its members: first round those in the rack of the partition's
 *    leader, then of another replica, then all. Racks make nobody's share larger, and move nothing.
 *
 * Cooperative members go on reading while they join. A partition that one of them claims is
 * withheld from all others: its owner sees that it lost it, gives it up and joins again. What is
 * kept then is a part of an even spread, so by 2 the next round moves nothing: two rounds do. */
#include <string.h>

#include "client/assign_claims.h"
#include "client/assign_pools.h"
#include "client/assign_racks.h"
#include "client/assignor.h"
#include "common/arena.h"
#include "common/endian.h"
#include "common/error.h"

/* For whom partitions are looked at: who is near the leader, near any replica, anybody. */
enum look { LOOK_LEADERS, LOOK_REPLICAS, LOOK_ALL };

/* A walk over the partitions of a pool. */
struct place {
    uint32_t topic;                 /* of the pool */
    int32_t next;
    uint32_t partition;             /* of the group */
};

/* Edges that lack some, in rounds: one each, and out who has enough. */
struct lacking {
    uint32_t *edges, count, at, left;
};

struct sticky {
    struct assign_group *group;
    struct arena arena;
    struct assign_racks racks;
    struct lacking *of_rack;        /* by rack: members that are there */
    struct assign_claim *claims;    /* by partition */
    struct assign_pools pools;
    uint32_t *claimed;              /* by edge: partitions whose claim counts */
    uint32_t *edge_of;              /* by member: its edge of the pool at hand */
    /* While partitions are handed out, by edge: how many of its own are looked at, and of those how
     * many it was asked for, and had to give up. Then how many it has. */
    uint32_t *own, *asked, *given_up, *has;
    uint32_t *edges;                /* room for all lists of `lacking` of a pool */
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
    sticky->own = arena_calloc(&sticky->arena, edges, sizeof(uint32_t));
    sticky->has = arena_calloc(&sticky->arena, edges, sizeof(uint32_t));
    sticky->asked = arena_calloc(&sticky->arena, edges, sizeof(uint32_t));
    sticky->given_up = arena_calloc(&sticky->arena, edges, sizeof(uint32_t));
    sticky->edges = arena_calloc(&sticky->arena, edges, sizeof(uint32_t));
    sticky->edge_of =
        arena_calloc(&sticky->arena, (size_t)group->member_count + 1, sizeof(uint32_t));
    if (sticky->claims == NULL || sticky->claimed == NULL || sticky->asked == NULL ||
        sticky->own == NULL || sticky->has == NULL || sticky->given_up == NULL ||
        sticky->edges == NULL || sticky->edge_of == NULL ||
        assign_racks_make(&sticky->arena, group, &sticky->racks) != 0)
        return K_NOMEM;
    sticky->of_rack = arena_calloc(&sticky->arena, (size_t)sticky->racks.count + 1,
                                   sizeof *sticky->of_rack);
    return sticky->of_rack == NULL ? K_NOMEM : 0;
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
    uint64_t own = sticky->own[edge], share = sticky->pools.graph.held[edge] - sticky->has[edge];
    uint32_t index = sticky->asked[edge]++;

    if (own <= share)
        return true;
    uint64_t shift = sticky->pools.graph.edge_member[edge] % own;
    if (index != (sticky->given_up[edge] * own + shift) / (own - share))
        return true;
    sticky->given_up[edge]++;
    return false;
}

/* The pool's next partition from *topic and *partition on that a member may keep, and that is near
 * it as `look` says. */
static bool next_claim(const struct sticky *sticky, uint32_t pool, enum look look,
                       struct place *place)
{
    const struct assign_topic *topic;

    for (; (topic = topic_of(sticky, pool, place->topic)) != NULL; place->topic++, place->next = 0)
        while (place->next < topic->partition_count) {
            uint32_t partition = topic->first + (uint32_t)place->next++;
            const struct assign_claim *claim = &sticky->claims[partition];
            if (claim->counts && sticky->group->owners[partition] == ASSIGN_NOBODY &&
                (look == LOOK_ALL ||
                 assign_racks_near(&sticky->racks, (uint32_t)claim->member, partition,
                                   look == LOOK_REPLICAS))) {
                place->partition = partition;
                return true;
            }
        }
    return false;
}

static void keep_near(struct sticky *sticky, uint32_t pool, enum look look)
{
    const struct level_graph *graph = &sticky->pools.graph;
    struct place place = {0};

    for (uint32_t e = graph->pool_first[pool]; e < graph->pool_first[pool + 1]; e++)
        sticky->own[e] = sticky->asked[e] = sticky->given_up[e] = 0;
    while (next_claim(sticky, pool, look, &place))
        sticky->own[sticky->edge_of[sticky->claims[place.partition].member]]++;
    place = (struct place){0};
    while (next_claim(sticky, pool, look, &place)) {
        int32_t member = sticky->claims[place.partition].member;
        if (keeps(sticky, sticky->edge_of[member]))
            sticky->group->owners[place.partition] = member;
    }
    for (uint32_t e = graph->pool_first[pool]; e < graph->pool_first[pool + 1]; e++)
        sticky->has[e] += sticky->own[e] - sticky->given_up[e];
}

/* Who has to give up some keeps what is near it. */
static void keep_pool(struct sticky *sticky, uint32_t pool)
{
    if (sticky->racks.count > 0) {
        keep_near(sticky, pool, LOOK_LEADERS);
        keep_near(sticky, pool, LOOK_REPLICAS);
    }
    keep_near(sticky, pool, LOOK_ALL);
}

static bool lacks(const struct sticky *sticky, uint32_t edge)
{
    return sticky->has[edge] < sticky->pools.graph.held[edge];
}

/* The partition to the next one that lacks some; false when none does. */
static bool hand_out(struct sticky *sticky, struct lacking *lacking, int32_t *owner)
{
    for (;;) {
        if (lacking->at == lacking->count) {
            lacking->count = lacking->left;
            lacking->at = lacking->left = 0;
        }
        if (lacking->count == 0)
            return false;
        uint32_t edge = lacking->edges[lacking->at++];
        if (!lacks(sticky, edge))
            continue;
        *owner = (int32_t)sticky->pools.graph.edge_member[edge];
        sticky->has[edge]++;
        if (lacks(sticky, edge))
            lacking->edges[lacking->left++] = edge;
        return true;
    }
}

/* Those of a rack, or (RACK_NONE) all that lack some, at the end of what `used` of the room. */
static struct lacking list_lacking(struct sticky *sticky, uint32_t pool, int32_t rack,
                                   uint32_t used)
{
    const struct level_graph *graph = &sticky->pools.graph;
    struct lacking lacking = {.edges = sticky->edges + used};

    for (uint32_t e = graph->pool_first[pool]; e < graph->pool_first[pool + 1]; e++)
        if (lacks(sticky, e) &&
            (rack == RACK_NONE || sticky->racks.of_member[graph->edge_member[e]] == rack))
            lacking.edges[lacking.count++] = e;
    return lacking;
}

/* The one of the rack that has least; the count of edges: none is there. */
static uint32_t least_of_rack(const struct sticky *sticky, uint32_t pool, int32_t rack)
{
    const struct level_graph *graph = &sticky->pools.graph;
    uint32_t least = graph->edge_count;

    for (uint32_t e = graph->pool_first[pool]; e < graph->pool_first[pool + 1]; e++)
        if (sticky->racks.of_member[graph->edge_member[e]] == rack &&
            (least == graph->edge_count ||
             graph->load[graph->edge_member[e]] < graph->load[graph->edge_member[least]]))
            least = e;
    return least;
}

/* The rack's shares are used up. Where they do not go even, it does not matter who has the one
 * more: a member of the rack may have it in place of one that lacks something still. */
static void hand_out_instead(struct sticky *sticky, uint32_t pool, int32_t rack, int32_t *owner)
{
    struct level_graph *graph = &sticky->pools.graph;
    uint32_t to = least_of_rack(sticky, pool, rack);

    for (uint32_t e = graph->pool_first[pool];
         to < graph->edge_count && e < graph->pool_first[pool + 1]; e++) {
        uint32_t gets = graph->edge_member[to], lends = graph->edge_member[e];
        if (!lacks(sticky, e) || graph->load[lends] != graph->load[gets] + 1)
            continue;
        graph->held[e]--;
        graph->load[lends]--;
        graph->held[to]++;
        graph->load[gets]++;
        sticky->has[to]++;
        *owner = (int32_t)gets;
        return;
    }
}

/* To a member in the rack of the leader or, on the second look, of any replica. */
static void hand_out_near(struct sticky *sticky, uint32_t pool, uint32_t partition,
                          enum look look, bool instead)
{
    const struct assign_racks *racks = &sticky->racks;
    int32_t *owner = &sticky->group->owners[partition];
    uint32_t from = racks->first[partition];
    uint32_t to = look == LOOK_REPLICAS ? racks->first[partition + 1] : from + 1;

    for (uint32_t i = from; *owner == ASSIGN_NOBODY && i < to; i++) {
        int32_t rack = racks->all[i];
        if (rack != RACK_NONE && instead)
            hand_out_instead(sticky, pool, rack, owner);
        else if (rack != RACK_NONE)
            (void)hand_out(sticky, &sticky->of_rack[rack], owner);
    }
}

static void hand_out_by_rack(struct sticky *sticky, uint32_t pool)
{
    const struct assign_topic *topic;
    uint32_t used = 0;

    for (uint32_t r = 0; r < sticky->racks.count; r++) {
        sticky->of_rack[r] = list_lacking(sticky, pool, (int32_t)r, used);
        used += sticky->of_rack[r].count;
    }
    for (int l = 0; l < 4; l++)
        for (uint32_t i = 0; (topic = topic_of(sticky, pool, i)) != NULL; i++)
            for (int32_t p = 0; p < topic->partition_count; p++)
                hand_out_near(sticky, pool, topic->first + (uint32_t)p,
                              l < 2 ? LOOK_LEADERS : LOOK_REPLICAS, l % 2 != 0);
}

static void hand_out_pool(struct sticky *sticky, uint32_t pool)
{
    const struct assign_topic *topic;

    if (sticky->racks.count > 0)
        hand_out_by_rack(sticky, pool);
    struct lacking all = list_lacking(sticky, pool, RACK_NONE, 0);
    for (uint32_t i = 0; (topic = topic_of(sticky, pool, i)) != NULL; i++)
        for (int32_t p = 0; p < topic->partition_count; p++) {
            int32_t *owner = &sticky->group->owners[topic->first + (uint32_t)p];
            if (*owner == ASSIGN_NOBODY)
                (void)hand_out(sticky, &all, owner);
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
