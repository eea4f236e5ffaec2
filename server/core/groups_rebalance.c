/* A rebalance begins, waits for its members, ends with a new generation; who goes; heartbeats. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/groups_private.h"

#define EACH_MEMBER(group, node) LIST_EACH_SAFE(&(group)->members, node, node##_after)
#define MEMBER(node) LIST_OWNER(node, struct member, link)

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t rebalance_timeout(const struct group *group)
{
    int64_t longest = 0;
    for (const struct list *node = group->members.next; node != &group->members;
         node = node->next) {
        const struct member *member = LIST_OWNER(node, const struct member, link);
        if (member->rebalance_timeout_ms > longest)
            longest = member->rebalance_timeout_ms;
    }
    return longest;
}

void member_prove_life(struct groups *groups, struct member *member)
{
    member->session_at_ms = groups->now_ms + member->session_timeout_ms;
}

struct member *group_asker(const struct group *group, const struct groups_asker *asker,
                           int *error, const char **reason)
{
    struct member *member = NULL;

    *reason = NULL;
    *error = K_UNKNOWN_MEMBER_ID;
    if (group == NULL)
        return NULL;
    if (group->state == GROUP_DEAD) {
        *error = K_COORDINATOR_NOT_AVAILABLE;
        return NULL;
    }
    if (asker->instance == NULL)
        return member_find(group, asker->member);
    member = member_of_instance(group, asker->instance);
#ifndef MUTANT_OLD_INSTANCE_SERVED
    if (member != NULL && strcmp(member->id, asker->member) != 0) {
        *error = K_FENCED_INSTANCE_ID;
        *reason = "another member has this group.instance.id now";
        return NULL;
    }
#endif
    return member;
}

/* --- a generation ends ------------------------------------------------------------------------ */

void group_prepare(struct groups *groups, struct group *group)
{
    assert(group->state != GROUP_PREPARING && group->state != GROUP_DEAD);
    bool empty = group->state == GROUP_EMPTY;
    int64_t delay_ms = groups->options.initial_delay_ms;

    EACH_MEMBER(group, node)
    {
        struct member *member = MEMBER(node);
        if (member->waits == WAITS_STORED)
            member->waits = WAITS_JOIN;
        else if (member->waits == WAITS_SYNC)
            member_answer(groups, member, K_REBALANCE_IN_PROGRESS, NULL);
#ifndef MUTANT_REBALANCE_UNTOLD
        member_answer_beat(groups, member, K_REBALANCE_IN_PROGRESS);
#endif
    }
    group->state = GROUP_PREPARING;
    group->assigned = false;
    group->store_due = false;
    group->sync_until_ms = group->store_retry_ms = group->answer_by_ms = INT64_MAX;
    group->join_until_ms = groups->now_ms + rebalance_timeout(group);
    group->initial = empty && delay_ms > 0;
    group->more_came = false;
    group->join_at_ms = earlier(groups->now_ms + delay_ms, group->join_until_ms);
}

void group_shrunk(struct groups *groups, struct group *group)
{
#ifdef MUTANT_LEADER_DEATH_UNNOTICED
    if (group->state == GROUP_COMPLETING)
        return;
#endif
    if (group->state == GROUP_COMPLETING || group->state == GROUP_STABLE)
        group_prepare(groups, group);
    if (group->state == GROUP_PREPARING)
        group_join_progress(groups, group);
}

/* --- a generation begins ---------------------------------------------------------------------- */

/* Each member votes for what it prefers among what all know; a tie is decided by the leader's
 * order. NULL: they have nothing in common. */
const char *group_choose_protocol(const struct group *group)
{
    const struct member *first = group->leader != NULL
                                     ? group->leader
                                     : LIST_OWNER(group->members.next, const struct member, link);
    const char *best = NULL;
    size_t best_votes = 0;

    for (size_t i = 0; i < first->protocols.count; i++) {
        const char *name = first->protocols.items[i].name;
        size_t votes = 1;
        bool common = true;
        for (const struct list *node = group->members.next; node != &group->members && common;
             node = node->next) {
            const struct member *member = LIST_OWNER(node, const struct member, link);
            common = protocols_find(&member->protocols, name) != NULL;
            votes += common && strcmp(member->protocols.items[0].name, name) == 0;
        }
        if (common && votes > best_votes) {
            best = name;
            best_votes = votes;
        }
    }
    return best;
}

static bool choose_leader(struct group *group)
{
    if (group->leader != NULL && group->leader->waits == WAITS_JOIN)
        return true;
    EACH_MEMBER(group, node)
    if (MEMBER(node)->waits == WAITS_JOIN) {
        group->leader = MEMBER(node);
        return true;
    }
    return false;
}

