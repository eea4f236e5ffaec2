/* The leader: what followers have, and what is committed therefore. Invariants: replica.c. */
#include <stdlib.h>

#include "common/error.h"
#include "server/core/replica_private.h"

struct replica_progress *lead_progress(const struct replica *replica, int32_t id)
{
    for (int32_t i = 0; i < replica->progress_count; i++)
        if (replica->progress[i].id == id)
            return &replica->progress[i];
    return NULL;
}

/* Is it another process than the one that may be a member already? */
static bool is_not_proposed(const struct replica *replica, const struct replica_progress *progress)
{
#ifdef MUTANT_FORMER_LIFE_COUNTS
    return false;
#endif
    return replica_set_has(&replica->doubt, progress->id) &&
           !replica_set_has(&replica->state.isr, progress->id) &&
           !uuid_equal(&progress->proposed, &progress->incarnation);
}

int64_t lead_position(const struct replica *replica, int32_t id)
{
    bool flush = replica_needs_flush(replica);

    if (id == replica->self)
        return flush ? replica_flushed(replica) : replica->end;
    const struct replica_progress *progress = lead_progress(replica, id);
    if (progress == NULL || is_not_proposed(replica, progress))
        return -1;
    return flush ? progress->flushed : progress->end;
}

/* --- the epoch -------------------------------------------------------------------------------- */

static void progress_forget(struct replica_progress *progress, int64_t now_ms)
{
    progress->end = progress->flushed = progress->asked_end = -1;
    progress->at_end = progress->applies = false;
    progress->asked_ms = progress->caught_up_ms = now_ms;
}

/* Who is new in the set is the process that was proposed, whoever else was heard meanwhile. */
void lead_admit(struct replica *replica, const struct replica_set *before)
{
    for (int32_t i = 0; i < replica->progress_count; i++) {
        struct replica_progress *progress = &replica->progress[i];
        if (!replica_set_has(&replica->state.isr, progress->id) ||
            replica_set_has(before, progress->id))
            continue;
        progress->admitted = replica->state.version;
#ifndef MUTANT_FORMER_LIFE_COUNTS
        if (!uuid_equal(&progress->proposed, &progress->incarnation)) {
            progress_forget(progress, progress->caught_up_ms);
            progress->incarnation = progress->proposed;
        }
#endif
    }
}

/* One entry per other replica; who was known keeps what is known. */
int lead_adapt(struct replica *replica, int64_t now_ms)
{
    const struct partition_state *state = &replica->state;
    struct replica_progress *made =
        calloc((size_t)(state->replicas.count + state->isr.count), sizeof *made);
    int32_t count = 0;

    if (made == NULL)
        return K_NOMEM;
    for (int32_t i = 0; i < state->replicas.count + state->isr.count; i++) {
        bool listed = i < state->replicas.count;
        int32_t id = listed ? state->replicas.ids[i] : state->isr.ids[i - state->replicas.count];
        if (id == replica->self || (!listed && replica_set_has(&state->replicas, id)))
            continue;
        const struct replica_progress *known = lead_progress(replica, id);
        struct replica_progress *progress = &made[count++];
        if (known != NULL) {
            *progress = *known;
            progress->applies &= !replica_set_has(&state->isr, id);
        } else {
            progress->id = id;
            progress->propose_at_ms = INT64_MIN;
            progress_forget(progress, now_ms);
        }
    }
    free(replica->progress);
    replica->progress = made;
    replica->progress_count = count;
    return 0;
}

int lead_start(struct replica *replica, int64_t now_ms)
{
    replica->epoch_start = replica->end;
    replica->memory_version = 0;
    replica->watermark_epoch = replica->state.leader_epoch;
    for (int32_t i = 0; i < replica->progress_count; i++)
        progress_forget(&replica->progress[i], now_ms);
    return lead_adapt(replica, now_ms);
}

void lead_stop(struct replica *replica)
{
    isr_forget_doubt(replica);
    free(replica->progress);
    replica->progress = NULL;
    replica->progress_count = 0;
    replica->epoch_start = -1;
}

