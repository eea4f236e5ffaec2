/* Offsets on their way to the topic and back: a commit counts once its records do. Any number may
 * be under way; the room of what they will change is made when they are accepted. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/groups_private.h"

/* --- orders ----------------------------------------------------------------------------------- */

struct order *order_new(struct group *group, size_t count)
{
    struct order *order = calloc(1, sizeof *order + (count + 1) * sizeof *order->records +
                                        count * sizeof *order->items);
    if (order == NULL)
        return NULL;
    list_init(&order->link);
    list_init(&order->waiting);
    order->group = group;
    order->answered = true;
    order->records = (struct groups_record *)(order + 1);
    order->items = (struct order_item *)(order->records + count + 1);
    return order;
}

void order_free(struct order *order)
{
    for (size_t i = 0; i < order->count; i++)
        free(order->items[i].metadata);
    list_remove(&order->link);
    list_remove(&order->waiting);
    free(order);
}

void order_send(struct groups *groups, struct order *order, size_t records)
{
    struct groups_effect *effect = groups_effect_add(groups, GROUPS_DO_STORE);

    order->token = groups->next_token++;
    order->group->order_count++;
    list_append(&groups->orders, &order->link);
    effect->store.token = order->token;
    effect->store.records = order->records;
    effect->store.count = records;
}

void order_wait(struct groups *groups, struct order *order, uint64_t ticket)
{
    order->ticket = ticket;
    order->answered = false;
    order->answer_by_ms = groups->options.store_timeout_ms > 0
                              ? groups->now_ms + groups->options.store_timeout_ms
                              : INT64_MAX;
    list_append(&groups->waiting, &order->waiting);
}

void order_answer(struct groups *groups, struct order *order, int code, const char *reason)
{
    if (order->answered)
        return;
    order->answered = true;
    list_remove(&order->waiting);
    groups_answer_taken(groups, order->ticket, code, reason);
}

/* One record more: the entry knows that something is on its way to it. */
static int order_add(struct order *order, const struct groups_offset *offset, int64_t wall_ms)
{
    struct group *group = order->group;
    struct order_item *item = &order->items[order->count];
    struct groups_record *record = &order->records[order->count];
    struct topic_offsets *topic = offsets_make_topic(group, offset->topic);
    struct offset_entry *entry =
        topic != NULL ? offsets_make(group, topic, offset->partition) : NULL;
    bool noted = offset->metadata != NULL && offset->metadata[0] != '\0';

    if (noted)
        item->metadata = strdup(offset->metadata);
    if (entry == NULL || (noted && item->metadata == NULL)) {
        if (topic != NULL)
            offsets_drop_void(group, topic, entry);
        free(item->metadata);
        item->metadata = NULL;
        return K_NOMEM;
    }
    entry->pending++;
    item->topic = topic;
    *record = (struct groups_record){.type = GROUPS_RECORD_OFFSET, .group = group->name};
    record->offset = *offset;
    record->offset.topic = topic->name;
    record->offset.metadata = noted ? item->metadata : "";
    record->offset.committed_ms = wall_ms;
    order->count++;
    return 0;
}

static void take_over(struct offset_entry *entry, struct order *order, size_t i)
{
    const struct groups_record *record = &order->records[i];

    if (order->token < entry->token)
        return;
    offsets_clear(entry);
    entry->token = order->token;
    if (record->tombstone)
        return;
    entry->offset = record->offset.offset;
    entry->leader_epoch = record->offset.leader_epoch;
    entry->committed_ms = record->offset.committed_ms;
    entry->topic_id = record->offset.topic_id;
    entry->gone = order->items[i].gone;
    entry->metadata = order->items[i].metadata;
    order->items[i].metadata = NULL;
}

/* The entries no longer wait for it; when it is committed, they are what it says. */
static void order_apply(struct groups *groups, struct order *order, bool committed)
{
    int64_t look_ms = groups->now_ms + (committed ? 0 : STORE_RETRY_MS);

    for (size_t i = 0; i < order->count; i++) {
        struct topic_offsets *topic = order->items[i].topic;
        struct offset_entry *entry = offsets_find(topic, order->records[i].offset.partition);

        assert(entry != NULL && entry->pending > 0);
        entry->pending--;
        if (committed)
            take_over(entry, order, i);
        if (entry->gone && entry->pending == 0)
            group_stale(groups, order->group, look_ms);
        offsets_drop_void(order->group, topic, entry);
    }
}