static void next_generation(struct groups *groups, struct group *group)
{
    group->generation = group->generation == INT32_MAX ? 1 : group->generation + 1;
    group->since_ms = groups->wall_ms;
}

static void become_empty(struct groups *groups, struct group *group)
{
    next_generation(groups, group);
    group->state = GROUP_EMPTY;
    group->chosen = false;
    group->leader = NULL;
    group_store(groups, group);
}

/* Everybody who is there is told the new generation; the leader, who is in it. */
static void complete(struct groups *groups, struct group *group)
{
    if (group->member_count == 0) {
        become_empty(groups, group);
        return;
    }
    /* Only static members that have not come back are left: they keep their places. */
    if (!choose_leader(group)) {
        group->join_until_ms = groups->now_ms + rebalance_timeout(group);
        return;
    }
    const char *chosen = group_choose_protocol(group);
    assert(chosen != NULL); /* who fits with nobody is not let in */
    memcpy(group->protocol, chosen, strlen(chosen) + 1);
    group->chosen = true;
    next_generation(groups, group);
    group->state = GROUP_COMPLETING;
    group->sync_until_ms = groups->now_ms + rebalance_timeout(group);
    EACH_MEMBER(group, node)
    {
        struct member *member = MEMBER(node);
        free(member->assignment.data);
        member->assignment = (struct blob){0};
        member->synced = false;
        if (member->waits == WAITS_JOIN)
            member_answer_join(groups, group, member, false);
    }
}

static void drop_absent(struct groups *groups, struct group *group)
{
    EACH_MEMBER(group, node)
    if (MEMBER(node)->waits != WAITS_JOIN && MEMBER(node)->instance == NULL)
        group_drop_member(groups, group, MEMBER(node), K_UNKNOWN_MEMBER_ID,
                          "it did not join in time");
}

static bool all_joined(const struct groups *groups, const struct group *group)
{
    for (const struct list *node = group->members.next; node != &group->members; node = node->next)
        if (LIST_OWNER(node, const struct member, link)->waits != WAITS_JOIN)
            return false;
    return list_empty(&group->pending) ||
           LIST_OWNER(group->pending.prev, const struct pending, link)->grace_until_ms <=
               groups->now_ms;
}

void group_join_progress(struct groups *groups, struct group *group)
{
    int64_t now_ms = groups->now_ms;

    assert(group->state == GROUP_PREPARING);
    if (group->member_count > 0 && group->initial) {
        if (now_ms < group->join_at_ms)
            return;
        if (group->more_came && now_ms < group->join_until_ms) {
            group->more_came = false;
            group->join_at_ms =
                earlier(now_ms + groups->options.initial_delay_ms, group->join_until_ms);
            return;
        }
        group->initial = false;
    }
    if (group->member_count == 0 || all_joined(groups, group)) {
        complete(groups, group);
    } else if (now_ms >= group->join_until_ms) {
#ifdef MUTANT_ABSENT_AWAITED
        group->join_until_ms = now_ms + rebalance_timeout(group);
        return;
#endif
        drop_absent(groups, group);
        complete(groups, group);
    }
}

/* --- heartbeats, farewells -------------------------------------------------------------------- */

/* A heartbeat proves life when it comes, not as long as it waits. */
void groups_heartbeat(struct groups *groups, const struct groups_event *event)
{
    const struct groups_asker *asker = &event->asker;
    struct group *group = group_find(groups, asker->group);
    const char *reason;
    int error;
    struct member *member = group_asker(group, asker, &error, &reason);

    if (member == NULL) {
        groups_answer(groups, asker->ticket, error, reason);
        return;
    }
    if (asker->generation != group->generation) {
        groups_answer(groups, asker->ticket, K_ILLEGAL_GENERATION, NULL);
        return;
    }
    member_prove_life(groups, member);
    member_answer_beat(groups, member, 0);
    if (group->state == GROUP_PREPARING) {
        groups_answer(groups, asker->ticket, K_REBALANCE_IN_PROGRESS, NULL);
        return;
    }
    /* Without room to wait it is answered at once: it will come again. */
    if (event->heartbeat.wait_ms <= 0 || groups_ticket_take(groups) != 0) {
        groups_answer(groups, asker->ticket, 0, NULL);
        return;
    }
    int64_t longest_ms = member->session_timeout_ms / 3;
    member->beating = true;
    member->beat_ticket = asker->ticket;
    member->beat_until_ms = groups->now_ms + earlier(event->heartbeat.wait_ms, longest_ms);
    group_wake(groups, group, member->beat_until_ms);
}