/* As long as the stored flag said that all that counts is on disks, a member that lost the rest
 * with its power stayed in the set: what it had in memory when it last asked may be gone, and so
 * may what it asks before it hears of the state without the flag, however late that comes here. */
void lead_count_flushed(struct replica *replica)
{
#ifdef MUTANT_MEMORY_TRUSTED
    return;
#endif
    replica->memory_version = replica->state.version;
    for (int32_t i = 0; i < replica->progress_count; i++) {
        struct replica_progress *progress = &replica->progress[i];
        if (progress->end > progress->flushed)
            progress->end = progress->flushed;
    }
}

/* --- what is committed ------------------------------------------------------------------------ */

int32_t lead_sure_members(const struct replica *replica)
{
    const struct replica_set *isr = &replica->state.isr;
    int32_t count = 0;

    for (int32_t i = 0; i < isr->count; i++)
        if (replica->doubt.count == 0 || replica_set_has(&replica->doubt, isr->ids[i]))
            count++;
    return count;
}

bool lead_is_short(const struct replica *replica)
{
#ifdef MUTANT_NO_MINIMUM
    return false;
#endif
    return replica->state.isr.count < replica->state.min_insync;
}

bool lead_is_followed_by_all(const struct replica *replica)
{
    const struct replica_set *isr = &replica->state.isr;

    if (replica->doubt.count > 0)
        return false;
    for (int32_t i = 0; i < isr->count; i++)
        if (isr->ids[i] != replica->self && lead_position(replica, isr->ids[i]) < 0)
            return false;
    return true;
}

static int64_t lowest_position(const struct replica *replica, const struct replica_set *set,
                               int64_t lowest)
{
    for (int32_t i = 0; i < set->count; i++) {
        int64_t position = lead_position(replica, set->ids[i]);
        if (position < lowest)
            lowest = position;
    }
    return lowest;
}

int64_t lead_committed(const struct replica *replica)
{
#ifndef MUTANT_NO_MINIMUM
    if (lead_sure_members(replica) < replica->state.min_insync)
        return replica->high_watermark; /* L3 */
#endif
    int64_t lowest = lowest_position(replica, &replica->state.isr, replica->end);
#ifndef MUTANT_WATERMARK_SMALL_SET
    lowest = lowest_position(replica, &replica->doubt, lowest); /* L2 */
#endif
    return lowest > replica->high_watermark ? lowest : replica->high_watermark;
}

void lead_advance(struct replica *replica, struct replica_effects *effects)
{
    int64_t committed = lead_committed(replica);

    if (committed == replica->high_watermark)
        return;
    replica->high_watermark = committed;
    replica_publish(effects, committed);
    replica_answer_produces(effects, committed, 0);
}

void lead_on_appended(struct replica *replica, int64_t now_ms)
{
    for (int32_t i = 0; i < replica->progress_count; i++) {
        struct replica_progress *progress = &replica->progress[i];
        if (!progress->at_end)
            continue;
        progress->at_end = false;
        progress->caught_up_ms = now_ms;
    }
}

/* --- fetches ---------------------------------------------------------------------------------- */

static int fetch_refusal(const struct replica *replica, const struct replica_event *event)
{
    int32_t epoch = replica->assigned ? replica->state.leader_epoch : -1;

    if (replica->role == REPLICA_FAILED)
        return replica->failure;
#ifndef MUTANT_NO_EPOCH_FENCE
    if (event->fetch.leader_epoch < epoch)
        return K_FENCED_LEADER_EPOCH;
    if (event->fetch.leader_epoch > epoch)
        return K_UNKNOWN_LEADER_EPOCH;
#endif
    if (replica->role != REPLICA_LEADING)
        return K_NOT_LEADER_OR_FOLLOWER;
    if (lead_progress(replica, event->fetch.follower) == NULL)
        return K_REPLICA_NOT_AVAILABLE; /* a replica of a newer state, perhaps */
    if (event->fetch.offset < 0)
        return K_INVALID_REQUEST;
    return event->fetch.offset < replica->start ? K_OFFSET_OUT_OF_RANGE : 0;
}

