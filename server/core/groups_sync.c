/* The leader's assignment, and storing what the group is. Members hear of an assignment once its
 * record is committed: a successor will know it, and all offsets that the former generation has
 * committed stand before it in the topic. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/groups_private.h"

static void answer_assignment(const struct group *group,
                              const struct member *member, struct groups_effect *effect)
{
    effect->answer.member = member->id;
    effect->answer.protocol_type = group->protocol_type;
    effect->answer.protocol = group->protocol;
    effect->answer.leader = group->leader != NULL ? group->leader->id : NULL;
    effect->answer.generation = group->generation;
    effect->answer.assignment =
        (struct groups_span){member->assignment.data, member->assignment.size};
}

static void settle(struct groups *groups, struct group *group)
{
    group->state = GROUP_STABLE;
    LIST_EACH(&group->members, node)
    {
        struct member *member = LIST_OWNER(node, struct member, link);
        if (member->waits != WAITS_SYNC)
            continue;
        member->waits = WAITS_NOT;
        member_prove_life(groups, member);
        answer_assignment(group, member,
                          groups_answer_taken(groups, member->ticket, 0, NULL));
    }
}

/* --- storing ---------------------------------------------------------------------------------- */

void group_store(struct groups *groups, struct group *group)
{
    if (group->answer_by_ms == INT64_MAX)
        group->answer_by_ms = groups->now_ms + groups->options.store_timeout_ms;
    if (group->store_token != 0) {
        group->store_due = true;
        return;
    }
    group->store_due = false;
    group->store_token = groups->next_token++;
    list_append(&groups->storing, &group->storing);
    group->record = (struct groups_record){.type = GROUPS_RECORD_GROUP, .group = group->name};
    group->record.state.protocol_type = group->protocol_type;
    group->record.state.protocol = group->chosen ? group->protocol : NULL;
    group->record.state.leader = group->leader != NULL ? group->leader->id : NULL;
    group->record.state.generation = group->generation;
    group->record.state.since_ms = group->since_ms;
    group->record.state.members = group_views(group);
    group->record.state.member_count = group->member_count;

    struct groups_effect *effect = groups_effect_add(groups, GROUPS_DO_STORE);
    effect->store.token = group->store_token;
    effect->store.records = &group->record;
    effect->store.count = 1;
#ifdef MUTANT_ASSIGNED_BEFORE_STORE
    if (group->state == GROUP_COMPLETING)
        settle(groups, group);
#endif
}

/* It will never be stored like this, whoever tries: who waits is told, and the leader may come with
 * less. */
static void give_up(struct groups *groups, struct group *group, int code)
{
    if (group->state == GROUP_COMPLETING)
        group->assigned = false;
    group->answer_by_ms = INT64_MAX;
    LIST_EACH(&group->members, node)
    {
        struct member *member = LIST_OWNER(node, struct member, link);
        if (member->waits == WAITS_SYNC || member->waits == WAITS_STORED)
            member_answer(groups, member, code, "see max.message.bytes of the offsets topic");
    }
}

void group_stored(struct groups *groups, struct group *group, int code)
{
    group->store_token = 0;
    list_remove(&group->storing);
#ifdef MUTANT_CHANGE_NOT_STORED
    group->store_due = false;
#endif
    if (code == 0) {
        group->recorded = true;
        if (!group->store_due)
            group->answer_by_ms = INT64_MAX;
    }
    if (group->store_due) {
        group_store(groups, group);
    } else if (code == K_INVALID_COMMIT_OFFSET_SIZE) {
        give_up(groups, group, code);
    } else if (code != 0) {
#ifndef MUTANT_REFUSED_RECORD_DROPPED
        /* While it prepares nobody needs the record: what comes of it is stored anew. */
        if (group->state != GROUP_PREPARING &&
            (group->state != GROUP_COMPLETING || group->assigned))
            group->store_retry_ms = groups->now_ms + STORE_RETRY_MS;
#endif
    } else if (group->state == GROUP_COMPLETING && group->assigned) {
        settle(groups, group);
    } else if (group->state == GROUP_STABLE) {
        LIST_EACH(&group->members, node)
        {
            struct member *member = LIST_OWNER(node, struct member, link);
            if (member->waits == WAITS_STORED)
                member_answer_join(groups, group, member, member == group->leader);
        }
    }
}

/* --- the assignment --------------------------------------------------------------------------- */

/* All or nothing. Who is not named gets nothing; who is named and no member, is nobody. */
static int take_assignments(struct group *group, const struct groups_event *event)
{
    int error = 0;

    for (size_t i = 0; i < event->sync.assignment_count && error == 0; i++) {
        const struct groups_member *named = &event->sync.assignments[i];
        struct member *member = member_find(group, named->id);
        if (member == NULL || named->assignment.size == 0 || member->staged.data != NULL)
            continue;
        member->staged.data = malloc(named->assignment.size);
        if (member->staged.data == NULL) {
            error = K_NOMEM;
            continue;
        }
        member->staged.size = named->assignment.size;
        memcpy(member->staged.data, named->assignment.data, named->assignment.size);
    }
    LIST_EACH(&group->members, node)
    {
        struct member *member = LIST_OWNER(node, struct member, link);
        if (error == 0) {
            free(member->assignment.data);
            member->assignment = member->staged;
        } else {
            free(member->staged.data);
        }
        member->staged = (struct blob){0};
    }
    return error;
}

static void wait_for_assignment(struct groups *groups, struct group *group,
                                struct member *member, const struct groups_event *event)
{
    uint64_t ticket = event->asker.ticket;
    bool assigns = member == group->leader && !group->assigned;

    if (groups_ticket_take(groups) != 0) {
        groups_answer(groups, ticket, K_NOMEM, NULL);
        return;
    }
    if (assigns && take_assignments(group, event) != 0) {
        groups_answer_taken(groups, ticket, K_NOMEM, NULL);
        return;
    }
    member_answer(groups, member, K_REBALANCE_IN_PROGRESS,
                  "a newer request of this member took its place");
    member->waits = WAITS_SYNC;
    member->ticket = ticket;
    member->synced = true;
    if (assigns) {
        group->assigned = true;
        group_store(groups, group);
    } else if (group->assigned && group->answer_by_ms == INT64_MAX) {
        group->answer_by_ms = groups->now_ms + groups->options.store_timeout_ms;
    }
}

static bool names_another(const char *said, const char *is)
{
    return said != NULL && (is == NULL || strcmp(said, is) != 0);
}

void groups_sync(struct groups *groups, const struct groups_event *event)
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
#ifndef MUTANT_SYNC_OF_ANY_GENERATION
    if (asker->generation != group->generation) {
        groups_answer(groups, asker->ticket, K_ILLEGAL_GENERATION, NULL);
        return;
    }
#endif
    if (names_another(event->sync.protocol_type, group->protocol_type) ||
        names_another(event->sync.protocol, group->chosen ? group->protocol : NULL)) {
        groups_answer(groups, asker->ticket, K_INCONSISTENT_GROUP_PROTOCOL, NULL);
        return;
    }
    member_prove_life(groups, member);
    if (group->state == GROUP_PREPARING) {
        groups_answer(groups, asker->ticket, K_REBALANCE_IN_PROGRESS, NULL);
    } else if (group->state == GROUP_COMPLETING) {
        wait_for_assignment(groups, group, member, event);
    } else {
        assert(group->state == GROUP_STABLE);
        member->synced = true;
        answer_assignment(group, member, groups_answer(groups, asker->ticket, 0, NULL));
    }
}
