#include "client/assign_pools.h"

#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/error.h"

static uint32_t subscriber_count(const struct assign_group *group, uint32_t topic)
{
    return group->subscriber_first[topic + 1] - group->subscriber_first[topic];
}

static const uint32_t *subscribers_of(const struct assign_group *group, uint32_t topic)
{
    return group->subscribers + group->subscriber_first[topic];
}

/* Who has little choice chooses first. */
static int compare_topics(const void *left, const void *right)
{
    const struct pool_topic *a = left, *b = right;

    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return a->topic < b->topic ? -1 : a->topic > b->topic;
}

/* Two sets with one hash may come mixed: a pool is cut in pieces then, which costs time only. */
static bool same_pool(const struct assign_group *group, const struct pool_topic *a,
                      const struct pool_topic *b)
{
    return a->count == b->count && a->hash == b->hash &&
           memcmp(subscribers_of(group, a->topic), subscribers_of(group, b->topic),
                  a->count * sizeof(uint32_t)) == 0;
}

static uint64_t hash_of(const uint32_t *subscribers, uint32_t count)
{
    uint64_t hash = 14695981039346656037u;

    for (uint32_t i = 0; i < count; i++)
        hash = (hash ^ subscribers[i]) * 1099511628211u;
    return hash;
}

static void find_pools(struct assign_pools *pools)
{
    const struct assign_group *group = pools->group;
    uint32_t count = 0;

    for (uint32_t t = 0; t < group->topic_count; t++)
        if (subscriber_count(group, t) > 0)
            pools->topics[pools->topic_count++] =
                (struct pool_topic){hash_of(subscribers_of(group, t), subscriber_count(group, t)),
                                    subscriber_count(group, t), t};
    qsort(pools->topics, pools->topic_count, sizeof *pools->topics, compare_topics);
    for (uint32_t i = 0; i < pools->topic_count; i++)
        if (i == 0 || !same_pool(group, &pools->topics[i - 1], &pools->topics[i]))
            pools->topic_first[count++] = i;
    pools->topic_first[count] = pools->topic_count;
    pools->graph.pool_count = count;
}

static uint32_t *numbers(struct arena *arena, size_t count)
{
    return arena_calloc(arena, count, sizeof(uint32_t));
}

static int make_edges(struct arena *arena, struct assign_pools *pools)
{
    struct level_graph *graph = &pools->graph;

    graph->member_count = pools->group->member_count;
    for (uint32_t g = 0; g < graph->pool_count; g++)
        graph->edge_count += pools->topics[pools->topic_first[g]].count;
    graph->pool_first = numbers(arena, (size_t)graph->pool_count + 1);
    graph->member_first = numbers(arena, (size_t)graph->member_count + 2);
    graph->load = numbers(arena, (size_t)graph->member_count + 1);
    graph->edge_pool = numbers(arena, (size_t)graph->edge_count + 1);
    graph->edge_member = numbers(arena, (size_t)graph->edge_count + 1);
    graph->member_edges = numbers(arena, (size_t)graph->edge_count + 1);
    graph->held = numbers(arena, (size_t)graph->edge_count + 1);
    return graph->pool_first != NULL && graph->member_first != NULL && graph->load != NULL &&
                   graph->edge_pool != NULL && graph->edge_member != NULL &&
                   graph->member_edges != NULL && graph->held != NULL
               ? 0
               : K_NOMEM;
}

static void join_edges(struct assign_pools *pools)
{
    struct level_graph *graph = &pools->graph;
    uint32_t *first = graph->member_first, edge = 0;

    for (uint32_t g = 0; g < graph->pool_count; g++) {
        const struct pool_topic *topic = &pools->topics[pools->topic_first[g]];
        for (uint32_t i = 0; i < topic->count; i++, edge++) {
            graph->edge_pool[edge] = g;
            graph->edge_member[edge] = subscribers_of(pools->group, topic->topic)[i];
            first[graph->edge_member[edge] + 2]++;
        }
        graph->pool_first[g + 1] = edge;
    }
    for (uint32_t m = 0; m < graph->member_count; m++)
        first[m + 2] += first[m + 1];
    /* first[m + 1] moves from where those of m begin to where they end. */
    for (uint32_t e = 0; e < edge; e++)
        graph->member_edges[first[graph->edge_member[e] + 1]++] = e;
}

int assign_pools_make(struct arena *arena, const struct assign_group *group,
                      struct assign_pools *out)
{
    struct assign_pools pools = {.group = group};

    pools.topics = arena_calloc(arena, (size_t)group->topic_count + 1, sizeof *pools.topics);
    pools.topic_first = numbers(arena, (size_t)group->topic_count + 1);
    if (pools.topics == NULL || pools.topic_first == NULL)
        return K_NOMEM;
    find_pools(&pools);
    if (make_edges(arena, &pools) != 0)
        return K_NOMEM;
    join_edges(&pools);
    *out = pools;
    return 0;
}
