/* judge_groups.c - what the members of consumer groups saw.
 *
 * Everything that a member writes down is about one place: a partition, as its group sees it. Of
 * two that were told that they own a place, the later one is that of the later generation. In one
 * generation a static member may be replaced by another process with its name, and that one by the
 * first again; which of them is told first does not say which of them joined first. */
#include <inttypes.h>
#include <stdlib.h>

#include "tests/chaos/judge_private.h"

enum { NOT_ACKED = -1 };

/* What is to be compared with what others saw. */
struct fact {
    int64_t time_us;            /* when it was known: of a commit its acknowledgement */
    int64_t asked_us;           /* of a commit and of a look */
    int64_t told_us;            /* when the member was told of the generation */
    int64_t offset;
    int64_t generation, process;
    uint64_t call;              /* of a commit */
    uint32_t owner;
    int group, partition;
};

struct facts {
    struct fact *items;
    uint64_t count, room;
};

struct crowd {
    struct judgement *j;
    struct facts claims;        /* members were told that they own a place */
    struct facts begins;        /* the first record that a member got after it came to own one */
    struct facts commits;       /* acknowledged */
    struct facts looks;
    bool there[HISTORY_GROUPS_MAX];
    uint8_t *processed[HISTORY_GROUPS_MAX][HISTORY_PARTITIONS_MAX];
};

/* A member, as its own events tell it. */
struct member {
    int group;                  /* -1: it has not joined yet */
    int64_t generation, process, told_us;
    uint32_t owner;
    bool held[HISTORY_PARTITIONS_MAX], fresh[HISTORY_PARTITIONS_MAX];
    int64_t told[HISTORY_PARTITIONS_MAX];       /* the generation in which it was told last */
    int64_t next[HISTORY_PARTITIONS_MAX];
    uint64_t first_commit;      /* of this member, in crowd->commits */
};

static void blame(struct crowd *crowd, enum judge_fault fault, const struct fact *fact)
{
    if (judge_count(crowd->j, fault))
        fprintf(crowd->j->out,
                "%s: group %d partition %d offset %" PRId64 " generation %" PRId64
                " process %" PRId64 " at %" PRId64 " us (%s)\n",
                judge_word(fault), fact->group, fact->partition, fact->offset, fact->generation,
                fact->process, fact->time_us, judge_text(fault));
}

static int add(struct facts *facts, const struct fact *fact)
{
    if (facts->count == facts->room) {
        struct fact *larger = judge_grow(facts->items, sizeof *larger, &facts->room);
        if (larger == NULL)
            return -1;
        facts->items = larger;
    }
    facts->items[facts->count++] = *fact;
    return 0;
}

static struct fact make_fact(const struct member *member, const struct history_event *event)
{
    return (struct fact){ .time_us = event->time_us, .asked_us = event->time_us,
                          .told_us = member->told_us, .offset = event->offset,
                          .generation = member->generation,
                          .process = member->process, .owner = member->owner,
                          .group = member->group, .partition = event->partition };
}

/* --- what a member says ----------------------------------------------------------------------- */

static void take_joined(struct crowd *crowd, struct member *member,
                        const struct history_event *event)
{
    member->group = event->client;
    member->generation = (int64_t)event->number;
    member->process = event->offset;
    member->told_us = event->time_us;
    member->owner = event->checksum;
    crowd->there[event->client] = true;
}

static int take_assigned(struct crowd *crowd, struct member *member,
                         const struct history_event *event)
{
    int p = event->partition;
    struct fact fact = make_fact(member, event);

    if (!member->held[p])
        member->fresh[p] = true;
    member->held[p] = true;
    member->told[p] = member->generation;
    return add(&crowd->claims, &fact);
}

/* Are these the records that the final read found there? */
static void compare_records(struct crowd *crowd, const struct history_event *event,
                            const struct fact *fact)
{
    const struct partition *partition = &crowd->j->partitions[event->partition];
    uint8_t *processed = crowd->processed[fact->group][event->partition];
    uint32_t sum = 0;

    if (event->offset < 0 || event->number > partition->count ||
        (uint64_t)event->offset > partition->count - event->number) {
        blame(crowd, JUDGE_MISREAD, fact);
        return;
    }
    for (uint64_t i = 0; i < event->number; i++) {
        uint64_t number = partition->numbers[(uint64_t)event->offset + i];
        const struct sent *row = judge_row(crowd->j, number);
        sum = history_fold(sum, number, row != NULL ? row->checksum : 0);
        processed[(uint64_t)event->offset + i] = 1;
    }
    if (sum != event->checksum)
        blame(crowd, JUDGE_MISREAD, fact);
}

