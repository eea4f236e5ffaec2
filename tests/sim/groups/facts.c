/* What the topic says of the groups, and what must hold.
 *
 *  T1  one generation has one assignment, and in it no partition two owners, for all records that
 *      are ever committed and for all processes that live
 *  T2  generations only grow, until the group is forgotten
 *  T3  committed offsets go back only where the network turned round what one process said, or
 *      where somebody set them
 *  T4  offsets and groups are forgotten when nobody is a member, and either somebody asked for it
 *      or their time is over by the clock of the wall; what is being forgotten is not written again
 *  T5  who goes on with a partition while others join gives it up before it is another's
 *  T6  when all faults have ended, the group is stable in bounded time, every partition that
 *      somebody wants has one owner, members and coordinator agree, and nothing moves any more
 *  T7  a successor reads from the topic what the coordinator knows
 *  T8  offsets of a topic are forgotten when it is known to be no more, also with members, and in
 *      the end none is left; those of the one that has its name stay
 *
 * watch.c has those about a coordinator's steps. */
#include <inttypes.h>
#include <string.h>

#include "common/endian.h"
#include "tests/sim/groups/club.h"

int club_topic_number(const char *name)
{
    return strcmp(name, club_topics[0]) == 0 ? 0 : 1;
}

struct uuid club_topic_id(int former)
{
    struct uuid id = {{1}};

    store_u32(id.bytes + 1, (uint32_t)former);
    return id;
}

int club_topic_former(const struct uuid *id)
{
    return (int)load_u32(id->bytes + 1);
}

void facts_begin(struct club *club)
{
    for (int g = 0; g < GROUPS_MAX; g++)
        for (int t = 0; t < TOPICS; t++)
            for (int p = 0; p < WIDTH_MAX; p++)
                club->known[g].offsets[t][p].offset = -1;
}

struct known_member *facts_member(struct known_group *known, const char *id)
{
    for (int i = 0; i < known->count; i++)
        if (strcmp(known->members[i].id, id) == 0)
            return &known->members[i];
    return NULL;
}

/* --- what is ordered -------------------------------------------------------------------------- */

static bool delete_is_asked(const struct desk *desk, int group)
{
    for (int i = 0; i < TICKETS_MAX; i++)
        if (desk->tickets[i].used && desk->tickets[i].question->ask == ASK_DELETE &&
            desk->tickets[i].question->group == group)
            return true;
    return false;
}

/* T8 */
static bool is_of_former(const struct desk *desk, const struct groups_record *record)
{
    if (record->type != GROUPS_RECORD_OFFSET)
        return false;
    int g = club_group_number(record->group), t = club_topic_number(record->offset.topic);
    return desk->heard[g][t][record->offset.partition] >= 0 &&
           desk->heard_of[g][t][record->offset.partition] < desk->gone[t];
}

/* T4 */
static void check_tombstone(struct desk *desk, const struct groups_record *record)
{
    struct club *club = desk->club;
    int g = club_group_number(record->group);
    if (is_of_former(desk, record)) {
        club->counters.buried++;
        return;
    }
    const struct seen_group *seen = &desk->seen[g];
    const struct known_group *known = &club->known[g];

    if (!seen->there || (seen->state != GROUP_EMPTY && seen->state != GROUP_DEAD))
        club_violated(club, "group %s has members, and something of it is forgotten",
                      record->group);
    if (record->type == GROUPS_RECORD_GROUP || delete_is_asked(desk, g))
        return;
    int t = club_topic_number(record->offset.topic), p = record->offset.partition;
    int64_t since_ms = known->offsets[t][p].committed_ms;
    if (known->typed && known->since_ms > since_ms)
        since_ms = known->since_ms;
    club->counters.expired++;
    if (club->plan.club.retention_ms == 0 ||
        desk_wall_ms(desk) - since_ms < club->plan.club.retention_ms)
        club_violated(club, "group %s: the offset of %s %d expires after %" PRId64 " ms",
                      record->group, record->offset.topic, p, desk_wall_ms(desk) - since_ms);
}

