#include "server/runtime/follower_report.h"

/* Longer than a follower that is well ever lets pass: as long as it lacks anything it is answered
 * at once, and asks again. */
enum { SILENT_MS = 3000 };

/* Has it stopped asking for what it lacks? */
static bool is_silent(const struct replica *replica, const struct replica_progress *progress,
                      const struct follower_facts *facts)
{
    if (progress->end < 0)
        return true;
    return progress->end < replica->end && facts->question == QUESTION_ANSWERED &&
           facts->now_ms - progress->asked_ms > SILENT_MS;
}

static enum follower_state out_of_sync(const struct replica *replica,
                                       const struct replica_progress *progress,
                                       const struct follower_facts *facts)
{
    /* What it needs to join, as the core has it: all that may be committed. */
    int64_t needs = replica->epoch_start > replica->high_watermark ? replica->epoch_start
                                                                   : replica->high_watermark;
    bool flush = replica->flush_on_ack || replica->state.flush_on_ack;

    if (!facts->registered)
        return FOLLOWER_GONE;
    if (facts->lost)
        return FOLLOWER_LOST;
    if (facts->question == QUESTION_HELD)
        return FOLLOWER_THROTTLED;
    if (is_silent(replica, progress, facts))
        return FOLLOWER_SILENT;
    if (progress->end < needs)
        return FOLLOWER_BEHIND;
    if (flush && progress->flushed < needs)
        return FOLLOWER_FLUSHING;
    if (!progress->at_end && facts->now_ms - progress->caught_up_ms > replica->lag_max_ms)
        return FOLLOWER_BEHIND;
    return progress->propose_at_ms > facts->now_ms ? FOLLOWER_REFUSED : FOLLOWER_JOINING;
}

void follower_report_of(const struct replica *replica, const struct replica_progress *progress,
                        const struct follower_facts *facts, struct follower_report *out)
{
    out->broker = progress->id;
    out->end = progress->end;
    out->lag = replica_lag(replica, progress);
    out->behind_ms = progress->at_end ? 0 : facts->now_ms - progress->caught_up_ms;
    out->silent_ms = facts->now_ms - progress->asked_ms;
    if (!replica_set_has(&replica->state.isr, progress->id))
        out->state = out_of_sync(replica, progress, facts);
    else if (replica->doubt.count > 0 && !replica_set_has(&replica->doubt, progress->id))
        out->state = FOLLOWER_LEAVING;
    else
        out->state = FOLLOWER_IN_SYNC;
}
