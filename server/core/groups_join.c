/* Who comes: new members, known ones that join again, static ones under a new id. */
#include <stdlib.h>
#include <string.h>

#include "server/core/groups_private.h"

static const char superseded[] = "a newer request of this member took its place";

void member_answer_join(struct groups *groups, struct group *group, struct member *member,
                        bool skip_assignment)
{
    member->waits = WAITS_NOT;
    member_prove_life(groups, member);

    struct groups_effect *effect = groups_answer_taken(groups, member->ticket, 0, NULL);
    effect->answer.member = member->id;
    effect->answer.protocol_type = group->protocol_type;
    effect->answer.protocol = group->protocol;
    effect->answer.leader = group->leader->id;
    effect->answer.generation = group->generation;
    effect->answer.skip_assignment = skip_assignment;
    if (member == group->leader) {
        effect->answer.members = group_views(group);
        effect->answer.member_count = group->member_count;
    }
}

/* Could the group choose among these, if `except` were not in it? */
static bool fits(const struct group *group, const struct member *except,
                 const struct groups_event *event)
{
    if (event->join.protocol_count == 0 || event->join.protocol_type[0] == '\0')
        return false;
    if (group->member_count == 0)
        return true;
    if (group->protocol_type == NULL ||
        strcmp(group->protocol_type, event->join.protocol_type) != 0)
        return false;
    for (size_t i = 0; i < event->join.protocol_count; i++) {
        bool common = true;
        for (const struct list *node = group->members.next; node != &group->members && common;
             node = node->next) {
            const struct member *member = LIST_OWNER(node, const struct member, link);
            common = member == except ||
                     protocols_find(&member->protocols, event->join.protocols[i].name) != NULL;
        }
        if (common)
            return true;
    }
    return false;
}

/* Could the leader be told of all members, with what this one says now? */
static bool tellable(const struct groups *groups, const struct group *group,
                     const struct member *except, const struct groups_event *event)
{
    const char *id = event->asker.member[0] != '\0' ? event->asker.member : event->join.new_id;
    size_t told = groups_told_max(id, event->asker.instance, event->join.protocols,
                                  event->join.protocol_count);

    for (const struct list *node = group->members.next; node != &group->members;
         node = node->next) {
        const struct member *member = LIST_OWNER(node, const struct member, link);
        if (member != except)
            told += member->told_max;
    }
#ifdef MUTANT_UNTELLABLE_LET_IN
    return true;
#endif
    return groups->options.told_max == 0 || told <= (size_t)groups->options.told_max;
}

static bool same_protocols(const struct member *member, const struct groups_event *event)
{
    if (member->protocols.count != event->join.protocol_count)
        return false;
    for (size_t i = 0; i < member->protocols.count; i++) {
        const struct groups_protocol *a = &member->protocols.items[i],
                                     *b = &event->join.protocols[i];
        if (strcmp(a->name, b->name) != 0 || a->metadata.size != b->metadata.size ||
            (a->metadata.size > 0 &&
             memcmp(a->metadata.data, b->metadata.data, a->metadata.size) != 0))
            return false;
    }
    return true;
}

static void park(struct groups *groups, struct member *member, enum member_waits waits,
                 uint64_t ticket)
{
    member_answer(groups, member, K_REBALANCE_IN_PROGRESS, superseded);
    member->waits = waits;
    member->ticket = ticket;
}

/* The ticket is taken, the member is in the group: it waits for the others. */
static void join_wait(struct groups *groups, struct group *group, struct member *member,
                      uint64_t ticket)
{
    if (group->state != GROUP_PREPARING)
        group_prepare(groups, group);
    park(groups, member, WAITS_JOIN, ticket);
    group_join_progress(groups, group);
}

static struct member *member_of_event(const struct groups_event *event, const char *id)
{
    const struct groups_member like = {.id = id,
                                       .client_id = event->join.client_id,
                                       .client_host = event->join.client_host,
                                       .instance = event->asker.instance,
                                       .session_timeout_ms = event->join.session_timeout_ms,
                                       .rebalance_timeout_ms = event->join.rebalance_timeout_ms};
    return member_new(&like, event->join.protocols, event->join.protocol_count);
}