/* T3 */
static void check_commit(struct club *club, const struct groups_record *record,
                         const struct message *question)
{
    int g = club_group_number(record->group), t = club_topic_number(record->offset.topic);
    int p = record->offset.partition;
    struct writer *last = &club->writers[g][t][p];
    bool alone = question->generation < 0;
    int64_t written = topic_last_written(club, record->group, t, p);

    bool turned = last->from == question->from && last->life == question->life &&
                  last->number > question->number;

    if (record->offset.offset < written && !alone && club->plan.club.careless_permille == 0) {
        club->counters.turned_round += turned;
        if (!turned)
            club_violated(club, "group %s: the offset of %s %d goes back from %" PRId64
                          " to %" PRId64, record->group, record->offset.topic, p, written,
                          record->offset.offset);
    }
    if (!turned)
        *last = (struct writer){question->from, question->life, question->number};
}

void facts_ordered(struct desk *desk, const struct groups_effect *store,
                   const struct message *question)
{
    struct club *club = desk->club;
    bool leads = club->topic.leader == desk->id && club->topic.epoch == desk->epoch;

    for (size_t i = 0; i < store->store.count && leads; i++) {
        const struct groups_record *record = &store->store.records[i];
        const struct seen_group *seen = &desk->seen[club_group_number(record->group)];
        if (record->tombstone)
            check_tombstone(desk, record);
        else if (record->type == GROUPS_RECORD_GROUP && seen->there && seen->state == GROUP_DEAD)
            club_violated(club, "group %s is being forgotten, and written again", record->group);
        else if (record->type == GROUPS_RECORD_OFFSET && question == NULL)
            club_violated(club, "group %s: a commit that nobody asked for", record->group);
        else if (record->type == GROUPS_RECORD_OFFSET)
            check_commit(club, record, question);
    }
}

/* --- what is committed ------------------------------------------------------------------------ */

/* A static member is the same under every id. */
static const char *identity(const struct known_member *member)
{
    return member->instance[0] != '\0' ? member->instance : member->id;
}

/* T1: `again`: the generation was stored before. */
static void check_owners(struct club *club, struct known_group *known, const char *group,
                         bool again)
{
    for (int t = 0; t < TOPICS; t++)
        for (int p = 0; p < WIDTH_MAX; p++) {
            char *owner = known->owners[known->generation][t][p];
            const char *now = "";
            for (int i = 0; i < known->count; i++) {
                if (!share_has(known->members[i].share, t, p))
                    continue;
                if (now[0] != '\0')
                    club_violated(club, "group %s, generation %d: %s %d belongs to %s and to %s",
                                  group, (int)known->generation, club_topics[t], p, now,
                                  identity(&known->members[i]));
                now = identity(&known->members[i]);
            }
            if (again && strcmp(owner, now) != 0)
                club_violated(club, "group %s, generation %d: %s %d belongs to %s, then to %s",
                              group, (int)known->generation, club_topics[t], p, owner, now);
            snprintf(owner, NAME_SIZE, "%s", now);
        }
}

static void note_state(struct club *club, struct known_group *known,
                       const struct groups_record *record)
{
    int32_t generation = record->state.generation;
    bool again = known->recorded && generation == known->generation && known->count > 0;
    const char *leader = record->state.leader != NULL ? record->state.leader : "";

    if (known->recorded && generation < known->generation)
        club_violated(club, "group %s goes from generation %d to %d", record->group,
                      (int)known->generation, (int)generation); /* T2 */
    if (generation >= GENERATIONS_MAX || record->state.member_count > MEMBERS_MAX) {
        club_violated(club, "group %s: more generations or members than there is room for",
                      record->group);
        return;
    }
    club->counters.rebalances += !again && record->state.member_count > 0;
    club->counters.leader_changes += !again && known->leader[0] != '\0' && leader[0] != '\0' &&
                                     strcmp(known->leader, leader) != 0;
    known->recorded = true;
    known->generation = generation;
    known->since_ms = record->state.since_ms;
    known->typed = record->state.protocol_type != NULL && record->state.protocol_type[0] != '\0';
    snprintf(known->leader, NAME_SIZE, "%s", leader);
    known->count = (int)record->state.member_count;
    for (int i = 0; i < known->count; i++) {
        const struct groups_member *member = &record->state.members[i];
        struct known_member *to = &known->members[i];
        snprintf(to->id, NAME_SIZE, "%s", member->id);
        snprintf(to->instance, NAME_SIZE, "%s", member->instance != NULL ? member->instance : "");
        to->share = assign_share(member->assignment.data, member->assignment.size);
    }
    if (known->count > 0)
        check_owners(club, known, record->group, again);
}

