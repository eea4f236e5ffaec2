/* From what members told to numbers, and from numbers to what they are told. Names are looked up
 * here once; the assignors see only indices. */
#include <stdlib.h>
#include <string.h>

#include "client/assignor.h"
#include "common/arena.h"
#include "common/error.h"
#include "common/map.h"

struct group {
    struct assign_group shown;      /* first */
    struct arena arena;
    /* After assignor_assign(): partitions by member, as subscribers are by topic. */
    uint32_t *owned_first, *owned;
};

static int compare_topics(const void *left, const void *right)
{
    const struct assign_topic *a = left, *b = right;
    return strcmp(a->name, b->name);
}

static int compare_numbers(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

static int compare_texts(struct consumer_text a, struct consumer_text b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;
    return order != 0 ? order : a.size < b.size ? -1 : a.size > b.size;
}

static int compare_members(const void *left, const void *right)
{
    const struct assign_member *a = left, *b = right;

    if (a->instance.data != NULL && b->instance.data != NULL)
        return compare_texts(a->instance, b->instance);
    if (a->instance.data != NULL || b->instance.data != NULL)
        return a->instance.data != NULL ? -1 : 1;
    return compare_texts(a->id, b->id);
}

static int number_topics(struct group *group, const struct assign_topic *topics, uint32_t count)
{
    struct assign_group *shown = &group->shown;
    uint64_t partitions = 0;

    shown->topics = arena_calloc(&group->arena, (size_t)count + 1, sizeof *shown->topics);
    if (shown->topics == NULL)
        return K_NOMEM;
    if (count > 0)
        memcpy(shown->topics, topics, count * sizeof *topics);
    qsort(shown->topics, count, sizeof *shown->topics, compare_topics);
    for (uint32_t i = 0; i < count; i++) {
        shown->topics[i].first = (uint32_t)partitions;
        if (shown->topics[i].partition_count < 0)
            return K_INVALID_ARGUMENT;
        partitions += (uint32_t)shown->topics[i].partition_count;
        if (partitions > INT32_MAX)
            return K_INVALID_ARGUMENT;
    }
    shown->topic_count = count;
    shown->partition_count = (uint32_t)partitions;
    shown->owners = arena_alloc(&group->arena, (partitions + 1) * sizeof *shown->owners);
    return shown->owners != NULL ? 0 : K_NOMEM;
}

static bool same_topics(struct consumer_list a, struct consumer_list b)
{
    struct consumer_text one, other;

    if (a.count != b.count)
        return false;
    while (consumer_topic_next(&a, &one) && consumer_topic_next(&b, &other))
        if (compare_texts(one, other) != 0)
            return false;
    return true;
}

/* Most members of most groups subscribe to the same: they share the list of the one before. */
static int find_topics(struct group *group, const struct map *names, struct assign_member *member,
                       const struct assign_member *before)
{
    struct consumer_list list = member->told.topics;
    struct consumer_text name;
    uint32_t count = 0, distinct = 0;

    if (before != NULL && same_topics(list, before->told.topics)) {
        member->topics = before->topics;
        member->topic_count = before->topic_count;
        return 0;
    }
    uint32_t *found = arena_alloc(&group->arena, ((size_t)list.count + 1) * sizeof *found);
    if (found == NULL)
        return K_NOMEM;
    while (consumer_topic_next(&list, &name)) {
        const struct assign_topic *topic = map_get(names, name.data, name.size);
        if (topic != NULL)
            found[count++] = (uint32_t)(topic - group->shown.topics);
    }
    qsort(found, count, sizeof *found, compare_numbers);
    for (uint32_t i = 0; i < count; i++)
        if (distinct == 0 || found[distinct - 1] != found[i])
            found[distinct++] = found[i];
    member->topics = found;
    member->topic_count = distinct;
    return 0;
}

static int find_members(struct group *group, const struct map *names,
                        const struct assign_joined *joined, uint32_t count)
{
    struct assign_group *shown = &group->shown;
    struct assign_member *members = arena_calloc(&group->arena, (size_t)count + 1, sizeof *members);
    int error = members != NULL ? 0 : K_NOMEM;

    for (uint32_t i = 0; error == 0 && i < count; i++) {
        struct assign_member *member = &members[i];
        member->id = joined[i].id;
        member->instance = joined[i].instance;
        member->joined = i;
        member->told.generation = CONSUMER_GENERATION_NONE;
        member->unreadable =
            consumer_subscription_read(joined[i].metadata, joined[i].size, &member->told) != 0;
        error = find_topics(group, names, member, i > 0 ? member - 1 : NULL);
    }
    if (error == 0) {
        qsort(members, count, sizeof *members, compare_members);
        shown->members = members;
        shown->member_count = count;
    }
    return error;
}

static int find_subscribers(struct group *group)
{
    struct assign_group *shown = &group->shown;
    size_t total = 0;
    uint32_t *first = arena_calloc(&group->arena, (size_t)shown->topic_count + 2, sizeof *first);

    if (first == NULL)
        return K_NOMEM;
    for (uint32_t m = 0; m < shown->member_count; m++) {
        total += shown->members[m].topic_count;
        for (uint32_t i = 0; i < shown->members[m].topic_count; i++)
            first[shown->members[m].topics[i] + 2]++;
    }
    if (total > UINT32_MAX)
        return K_INVALID_ARGUMENT;
    shown->subscribers = arena_alloc(&group->arena, (total + 1) * sizeof *shown->subscribers);
    if (shown->subscribers == NULL)
        return K_NOMEM;
    for (uint32_t t = 0; t < shown->topic_count; t++)
        first[t + 2] += first[t + 1];
    /* first[t + 1] moves from where those of t begin to where they end. */
    for (uint32_t m = 0; m < shown->member_count; m++)
        for (uint32_t i = 0; i < shown->members[m].topic_count; i++)
            shown->subscribers[first[shown->members[m].topics[i] + 1]++] = m;
    shown->subscriber_first = first;
    return 0;
}

int assign_group_new(const struct assign_topic *topics, uint32_t topic_count,
                     const struct assign_joined *members, uint32_t member_count,
                     struct assign_group **out)
{
    struct group *group = calloc(1, sizeof *group);
    struct map names;
    int error;

    if (group == NULL)
        return K_NOMEM;
    arena_init(&group->arena, NULL, 0, SIZE_MAX);
    map_init(&names);
    error = number_topics(group, topics, topic_count);
    for (uint32_t t = 0; error == 0 && t < topic_count; t++)
        error = map_put_text(&names, group->shown.topics[t].name, &group->shown.topics[t], NULL);
    if (error == 0)
        error = find_members(group, &names, members, member_count);
    if (error == 0)
        error = find_subscribers(group);
    map_fini(&names);
    if (error != 0) {
        assign_group_free(&group->shown);
        return error;
    }
    *out = &group->shown;
    return 0;
}

void assign_group_free(struct assign_group *shown)
{
    struct group *group = (struct group *)shown;

    if (group == NULL)
        return;
    arena_fini(&group->arena);
    free(group);
}

/* Partitions by member, ascending. */
static int list_owned(struct group *group)
{
    struct assign_group *shown = &group->shown;
    uint32_t *first = arena_calloc(&group->arena, (size_t)shown->member_count + 2, sizeof *first);
    uint32_t *owned =
        arena_alloc(&group->arena, ((size_t)shown->partition_count + 1) * sizeof *owned);

    if (first == NULL || owned == NULL)
        return K_NOMEM;
    for (uint32_t p = 0; p < shown->partition_count; p++) {
        int32_t owner = shown->owners[p];
        if (owner < ASSIGN_NOBODY || (owner >= 0 && (uint32_t)owner >= shown->member_count))
            return K_INVALID_ARGUMENT;
        if (owner != ASSIGN_NOBODY)
            first[owner + 2]++;
    }
    for (uint32_t m = 0; m < shown->member_count; m++)
        first[m + 2] += first[m + 1];
    for (uint32_t p = 0; p < shown->partition_count; p++)
        if (shown->owners[p] != ASSIGN_NOBODY)
            owned[first[shown->owners[p] + 1]++] = p;
    group->owned_first = first;
    group->owned = owned;
    return 0;
}

int assignor_assign(const struct assignor *assignor, struct assign_group *shown)
{
    int error;

    for (uint32_t p = 0; p < shown->partition_count; p++)
        shown->owners[p] = ASSIGN_NOBODY;
    for (uint32_t m = 0; m < shown->member_count; m++)
        shown->members[m].answer = (struct consumer_text){NULL, 0};
    shown->withheld = 0;
    error = assignor->assign(assignor->context, shown);
    return error != 0 ? error : list_owned((struct group *)shown);
}

/* Cut the ascending partitions of a member where topics end. */
static int32_t by_topic(const struct assign_group *group, const uint32_t *owned, uint32_t count,
                        int32_t *numbers, struct consumer_partitions *out)
{
    const struct assign_topic *topic = group->topics;
    int32_t topics = 0;

    for (uint32_t i = 0; i < count; i++) {
        bool same = i > 0 && owned[i] - topic->first < (uint32_t)topic->partition_count;
        while (owned[i] - topic->first >= (uint32_t)topic->partition_count)
            topic++;
        if (!same)
            out[topics++] = (struct consumer_partitions){
                {topic->name, strlen(topic->name)}, numbers + i, 0};
        out[topics - 1].count++;
        numbers[i] = (int32_t)(owned[i] - topic->first);
    }
    return topics;
}

int assign_group_write(const struct assign_group *shown, uint32_t member, struct buffer *out)
{
    const struct group *group = (const struct group *)shown;
    uint32_t first = group->owned_first[member], count = group->owned_first[member + 1] - first;
    int32_t *numbers = malloc(((size_t)count + 1) * sizeof *numbers);
    struct consumer_partitions *partitions = malloc(((size_t)count + 1) * sizeof *partitions);
    int error = K_NOMEM;

    if (numbers != NULL && partitions != NULL) {
        int32_t topics = by_topic(shown, group->owned + first, count, numbers, partitions);
        error = consumer_assignment_write(out, CONSUMER_PROTOCOL_VERSION, partitions, topics,
                                          shown->members[member].answer);
    }
    free(numbers);
    free(partitions);
    return error;
}

int assignor_subscription_write(const struct assignor *assignor,
                                const struct assign_joining *joining, struct buffer *out)
{
    struct buffer told = {0};
    int error = assignor->tell != NULL ? assignor->tell(assignor->context, joining, &told) : 0;

    if (error == 0) {
        struct consumer_subscribing subscribing = {
            .topics = joining->topics,
            .topic_count = joining->topic_count,
            .user_data = {(const char *)told.bytes, told.size},
            /* Who does not cooperate gave up everything before it joined. */
            .owned = joining->owned,
            .owned_count = assignor->cooperative ? joining->owned_count : 0,
            .generation = joining->generation,
            .rack = joining->rack,
        };
        error = consumer_subscription_write(out, CONSUMER_PROTOCOL_VERSION, &subscribing);
    }
    buffer_fini(&told);
    return error;
}
