/* What must hold of a coordinator after every step (and, in watch_answers.c, of its answers).
 *
 *  W1  members of the current generation may commit, but not between join and sync; anybody else
 *      may while there are no members; nobody else may, and who may is not refused
 *  W2  only the leader of the current generation assigns; only members are heard
 *  W3  what a member is told is stored: its assignment; the id under which it came back
 *  W4  offsets are shown when they are known to be committed, and all of them; while it loads, none
 *  W5  a commit is acknowledged when it is committed; a refused one is not in the topic
 *  W6  who waits is answered, in bounded time, once
 *  W7  who proves life stays; who does not is gone when its session is over, and not later
 *  W8  all answers of a join tell the same
 *  W9  a group has no more members than it may
 *  W10 after a move the group is what the topic says, and goes on */
#include <inttypes.h>
#include <string.h>

#include "common/error.h"
#include "tests/sim/groups/club.h"

static bool is_same(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

struct seen_member *club_seen(struct seen_group *group, const char *id)
{
    for (int i = 0; i < group->count; i++)
        if (is_same(group->members[i].id, id))
            return &group->members[i];
    return NULL;
}

static struct seen_member *find_instance(struct seen_group *group, const char *instance)
{
    for (int i = 0; i < group->count; i++)
        if (is_same(group->members[i].instance, instance))
            return &group->members[i];
    return NULL;
}

/* --- what a step makes of the groups ---------------------------------------------------------- */

/* One step: before and after it. */
struct watch {
    struct desk *desk;
    const struct groups_event *event;
    const struct message *question;     /* NULL: it was no request */
    const struct groups_effects *effects;
    int64_t now_ms;
    struct seen_group before[GROUPS_MAX];
};

static void copy_name(char to[NAME_SIZE], const char *name)
{
    snprintf(to, NAME_SIZE, "%s", name != NULL ? name : "");
}

static void see_group(void *context, const struct groups_description *group)
{
    struct watch *watch = context;
    int g = club_group_number(group->group);
    struct seen_group *before = &watch->before[g], *after = &watch->desk->seen[g];
    bool next = !before->there || group->generation != before->generation;

    *after = (struct seen_group){.there = true,
                                 .state = group->state,
                                 .generation = group->generation,
                                 .since_ms = watch->now_ms,
                                 .began_ms = next ? watch->now_ms : before->began_ms};
    if (before->there && before->state == group->state && !next)
        after->since_ms = before->since_ms;
    copy_name(after->leader, group->leader);
    copy_name(after->protocol, group->protocol);
    for (size_t i = 0; i < group->member_count && i < MEMBERS_MAX; i++) {
        struct seen_member *member = &after->members[after->count++];
        const struct seen_member *former = club_seen(before, group->members[i].id);
        copy_name(member->id, group->members[i].id);
        copy_name(member->instance, group->members[i].instance);
        member->alive_ms = former != NULL ? former->alive_ms : watch->now_ms;
        member->synced = former != NULL && !next && former->synced;
    }
    int64_t most = watch->desk->club->plan.club.size_max;
    if (group->member_count > MEMBERS_MAX || (most > 0 && (int64_t)group->member_count > most))
        club_violated(watch->desk->club, "group %s has %zu members", group->group,
                      group->member_count); /* W9 */
}

static void see(struct watch *watch)
{
    memcpy(watch->before, watch->desk->seen, sizeof watch->before);
    for (int g = 0; g < GROUPS_MAX; g++)
        watch->desk->seen[g] = (struct seen_group){.there = false};
    groups_describe(watch->desk->core, NULL, see_group, watch);
}

static const struct groups_effect *answer_of(const struct watch *watch, uint64_t ticket)
{
    for (size_t i = 0; i < watch->effects->count; i++) {
        const struct groups_effect *effect = &watch->effects->items[i];
        if (effect->type == GROUPS_DO_ANSWER && effect->answer.ticket == ticket)
            return effect;
    }
    return NULL;
}

static const struct groups_effect *store_of(const struct watch *watch)
{
    for (size_t i = 0; i < watch->effects->count; i++)
        if (watch->effects->items[i].type == GROUPS_DO_STORE)
            return &watch->effects->items[i];
    return NULL;
}

static struct desk_ticket *ticket_of(const struct watch *watch)
{
    for (int i = 0; i < TICKETS_MAX; i++)
        if (watch->desk->tickets[i].used &&
            watch->desk->tickets[i].ticket == watch->event->asker.ticket)
            return &watch->desk->tickets[i];
    return NULL;
}

/* --- W1, W2 ----------------------------------------------------------------------------------- */

/* Is it a member, in this generation? */
static bool is_current(struct seen_group *group, const struct message *question)
{
    const struct seen_member *member = club_seen(group, question->member);

    return group->there && member != NULL && question->generation == group->generation &&
           (question->instance[0] == '\0' || is_same(question->instance, member->instance));
}

static bool may_commit(struct seen_group *group, const struct message *question)
{
    if (question->generation < 0 && question->member[0] == '\0' && question->instance[0] == '\0')
        return !group->there || group->state == GROUP_EMPTY;
    return is_current(group, question) &&
           (group->state == GROUP_STABLE || group->state == GROUP_PREPARING);
}

static void count_refused_commit(struct watch *watch, const struct seen_group *group)
{
    struct club_counters *counters = &watch->desk->club->counters;
    bool alone = watch->question->generation < 0;

    counters->alone_refused += alone;
    counters->zombies += !alone && group->generation != watch->question->generation;
    counters->completing_refused += !alone && group->state == GROUP_COMPLETING &&
                                    group->generation == watch->question->generation;
}

static bool same_order(const struct groups_effect *store, const struct message *question)
{
    size_t i = 0;

    for (int t = 0; t < TOPICS; t++)
        for (int p = 0; p < WIDTH_MAX; p++) {
            if (!share_has(question->share, t, p))
                continue;
            const struct groups_record *record = &store->store.records[i++];
            if (i > store->store.count || record->offset.offset != question->offsets[t][p] ||
                record->offset.partition != p || !is_same(record->offset.topic, club_topics[t]))
                return false;
        }
    return i == store->store.count;
}

static void watch_commit(struct watch *watch, struct desk_ticket *ticket)
{
    struct club *club = watch->desk->club;
    struct seen_group *group = &watch->before[watch->question->group];
    const struct groups_effect *store = store_of(watch);
    bool may = may_commit(group, watch->question);

    if (store == NULL)
        count_refused_commit(watch, group);
    if ((store != NULL) != may)
        club_violated(club, "group %s, generation %d, state %d: a commit of %s in %d is %s",
                      club_group(watch->question->group), (int)group->generation,
                      (int)group->state, watch->question->member,
                      (int)watch->question->generation, store != NULL ? "accepted" : "refused");
    if (store == NULL)
        return;
    if (!same_order(store, watch->question))
        club_violated(club, "group %s: a commit is stored as another one",
                      club_group(watch->question->group));
    ticket->token = store->store.token;
    club->counters.alone += watch->question->generation < 0;
    for (int i = 0; i < TICKETS_MAX; i++)
        club->counters.commits_overlapped += watch->desk->tickets[i].used &&
                                             watch->desk->tickets[i].token != 0 &&
                                             &watch->desk->tickets[i] != ticket;
}

/* Syncs and heartbeats. */
static void watch_member(struct watch *watch, const struct groups_effect *answer)
{
    struct seen_group *group = &watch->before[watch->question->group];
    bool current = is_current(group, watch->question);
    bool heard = answer == NULL || answer->answer.error == 0;
    bool assigns = watch->question->ask == ASK_SYNC && store_of(watch) != NULL;

    if (heard && !current)
        club_violated(watch->desk->club, "group %s, generation %d: %s is heard in %d",
                      club_group(watch->question->group), (int)group->generation,
                      watch->question->member, (int)watch->question->generation);
    if (assigns && (!is_same(group->leader, watch->question->member) ||
                    group->state != GROUP_COMPLETING))
        club_violated(watch->desk->club, "group %s: %s assigns, the leader is %s",
                      club_group(watch->question->group), watch->question->member, group->leader);
}

/* --- W7 --------------------------------------------------------------------------------------- */

static void prove(struct watch *watch, int group, const char *id)
{
    struct seen_member *member = club_seen(&watch->desk->seen[group], id);

    if (member != NULL)
        member->alive_ms = watch->now_ms;
}

/* A request that is accepted proves life when it comes; waiting for others is no silence, so who
 * has waited begins anew. */
static void note_life(struct watch *watch, const struct groups_effect *answer)
{
    const struct message *question = watch->question;
    struct seen_group *after;

    for (int t = 0; t < TICKETS_MAX; t++) {
        const struct desk_ticket *ticket = &watch->desk->tickets[t];
        if (ticket->used && ticket->ticket != watch->event->asker.ticket &&
            (ticket->question->ask == ASK_JOIN || ticket->question->ask == ASK_SYNC) &&
            answer_of(watch, ticket->ticket) != NULL)
            prove(watch, ticket->question->group, ticket->question->member);
    }
    if (question == NULL)
        return;
    after = &watch->desk->seen[question->group];
    bool accepted = answer == NULL || answer->answer.error == 0 ||
                    (answer->answer.error == K_REBALANCE_IN_PROGRESS &&
                     question->ask != ASK_COMMIT);
    if (question->ask == ASK_JOIN && answer != NULL && answer->answer.error == 0)
        prove(watch, question->group, answer->answer.member);
    else if (question->ask != ASK_JOIN && accepted)
        prove(watch, question->group, question->member);
    struct seen_member *member = club_seen(after, question->member);
    if (question->ask == ASK_SYNC && accepted && member != NULL &&
        question->generation == after->generation)
        member->synced = true;
}

static bool waits(const struct watch *watch, int group, const char *id)
{
    for (int i = 0; i < TICKETS_MAX; i++) {
        const struct desk_ticket *ticket = &watch->desk->tickets[i];
        if (ticket->used && ticket->question->group == group &&
            (ticket->question->ask == ASK_JOIN || ticket->question->ask == ASK_SYNC) &&
            is_same(ticket->question->member, id) && answer_of(watch, ticket->ticket) == NULL)
            return true;
    }
    return false;
}

static void watch_gone(struct watch *watch, int g, const struct seen_member *member)
{
    struct club *club = watch->desk->club;
    const struct club_options *options = &club->plan.club;
    const struct seen_group *before = &watch->before[g];
    const struct message *question = watch->question;
    bool tick = watch->event->type == GROUPS_TICK;
    bool late_join = before->state == GROUP_PREPARING &&
                     watch->now_ms - before->since_ms >= options->rebalance_timeout_ms;
    bool late_sync = tick && !member->synced &&
                     watch->now_ms - before->began_ms >= options->rebalance_timeout_ms;
    bool silent = tick && watch->now_ms - member->alive_ms >= options->session_timeout_ms;
    bool left = question != NULL && question->ask == ASK_LEAVE &&
                (is_same(question->member, member->id) ||
                 (question->member[0] == '\0' &&
                  is_same(question->instance, member->instance)));
    bool replaced = question != NULL && question->ask == ASK_JOIN &&
                    member->instance[0] != '\0' &&
                    find_instance(&watch->desk->seen[g], member->instance) != NULL;

    club->counters.silent += silent;
    club->counters.late_joiners += late_join && !silent && !left && !replaced;
    club->counters.late_syncers += late_sync && !silent;
    club->counters.leader_died += before->state == GROUP_COMPLETING && !replaced &&
                                  is_same(before->leader, member->id);
    if (!late_join && !late_sync && !silent && !left && !replaced)
        club_violated(club, "group %s: %s goes in state %d after %" PRId64 " ms of silence",
                      club_group(g), member->id, (int)before->state,
                      watch->now_ms - member->alive_ms);
}

static void watch_lives(struct watch *watch)
{
    struct club *club = watch->desk->club;
    bool reset = watch->event->type == GROUPS_LOST || watch->event->type == GROUPS_GAINED ||
                 watch->event->type == GROUPS_LOADED;

    for (int g = 0; g < GROUPS_MAX && !reset; g++) {
        struct seen_group *before = &watch->before[g], *after = &watch->desk->seen[g];
        for (int i = 0; i < before->count; i++)
            if (club_seen(after, before->members[i].id) == NULL)
                watch_gone(watch, g, &before->members[i]);
        for (int i = 0; i < after->count && watch->event->type == GROUPS_TICK; i++) {
            const struct seen_member *member = &after->members[i];
            int64_t silent_ms = watch->now_ms - member->alive_ms;
            if (silent_ms > club->plan.club.session_timeout_ms && !waits(watch, g, member->id))
                club_violated(club, "group %s: %s stays after %" PRId64 " ms of silence",
                              club_group(g), member->id, silent_ms);
        }
    }
}

/* --- W4, W6 ----------------------------------------------------------------------------------- */

struct shown { struct desk *desk; int count; };

static void see_offset(void *context, const char *group, const struct groups_offset *offset)
{
    struct shown *shown = context;
    int64_t heard = shown->desk->heard[club_group_number(group)][club_topic_number(offset->topic)]
                                      [offset->partition];

    shown->count++;
    if (offset->offset != heard)
        club_violated(shown->desk->club, "group %s: %s %d is shown as %" PRId64
                      ", known to be committed is %" PRId64, group, offset->topic,
                      (int)offset->partition, offset->offset, heard);
}

static void watch_offsets(struct watch *watch)
{
    struct desk *desk = watch->desk;
    struct shown shown = {.desk = desk};
    int heard = 0;

    if (groups_ready(desk->core) != 0 || !desk->lease)
        return;
    if (desk->loading)
        club_violated(desk->club, "broker %d answers before everything is loaded", desk->id);
    groups_offsets(desk->core, NULL, see_offset, &shown);
    for (int g = 0; g < GROUPS_MAX; g++)
        for (int t = 0; t < TOPICS; t++)
            for (int p = 0; p < WIDTH_MAX; p++)
                heard += desk->heard[g][t][p] >= 0 && desk->heard_of[g][t][p] >= desk->gone[t];
    if (shown.count != heard)
        club_violated(desk->club, "%d offsets are shown, %d are committed", shown.count, heard);
}

static int64_t longest_ms(const struct club_options *options, enum ask ask)
{
    switch (ask) {
    case ASK_JOIN:
    case ASK_SYNC:
        return options->rebalance_timeout_ms + options->store_timeout_ms;
    case ASK_COMMIT:
        return options->store_timeout_ms;
    case ASK_HEARTBEAT:
        return options->heartbeat_ms;
    case ASK_DELETE:
        return INT64_MAX; /* as long as it takes to store it */
    default:
        return 0;
    }
}

static void watch_tickets(struct watch *watch)
{
    struct desk *desk = watch->desk;
    bool tick = watch->event->type == GROUPS_TICK;
    bool ended = groups_ready(desk->core) != 0;

    for (int i = 0; i < TICKETS_MAX && (tick || ended); i++) {
        const struct desk_ticket *ticket = &desk->tickets[i];
        if (!ticket->used || answer_of(watch, ticket->ticket) != NULL)
            continue;
        int64_t waits_ms = watch->now_ms - ticket->since_ms;
        if (ended || waits_ms > longest_ms(&desk->club->plan.club, ticket->question->ask))
            club_violated(desk->club, "group %s: %s of %s has waited %" PRId64 " ms",
                          club_group(ticket->question->group), ask_name(ticket->question->ask),
                          ticket->question->member, waits_ms);
    }
}

/* --- around a step ---------------------------------------------------------------------------- */

/* Who had no id has one now: the one that was not there before. */
static void name_ticket(struct watch *watch, struct desk_ticket *ticket)
{
    int g = ticket->question->group;
    const struct seen_group *after = &watch->desk->seen[g];

    for (int i = 0; i < after->count && ticket->question->member[0] == '\0'; i++)
        if (club_seen(&watch->before[g], after->members[i].id) == NULL)
            copy_name(ticket->question->member, after->members[i].id);
}

static void watch_request(struct watch *watch, const struct groups_effect *answer)
{
    struct desk_ticket *ticket = ticket_of(watch);
    bool ready = groups_ready(watch->desk->core) == 0;

    if (ticket == NULL || !ready)
        return;
    if (watch->question->ask == ASK_COMMIT)
        watch_commit(watch, ticket);
    else if (watch->question->ask == ASK_SYNC || watch->question->ask == ASK_HEARTBEAT)
        watch_member(watch, answer);
    if (answer == NULL && watch->question->ask == ASK_JOIN)
        name_ticket(watch, ticket);
}

void watch_step(struct desk *desk, const struct groups_event *event, const struct message *question,
                const struct groups_effects *effects)
{
    struct watch watch = {.desk = desk,
                          .event = event,
                          .question = question,
                          .effects = effects,
                          .now_ms = event->now_ms};
    const struct groups_effect *answer =
        question != NULL ? answer_of(&watch, event->asker.ticket) : NULL;

    see(&watch);
    if (question != NULL)
        watch_request(&watch, answer);
    note_life(&watch, answer);
    watch_lives(&watch);
    watch_offsets(&watch);
    watch_tickets(&watch);
}
