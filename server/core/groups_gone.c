/* Offsets of topics that are no more: from the moment on at which that is known they are shown to
 * nobody, and then they are buried, some groups at a time. A topic that gets the name has an id of
 * its own, so what is committed of it is not taken for its predecessor's. */
#include "server/core/groups_private.h"

/* --- what is to be forgotten ------------------------------------------------------------------ */

static bool is_of(const struct uuid *id, const struct groups_event *event)
{
#ifdef MUTANT_SUCCESSOR_FORGOTTEN
    return true;
#endif
    return uuid_equal(id, &event->topic_gone.id);
}

void group_stale(struct groups *groups, struct group *group, int64_t at_ms)
{
    if (list_empty(&group->stale))
        list_append(&groups->stale, &group->stale);
    groups->stale_at_ms = at_ms;
}

static void mark(struct groups *groups, struct group *group, const struct groups_event *event)
{
    struct topic_offsets *topic = offsets_topic(group, event->topic_gone.topic);

    for (size_t i = 0; topic != NULL && i < topic->count; i++) {
        struct offset_entry *entry = &topic->entries[i];
        if (entry->offset < 0 || entry->gone || !is_of(&entry->topic_id, event))
            continue;
        entry->gone = true;
        if (entry->pending == 0)
            group_stale(groups, group, groups->now_ms);
    }
}

/* Commits that are on their way to the topic. */
static void mark_ordered(struct order *order, const struct groups_event *event)
{
    const struct topic_offsets *topic = offsets_topic(order->group, event->topic_gone.topic);

    for (size_t i = 0; topic != NULL && i < order->count; i++)
        if (order->items[i].topic == topic && is_of(&order->records[i].offset.topic_id, event))
            order->items[i].gone = true;
}

void groups_topic_gone(struct groups *groups, const struct groups_event *event)
{
    LIST_EACH(&groups->all, node)
    mark(groups, LIST_OWNER(node, struct group, link), event);
    LIST_EACH(&groups->orders, node)
    mark_ordered(LIST_OWNER(node, struct order, link), event);
}

/* --- burial ----------------------------------------------------------------------------------- */

/* What has something under way is looked at when that is stored, or refused. */
static bool is_due(const struct offset_entry *entry)
{
    return entry->gone && entry->pending == 0;
}

static size_t count_due(const struct group *group)
{
    size_t position = 0, count = 0;
    void *value;

    while (map_next(&group->topics, &position, NULL, NULL, &value)) {
        const struct topic_offsets *topic = value;
        for (size_t i = 0; i < topic->count; i++)
            count += is_due(&topic->entries[i]);
    }
    return count;
}

/* At most a batch. 0 or K_NOMEM. */
static int bury(struct groups *groups, struct group *group, size_t count)
{
    size_t room = count < TOMBSTONES_MAX ? count : TOMBSTONES_MAX, position = 0;
    struct order *order = order_new(group, room);
    void *value;

    if (order == NULL)
        return K_NOMEM;
    while (order->count < room && map_next(&group->topics, &position, NULL, NULL, &value)) {
        struct topic_offsets *topic = value;
        for (size_t i = 0; i < topic->count && order->count < room; i++)
            if (is_due(&topic->entries[i]))
                order_bury(order, topic, &topic->entries[i]);
    }
    order_send(groups, order, order->count);
    return 0;
}

void groups_bury_gone(struct groups *groups)
{
    for (int i = 0; i < GROUPS_PER_LOOK && groups->now_ms >= groups->stale_at_ms; i++) {
        if (list_empty(&groups->stale)) {
            groups->stale_at_ms = INT64_MAX;
            return;
        }
        struct group *group = LIST_OWNER(list_first(&groups->stale), struct group, stale);
        size_t count = group->state != GROUP_DEAD ? count_due(group) : 0;
        list_remove(&group->stale);
#ifdef MUTANT_GONE_TOPIC_KEPT
        continue;
#endif
        if (count > 0 && bury(groups, group, count) != 0)
            group_stale(groups, group, groups->now_ms + STORE_RETRY_MS);
        else if (count > TOMBSTONES_MAX)
            group_stale(groups, group, groups->now_ms);
    }
}