static void order_stored(struct groups *groups, struct order *order, int code)
{
    struct group *group = order->group;
    bool buries = order->count == 0 || order->records[0].tombstone, last = order->last;

    order_apply(groups, order, code == 0);
#ifdef MUTANT_REFUSAL_UNHEARD
    code = 0;
#endif
    order_answer(groups, order, code, NULL);
    order_free(order);
    group->order_count--;
    if (buries)
        group_buried(groups, group, last, code);
    else
        group_free_void(groups, group);
}

bool groups_order_stored(struct groups *groups, uint64_t token, int code)
{
    LIST_EACH(&groups->orders, node)
    {
        struct order *order = LIST_OWNER(node, struct order, link);
        if (order->token > token)
            return false;
        if (order->token == token) {
            order_stored(groups, order, code);
            return true;
        }
    }
    return false;
}

/* --- commits ---------------------------------------------------------------------------------- */

/* Members may commit in their generation, until the next is complete; anybody may while there are
 * no members. */
static int may_commit(struct groups *groups, struct group *group, const struct groups_asker *asker,
                      const char **reason)
{
    bool alone = asker->generation < 0 && asker->member[0] == '\0' && asker->instance == NULL;
    int error = 0;

    *reason = NULL;
    if (group == NULL)
        return alone ? 0 : K_ILLEGAL_GENERATION;
    if (alone && group->state == GROUP_EMPTY)
        return 0;
    if (alone && group->state != GROUP_DEAD) {
        *reason = "the group has members: only they may commit";
        return K_UNKNOWN_MEMBER_ID;
    }
    struct member *member = group_asker(group, asker, &error, reason);
    if (member == NULL)
        return error;
#ifndef MUTANT_NO_GENERATION_CHECK
    if (asker->generation != group->generation)
        return K_ILLEGAL_GENERATION;
#endif
#ifndef MUTANT_COMMIT_BETWEEN
    /* It would come after the assignment, and whoever got the partition would not see it. */
    if (group->state == GROUP_COMPLETING)
        return K_REBALANCE_IN_PROGRESS;
#endif
    member_prove_life(groups, member);
    return 0;
}

static int check_offsets(const struct groups *groups, const struct groups_event *event)
{
    for (size_t i = 0; i < event->commit.count; i++) {
        const struct groups_offset *offset = &event->commit.offsets[i];
        if (offset->offset < 0 || offset->partition < 0)
            return K_INVALID_REQUEST;
        if (groups->options.metadata_max > 0 && offset->metadata != NULL &&
            strlen(offset->metadata) > (size_t)groups->options.metadata_max)
            return K_OFFSET_METADATA_TOO_LARGE;
    }
    return 0;
}

static int commit(struct groups *groups, struct group *group, const struct groups_event *event)
{
    struct order *order = order_new(group, event->commit.count);
    int error = order == NULL ? K_NOMEM : 0;

    for (size_t i = 0; i < event->commit.count && error == 0; i++)
        error = order_add(order, &event->commit.offsets[i], groups->wall_ms);
    if (error == 0)
        error = groups_ticket_take(groups);
    if (error != 0) {
        if (order != NULL) {
            order_apply(groups, order, false);
            order_free(order);
        }
        return error;
    }
    order_wait(groups, order, event->asker.ticket);
    order_send(groups, order, order->count);
#ifdef MUTANT_ACKNOWLEDGED_BEFORE_STORE
    order_answer(groups, order, 0, NULL);
#endif
#ifdef MUTANT_COMMITTED_BEFORE_STORE
    for (size_t i = 0; i < order->count; i++)
        take_over(offsets_find(order->items[i].topic, order->records[i].offset.partition), order,
                  i);
#endif
    return 0;
}

void groups_commit(struct groups *groups, const struct groups_event *event)
{
    const struct groups_asker *asker = &event->asker;
    struct group *group = group_find(groups, asker->group);
    const char *reason;
    int error = may_commit(groups, group, asker, &reason);
    bool accepted = error == 0 && event->commit.count > 0;

    if (accepted)
        error = check_offsets(groups, event);
    if (accepted && error == 0 && (group = group_make(groups, asker->group)) == NULL)
        error = K_NOMEM;
    if (accepted && error == 0)
        error = commit(groups, group, event);
    if (!accepted || error != 0)
        groups_answer(groups, asker->ticket, error, reason);
}
