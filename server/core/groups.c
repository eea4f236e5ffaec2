/* The step of groups: loading, requests, time.
 *
 *           a member joins                     all have joined, or time is up
 *           [group_prepare]                    [complete]
 *    EMPTY ------------------> PREPARING --------------------------> COMPLETING
 *     |  ^                     | ^    ^                                |    |
 *     |  |  the last one went  | |    |  a member joins, leaves or     |    |
 *     |  +--------------------+  |    |  falls silent [group_prepare]  |    |
 *     |     [become_empty]       |    +--------------------------------+    |
 *     |                          |                                          |
 *     |   the same [group_prepare]                the assignment is stored  |
 *     |                          |                [settle]                  |
 *     |                          +-------- STABLE <-------------------------+
 *     |  forgotten: retention, or a client's wish [group_expire, groups_delete]
 *     +------> DEAD: its tombstones are being stored; then it is no more
 *
 * Invariants. What a step touches is asserted on the way; groups_check() proves those that the
 * state shows, the random world (tests/server/core/groups_world.c) the others. Those with a name
 * beside them can be broken on purpose (configure --enable-mutant=NAME).
 *
 *  G1  the generation only grows, also over a change of coordinator as far as it was stored: no
 *      two assignments have one generation                           generation-forgotten
 *  G2  what a member is assigned, or the id under which it is back, is told once its record is
 *      committed, so a successor knows it            assigned-before-store, id-before-store
 *  G3  only members of the current generation take part in it: they assign, ask, commit
 *                             no-generation-check, sync-of-any-generation, commit-between
 *  G4  an offset is shown, and a commit acknowledged, once it is committed
 *             committed-before-store, acknowledged-before-store, refusal-unheard
 *  G5  until everything is loaded, nothing is said but that         load-serves-empty
 *  G6  a ticket is answered once, and there is always room for it
 *  G7  an instance id has one member; the former is fenced          old-instance-served
 *  G8  a heartbeat proves life when it comes, not while it waits    parked-is-alive
 *  G9  in PREPARING nobody waits for anything but the others: all were told
 *                                                                   rebalance-untold
 *  G10 offsets go back only when a later commit is lower: stores count in their order
 *  G11 of what a group is, one store is under way at a time; what changed meanwhile, or was
 *      refused, follows                        change-not-stored, refused-record-dropped
 *  G12 a group with members keeps its offsets, and for offsets.retention after the last one
 *                                                expired-with-members, expired-early
 *  G13 to lose a former leadership does not end a later one         stale-loss-obeyed
 *  G14 nobody who is gone, or does not join or sync in time, holds up the others
 *                        absent-awaited, leader-death-unnoticed, unsynced-kept
 *  G15 a successor goes on with what the topic holds, and nobody is silent before a whole
 *      session of its own is over              tombstone-ignored, sessions-not-renewed
 *  G16 a group has at most group.max.size members                   size-unchecked
 *      and no more than the leader can be told of                untellable-let-in
 *  G17 who sets the time of day, ends no session                    timed-by-wall
 *  G18 of a topic that is gone no offset is shown, and all are buried, however often that is
 *      refused: a topic that gets its name begins anew    gone-topic-shown, gone-topic-kept;
 *      what was committed of that one stays                         successor-forgotten
 *
 * Deliberately not here: what topics a member subscribes to (opaque), offsets of transactions. */
#include "server/core/groups.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/later.h"
#include "server/core/groups_private.h"

struct groups *groups_new(uint64_t seed)
{
    struct groups *groups = calloc(1, sizeof *groups);
    if (groups == NULL)
        return NULL;
    groups->seed = seed;
    groups->epoch = -1;
    groups->next_token = 1;
    groups->expiry_at_ms = INT64_MAX;
    list_init(&groups->all);
    list_init(&groups->storing);
    list_init(&groups->orders);
    list_init(&groups->waiting);
    list_init(&groups->stale);
    groups->stale_at_ms = INT64_MAX;
    map_init_seeded(&groups->by_name, seed);
    heap_init(&groups->due);
    if (groups_reserve(groups, 0) != 0) {
        groups_free(groups);
        return NULL;
    }
    return groups;
}