static void note_forgotten(struct club *club, struct known_group *known)
{
    known->recorded = known->typed = false;
    known->forgotten++;
    known->generation = 0;
    known->count = 0;
    known->leader[0] = '\0';
    memset(known->owners, 0, sizeof known->owners);
    club->counters.groups_expired++;
}

static void note_offset(struct known_group *known, const struct groups_record *record)
{
    struct known_offset *offset = &known->offsets[club_topic_number(record->offset.topic)]
                                                 [record->offset.partition];

    known->offset_count -= offset->offset >= 0;
    *offset = (struct known_offset){.offset = -1};
    if (!record->tombstone)
        *offset = (struct known_offset){record->offset.offset, record->offset.committed_ms,
                                        club_topic_former(&record->offset.topic_id)};
    known->offset_count += offset->offset >= 0;
}

void facts_committed(struct club *club, const struct groups_log_order *order)
{
    for (size_t i = 0; i < order->count; i++) {
        const struct groups_record *record = &order->records[i];
        struct known_group *known = &club->known[club_group_number(record->group)];
        if (record->type == GROUPS_RECORD_OFFSET)
            note_offset(known, record);
        else if (record->tombstone)
            note_forgotten(club, known);
        else
            note_state(club, known, record);
    }
    club_note(club, order->token, order->count);
}

/* --- what processes believe ------------------------------------------------------------------- */

/* T1 and T5. A second process of one instance id believes what it likes until it is told; so does
 * who was away while a generation came and went, of what it had before. */
static void check_pair(struct club *club, const struct consumer *one, struct share gained,
                       const struct consumer *other)
{
    struct share both = share_both(one->owns, other->owns);
    bool twins = one->instance[0] != '\0' && strcmp(one->instance, other->instance) == 0;

    if (share_size(both) == 0 || twins)
        return;
    if (one->had_generation == other->had_generation && one->had_forgotten == other->had_forgotten)
        club_violated(club, "group %s, generation %d: consumers %d and %d both own %x %x",
                      club_group(one->group), (int)one->generation, one->id, other->id,
                      both.of[0], both.of[1]);
    else if (one->generation == other->generation && one->epoch == other->epoch &&
             one->forgotten == other->forgotten && share_size(share_both(both, gained)) > 0)
        club_violated(club, "group %s, generation %d: consumer %d owns %x %x, which %d still has",
                      club_group(one->group), (int)one->generation, one->id, both.of[0],
                      both.of[1], other->id);
}

void facts_assigned(struct consumer *consumer, struct share gained)
{
    struct club *club = consumer->club;

    for (int c = 0; c < club->plan.club.consumers; c++) {
        const struct consumer *other = &club->consumers[c];
        if (other != consumer && other->up && other->group == consumer->group)
            check_pair(club, consumer, gained, other);
    }
}

/* --- T6 --------------------------------------------------------------------------------------- */

static bool consumer_agrees(const struct consumer *consumer, const struct seen_group *seen,
                            char *why, size_t size)
{
    struct known_group *known = &consumer->club->known[consumer->group];
    const struct known_member *member = facts_member(known, consumer->member);

    if (!consumer->up || consumer->phase != CONSUMER_IN ||
        consumer->generation != seen->generation || member == NULL) {
        snprintf(why, size, "consumer %d is %s, phase %d, generation %d, the group's is %d",
                 consumer->id, consumer->up ? "up" : "down", (int)consumer->phase,
                 (int)consumer->generation, (int)seen->generation);
        return false;
    }
    if (memcmp(&member->share, &consumer->owns, sizeof member->share) != 0 ||
        share_size(share_without(consumer->owns, consumer->known)) > 0) {
        snprintf(why, size, "consumer %d has another assignment, or lacks positions", consumer->id);
        return false;
    }
    return true;
}