/* A member that the group did not have, under this id. */
static void join_new(struct groups *groups, struct group *group, const struct groups_event *event,
                     const char *id)
{
    struct member *member = member_of_event(event, id);

    if (member == NULL || groups_ticket_take(groups) != 0)
        goto no_memory;
    if ((group->member_count == 0 && !group_set_type(group, event->join.protocol_type)) ||
        group_add_member(group, member) != 0) {
        groups->ticket_count--;
        goto no_memory;
    }
    group->more_came = true;
    join_wait(groups, group, member, event->asker.ticket);
    return;

no_memory:
    if (member != NULL)
        member_free(member);
    groups_answer(groups, event->asker.ticket, K_NOMEM, NULL);
}

/* It is to come again with the id that it is told, so that nobody is a member who never heard of
 * it. */
static void join_pending(struct groups *groups, struct group *group,
                         const struct groups_event *event)
{
    int error = group_add_pending(groups, group, event->join.new_id,
                                  event->join.session_timeout_ms);
    struct groups_effect *effect = groups_answer(
        groups, event->asker.ticket, error != 0 ? error : K_MEMBER_ID_REQUIRED, NULL);

    if (error == 0)
        effect->answer.member =
            LIST_OWNER(group->pending.prev, const struct pending, link)->id;
}

/* A member joins again. */
static void join_known(struct groups *groups, struct group *group, struct member *member,
                       const struct groups_event *event)
{
    bool same = same_protocols(member, event);
    struct protocols protocols = {0};

    if (groups_ticket_take(groups) != 0) {
        groups_answer(groups, event->asker.ticket, K_NOMEM, NULL);
        return;
    }
    if (!same && (group_reserve_protocols(group, event->join.protocols,
                                          event->join.protocol_count) != 0 ||
                  protocols_copy(&protocols, event->join.protocols,
                                 event->join.protocol_count) != 0)) {
        groups_answer_taken(groups, event->asker.ticket, K_NOMEM, NULL);
        return;
    }
    if (!same) {
        struct groups_protocol *old = member->protocols.items;
        member->protocols = protocols;
        member->told_max = groups_told_max(member->id, member->instance, protocols.items,
                                           protocols.count);
        free(old);
    }
    member->session_timeout_ms = event->join.session_timeout_ms;
    member->rebalance_timeout_ms = event->join.rebalance_timeout_ms;

    /* A leader that joins knows of something that changes the assignment; anybody else who says
     * the same again has not heard the answer. Once the leader has assigned, that counts: another
     * assignment would be a second one of the generation. */
    bool settled = same && (group->state == GROUP_COMPLETING ||
                            (group->state == GROUP_STABLE && member != group->leader));
    if (settled) {
        park(groups, member, WAITS_JOIN, event->asker.ticket);
        member_answer_join(groups, group, member, member == group->leader && group->assigned);
        return;
    }
    join_wait(groups, group, member, event->asker.ticket);
}

/* A static member returns and has forgotten its id: it gets a new one, and the former is fenced.
 * Unless the group would assign in another way now, nobody else notices; the answer waits until
 * the new id is stored, or a successor would know the former one only. */
static void join_returning(struct groups *groups, struct group *group, struct member *former,
                           const struct groups_event *event)
{
    struct member *member = member_of_event(event, event->join.new_id);
    uint64_t ticket = event->asker.ticket;

    if (member == NULL || groups_ticket_take(groups) != 0) {
        if (member != NULL)
            member_free(member);
        groups_answer(groups, ticket, K_NOMEM, NULL);
        return;
    }
    struct member fenced = {.waits = former->waits, .ticket = former->ticket,
                            .beating = former->beating, .beat_ticket = former->beat_ticket};
    if (group_replace_member(group, former, member) != 0) {
        member_free(member);
        groups_answer_taken(groups, ticket, K_NOMEM, NULL);
        return;
    }
    member_answer(groups, &fenced, K_FENCED_INSTANCE_ID, "the instance has started again");
    member_answer_beat(groups, &fenced, K_FENCED_INSTANCE_ID);
    if (group->state == GROUP_STABLE &&
        strcmp(group_choose_protocol(group), group->protocol) == 0) {
        park(groups, member, WAITS_STORED, ticket);
        group_store(groups, group);
#ifdef MUTANT_ID_BEFORE_STORE
        member_answer_join(groups, group, member, member == group->leader);
#endif
        return;
    }
    join_wait(groups, group, member, ticket);
}