/* --- coming and going of the partition -------------------------------------------------------- */

/* Forget everything; who waits asks the next coordinator. */
static void clear(struct groups *groups)
{
    LIST_EACH_SAFE(&groups->orders, node, after)
    {
        struct order *order = LIST_OWNER(node, struct order, link);
        order_answer(groups, order, K_NOT_COORDINATOR, "the coordinator moved");
        order_free(order);
    }
    LIST_EACH_SAFE(&groups->all, node, after)
    {
        struct group *group = LIST_OWNER(node, struct group, link);
        if (group->delete_asked)
            groups_answer_taken(groups, group->delete_ticket, K_NOT_COORDINATOR,
                                "the coordinator moved");
        group_free(groups, group);
    }
    groups->expiry_next = NULL;
    groups->expiry_at_ms = INT64_MAX;
    groups->stale_at_ms = INT64_MAX;
    assert(groups->ticket_count == 0); /* G6 */
}

void groups_free(struct groups *groups)
{
    if (groups == NULL)
        return;
    groups->effect_count = 0;
    clear(groups);
    map_fini(&groups->by_name);
    heap_fini(&groups->due);
    free(groups->effects);
    free(groups);
}

static void gained(struct groups *groups, int32_t epoch)
{
    bool known = groups->phase != GROUPS_ABSENT && epoch == groups->epoch;

    if (epoch < groups->epoch || known)
        return;
    clear(groups);
    groups->epoch = epoch;
    groups->phase = GROUPS_LOADING;
}

/* Sessions begin anew: nobody could prove life to a coordinator that was not there. */
static void loaded(struct groups *groups, int32_t epoch)
{
    if (groups->phase != GROUPS_LOADING || epoch != groups->epoch)
        return;
    groups->phase = GROUPS_SERVING;
    groups->expiry_at_ms = later_ms(groups->now_ms, groups->options.retention_check_ms);
    LIST_EACH_SAFE(&groups->all, node, after)
    {
        struct group *group = LIST_OWNER(node, struct group, link);
#ifndef MUTANT_SESSIONS_NOT_RENEWED
        LIST_EACH(&group->members, link)
        member_prove_life(groups, LIST_OWNER(link, struct member, link));
#endif
        group_schedule(groups, group);
        group_free_void(groups, group);
    }
}

static void lost(struct groups *groups, int32_t epoch)
{
#ifndef MUTANT_STALE_LOSS_OBEYED
    if (epoch < groups->epoch)
        return;
#endif
    clear(groups);
    groups->epoch = epoch > groups->epoch ? epoch : groups->epoch;
    groups->phase = GROUPS_ABSENT;
}

/* --- requests --------------------------------------------------------------------------------- */

int groups_ready(const struct groups *groups)
{
    switch (groups->phase) {
    case GROUPS_ABSENT:
        return K_NOT_COORDINATOR;
    case GROUPS_LOADING:
#ifdef MUTANT_LOAD_SERVES_EMPTY
        return 0;
#else
        return K_COORDINATOR_LOAD_IN_PROGRESS;
#endif
    case GROUPS_SERVING:
        break;
    }
    return 0;
}

static void requested(struct groups *groups, const struct groups_event *event)
{
    static void (*const handlers[])(struct groups *, const struct groups_event *) = {
        [GROUPS_JOIN] = groups_join,           [GROUPS_SYNC] = groups_sync,
        [GROUPS_HEARTBEAT] = groups_heartbeat, [GROUPS_LEAVE] = groups_leave,
        [GROUPS_COMMIT] = groups_commit,       [GROUPS_DELETE] = groups_delete,
        [GROUPS_FORGET] = groups_forget};
    int error = groups_ready(groups);

    if (error != 0) {
        groups_answer(groups, event->asker.ticket, error, NULL);
        return;
    }
    handlers[event->type](groups, event);

    /* A heartbeat or a commit only puts things off: what is due early does no harm. */
    struct group *group = group_find(groups, event->asker.group);
    if (group == NULL)
        return;
    if (event->type != GROUPS_HEARTBEAT && event->type != GROUPS_COMMIT)
        group_schedule(groups, group);
    group_free_void(groups, group);
}