static bool group_is_whole(struct club *club, int group, char *why, size_t size)
{
    const struct seen_group *seen = &club->desks[club->topic.leader].seen[group];
    struct share owned = {{0}}, wanted = {{0}};
    int count = 0, partitions = 0;

    for (int c = 0; c < club->plan.club.consumers; c++) {
        const struct consumer *consumer = &club->consumers[c];
        if (consumer->group != group)
            continue;
        if (!consumer_agrees(consumer, seen, why, size))
            return false;
        count++;
        for (int t = 0; t < TOPICS; t++) {
            owned.of[t] |= consumer->owns.of[t];
            if (consumer->topics >> t & 1)
                wanted.of[t] = (1u << club->width[t]) - 1;
        }
        partitions += share_size(consumer->owns);
    }
    snprintf(why, size, "group %s: state %d, %d members, %d partitions, owned %x %x of %x %x",
             club_group(group), (int)seen->state, seen->count, partitions, owned.of[0],
             owned.of[1], wanted.of[0], wanted.of[1]);
    return count == 0 || (seen->there && seen->state == GROUP_STABLE && seen->count == count &&
                          memcmp(&owned, &wanted, sizeof owned) == 0 &&
                          partitions == share_size(wanted));
}

bool facts_is_whole(struct club *club, char *why, size_t size)
{
    const struct topic *topic = &club->topic;
    const struct desk *desk = topic->leader >= 0 ? &club->desks[topic->leader] : NULL;
    bool serves = desk != NULL && desk->up && desk->lease && groups_ready(desk->core) == 0;

    if (!serves) {
        snprintf(why, size, "nobody coordinates");
        return false;
    }
    for (int g = 0; g < club->plan.club.groups; g++)
        if (!group_is_whole(club, g, why, size))
            return false;
    return true;
}

/* --- T7 --------------------------------------------------------------------------------------- */

struct compared { struct club *club; int offsets, members; };

static void compare_offset(void *context, const char *group, const struct groups_offset *offset)
{
    struct compared *compared = context;
    const struct known_group *known = &compared->club->known[club_group_number(group)];

    compared->offsets++;
    if (club_topic_former(&offset->topic_id) !=
        compared->club->former[club_topic_number(offset->topic)]) /* T8 */
        club_violated(compared->club, "group %s keeps an offset of a former topic %s", group,
                      offset->topic);
    if (known->offsets[club_topic_number(offset->topic)][offset->partition].offset !=
        offset->offset)
        club_violated(compared->club, "a successor shows another offset of %s %d", offset->topic,
                      (int)offset->partition);
}

static void compare_group(void *context, const struct groups_description *group)
{
    struct compared *compared = context;
    const struct known_group *known = &compared->club->known[club_group_number(group->group)];

    compared->members += (int)group->member_count;
    if (known->recorded && (group->generation != known->generation ||
                            (group->state == GROUP_STABLE) != (known->count > 0)))
        club_violated(compared->club, "a successor has group %s in another state", group->group);
}

void facts_final(struct club *club)
{
    struct groups *other = groups_new(club->plan.seed + 99);
    struct groups_event event = {.type = GROUPS_GAINED};
    struct compared compared = {.club = club};
    int offsets = 0, members = 0;

    groups_step(other, &event);
    groups_log_replay(&club->topic.log, 0, club->topic.log.committed, other);
    event.type = GROUPS_LOADED;
    groups_step(other, &event);
    groups_offsets(other, NULL, compare_offset, &compared);
    groups_describe(other, NULL, compare_group, &compared);
    groups_free(other);
    for (int g = 0; g < GROUPS_MAX; g++) {
        offsets += club->known[g].offset_count;
        members += club->known[g].count;
    }
    if (compared.offsets != offsets || compared.members != members)
        club_violated(club, "a successor has %d offsets of %d, and %d members of %d",
                      compared.offsets, offsets, compared.members, members);
}
