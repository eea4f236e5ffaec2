/* Room for effects. Every ticket that is taken reserves the slot of its answer, so no step can
 * fail to answer. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/groups_private.h"

/* Beside the answers of waiting tickets: a store of each group that a tick looks at, and of those
 * whose offsets expire, or whose topics are gone; an answer to the event itself. */
enum { EFFECTS_SPARE = 2 * GROUPS_PER_TICK + 4 };

int groups_reserve(struct groups *groups, size_t tickets)
{
    size_t wanted = tickets + EFFECTS_SPARE;
    if (wanted <= groups->effect_capacity)
        return 0;

    size_t capacity = wanted * 2;
    struct groups_effect *grown = realloc(groups->effects, capacity * sizeof *grown);
    if (grown == NULL)
        return K_NOMEM;
    groups->effects = grown;
    groups->effect_capacity = capacity;
    return 0;
}

int groups_ticket_take(struct groups *groups)
{
    int error = groups_reserve(groups, groups->ticket_count + 1);
    if (error == 0)
        groups->ticket_count++;
    return error;
}

struct groups_effect *groups_effect_add(struct groups *groups, enum groups_effect_type type)
{
    assert(groups->effect_count < groups->effect_capacity);
    struct groups_effect *effect = &groups->effects[groups->effect_count++];
    memset(effect, 0, sizeof *effect);
    effect->type = type;
    return effect;
}

struct groups_effect *groups_answer(struct groups *groups, uint64_t ticket, int error,
                                    const char *reason)
{
    struct groups_effect *effect = groups_effect_add(groups, GROUPS_DO_ANSWER);

    effect->answer.ticket = ticket;
    effect->answer.error = error;
    effect->answer.reason = reason;
    effect->answer.generation = -1;
    return effect;
}

struct groups_effect *groups_answer_taken(struct groups *groups, uint64_t ticket, int error,
                                          const char *reason)
{
    assert(groups->ticket_count > 0);
    groups->ticket_count--;
    return groups_answer(groups, ticket, error, reason);
}

void member_answer(struct groups *groups, struct member *member, int error, const char *reason)
{
    if (member->waits == WAITS_NOT)
        return;
    member->waits = WAITS_NOT;
    member_prove_life(groups, member); /* while it waited it could not */
    groups_answer_taken(groups, member->ticket, error, reason);
}

void member_answer_beat(struct groups *groups, struct member *member, int error)
{
    if (!member->beating)
        return;
    member->beating = false;
    groups_answer_taken(groups, member->beat_ticket, error, NULL);
}

const struct groups_member *group_views(struct group *group)
{
    struct groups_member *view = group->views;

    assert(group->member_count <= group->view_capacity);
    LIST_EACH(&group->members, node)
    {
        const struct member *member = LIST_OWNER(node, const struct member, link);
        const struct groups_protocol *told =
            group->chosen ? protocols_find(&member->protocols, group->protocol) : NULL;
        *view++ = (struct groups_member){
            .id = member->id,
            .client_id = member->client_id,
            .client_host = member->client_host,
            .instance = member->instance,
            .session_timeout_ms = member->session_timeout_ms,
            .rebalance_timeout_ms = member->rebalance_timeout_ms,
            .metadata = told != NULL ? told->metadata : (struct groups_span){0},
            .assignment = {member->assignment.data, member->assignment.size}};
    }
    return group->views;
}
