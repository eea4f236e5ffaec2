/* The partition of the offsets topic where the groups are: who leads it, and what is committed.
 *
 * The leader's stores are committed in order, each a while after it was appended, and it is told a
 * little later. When another one leads, it has some of what was not committed yet, from the front;
 * that is committed then, and what comes after it never is. */
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "tests/sim/groups/club.h"

struct told_store { int desk; uint64_t life, token; int code; };
struct due_store { int32_t epoch; size_t index; };
struct told_lead { int desk; uint64_t life; int32_t epoch; bool leads; };
struct election { int number, to; };

enum { TOLD_AFTER_MOST_US = 4000, ELECTED_AFTER_MOST_MS = 400, LED_AFTER_MOST_MS = 60 };

/* --- stores ----------------------------------------------------------------------------------- */

static void told_stored(void *context, void *payload)
{
    struct club *club = context;
    struct told_store told = *(struct told_store *)payload;
    struct desk *desk = &club->desks[told.desk];

    if (desk->up && desk->life == told.life && desk->paused_until_us > club->sched.now_us) {
        sched_in_order(&club->sched, desk->paused_until_us, told_stored, club, payload);
        return;
    }
    free(payload);
    if (desk->up && desk->life == told.life)
        desk_told_stored(desk, told.token, told.code);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void tell_stored(struct desk *desk, int64_t at_us, uint64_t token, int code)
{
    struct told_store *told = sched_payload(sizeof *told);
    struct club *club = desk->club;

    *told = (struct told_store){desk->id, desk->life, token, code};
    sched_in_order(&club->sched, at_us, told_stored, club, told);
}

static void commit_next(struct club *club)
{
    struct topic *topic = &club->topic;
    const struct groups_log_order *order = &topic->log.orders[topic->log.committed++];

    facts_committed(club, order);
}

/* Its time has come. Those before it are committed: they were due earlier. */
static void due(void *context, void *payload)
{
    struct club *club = context;
    struct topic *topic = &club->topic;
    struct due_store store = *(struct due_store *)payload;

    if (store.epoch == topic->epoch && topic->leader >= 0 &&
        topic->stalled_until_us > club->sched.now_us) {
        sched_in_order(&club->sched, topic->stalled_until_us, due, club, payload);
        return;
    }
    free(payload);
    if (store.epoch != topic->epoch || topic->leader < 0)
        return;
    while (topic->log.committed <= store.index) {
        uint64_t token = topic->log.orders[topic->log.committed].token;
        commit_next(club);
        topic->told_us = later(topic->told_us, club->sched.now_us +
                                                   club_draw(club, 0, TOLD_AFTER_MOST_US));
        tell_stored(&club->desks[topic->leader], topic->told_us, token, 0);
    }
}

static void append(struct club *club, const struct groups_effect *store)
{
    struct topic *topic = &club->topic;
    struct due_store *due_store = sched_payload(sizeof *due_store);
    int64_t most_us = club->plan.club.store_takes_ms * 2000 + TOLD_AFTER_MOST_US;

    *due_store = (struct due_store){topic->epoch, topic->log.count};
    groups_log_append(&topic->log, store);
    topic->due_us = later(topic->due_us, club->sched.now_us + club_draw(club, 10, most_us));
    sched_in_order(&club->sched, topic->due_us, due, club, due_store);
}

void topic_append(struct desk *desk, const struct groups_effect *store)
{
    struct club *club = desk->club;
    struct topic *topic = &club->topic;

    if (topic->leader != desk->id || topic->epoch != desk->epoch)
        return; /* nobody copies from it any more: what becomes of this is never known */
    if (topic->refused_until_us > club->sched.now_us) {
        club->counters.refusals++;
        club->counters.refused_groups += store->store.records[0].type == GROUPS_RECORD_GROUP;
        club->counters.overtaken += topic->log.committed < topic->log.count;
        tell_stored(desk, club->sched.now_us + club_draw(club, 0, TOLD_AFTER_MOST_US),
                    store->store.token, K_NOT_ENOUGH_REPLICAS);
        return;
    }
    append(club, store);
}

void topic_stall(struct club *club, int64_t length_ms)
{
    club->topic.stalled_until_us = club->sched.now_us + length_ms * 1000;
}

const struct groups_log_order *topic_find(const struct topic *topic, uint64_t token,
                                          bool *committed)
{
    for (size_t i = topic->log.count; i-- > topic->begins;)
        if (topic->log.orders[i].token == token) {
            *committed = i < topic->log.committed;
            return &topic->log.orders[i];
        }
    return NULL;
}

static bool names(const struct groups_record *record, const char *group, int topic, int partition)
{
    return record->type == GROUPS_RECORD_OFFSET && strcmp(record->group, group) == 0 &&
           record->offset.partition == partition &&
           strcmp(record->offset.topic, club_topics[topic]) == 0;
}

int64_t topic_last_written(const struct club *club, const char *group, int topic, int partition)
{
    const struct groups_log *log = &club->topic.log;

    for (size_t i = log->count; i-- > 0;)
        for (size_t r = log->orders[i].count; r-- > 0;) {
            const struct groups_record *record = &log->orders[i].records[r];
            if (names(record, group, topic, partition))
                return record->tombstone ||
                               club_topic_former(&record->offset.topic_id) != club->former[topic]
                           ? -1
                           : record->offset.offset;
        }
    return -1;
}

/* Nobody may be loading: who has seen a value has to see its tombstone. */
void topic_compact(struct club *club, bool tombstones)
{
    for (int d = 0; d < club->plan.club.brokers; d++)
        tombstones = tombstones && !club->desks[d].loading;
    struct groups_log_removed removed =
        groups_log_compact(&club->topic.log, club->topic.heard, tombstones);
    club->counters.compactions += removed.superseded > 0;
    club->counters.tombstones_gone += removed.tombstones;
}

/* --- leaders ---------------------------------------------------------------------------------- */

static void told_leads(void *context, void *payload)
{
    struct club *club = context;
    struct told_lead told = *(struct told_lead *)payload;
    struct desk *desk = &club->desks[told.desk];

    if (desk->up && desk->life == told.life && desk->paused_until_us > club->sched.now_us) {
        sched_in_order(&club->sched, desk->paused_until_us, told_leads, club, payload);
        return;
    }
    free(payload);
    if (desk->up && desk->life == told.life)
        desk_told_leads(desk, told.epoch, told.leads);
}

static void tell_leads(struct desk *desk, int64_t after_ms, int32_t epoch, bool leads)
{
    struct told_lead *told = sched_payload(sizeof *told);
    struct club *club = desk->club;

    *told = (struct told_lead){desk->id, desk->life, epoch, leads};
    sched_in_order(&club->sched, club->sched.now_us + after_ms * 1000, told_leads, club, told);
}

static int who_lives(struct club *club, int wanted)
{
    int brokers = (int)club->plan.club.brokers;

    for (int i = 0; i < brokers; i++)
        if (club->desks[(wanted + i) % brokers].up)
            return (wanted + i) % brokers;
    return -1;
}

static void elect(void *context, void *payload)
{
    struct club *club = context;
    struct topic *topic = &club->topic;
    struct election *election = payload;
    int to = who_lives(club, election->to);

    if (election->number != topic->election) {
        free(payload);
        return;
    }
    if (to < 0) {
        sched_after(&club->sched, 50 * 1000, elect, club, payload);
        return;
    }
    free(payload);
    topic->leader = to;
    topic->epoch++;
    topic->due_us = 0;
    topic->begins = topic->log.count;
    club_say(club, "broker %d leads epoch %d", to, (int)topic->epoch);
    tell_leads(&club->desks[to], club_draw(club, 0, LED_AFTER_MOST_MS), topic->epoch, true);
}

static bool is_rebalancing(const struct desk *desk)
{
    bool is = false;

    for (int g = 0; g < GROUPS_MAX; g++)
        is |= desk->seen[g].there && (desk->seen[g].state == GROUP_PREPARING ||
                                      desk->seen[g].state == GROUP_COMPLETING);
    return is;
}

/* Who led has no lease any more, and hears of it later. What it has appended last, the next one may
 * have or not. */
static void depose(struct club *club, int64_t told_after_ms)
{
    struct topic *topic = &club->topic;
    struct groups_log *log = &topic->log;
    struct desk *desk = &club->desks[topic->leader];
    size_t kept = log->committed +
                  (size_t)club_draw(club, 0, (int64_t)(log->count - log->committed));

    desk->lease = false;
    club->counters.moves++;
    club->counters.moved_storing += log->committed < log->count;
    club->counters.moved_rebalancing += desk->up && is_rebalancing(desk);
    club->counters.orders_lost += log->count - kept;
    club->counters.orders_kept += kept - log->committed;
    if (desk->up)
        tell_leads(desk, told_after_ms, topic->epoch, false);
    topic->leader = -1;
    groups_log_cut(log, kept);
    while (log->committed < log->count)
        commit_next(club);
}

void topic_move(struct club *club, int to, int64_t told_after_ms)
{
    struct topic *topic = &club->topic;
    struct election *election = sched_payload(sizeof *election);
    int64_t most_ms = club->healed ? 10 : ELECTED_AFTER_MOST_MS;

    if (topic->leader >= 0)
        depose(club, told_after_ms);
    *election = (struct election){++topic->election, to};
    sched_after(&club->sched, club_draw(club, 0, most_ms) * 1000, elect, club, election);
}
