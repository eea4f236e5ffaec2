/* Who should be in sync: what the leader proposes to the controller. Invariants: replica.c.
 *
 * Between a proposal and its final answer nobody knows which of the two sets is stored. All that is
 * decided meanwhile holds for both: what is committed is on the members of either, and only those
 * of both count for the minimum. */
#include "common/error.h"
#include "server/core/replica_private.h"

void isr_forget_doubt(struct replica *replica)
{
    replica->doubt.count = 0;
    replica->doubt_flush = false;
    replica->propose_round = 0;
    replica->propose_retry_ms = INT64_MAX;
}

void isr_resume(struct replica *replica, int64_t now_ms)
{
    if (replica->doubt.count == 0)
        return;
    replica->propose_retry_ms = now_ms;
    replica->propose_wait_ms = PROPOSE_WAIT_MIN_MS;
}

static bool is_behind(const struct replica *replica, const struct replica_progress *progress,
                      int64_t now_ms)
{
    return !progress->at_end && now_ms - progress->caught_up_ms > replica->lag_max_ms;
}

/* Up to where records may be committed: the last leader can have known more than we do. */
static int64_t committed_at_most(const struct replica *replica)
{
#ifdef MUTANT_ISR_JOIN_EARLY
    return replica->high_watermark;
#endif
    return replica->epoch_start > replica->high_watermark ? replica->epoch_start
                                                          : replica->high_watermark;
}

/* Is it there, and has it all that may be committed? */
static bool may_join(const struct replica *replica, const struct replica_progress *progress)
{
    return progress->applies && replica_set_has(&replica->state.replicas, progress->id) &&
           lead_position(replica, progress->id) >= committed_at_most(replica); /* L4 */
}

/* The set as it should be; is it another one than the stored? */
static bool wanted_set(const struct replica *replica, int64_t now_ms, struct replica_set *wanted)
{
    bool differs = false;

    *wanted = replica->state.isr;
    for (int32_t i = 0; i < replica->progress_count; i++) {
        const struct replica_progress *progress = &replica->progress[i];
        if (replica_set_has(&replica->state.isr, progress->id)) {
            if (replica_set_has(&replica->state.replicas, progress->id) &&
                !is_behind(replica, progress, now_ms))
                continue;
            replica_set_remove(wanted, progress->id);
        } else {
            if (!may_join(replica, progress) || is_behind(replica, progress, now_ms) ||
                now_ms < progress->propose_at_ms || wanted->count == REPLICAS_MAX)
                continue;
            replica_set_add(wanted, progress->id);
        }
        differs = true;
    }
    return differs;
}

/* May the state promise that every member of the set has on disk what may be committed? */
static bool wanted_flush(const struct replica *replica, const struct replica_set *wanted)
{
    if (!replica->flush_on_ack || replica->state.flush_on_ack)
        return replica->flush_on_ack;
    for (int32_t i = 0; i < wanted->count; i++)
        if (lead_position(replica, wanted->ids[i]) < committed_at_most(replica))
            return false;
    return true;
}

static void propose(struct replica *replica, int64_t now_ms, struct replica_effects *effects)
{
    const struct replica_set *doubt = &replica->doubt;
    struct replica_effect *effect = replica_order(effects, REPLICA_DO_PROPOSE);

    replica->propose_round = replica->next_round++;
    replica->propose_retry_ms = now_ms + replica->propose_wait_ms;
    effect->propose.round = replica->propose_round;
    effect->propose.leader_epoch = replica->state.leader_epoch;
    effect->propose.version = replica->state.version;
    effect->propose.flush_on_ack = replica->doubt_flush;
    effect->propose.count = doubt->count;
    for (int32_t i = 0; i < doubt->count; i++) {
        struct replica_member *member = &effect->propose.members[i];
        member->id = doubt->ids[i];
        if (!replica_set_has(&replica->state.isr, member->id))
            member->incarnation = lead_progress(replica, member->id)->proposed;
    }
}

