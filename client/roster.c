#include "client/roster.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "proto/consumer_protocol.h"

static const char *const state_names[] = {
    [KLIENT_GROUP_UNKNOWN] = "Unknown",
    [KLIENT_GROUP_EMPTY] = "Empty",
    [KLIENT_GROUP_PREPARING_REBALANCE] = "PreparingRebalance",
    [KLIENT_GROUP_COMPLETING_REBALANCE] = "CompletingRebalance",
    [KLIENT_GROUP_STABLE] = "Stable",
    [KLIENT_GROUP_DEAD] = "Dead",
};

enum { STATES = sizeof state_names / sizeof *state_names };

const char *klient_group_state_name(klient_group_state_t state)
{
    size_t index = (size_t)state;

    return state_names[index < STATES ? index : KLIENT_GROUP_UNKNOWN];
}

klient_group_state_t roster_state_of(const char *name)
{
    for (size_t i = 1; i < STATES; i++)
        if (strcmp(state_names[i], name) == 0)
            return (klient_group_state_t)i;
    return KLIENT_GROUP_UNKNOWN;
}

/* --- one member ------------------------------------------------------------------------------- */

static const char *copy_text(struct arena *arena, struct consumer_text text)
{
    char *copy = arena_alloc(arena, text.size + 1);

    if (copy == NULL)
        return NULL;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return copy;
}

/* 0, K_NOMEM, or K_CORRUPT: it is not what consumers say. */
static int take_topics(struct arena *arena, ProtobufCBinaryData bytes, struct group_member *member)
{
    struct consumer_subscription subscription;
    struct consumer_text topic;

    if (bytes.len == 0)
        return 0;                       /* the group has not agreed yet */
    if (consumer_subscription_read(bytes.data, bytes.len, &subscription) != 0)
        return K_CORRUPT;
    member->topics =
        arena_calloc(arena, (size_t)subscription.topics.count + 1, sizeof *member->topics);
    if (member->topics == NULL)
        return K_NOMEM;
    while (consumer_topic_next(&subscription.topics, &topic)) {
        const char *name = copy_text(arena, topic);
        if (name == NULL)
            return K_NOMEM;
        member->topics[member->info.topic_count++] = name;
    }
    return 0;
}

static size_t count_claimed(struct consumer_list list)
{
    struct consumer_claim claim;
    size_t count = 0;

    while (consumer_claim_next(&list, &claim))
        count += (size_t)claim.count;
    return count;
}

static int take_assigned(struct arena *arena, ProtobufCBinaryData bytes,
                         struct group_member *member)
{
    struct consumer_assignment assignment;
    struct consumer_claim claim;

    if (bytes.len == 0)
        return 0;
    if (consumer_assignment_read(bytes.data, bytes.len, &assignment) != 0)
        return K_CORRUPT;
    member->assigned = arena_calloc(arena, count_claimed(assignment.partitions) + 1,
                                    sizeof *member->assigned);
    if (member->assigned == NULL)
        return K_NOMEM;
    while (consumer_claim_next(&assignment.partitions, &claim)) {
        const char *topic = copy_text(arena, claim.topic);
        if (topic == NULL)
            return K_NOMEM;
        for (int32_t i = 0; i < claim.count; i++)
            member->assigned[member->info.assigned_count++] =
                (klient_topic_partition_t){ topic, consumer_partition(&claim, i) };
    }
    return 0;
}

static int take_member(struct arena *arena, const Kairn__GroupMember *from, bool consumer,
                       struct group_member *to)
{
    klient_member_info_t *info = &to->info;
    int code = consumer ? take_topics(arena, from->metadata, to) : K_CORRUPT;

    if (code == 0)
        code = take_assigned(arena, from->assignment, to);
    if (code == K_NOMEM)
        return code;
    info->opaque = code != 0;
    if (info->opaque)
        info->topic_count = info->assigned_count = 0;
    info->member = arena_strdup(arena, from->member);
    info->instance = arena_strdup(arena, from->instance);
    info->client_id = arena_strdup(arena, from->client_id);
    info->client_host = arena_strdup(arena, from->client_host);
    info->session_timeout_ms = (int32_t)from->session_timeout_ms;
    info->rebalance_timeout_ms = (int32_t)from->rebalance_timeout_ms;
    return info->member == NULL || info->instance == NULL || info->client_id == NULL ||
                   info->client_host == NULL
               ? K_NOMEM
               : 0;
}

