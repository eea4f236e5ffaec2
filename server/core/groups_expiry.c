/* What is forgotten: offsets of groups without members after offsets.retention, then the group
 * itself; a group at a client's wish. Both are tombstones in the topic first, a batch at a time,
 * the group's own the last of all. */
#include "common/later.h"
#include "server/core/groups_private.h"

/* A group that had members keeps its offsets from the moment on at which the last one went. */
static bool is_expired(const struct groups *groups, const struct group *group,
                       const struct offset_entry *entry)
{
    int64_t since_ms = entry->committed_ms;

#ifndef MUTANT_EXPIRED_EARLY
    if (group->protocol_type != NULL && group->since_ms > since_ms)
        since_ms = group->since_ms;
#endif
    return entry->offset >= 0 && entry->pending == 0 &&
           groups->wall_ms - since_ms >= groups->options.retention_ms;
}

static size_t count_expired(const struct groups *groups, const struct group *group)
{
    size_t position = 0, count = 0;
    void *value;

    while (map_next(&group->topics, &position, NULL, NULL, &value)) {
        const struct topic_offsets *topic = value;
        for (size_t i = 0; i < topic->count; i++)
            count += is_expired(groups, group, &topic->entries[i]);
    }
    return count;
}

void order_bury(struct order *order, struct topic_offsets *topic, struct offset_entry *entry)
{
    struct groups_record *record = &order->records[order->count];

    entry->pending++;
    order->items[order->count++].topic = topic;
    *record = (struct groups_record){
        .type = GROUPS_RECORD_OFFSET, .tombstone = true, .group = order->group->name};
    record->offset.topic = topic->name;
    record->offset.partition = entry->partition;
}

static void add_tombstones(const struct groups *groups, struct group *group, struct order *order,
                           size_t room)
{
    size_t position = 0;
    void *value;

    while (order->count < room && map_next(&group->topics, &position, NULL, NULL, &value)) {
        struct topic_offsets *topic = value;
        for (size_t i = 0; i < topic->count && order->count < room; i++) {
            struct offset_entry *entry = &topic->entries[i];
            if (group->state != GROUP_DEAD && !is_expired(groups, group, entry))
                continue;
            order_bury(order, topic, entry);
        }
    }
}

/* Order the next tombstones: of all in a group that is DEAD, else of `count` that are expired. */
static int bury(struct groups *groups, struct group *group, size_t count)
{
    bool last = group->state == GROUP_DEAD && count <= TOMBSTONES_MAX;
    size_t room = count < TOMBSTONES_MAX ? count : TOMBSTONES_MAX;
    struct order *order = order_new(group, room);

    if (order == NULL)
        return K_NOMEM;
    add_tombstones(groups, group, order, room);
    order->last = last;
    if (last)
        order->records[order->count] = (struct groups_record){
            .type = GROUPS_RECORD_GROUP, .tombstone = true, .group = group->name};
    order_send(groups, order, order->count + last);
    return 0;
}

static void revive(struct groups *groups, struct group *group, int code)
{
    group->state = GROUP_EMPTY;
    if (group->delete_asked)
        groups_answer_taken(groups, group->delete_ticket, code, NULL);
    group->delete_asked = false;
    if (code != 0)
        group_stale(groups, group, groups->now_ms + STORE_RETRY_MS);
    group_free_void(groups, group);
}

void group_buried(struct groups *groups, struct group *group, bool last, int code)
{
    if (group->state != GROUP_DEAD) {
        if (code == 0)
            group_expire(groups, group);
        group_free_void(groups, group);
        return;
    }
    if (code == 0 && !last)
        code = bury(groups, group, group->entry_count);
    else if (code == 0)
        group->recorded = false;
    if (code != 0 || last)
        revive(groups, group, code);
}

static bool is_busy(const struct group *group)
{
    return group->order_count > 0 || group->store_token != 0 || group->store_due ||
           group->store_retry_ms != INT64_MAX || group->pending_count > 0;
}

void group_expire(struct groups *groups, struct group *group)
{
    if (groups->options.retention_ms <= 0)
        return;
#ifndef MUTANT_EXPIRED_WITH_MEMBERS
    if (group->state != GROUP_EMPTY)
        return;
#endif
    if (is_busy(group))
        return;
    size_t count = count_expired(groups, group);
    if (count == 0 && group->entry_count > 0)
        return;
    if (count == group->entry_count)
        group->state = GROUP_DEAD;
    if (bury(groups, group, count) != 0)
        group->state = GROUP_EMPTY; /* the next look finds it again */
}

void groups_expire_some(struct groups *groups)
{
    if (groups->options.retention_ms <= 0 || groups->now_ms < groups->expiry_at_ms)
        return;
    if (groups->expiry_next == NULL)
        groups->expiry_next = groups->all.next;
    for (int i = 0; i < GROUPS_PER_LOOK && groups->expiry_next != &groups->all; i++) {
        struct group *group = LIST_OWNER(groups->expiry_next, struct group, link);
        groups->expiry_next = groups->expiry_next->next;
        group_expire(groups, group);
    }
    if (groups->expiry_next == &groups->all) {
        groups->expiry_next = NULL;
        groups->expiry_at_ms = later_ms(groups->now_ms, groups->options.retention_check_ms);
    }
}

void groups_delete(struct groups *groups, const struct groups_event *event)
{
    uint64_t ticket = event->asker.ticket;
    struct group *group = group_find(groups, event->asker.group);
    int error = 0;

    if (group == NULL)
        error = K_GROUP_ID_NOT_FOUND;
    else if (group->state != GROUP_EMPTY && group->state != GROUP_DEAD)
        error = K_NON_EMPTY_GROUP;
    else if (group->state == GROUP_DEAD || is_busy(group))
        error = K_COORDINATOR_NOT_AVAILABLE; /* soon */
    else
        error = groups_ticket_take(groups);
    if (error != 0) {
        groups_answer(groups, ticket, error, NULL);
        return;
    }
    group->state = GROUP_DEAD;
    group->delete_asked = true;
    group->delete_ticket = ticket;
    error = bury(groups, group, group->entry_count);
    if (error != 0)
        revive(groups, group, error);
}