static int take_processed(struct crowd *crowd, struct member *member,
                          const struct history_event *event)
{
    int p = event->partition;
    struct fact fact = make_fact(member, event);
    int status = 0;

    crowd->j->verdict->processed += event->number;
    if (!member->held[p] || member->told[p] != member->generation)
        blame(crowd, JUDGE_UNINVITED, &fact);
    else if (member->fresh[p])
        status = add(&crowd->begins, &fact);
    else if (event->offset != member->next[p])
        blame(crowd, JUDGE_SKIPPED, &fact);
    member->fresh[p] = false;
    member->next[p] = event->offset + (int64_t)event->number;
    if (crowd->processed[member->group][p] == NULL)
        crowd->processed[member->group][p] = calloc(crowd->j->partitions[p].count + 1, 1);
    if (crowd->processed[member->group][p] == NULL)
        return -1;
    compare_records(crowd, event, &fact);
    return status;
}

static int take_asked(struct crowd *crowd, const struct member *member,
                      const struct history_event *event)
{
    struct fact fact = make_fact(member, event);

    fact.time_us = NOT_ACKED;
    fact.call = event->number;
    return add(&crowd->commits, &fact);
}

static void take_committed(struct crowd *crowd, const struct member *member,
                           const struct history_event *event)
{
    for (uint64_t i = crowd->commits.count; i-- > member->first_commit;) {
        struct fact *commit = &crowd->commits.items[i];
        if (commit->call == event->number && commit->partition == event->partition &&
            commit->offset == event->offset && commit->time_us == NOT_ACKED) {
            commit->time_us = event->time_us;
            crowd->j->verdict->commits++;
            return;
        }
    }
    struct fact fact = make_fact(member, event);
    blame(crowd, JUDGE_FORGED, &fact);
}

static int take_looked(struct crowd *crowd, const struct history_event *event)
{
    struct fact fact = { .time_us = (int64_t)event->number, .offset = event->offset,
                         .group = event->client, .partition = event->partition };
    return add(&crowd->looks, &fact);
}

static int take(struct crowd *crowd, struct member *member, const struct history_event *event)
{
    if (event->kind < HISTORY_JOINED)
        return 0;
    if (event->kind == HISTORY_LOOKED)
        return take_looked(crowd, event);
    if (event->kind != HISTORY_JOINED && member->group != event->client)
        return -1;
    switch (event->kind) {
    case HISTORY_JOINED: take_joined(crowd, member, event); return 0;
    case HISTORY_ASSIGNED: return take_assigned(crowd, member, event);
    case HISTORY_REVOKED: member->held[event->partition] = false; return 0;
    case HISTORY_PROCESSED: return take_processed(crowd, member, event);
    case HISTORY_ASKED: return take_asked(crowd, member, event);
    default: take_committed(crowd, member, event); return 0;
    }
}

/* What was never acknowledged proves nothing. */
static void forget_unanswered(struct facts *commits, uint64_t from)
{
    uint64_t kept = from;

    for (uint64_t i = from; i < commits->count; i++)
        if (commits->items[i].time_us != NOT_ACKED)
            commits->items[kept++] = commits->items[i];
    commits->count = kept;
}

static int hear_member(struct crowd *crowd, const struct history *history)
{
    struct member member = { .group = -1, .first_commit = crowd->commits.count };

    for (size_t i = 0; i < history->count; i++)
        if (take(crowd, &member, &history->events[i]) != 0)
            return -1;
    forget_unanswered(&crowd->commits, member.first_commit);
    return 0;
}

/* --- what must agree -------------------------------------------------------------------------- */