/* Is the follower's log, up to its end, not a part of ours? Then where its last epoch ends here. */
static bool fetch_diverges(const struct replica *replica, const struct replica_event *event,
                           int32_t *epoch, int64_t *end)
{
    if (event->fetch.last_epoch < 0) { /* it has no records that could differ */
        *epoch = -1;
        *end = replica->end;
    } else if (event->fetch.our_epoch < 0) {
        /* What it has was before our start, and perhaps was something else there. */
        *epoch = -1;
        *end = replica->start;
        return true;
    } else {
        *epoch = event->fetch.our_epoch;
        *end = event->fetch.our_end;
#ifndef MUTANT_KIP101_ONLY
        if (*epoch != event->fetch.last_epoch)
            return true;
#endif
    }
    return event->fetch.offset > *end;
}

/* A question that was on its way when its process ended: the next one was made a member since, with
 * less perhaps. One that came after that knows of it, or will. */
static bool is_of_former_life(const struct replica *replica, const struct replica_event *event)
{
    const struct replica_progress *progress = lead_progress(replica, event->fetch.follower);

    return !uuid_equal(&progress->incarnation, &event->fetch.incarnation) &&
           event->fetch.version >= 0 && event->fetch.version < progress->admitted;
}

static void note_progress(struct replica *replica, const struct replica_event *event)
{
    struct replica_progress *progress = lead_progress(replica, event->fetch.follower);
    int64_t offset = event->fetch.offset;
    int64_t flushed = event->fetch.flushed < offset ? event->fetch.flushed : offset;

#ifndef MUTANT_NO_INCARNATION_CHECK
    if (!uuid_equal(&progress->incarnation, &event->fetch.incarnation)) {
        progress_forget(progress, progress->caught_up_ms);
        progress->propose_at_ms = INT64_MIN;
    }
#endif
    progress->incarnation = event->fetch.incarnation;
    progress->applies = !replica_set_has(&replica->state.isr, progress->id);
    int64_t counted = offset;
#ifndef MUTANT_OLD_MEMORY_COUNTS
    if (event->fetch.version >= 0 && event->fetch.version < replica->memory_version)
        counted = flushed;
#endif
    if (counted > progress->end)
        progress->end = counted;
    if (flushed > progress->flushed)
        progress->flushed = flushed;

    int64_t position = lead_position(replica, progress->id);
    progress->at_end = position >= replica->end;
    if (progress->at_end)
        progress->caught_up_ms = event->now_ms;
    else if (progress->asked_end >= 0 && position >= progress->asked_end &&
             progress->asked_ms > progress->caught_up_ms)
        progress->caught_up_ms = progress->asked_ms; /* under load it is never quite at the end */
    progress->asked_ms = event->now_ms;
    progress->asked_end = replica->end;
}

void lead_on_fetch(struct replica *replica, const struct replica_event *event,
                   struct replica_effects *effects)
{
    int32_t epoch = -1;
    int64_t end = -1;
    int code = fetch_refusal(replica, event);
    bool diverged = code == 0 && fetch_diverges(replica, event, &epoch, &end);
    bool progressed = code == 0 && !diverged && !is_of_former_life(replica, event);

#ifdef MUTANT_DIVERGED_PROGRESS
    progressed = code == 0;
#endif
    if (progressed) {
        note_progress(replica, event);
        lead_advance(replica, effects);
    }
    struct replica_effect *answer = replica_order(effects, REPLICA_DO_ANSWER_FETCH);
    answer->answer_fetch.code = code;
    answer->answer_fetch.diverged = diverged;
    answer->answer_fetch.diverged_epoch = diverged ? epoch : -1;
    answer->answer_fetch.diverged_end = diverged ? end : -1;
    answer->answer_fetch.start = replica->start;
    answer->answer_fetch.high_watermark = replica->high_watermark;
    answer->answer_fetch.end = code == 0 && !diverged ? replica->end : event->fetch.offset;
}
