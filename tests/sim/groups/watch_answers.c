/* What must hold of a coordinator's answers, and of what it has loaded: W3, W5, W8 and W10 of
 * watch.c. */
#include <inttypes.h>
#include <string.h>

#include "common/error.h"
#include "tests/sim/groups/club.h"

static bool same_name(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* --- W3, W5, W8 ------------------------------------------------------------------------------- */

static void watch_acknowledged(struct desk *desk, const struct desk_ticket *ticket, int error)
{
    bool committed = false;
    const struct groups_log_order *order =
        topic_find(&desk->club->topic, ticket->token, &committed);
    bool waited = ticket->token != 0;

    desk->club->counters.commits += error == 0;
    desk->club->counters.commit_timeouts += error == K_REQUEST_TIMED_OUT;
    if (error == 0 && share_size(ticket->question->share) > 0 && (order == NULL || !committed))
        club_violated(desk->club, "group %s: a commit of %s is acknowledged and not committed",
                      club_group(ticket->question->group), ticket->question->member);
    if (waited && error == K_NOT_ENOUGH_REPLICAS && order != NULL)
        club_violated(desk->club, "group %s: a commit of %s is refused and in the topic",
                      club_group(ticket->question->group), ticket->question->member);
}

static void watch_synced(struct desk *desk, const struct desk_ticket *ticket,
                         const struct groups_effect *effect)
{
    struct known_group *known = &desk->club->known[ticket->question->group];
    const struct known_member *member = facts_member(known, effect->answer.member);
    struct share told =
        assign_share(effect->answer.assignment.data, effect->answer.assignment.size);

    if (member == NULL || known->generation != effect->answer.generation ||
        memcmp(&told, &member->share, sizeof told) != 0)
        club_violated(desk->club, "group %s: %s is told %x %x in generation %d: that is not stored",
                      club_group(ticket->question->group), effect->answer.member, told.of[0],
                      told.of[1], (int)effect->answer.generation);
}

static void watch_joined(struct desk *desk, const struct desk_ticket *ticket,
                         const struct groups_effect *effect)
{
    struct club *club = desk->club;
    int g = ticket->question->group;
    struct seen_group *group = &desk->seen[g];
    const char *member = effect->answer.member;
    bool leads = same_name(member, effect->answer.leader);
    bool returned = group->state == GROUP_STABLE && ticket->question->instance[0] != '\0';

    if (effect->answer.generation != group->generation || club_seen(group, member) == NULL ||
        !same_name(effect->answer.leader, group->leader) ||
        !same_name(effect->answer.protocol, group->protocol) ||
        (size_t)(leads ? group->count : 0) != effect->answer.member_count)
        club_violated(club, "group %s, generation %d, leader %s: %s hears of %d and %s",
                      club_group(g), (int)group->generation, group->leader, member,
                      (int)effect->answer.generation, effect->answer.leader);
    if (group->state == GROUP_STABLE && facts_member(&club->known[g], member) == NULL)
        club_violated(club, "group %s: %s came back, and is not stored", club_group(g), member);
    club->counters.returned += returned;
    club->counters.returned_leader += returned && effect->answer.skip_assignment;
}

static void watch_deleted(struct desk *desk, const struct desk_ticket *ticket)
{
    int g = ticket->question->group;
    const struct known_group *known = &desk->club->known[g];

    desk->club->counters.deleted++;
    if (known->recorded || known->offset_count > 0 || desk->seen[g].there)
        club_violated(desk->club, "group %s is deleted, and there is something of it",
                      club_group(g));
}

void watch_answer(struct desk *desk, const struct desk_ticket *ticket,
                  const struct groups_effect *effect)
{
    struct club_counters *counters = &desk->club->counters;
    enum ask ask = ticket->question->ask;
    int error = effect->answer.error;
    bool waited = ticket->since_ms < desk_now_ms(desk);

    if (!desk->lease)
        return;
    counters->news += ask == ASK_HEARTBEAT && waited && error == K_REBALANCE_IN_PROGRESS;
    counters->superseded += ask == ASK_JOIN && error == K_REBALANCE_IN_PROGRESS;
    counters->store_timeouts += waited && error == K_COORDINATOR_NOT_AVAILABLE;
    if (ask == ASK_COMMIT)
        watch_acknowledged(desk, ticket, error);
    if (ask == ASK_SYNC && error == 0)
        watch_synced(desk, ticket, effect);
    if (ask == ASK_JOIN && error == 0)
        watch_joined(desk, ticket, effect);
    if (ask == ASK_DELETE && error == 0)
        watch_deleted(desk, ticket);
}

/* --- W10 -------------------------------------------------------------------------------------- */

static bool is_as_known(struct seen_group *seen, const struct known_group *known)
{
    bool stable = seen->there && seen->state == GROUP_STABLE;

    if (stable != (known->count > 0) || (known->recorded && !seen->there))
        return false;
    if (!stable)
        return true;
    for (int i = 0; i < known->count; i++)
        if (club_seen(seen, known->members[i].id) == NULL)
            return false;
    return seen->count == known->count && seen->generation == known->generation;
}

void watch_loaded(struct desk *desk)
{
    if (groups_ready(desk->core) != 0)
        return;
    for (int g = 0; g < GROUPS_MAX; g++) {
        struct seen_group *seen = &desk->seen[g];
        for (int i = 0; i < seen->count; i++) {
            seen->members[i].alive_ms = desk_now_ms(desk);
            seen->members[i].synced = true;
        }
        desk->club->counters.went_on += seen->count > 0;
        if (!is_as_known(seen, &desk->club->known[g]))
            club_violated(desk->club, "broker %d has loaded group %s in state %d, generation %d, "
                          "%d members; stored are %d, %d", desk->id, club_group(g),
                          (int)seen->state, (int)seen->generation, seen->count,
                          (int)desk->club->known[g].generation, desk->club->known[g].count);
    }
}