static int compare_numbers(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_places(const struct fact *a, const struct fact *b)
{
    int order = compare_numbers(a->group, b->group);
    return order != 0 ? order : compare_numbers(a->partition, b->partition);
}

static int by_generation(const void *first, const void *second)
{
    const struct fact *a = first, *b = second;
    int order = compare_places(a, b);
    return order != 0 ? order : compare_numbers(a->generation, b->generation);
}

static int by_time(const void *first, const void *second)
{
    const struct fact *a = first, *b = second;
    int order = compare_places(a, b);
    return order != 0 ? order : compare_numbers(a->time_us, b->time_us);
}

static void sort(struct facts *facts, int (*order)(const void *, const void *))
{
    if (facts->count > 0)
        qsort(facts->items, facts->count, sizeof *facts->items, order);
}

static void compare_owners(struct crowd *crowd)
{
    const struct fact *claims = crowd->claims.items;

    for (uint64_t i = 1; i < crowd->claims.count; i++)
        if (compare_places(&claims[i - 1], &claims[i]) == 0 &&
            claims[i - 1].generation == claims[i].generation &&
            claims[i - 1].owner != claims[i].owner)
            blame(crowd, JUDGE_SHARED, &claims[i]);
}

/* Nothing in `facts` is below a commit that comes before it in this order. */
static void expect_commits(struct crowd *crowd, struct facts *facts, enum judge_fault fault,
                           int (*order)(const void *, const void *))
{
    const struct facts *commits = &crowd->commits;
    uint64_t next = 0;
    int64_t most = -1;

    sort(&crowd->commits, order);
    sort(facts, order);
    for (uint64_t i = 0; i < facts->count; i++) {
        const struct fact *fact = &facts->items[i];
        if (i > 0 && compare_places(&facts->items[i - 1], fact) != 0)
            most = -1;
        for (; next < commits->count && order(&commits->items[next], fact) < 0; next++)
            if (compare_places(&commits->items[next], fact) == 0 &&
                commits->items[next].offset > most)
                most = commits->items[next].offset;
        if (fact->offset < most)
            blame(crowd, fault, fact);
    }
}

/* From the end: who asks after an owner of a later generation was told must be refused. */
static void compare_with_successors(struct crowd *crowd)
{
    const struct facts *commits = &crowd->commits, *claims = &crowd->claims;
    uint64_t next = claims->count;
    int64_t earliest_us = INT64_MAX;

    for (uint64_t i = commits->count; i-- > 0;) {
        const struct fact *commit = &commits->items[i];
        if (i + 1 < commits->count && compare_places(&commits->items[i + 1], commit) != 0)
            earliest_us = INT64_MAX;
        for (; next > 0 && by_generation(&claims->items[next - 1], commit) > 0; next--)
            if (compare_places(&claims->items[next - 1], commit) == 0 &&
                claims->items[next - 1].time_us < earliest_us)
                earliest_us = claims->items[next - 1].time_us;
        if (commit->asked_us > earliest_us)
            blame(crowd, JUDGE_ZOMBIE, commit);
    }
}

/* Its double has committed after it was told that it is a member, and it was not told again: it is
 * none any more. */
static bool is_replaced(const struct fact *commit, const struct fact *others, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (others[i].process != commit->process && others[i].asked_us > commit->told_us &&
            others[i].time_us < commit->asked_us)
            return true;
    return false;
}

/* Commits of one place in one generation. */
static void compare_doubles(struct crowd *crowd, const struct fact *commits, uint64_t count)
{
    bool alone = true;

    for (uint64_t i = 1; i < count; i++)
        alone = alone && commits[i].process == commits[0].process;
    for (uint64_t i = 0; !alone && i < count; i++)
        if (is_replaced(&commits[i], commits, count))
            blame(crowd, JUDGE_ZOMBIE, &commits[i]);
}

static void compare_commits(struct crowd *crowd)
{
    const struct fact *commits = crowd->commits.items;
    uint64_t first = 0;

    sort(&crowd->commits, by_generation);
    compare_with_successors(crowd);
    for (uint64_t i = 1; i <= crowd->commits.count; i++) {
        if (i < crowd->commits.count && by_generation(&commits[i - 1], &commits[i]) == 0)
            continue;
        compare_doubles(crowd, commits + first, i - first);
        first = i;
    }
}

/* A member begins with what is committed when it is told, at least; and with all of its
 * predecessors' commits, also those of which they heard later. */
static void compare_begins(struct crowd *crowd)
{
    expect_commits(crowd, &crowd->begins, JUDGE_REWOUND, by_generation);
    for (uint64_t i = 0; i < crowd->begins.count; i++)
        crowd->begins.items[i].time_us = crowd->begins.items[i].told_us;
    expect_commits(crowd, &crowd->begins, JUDGE_REWOUND, by_time);
}

static void compare_processed(struct crowd *crowd)
{
    for (int g = 0; g < HISTORY_GROUPS_MAX; g++)
        for (int p = 0; crowd->there[g] && p < HISTORY_PARTITIONS_MAX; p++)
            for (size_t i = 0; i < crowd->j->partitions[p].count; i++)
                if (crowd->processed[g][p] == NULL || !crowd->processed[g][p][i])
                    blame(crowd, JUDGE_UNPROCESSED,
                          &(struct fact){ .offset = (int64_t)i, .group = g, .partition = p });
}

static int by_round(const void *first, const void *second)
{
    const struct fact *a = first, *b = second;
    int order = compare_numbers(a->group, b->group);
    return order != 0 ? order : compare_numbers(a->generation, b->generation);
}

static void count_generations(struct crowd *crowd)
{
    sort(&crowd->claims, by_round);
    for (uint64_t i = 0; i < crowd->claims.count; i++)
        crowd->j->verdict->generations +=
            i == 0 || by_round(&crowd->claims.items[i - 1], &crowd->claims.items[i]) != 0;
}

static void crowd_free(struct crowd *crowd)
{
    for (int g = 0; g < HISTORY_GROUPS_MAX; g++)
        for (int p = 0; p < HISTORY_PARTITIONS_MAX; p++)
            free(crowd->processed[g][p]);
    free(crowd->claims.items);
    free(crowd->begins.items);
    free(crowd->commits.items);
    free(crowd->looks.items);
    free(crowd);
}

int judge_groups(struct judgement *j, const struct history *histories, size_t count)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    int status = crowd != NULL ? 0 : -1;

    if (crowd == NULL)
        return status;
    crowd->j = j;
    for (size_t i = 0; status == 0 && i < count; i++)
        status = hear_member(crowd, &histories[i]);
    if (status == 0) {
        count_generations(crowd);
        sort(&crowd->claims, by_generation);
        compare_owners(crowd);
        compare_commits(crowd);
        compare_begins(crowd);
        expect_commits(crowd, &crowd->looks, JUDGE_FORGOTTEN, by_time);
        compare_processed(crowd);
    }
    crowd_free(crowd);
    return status;
}