static void stored(struct groups *groups, uint64_t token, int code)
{
    if (groups_order_stored(groups, token, code))
        return;
    LIST_EACH(&groups->storing, node)
    {
        struct group *group = LIST_OWNER(node, struct group, storing);
        if (group->store_token > token)
            return;
        if (group->store_token == token) {
            group_stored(groups, group, code);
            group_schedule(groups, group);
            group_free_void(groups, group);
            return;
        }
    }
}

/* --- time ------------------------------------------------------------------------------------- */

static void answer_late_commits(struct groups *groups)
{
    LIST_EACH_SAFE(&groups->waiting, node, after)
    {
        struct order *order = LIST_OWNER(node, struct order, waiting);
        if (order->answer_by_ms > groups->now_ms)
            return;
        order_answer(groups, order, K_REQUEST_TIMED_OUT, "it may still be committed");
    }
}

static void tick(struct groups *groups)
{
    answer_late_commits(groups);
    for (int i = 0; i < GROUPS_PER_TICK; i++) {
        struct heap_node *top = heap_top(&groups->due);
        if (top == NULL || top->key > groups->now_ms)
            break;
        struct group *group = LIST_OWNER(top, struct group, due);
        group_tick(groups, group);
        group_schedule(groups, group);
        group_free_void(groups, group);
    }
    groups_expire_some(groups);
    groups_bury_gone(groups);
}

int64_t groups_deadline_ms(const struct groups *groups)
{
    const struct heap_node *top = heap_top(&groups->due);
    int64_t at_ms = top != NULL ? top->key : INT64_MAX;

    if (groups->phase != GROUPS_SERVING)
        return INT64_MAX;
    if (!list_empty(&groups->waiting)) {
        const struct order *order =
            LIST_OWNER(groups->waiting.next, const struct order, waiting);
        if (order->answer_by_ms < at_ms)
            at_ms = order->answer_by_ms;
    }
    if (groups->options.retention_ms > 0 && !list_empty(&groups->all) &&
        groups->expiry_at_ms < at_ms)
        at_ms = groups->expiry_at_ms;
    if (groups->stale_at_ms < at_ms)
        at_ms = groups->stale_at_ms;
    return at_ms;
}

struct groups_effects groups_step(struct groups *groups, const struct groups_event *event)
{
    groups->effect_count = 0;
    groups->now_ms = event->now_ms;
    groups->wall_ms = event->wall_ms;
#ifdef MUTANT_TIMED_BY_WALL
    groups->now_ms = event->wall_ms;
#endif
    switch (event->type) {
    case GROUPS_GAINED:
        gained(groups, event->gained.epoch);
        break;
    case GROUPS_LOADED:
        loaded(groups, event->loaded.epoch);
        break;
    case GROUPS_LOST:
        lost(groups, event->lost.epoch);
        break;
    case GROUPS_CONFIGURED:
        groups->options = *event->configured;
        break;
    case GROUPS_JOIN:
    case GROUPS_SYNC:
    case GROUPS_HEARTBEAT:
    case GROUPS_LEAVE:
    case GROUPS_COMMIT:
    case GROUPS_DELETE:
    case GROUPS_FORGET:
        requested(groups, event);
        break;
    case GROUPS_TOPIC_GONE:
        if (groups->phase == GROUPS_SERVING)
            groups_topic_gone(groups, event);
        break;
    case GROUPS_STORED:
        stored(groups, event->stored.token, event->stored.code);
        break;
    case GROUPS_TICK:
        if (groups->phase == GROUPS_SERVING)
            tick(groups);
        break;
    }
    return (struct groups_effects){groups->effect_count, groups->effects};
}