/* --- one group -------------------------------------------------------------------------------- */

static int by_member(const void *a, const void *b)
{
    const struct group_member *x = a, *y = b;
    int order = strcmp(x->info.client_id, y->info.client_id);

    return order != 0 ? order : strcmp(x->info.member, y->info.member);
}

int roster_read(struct arena *arena, const Kairn__GroupInfo *from, struct roster_item *to)
{
    klient_group_info_t *info = &to->info;
    bool consumers = strcmp(from->protocol_type, "consumer") == 0;
    int code = 0;

    to->members = arena_calloc(arena, from->n_members + 1, sizeof *to->members);
    info->protocol_type = arena_strdup(arena, from->protocol_type);
    info->protocol = arena_strdup(arena, from->protocol);
    info->leader = arena_strdup(arena, from->leader);
    if (to->members == NULL || info->protocol_type == NULL || info->protocol == NULL ||
        info->leader == NULL)
        code = K_NOMEM;
    for (size_t i = 0; code == 0 && i < from->n_members; i++)
        code = take_member(arena, from->members[i], consumers, &to->members[i]);
    if (code != 0)
        return code;
    if (from->n_members > 0)
        qsort(to->members, from->n_members, sizeof *to->members, by_member);
    info->state = roster_state_of(from->state);
    info->generation = from->generation;
    info->coordinator = from->coordinator;
    info->member_count = from->n_members;
    return 0;
}

/* --- for the application ---------------------------------------------------------------------- */

struct klient_groups *roster_new(struct survey *survey, size_t count)
{
    struct klient_groups *groups = arena_calloc(&survey->arena, 1, sizeof *groups);
    struct roster_item *items = arena_calloc(&survey->arena, count + 1, sizeof *items);

    if (groups == NULL || items == NULL) {
        task_unref(&survey->task);
        return NULL;
    }
    *groups = (struct klient_groups){ .survey = survey, .items = items, .count = count };
    return groups;
}

size_t klient_groups_count(const klient_groups_t *groups)
{
    return groups->count;
}

klient_code_t klient_groups_get(const klient_groups_t *groups, size_t index,
                                klient_group_info_t *out)
{
    if (index >= groups->count || out->size < sizeof *out)
        return KLIENT_INVALID_ARGUMENT;
    size_t size = out->size;
    *out = groups->items[index].info;
    out->size = size;
    return KLIENT_OK;
}

/* NULL: there is none. */
static const struct group_member *member_at(const klient_groups_t *groups, size_t index,
                                            size_t member)
{
    if (index >= groups->count || member >= groups->items[index].info.member_count)
        return NULL;
    return &groups->items[index].members[member];
}

klient_code_t klient_groups_member(const klient_groups_t *groups, size_t index, size_t member,
                                   klient_member_info_t *out)
{
    const struct group_member *found = member_at(groups, index, member);

    if (found == NULL || out->size < sizeof *out)
        return KLIENT_INVALID_ARGUMENT;
    size_t size = out->size;
    *out = found->info;
    out->size = size;
    return KLIENT_OK;
}

const char *klient_groups_topic(const klient_groups_t *groups, size_t index, size_t member,
                                size_t topic)
{
    const struct group_member *found = member_at(groups, index, member);

    return found != NULL && topic < found->info.topic_count ? found->topics[topic] : NULL;
}

klient_code_t klient_groups_assigned(const klient_groups_t *groups, size_t index, size_t member,
                                     size_t assigned, klient_topic_partition_t *out)
{
    const struct group_member *found = member_at(groups, index, member);

    if (found == NULL || assigned >= found->info.assigned_count)
        return KLIENT_INVALID_ARGUMENT;
    *out = found->assigned[assigned];
    return KLIENT_OK;
}

void klient_groups_free(klient_groups_t *groups)
{
    if (groups != NULL)
        task_unref(&groups->survey->task);
}
