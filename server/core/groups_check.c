/* Prove the invariants of groups.c on everything that is held. Slow: for tests. */
#include <assert.h>
#include <string.h>

#include "server/core/groups_private.h"

/* Returns how many tickets wait. */
static size_t check_member(const struct group *group, const struct member *member)
{
    assert(member_find(group, member->id) == member);
    assert(member->instance == NULL ||
           member_of_instance(group, member->instance) == member); /* G7 */
    assert(member->staged.data == NULL);
    switch (member->waits) {
    case WAITS_JOIN:
        assert(group->state == GROUP_PREPARING); /* G9 */
        break;
    case WAITS_SYNC:
        assert(group->state == GROUP_COMPLETING && member->synced);
        break;
    case WAITS_STORED: /* G2 */
        assert(group->state == GROUP_STABLE);
        assert(group->store_token != 0 || group->store_retry_ms != INT64_MAX);
        break;
    case WAITS_NOT:
        break;
    }
    assert(!member->beating ||
           group->state == GROUP_STABLE || group->state == GROUP_COMPLETING); /* G9 */
    return (size_t)(member->waits != WAITS_NOT) + (size_t)member->beating;
}

static size_t check_members(const struct group *group)
{
    size_t tickets = 0, count = 0, instances = 0;
    bool leads = group->leader == NULL;

    for (const struct list *node = group->members.next; node != &group->members;
         node = node->next) {
        const struct member *member = LIST_OWNER(node, const struct member, link);
        tickets += check_member(group, member);
        instances += member->instance != NULL;
        leads = leads || member == group->leader;
        count++;
    }
    assert(leads && count == group->member_count && count <= group->view_capacity);
    assert(count == group->by_id.count && instances == group->by_instance.count); /* G7 */
    return tickets;
}

static void check_state(const struct group *group)
{
    bool has_members = group->state == GROUP_COMPLETING || group->state == GROUP_STABLE;

    switch (group->state) {
    case GROUP_DEAD:
        assert(group->order_count > 0);
        assert(group->member_count == 0 && group->pending_count == 0);
        break;
    case GROUP_EMPTY:
        assert(group->member_count == 0);
        assert(group->leader == NULL);
        assert(!group->delete_asked);
        break;
    case GROUP_PREPARING:
        assert(group->member_count > 0);
        assert(!group->assigned && !group->store_due);
        break;
    case GROUP_COMPLETING:
        /* G2: who waits for a store has one under way or due */
        assert(!group->assigned || group->store_token != 0 ||
               group->store_retry_ms != INT64_MAX);
        break;
    case GROUP_STABLE:
        assert(group->recorded || group->store_token != 0); /* G2 */
        break;
    }
    assert(!has_members || (group->leader != NULL && group->chosen && group->member_count > 0));
    assert(!group->store_due || group->store_token != 0); /* G11 */
    assert((group->store_token != 0) == !list_empty(&group->storing));
}

static void check_offsets(const struct groups *groups, const struct group *group)
{
    size_t position = 0, entries = 0, pending = 0, ordered = 0, orders = 0;
    void *value;

    while (map_next(&group->topics, &position, NULL, NULL, &value)) {
        const struct topic_offsets *topic = value;
        assert(topic->count > 0);
        for (size_t i = 0; i < topic->count; i++) {
            const struct offset_entry *entry = &topic->entries[i];
            assert(i == 0 || topic->entries[i - 1].partition < entry->partition);
            assert(entry->offset >= 0 || (entry->pending > 0 && entry->metadata == NULL));
            assert(!entry->gone || entry->offset >= 0);
            assert(!entry->gone || entry->pending > 0 || group->state == GROUP_DEAD ||
                   !list_empty(&group->stale)); /* G18 */
            pending += entry->pending;
            entries++;
        }
    }
    for (const struct list *node = groups->orders.next; node != &groups->orders;
         node = node->next) {
        const struct order *order = LIST_OWNER(node, const struct order, link);
        if (order->group != group)
            continue;
        ordered += order->count;
        orders++;
    }
    assert(entries == group->entry_count && pending == ordered && orders == group->order_count);
}

void groups_check(const struct groups *groups)
{
    size_t tickets = 0, count = 0;
    uint64_t token = 0;

    for (const struct list *node = groups->all.next; node != &groups->all; node = node->next) {
        const struct group *group = LIST_OWNER(node, const struct group, link);
        assert(group_find(groups, group->name) == group);
        assert(group->due.index != HEAP_OUT);
        check_state(group);
        check_offsets(groups, group);
        tickets += check_members(group) + group->delete_asked;
        count++;
    }
    assert(count == groups->by_name.count);
    assert(list_empty(&groups->stale) || groups->stale_at_ms != INT64_MAX); /* G18 */
    for (const struct list *node = groups->orders.next; node != &groups->orders;
         node = node->next) { /* G10 */
        const struct order *order = LIST_OWNER(node, const struct order, link);
        assert(order->token > token && order->token < groups->next_token);
        token = order->token;
        tickets += !order->answered;
    }
    assert(tickets == groups->ticket_count); /* G6 */
    assert(groups->phase == GROUPS_SERVING || tickets == 0);
}
