#include "client/partitions.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

void partitions_init(struct partitions *set)
{
    set->items = NULL;
    set->count = 0;
    arena_init(&set->arena, NULL, 0, SIZE_MAX);
}

void partitions_fini(struct partitions *set)
{
    arena_fini(&set->arena);
}

void partitions_clear(struct partitions *set)
{
    set->items = NULL;
    set->count = 0;
    arena_reset(&set->arena);
}

static int compare(const void *left, const void *right)
{
    const klient_topic_partition_t *a = left, *b = right;
    int order = strcmp(a->topic, b->topic);

    return order != 0 ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

/* Take over `count` items of the set's arena. */
static void settle(struct partitions *set, klient_topic_partition_t *items, size_t count)
{
    if (count > 0)
        qsort(items, count, sizeof *items, compare);
    set->items = items;
    set->count = count;
}

/* --- from bytes ------------------------------------------------------------------------------- */

static size_t count_partitions(struct consumer_list claims)
{
    struct consumer_claim claim;
    size_t count = 0;

    while (consumer_claim_next(&claims, &claim))
        count += (size_t)claim.count;
    return count;
}

static int take_claims(struct partitions *set, struct consumer_list claims)
{
    klient_topic_partition_t *items =
        arena_calloc(&set->arena, count_partitions(claims) + 1, sizeof *items);
    struct consumer_claim claim;
    size_t count = 0;

    if (items == NULL)
        return K_NOMEM;
    while (consumer_claim_next(&claims, &claim)) {
        char *topic = arena_printf(&set->arena, "%.*s", (int)claim.topic.size, claim.topic.data);
        if (topic == NULL)
            return K_NOMEM;
        if (claim.topic.size == 0 || claim.topic.size > TOPIC_NAME_MAX)
            return K_CORRUPT;
        for (int32_t i = 0; i < claim.count; i++) {
            items[count++] = (klient_topic_partition_t){ topic, consumer_partition(&claim, i) };
            if (items[count - 1].partition < 0)
                return K_CORRUPT;
        }
    }
    settle(set, items, count);
    for (size_t i = 1; i < count; i++)
        if (compare(&items[i - 1], &items[i]) == 0)
            return K_CORRUPT;
    return 0;
}

int partitions_read(struct partitions *set, const void *bytes, size_t size)
{
    struct consumer_assignment assignment;

    partitions_clear(set);
    if (size == 0)
        return 0;
    int code = consumer_assignment_read(bytes, size, &assignment);
    if (code == 0)
        code = take_claims(set, assignment.partitions);
    if (code != 0)
        partitions_clear(set);
    return code;
}

/* --- sets ------------------------------------------------------------------------------------- */

bool partitions_has(const struct partitions *set, const char *topic, int32_t partition)
{
    klient_topic_partition_t key = { topic, partition };

    return set->count > 0 && bsearch(&key, set->items, set->count, sizeof key, compare) != NULL;
}

bool partitions_within(const struct partitions *set, const struct partitions *other)
{
    for (size_t i = 0; i < set->count; i++)
        if (!partitions_has(other, set->items[i].topic, set->items[i].partition))
            return false;
    return true;
}

int partitions_unite(struct partitions *set, const struct partitions *other)
{
    klient_topic_partition_t *items =
        arena_calloc(&set->arena, set->count + other->count + 1, sizeof *items);
    size_t count = set->count;

    if (items == NULL)
        return K_NOMEM;
    if (count > 0)
        memcpy(items, set->items, count * sizeof *items);
    for (size_t i = 0; i < other->count; i++) {
        const klient_topic_partition_t *from = &other->items[i];
        if (partitions_has(set, from->topic, from->partition))
            continue;
        /* Names come in runs. */
        bool same = count > set->count && strcmp(items[count - 1].topic, from->topic) == 0;
        const char *topic = same ? items[count - 1].topic : arena_strdup(&set->arena, from->topic);
        if (topic == NULL)
            return K_NOMEM;
        items[count++] = (klient_topic_partition_t){ topic, from->partition };
    }
    settle(set, items, count);
    return 0;
}

int partitions_by_topic(const struct partitions *set, struct arena *arena,
                        struct consumer_partitions **out, int32_t *count)
{
    struct consumer_partitions *topics = arena_calloc(arena, set->count + 1, sizeof *topics);
    int32_t *numbers = arena_calloc(arena, set->count + 1, sizeof *numbers);
    int32_t used = 0;

    if (topics == NULL || numbers == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < set->count; i++) {
        const char *topic = set->items[i].topic;
        if (i == 0 || strcmp(topic, set->items[i - 1].topic) != 0)
            topics[used++] =
                (struct consumer_partitions){ { topic, strlen(topic) }, numbers + i, 0 };
        numbers[i] = set->items[i].partition;
        topics[used - 1].count++;
    }
    *out = topics;
    *count = used;
    return 0;
}