static void join_static(struct groups *groups, struct group *group,
                        const struct groups_event *event)
{
    struct member *member = member_of_instance(group, event->asker.instance);

    if (member == NULL && event->asker.member[0] == '\0')
        join_new(groups, group, event, event->join.new_id);
    else if (member == NULL)
        groups_answer(groups, event->asker.ticket, K_UNKNOWN_MEMBER_ID, NULL);
    else if (event->asker.member[0] == '\0')
        join_returning(groups, group, member, event);
    else if (strcmp(event->asker.member, member->id) == 0)
        join_known(groups, group, member, event);
    else
        groups_answer(groups, event->asker.ticket, K_FENCED_INSTANCE_ID, NULL);
}

static void join_dynamic(struct groups *groups, struct group *group, struct member *member,
                         const struct groups_event *event)
{
    struct pending *pending = group_find_pending(group, event->asker.member);

    if (member != NULL) {
        join_known(groups, group, member, event);
    } else if (event->asker.member[0] == '\0' && event->join.known_only) {
        join_pending(groups, group, event);
    } else if (event->asker.member[0] == '\0') {
        join_new(groups, group, event, event->join.new_id);
    } else if (pending != NULL) {
        group_drop_pending(group, pending);
        join_new(groups, group, event, event->asker.member);
    } else {
        groups_answer(groups, event->asker.ticket, K_UNKNOWN_MEMBER_ID, NULL);
    }
}

static bool outside(int32_t timeout_ms, const struct groups_options *options)
{
    return timeout_ms <= 0 || timeout_ms < options->session_min_ms ||
           (options->session_max_ms > 0 && timeout_ms > options->session_max_ms);
}

void groups_join(struct groups *groups, const struct groups_event *event)
{
    const struct groups_asker *asker = &event->asker;
    struct group *group = group_find(groups, asker->group);
    struct member *member = NULL;
    const char *reason = NULL;
    int error = 0;

    if (group != NULL)
        member = asker->instance != NULL ? member_of_instance(group, asker->instance)
                                         : member_find(group, asker->member);
    if (outside(event->join.session_timeout_ms, &groups->options))
        error = K_INVALID_SESSION_TIMEOUT;
    else if (event->join.rebalance_timeout_ms <= 0)
        error = K_INVALID_REQUEST;
    else if (group == NULL && asker->member[0] != '\0')
        error = K_UNKNOWN_MEMBER_ID;
    else if (group != NULL && group->state == GROUP_DEAD)
        error = K_COORDINATOR_NOT_AVAILABLE;
    else if (group == NULL && (group = group_make(groups, asker->group)) == NULL)
        error = K_NOMEM;
    else if (!fits(group, member, event))
        error = K_INCONSISTENT_GROUP_PROTOCOL;
#ifndef MUTANT_SIZE_UNCHECKED
    else if (member == NULL && groups->options.size_max > 0 &&
             group->member_count >= (size_t)groups->options.size_max)
        error = K_GROUP_MAX_SIZE_REACHED;
#endif
    else if (!tellable(groups, group, member, event)) {
        error = K_GROUP_MAX_SIZE_REACHED;
        reason = "its members say more than the leader can be told of: subscribe to fewer topics";
    }

    if (error != 0)
        groups_answer(groups, asker->ticket, error, reason);
    else if (asker->instance != NULL)
        join_static(groups, group, event);
    else
        join_dynamic(groups, group, member, event);
}