void groups_leave(struct groups *groups, const struct groups_event *event)
{
    const struct groups_asker *asker = &event->asker;
    struct group *group = group_find(groups, asker->group);
    const char *reason = NULL;
    int error = K_UNKNOWN_MEMBER_ID;
    struct member *member;
    struct pending *pending = group != NULL ? group_find_pending(group, asker->member) : NULL;

    if (pending != NULL) {
        group_drop_pending(group, pending);
        groups_answer(groups, asker->ticket, 0, NULL);
        if (group->state == GROUP_PREPARING)
            group_join_progress(groups, group);
        return;
    }
    /* Somebody who looks after the group may send a static member away without knowing its id. */
    if (group != NULL && asker->instance != NULL && asker->member[0] == '\0')
        member = member_of_instance(group, asker->instance);
    else
        member = group_asker(group, asker, &error, &reason);
    if (member == NULL) {
        groups_answer(groups, asker->ticket, error, reason);
        return;
    }
    group_drop_member(groups, group, member, K_UNKNOWN_MEMBER_ID, "it has left");
    groups_answer(groups, asker->ticket, 0, NULL);
    group_shrunk(groups, group);
}

/* --- time ------------------------------------------------------------------------------------- */

static bool is_silent(const struct groups *groups, const struct member *member)
{
    return member->waits == WAITS_NOT && member->session_at_ms <= groups->now_ms;
}

static void tick_member(struct groups *groups, struct group *group, struct member *member)
{
    bool late = group->sync_until_ms <= groups->now_ms && !member->synced;

#ifdef MUTANT_UNSYNCED_KEPT
    late = false;
#endif
    if (member->beating && member->beat_until_ms <= groups->now_ms) {
#ifdef MUTANT_PARKED_IS_ALIVE
        member_prove_life(groups, member);
#endif
        member_answer_beat(groups, member, 0);
    }
    if (group->answer_by_ms <= groups->now_ms &&
        (member->waits == WAITS_SYNC || member->waits == WAITS_STORED))
        member_answer(groups, member, K_COORDINATOR_NOT_AVAILABLE,
                      "the group could not be stored in time");
    if (is_silent(groups, member))
        group_drop_member(groups, group, member, K_UNKNOWN_MEMBER_ID, "its session ended");
    else if (late)
        group_drop_member(groups, group, member, K_UNKNOWN_MEMBER_ID,
                          "it did not ask for its assignment in time");
}

void group_tick(struct groups *groups, struct group *group)
{
    size_t members = group->member_count;

    LIST_EACH_SAFE(&group->pending, node, after)
    {
        struct pending *pending = LIST_OWNER(node, struct pending, link);
        if (pending->until_ms <= groups->now_ms)
            group_drop_pending(group, pending);
    }
    EACH_MEMBER(group, node)
    tick_member(groups, group, MEMBER(node));
    if (group->sync_until_ms <= groups->now_ms)
        group->sync_until_ms = INT64_MAX;
    if (group->answer_by_ms <= groups->now_ms)
        group->answer_by_ms = INT64_MAX;
    if (group->member_count < members)
        group_shrunk(groups, group);
    else if (group->state == GROUP_PREPARING)
        group_join_progress(groups, group);
    if (group->store_retry_ms <= groups->now_ms) {
        group->store_retry_ms = INT64_MAX;
        group_store(groups, group);
    }
}

static int64_t member_deadline(const struct member *member)
{
    int64_t at_ms = member->waits == WAITS_NOT ? member->session_at_ms : INT64_MAX;
    return member->beating ? earlier(at_ms, member->beat_until_ms) : at_ms;
}

void group_schedule(struct groups *groups, struct group *group)
{
    int64_t at_ms = earlier(group->store_retry_ms, group->answer_by_ms);

    at_ms = earlier(at_ms, group->sync_until_ms);
    if (group->state == GROUP_PREPARING)
        at_ms = earlier(at_ms, group->initial ? group->join_at_ms : group->join_until_ms);
    for (const struct list *node = group->pending.next; node != &group->pending;
         node = node->next) {
        const struct pending *pending = LIST_OWNER(node, const struct pending, link);
        bool counts = group->state == GROUP_PREPARING && pending->grace_until_ms > groups->now_ms;
        at_ms = earlier(at_ms, counts ? pending->grace_until_ms : pending->until_ms);
    }
    for (const struct list *node = group->members.next; node != &group->members; node = node->next)
        at_ms = earlier(at_ms, member_deadline(LIST_OWNER(node, const struct member, link)));
    heap_move(&groups->due, &group->due, at_ms);
}

void group_wake(struct groups *groups, struct group *group, int64_t at_ms)
{
    if (at_ms < group->due.key)
        heap_move(&groups->due, &group->due, at_ms);
}