void isr_review(struct replica *replica, int64_t now_ms, struct replica_effects *effects)
{
    struct replica_set wanted;

    if (replica->doubt.count > 0) { /* L5 */
        if (now_ms < replica->propose_retry_ms)
            return;
        if (replica->propose_round != 0 && replica->propose_wait_ms < PROPOSE_WAIT_MAX_MS)
            replica->propose_wait_ms *= 2;
        propose(replica, now_ms, effects);
        return;
    }
    if (replica->propose_retry_ms != INT64_MAX && now_ms < replica->propose_retry_ms)
        return;
    replica->propose_retry_ms = INT64_MAX;
    for (int32_t i = 0; i < replica->progress_count; i++)
        if (now_ms >= replica->progress[i].propose_at_ms)
            replica->progress[i].propose_at_ms = INT64_MIN; /* over; its fetches decide */
    bool differs = wanted_set(replica, now_ms, &wanted);
    bool flush = wanted_flush(replica, &wanted);
    if (!differs && flush == replica->state.flush_on_ack)
        return;
    replica->doubt = wanted;
    replica->doubt_flush = flush;
    replica->propose_wait_ms = PROPOSE_WAIT_MIN_MS;
    for (int32_t i = 0; i < replica->progress_count; i++)
        replica->progress[i].proposed = replica->progress[i].incarnation;
    propose(replica, now_ms, effects);
}

/* The only answer that says: the state it was meant for is the newest, and will not be followed by
 * it. All others say nothing of the proposal; or that another state is stored, perhaps the very
 * one; or come from a controller that takes us for somebody of the past, after it stored an earlier
 * copy. Then only the news of a newer state ends the doubt. */
static bool is_refusal(int code)
{
    return code == K_INELIGIBLE_REPLICA;
}

void isr_on_answered(struct replica *replica, const struct replica_event *event)
{
    bool newcomers = false;

    if (replica->propose_round == 0 || event->isr_answered.round != replica->propose_round)
        return;
    replica->propose_round = 0;
#ifdef MUTANT_ISR_BLIND_WRITE
    replica->state.isr = replica->doubt;
    isr_forget_doubt(replica);
    return;
#endif
    if (event->isr_answered.code == 0) {
        replica->propose_retry_ms = INT64_MAX; /* stored: its news is on the way */
        return;
    }
    if (!is_refusal(event->isr_answered.code)) {
        if (event->now_ms + PROPOSE_WAIT_MIN_MS < replica->propose_retry_ms)
            replica->propose_retry_ms = event->now_ms + PROPOSE_WAIT_MIN_MS;
        return;
    }
    for (int32_t i = 0; i < replica->progress_count; i++) {
        struct replica_progress *progress = &replica->progress[i];
        if (!replica_set_has(&replica->doubt, progress->id) ||
            replica_set_has(&replica->state.isr, progress->id))
            continue;
        newcomers = true;
        if (uuid_equal(&progress->proposed, &progress->incarnation))
            progress->propose_at_ms = event->now_ms + REFUSED_WAIT_MS;
    }
    isr_forget_doubt(replica);
    if (!newcomers)
        replica->propose_retry_ms = event->now_ms + REFUSED_WAIT_MS;
}

int64_t isr_deadline_ms(const struct replica *replica)
{
    int64_t deadline = replica->propose_retry_ms;

    if (replica->doubt.count > 0 || deadline != INT64_MAX)
        return deadline; /* until then nothing is proposed */
    for (int32_t i = 0; i < replica->progress_count; i++) {
        const struct replica_progress *progress = &replica->progress[i];
        int64_t then = INT64_MAX;
        if (!replica_set_has(&replica->state.isr, progress->id)) {
            if (may_join(replica, progress) && progress->propose_at_ms != INT64_MIN)
                then = progress->propose_at_ms;
        } else if (!progress->at_end && replica->lag_max_ms < INT64_MAX - progress->caught_up_ms) {
            then = progress->caught_up_ms + replica->lag_max_ms + 1;
        }
        if (then < deadline)
            deadline = then;
    }
    return deadline;
}
