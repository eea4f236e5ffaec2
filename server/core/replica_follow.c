/* The follower: asks the leader for what comes after its log. Invariants: replica.c. */
#include "common/error.h"
#include "server/core/replica_private.h"

void follow_ask(struct replica *replica, struct replica_effects *effects)
{
    struct replica_effect *effect = replica_order(effects, REPLICA_DO_FETCH);

    replica->round = replica->next_round++;
    replica->fetch_retry_ms = INT64_MAX;
    effect->fetch.round = replica->round;
    effect->fetch.leader = replica->state.leader;
    effect->fetch.leader_epoch = replica->state.leader_epoch;
    effect->fetch.offset = replica->end;
    effect->fetch.flushed = replica_flushed(replica);
    effect->fetch.last_epoch = replica->last_epoch;
    effect->fetch.version = replica->state.version;
}

void follow_start(struct replica *replica, struct replica_effects *effects)
{
    replica->leader_watermark = replica->trim_ordered = -1;
    replica->fetch_wait_ms = FETCH_WAIT_MIN_MS;
#ifdef MUTANT_TRUNCATE_TO_WATERMARK
    if (replica->end > replica->high_watermark) {
        follow_stop(replica);
        replica->truncating = true;
        replica_order(effects, REPLICA_DO_TRUNCATE)->truncate.end = replica->high_watermark;
        return;
    }
#endif
    follow_ask(replica, effects);
}

void follow_stop(struct replica *replica)
{
    replica->round = 0;
    replica->fetch_retry_ms = INT64_MAX;
}

void follow_retry_later(struct replica *replica, int64_t now_ms)
{
    replica->fetch_retry_ms = now_ms + replica->fetch_wait_ms;
    replica->fetch_wait_ms *= 2;
    if (replica->fetch_wait_ms > FETCH_WAIT_MAX_MS)
        replica->fetch_wait_ms = FETCH_WAIT_MAX_MS;
}

void follow_advance(struct replica *replica, struct replica_effects *effects)
{
    int64_t watermark = replica->leader_watermark;

    if (watermark > replica->end)
        watermark = replica->end;
    if (watermark <= replica->high_watermark)
        return;
    replica->high_watermark = watermark;
    replica_publish(effects, watermark);
}

/* --- where the logs differ -------------------------------------------------------------------- */

/* May our log lose what is above `end`? What was committed only after an unclean election. */
static bool may_cut(struct replica *replica, int64_t end, struct replica_effects *effects)
{
    if (end >= replica->high_watermark)
        return true;
    if (replica->state.unclean_epoch <= replica->watermark_epoch) { /* L6 */
        replica_fail(replica, K_CORRUPT, "the leader lacks records that were committed", effects);
        return false;
    }
    replica->high_watermark = end;
    replica_publish(effects, end);
    return true;
}

/* Drop all, which the leader removed or never had, and begin where the leader's log begins. */
static void reset(struct replica *replica, int64_t leader_start, struct replica_effects *effects)
{
    if (!may_cut(replica, leader_start, effects))
        return;
    /* The leader's start is committed; but it is published when the log is there: noted before, and
     * then a crash, it would speak of the records that are to go. */
    replica->start = replica->end = replica->flushed = replica->high_watermark = leader_start;
    replica->last_epoch = -1;
    replica->watermark_epoch = replica->state.leader_epoch;
    replica->truncating = true;
    replica_order(effects, REPLICA_DO_RESET)->reset.end = leader_start;
}

static void truncate(struct replica *replica, const struct replica_event *event,
                     struct replica_effects *effects)
{
    int64_t ours = event->fetched.our_epoch < 0 ? replica->start : event->fetched.our_end;
    int64_t common = event->fetched.diverged_end < ours ? event->fetched.diverged_end : ours;

    /* Without an epoch in common all that we have was before the leader's start, or never there. */
    if (common < replica->start || event->fetched.diverged_epoch < 0) {
        reset(replica, event->fetched.leader_start, effects);
    } else if (common >= replica->end) {
        follow_retry_later(replica, event->now_ms); /* it contradicts itself: nothing to cut */
    } else if (may_cut(replica, common, effects)) {
        replica->truncating = true;
        replica_order(effects, REPLICA_DO_TRUNCATE)->truncate.end = common;
    }
}

/* --- answers ---------------------------------------------------------------------------------- */

static void trim(struct replica *replica, int64_t leader_start, struct replica_effects *effects)
{
    int64_t start = leader_start < replica->high_watermark ? leader_start : replica->high_watermark;

    if (start <= replica->start || start <= replica->trim_ordered)
        return;
    replica->trim_ordered = start;
    replica_order(effects, REPLICA_DO_TRIM)->trim.end = start;
}

static void take(struct replica *replica, const struct replica_event *event,
                 struct replica_effects *effects)
{
    /* Our log is a part of the leader's, so what it says of the watermark holds for ours. */
    replica->watermark_epoch = replica->state.leader_epoch;
    if (event->fetched.high_watermark > replica->leader_watermark)
        replica->leader_watermark = event->fetched.high_watermark;
    follow_advance(replica, effects);
    trim(replica, event->fetched.leader_start, effects);
    if (event->fetched.end <= event->fetched.first) {
        replica->fetch_wait_ms = FETCH_WAIT_MIN_MS;
        follow_ask(replica, effects);
    } else if (event->fetched.first != replica->end) {
        follow_retry_later(replica, event->now_ms); /* not what was asked for */
    } else {
        replica->appending = true;
        replica_order(effects, REPLICA_DO_APPEND)->append.end = event->fetched.end;
    }
}

void follow_on_fetched(struct replica *replica, const struct replica_event *event,
                       struct replica_effects *effects)
{
    bool current = replica->round != 0 && event->fetched.round == replica->round;

#ifdef MUTANT_STALE_ANSWER
    current = replica->round != 0;
#endif
    if (!current || replica->role != REPLICA_FOLLOWING)
        return;
    replica->round = 0;
    if (event->fetched.code == K_OFFSET_OUT_OF_RANGE &&
        event->fetched.leader_start > replica->end) {
        reset(replica, event->fetched.leader_start, effects);
    } else if (event->fetched.code != 0) {
        follow_retry_later(replica, event->now_ms);
    } else if (event->fetched.diverged) {
#ifdef MUTANT_WATERMARK_BEFORE_TRUNCATION
        replica->leader_watermark = event->fetched.high_watermark;
        follow_advance(replica, effects);
#endif
        truncate(replica, event, effects);
    } else {
        take(replica, event, effects);
    }
}
