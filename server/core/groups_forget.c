/* Offsets that a client wants to be forgotten: tombstones in the topic first. What the group has
 * not committed is forgotten already. */
#include "server/core/groups_private.h"

static int forget(struct groups *groups, struct group *group, const struct groups_event *event)
{
    struct order *order = order_new(group, event->forget.count);

    if (order == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < event->forget.count; i++) {
        struct topic_offsets *topic = offsets_topic(group, event->forget.offsets[i].topic);
        struct offset_entry *entry = offsets_find(topic, event->forget.offsets[i].partition);
        if (entry != NULL)
            order_bury(order, topic, entry);
    }
    if (order->count == 0) {
        order_free(order);
        groups_answer_taken(groups, event->asker.ticket, 0, NULL);
        return 0;
    }
    order_wait(groups, order, event->asker.ticket);
    order_send(groups, order, order->count);
    return 0;
}

void groups_forget(struct groups *groups, const struct groups_event *event)
{
    uint64_t ticket = event->asker.ticket;
    struct group *group = group_find(groups, event->asker.group);
    int error = 0;

    if (group == NULL)
        error = K_GROUP_ID_NOT_FOUND;
    else if (group->state == GROUP_DEAD)
        error = K_COORDINATOR_NOT_AVAILABLE; /* soon it is gone */
    else
        error = groups_ticket_take(groups);
    if (error != 0) {
        groups_answer(groups, ticket, error, NULL);
        return;
    }
    error = forget(groups, group, event);
    if (error != 0)
        groups_answer_taken(groups, ticket, error, NULL);
}
