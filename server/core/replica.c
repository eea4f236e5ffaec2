/* One replica of a partition. The picture of its roles stands in replica.h.
 *
 * Invariants; each can be broken on purpose (configure --enable-mutant=NAME), tests/mutants/run
 * proves that each is watched:
 *
 *  L1  start <= high watermark <= end
 *  L2  the leader's watermark is at most the end of every member of the stored set and of the one
 *      in doubt, as told by itself in this epoch and incarnation, without divergence
 *      and from memory only where no flush flag excuses that it is lost
 *                    watermark-small-set diverged-progress no-incarnation-check kip101-only
 *                    memory-trusted old-memory-counts former-life-counts
 *  L3  it rises only while at least min_insync replicas are members of both    no-minimum
 *  L4  who is proposed has all up to the watermark and to where the epoch began
 *                                                                          isr-join-early
 *  L5  one proposal at a time; until its end is known it may be stored     isr-blind-write
 *      also when our log went out of use meanwhile                      doubt-closed-away
 *  L6  the watermark falls, and records below it are cut, only by an unclean epoch newer than the
 *      one in which it was learned                                     truncate-to-watermark
 *  L7  a follower learns the watermark from answers that found no divergence
 *                                                                    watermark-before-truncation
 *  L8  a question is open only while we follow and our end is known; only its own answer counts,
 *      and a new epoch is a new question                    stale-answer skip-missed-epoch
 *  L9  nobody of another epoch is answered with records                        no-epoch-fence
 *  L10 without the lease only acks=all goes on, while every possible member follows us in this
 *      epoch                                                                   no-self-fence
 *  L11 all who wait for acks=all are answered when we stop to lead, and when the set is too small
 *                                                                    forgotten-produces
 *
 *  L12 a step that leaves another one broken orders nothing but the end of this replica
 *                                                                 broken-rule-unnoticed
 *  L13 the watermark waits for nothing but L2 and L3                          watermark-waits
 *
 * The role follows from the state and the log. While an order to the log has no answer it is
 * WAITING; a leader gives no such orders. */
#include <stdlib.h>

#include "common/error.h"
#include "server/core/replica_private.h"

void replica_init(struct replica *replica, int32_t self)
{
    memset(replica, 0, sizeof *replica);
    replica->self = self;
    replica->lag_max_ms = INT64_MAX;
    replica->last_epoch = replica->watermark_epoch = -1;
    replica->epoch_start = -1;
    replica->propose_retry_ms = replica->fetch_retry_ms = INT64_MAX;
    replica->next_round = 1;
    replica->leader_watermark = replica->trim_ordered = -1;
    replica->state.leader = replica->state.leader_epoch = replica->state.version = -1;
    replica->state.unclean_epoch = -1;
}

void replica_fini(struct replica *replica)
{
    free(replica->progress);
    replica->progress = NULL;
    replica->progress_count = 0;
}

int replica_copy(struct replica *to, const struct replica *from)
{
    *to = *from;
    to->progress = NULL;
    if (from->progress == NULL)
        return 0;
    size_t count = from->progress_count > 0 ? (size_t)from->progress_count : 1;
    to->progress = malloc(count * sizeof *to->progress);
    if (to->progress == NULL) {
        to->progress_count = 0;
        return K_NOMEM;
    }
    memcpy(to->progress, from->progress, (size_t)from->progress_count * sizeof *to->progress);
    return 0;
}

void replica_answer_produces(struct replica_effects *effects, int64_t end, int code)
{
    struct replica_effect *effect = replica_order(effects, REPLICA_DO_ANSWER_PRODUCES);
    effect->answer_produces.end = end;
    effect->answer_produces.code = code;
}

void replica_publish(struct replica_effects *effects, int64_t watermark)
{
    replica_order(effects, REPLICA_DO_PUBLISH)->publish.end = watermark;
}

/* --- the role --------------------------------------------------------------------------------- */

/* Give up what belongs to the role; `code` is for who waits for acks=all. */
static void leave_role(struct replica *replica, int code, struct replica_effects *effects)
{
    if (replica->role == REPLICA_LEADING) {
#ifndef MUTANT_FORGOTTEN_PRODUCES
        replica_answer_produces(effects, INT64_MAX, code); /* L11 */
#endif
        lead_stop(replica);
    } else if (replica->role == REPLICA_FOLLOWING) {
        follow_stop(replica);
        replica_order(effects, REPLICA_DO_STOP_FETCHING);
    }
}

void replica_fail(struct replica *replica, int code, const char *reason,
                  struct replica_effects *effects)
{
    leave_role(replica, code, effects);
    isr_forget_doubt(replica);
    replica->closed = false;
    replica->role = REPLICA_FAILED;
    replica->failure = code;
    struct replica_effect *effect = replica_order(effects, REPLICA_DO_FAIL);
    effect->fail.code = code;
    effect->fail.reason = reason;
}

/* The role that the state asks for. */
static enum replica_role role_due(const struct replica *replica)
{
    const struct partition_state *state = &replica->state;

    if (!replica->open || !replica->assigned || state->leader < 0)
        return REPLICA_WAITING;
    if (state->leader == replica->self) /* a log that is newer than the state waits for its state */
        return replica->last_epoch <= state->leader_epoch ? REPLICA_LEADING : REPLICA_WAITING;
    return replica_set_has(&state->replicas, replica->self) ||
                   replica_set_has(&state->isr, replica->self)
               ? REPLICA_FOLLOWING
               : REPLICA_WAITING;
}

/* Nothing is wrong with our log: it is as if it was not in use for a while. */
static void run_out(struct replica *replica, int error, struct replica_effects *effects)
{
    const struct replica_set doubt = replica->doubt;
    bool doubt_flush = replica->doubt_flush;

    replica_fail(replica, error, "out of memory for the progress of followers", effects);
    replica->closed = true;
    replica->doubt = doubt;
    replica->doubt_flush = doubt_flush;
}

/* What a leader does once its set or epoch is another one. */
static void lead_on(struct replica *replica, int error, struct replica_effects *effects)
{
    if (error != 0) {
        run_out(replica, error, effects);
        return;
    }
    lead_advance(replica, effects);
#ifndef MUTANT_FORGOTTEN_PRODUCES
    if (lead_is_short(replica))
        replica_answer_produces(effects, INT64_MAX, K_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
#endif
}

/* A new epoch begins, or the log is known at last. */
static void take_role(struct replica *replica, int64_t now_ms, struct replica_effects *effects)
{
    enum replica_role due = replica_log_busy(replica) ? REPLICA_WAITING : role_due(replica);

    if (due != replica->role)
        leave_role(replica, K_NOT_LEADER_OR_FOLLOWER, effects);
    replica->role = due;
    if (due == REPLICA_LEADING)
        lead_on(replica, lead_start(replica, now_ms), effects);
    else if (due == REPLICA_FOLLOWING)
        follow_start(replica, effects);
}

/* --- the state -------------------------------------------------------------------------------- */

static bool is_set(const struct replica_set *set)
{
    if (set->count < 0 || set->count > REPLICAS_MAX)
        return false;
    for (int32_t i = 0; i < set->count; i++)
        for (int32_t j = 0; j < i; j++)
            if (set->ids[i] == set->ids[j])
                return false;
    return true;
}

static const char *nonsense(const struct replica *replica, const struct partition_state *state)
{
    if (!is_set(&state->replicas) || !is_set(&state->isr) || !is_set(&state->eligible) ||
        state->replicas.count == 0)
        return "the stored sets of replicas make no sense";
    if (state->leader_epoch < 0 || state->version < 0)
        return "the stored epoch or version makes no sense";
    if (state->leader >= 0 && !replica_set_has(&state->isr, state->leader))
        return "the stored leader is not in sync";
    if (state->leader == replica->self && !replica_set_has(&state->replicas, state->leader))
        return "the stored leader is no replica";
    if (replica->assigned && state->leader_epoch == replica->state.leader_epoch &&
        state->leader != replica->state.leader)
        return "two leaders of one epoch";
    return NULL;
}

static void on_assigned(struct replica *replica, const struct replica_event *event,
                        struct replica_effects *effects)
{
    const struct partition_state *state = event->assigned;
    bool new_epoch = !replica->assigned || state->leader_epoch > replica->state.leader_epoch;
    const char *reason = nonsense(replica, state);

    if (state->version < 0)
        return; /* announced before it was ever stored: it says nothing yet */
    if (!new_epoch && (state->leader_epoch < replica->state.leader_epoch ||
                       state->version <= replica->state.version))
        return;
    if (reason != NULL) {
        replica_fail(replica, K_CORRUPT, reason, effects);
        return;
    }
#ifdef MUTANT_SKIP_MISSED_EPOCH
    if (replica->assigned && state->leader == replica->state.leader)
        new_epoch = false;
#endif
    bool needed_flush = replica_needs_flush(replica);
    struct replica_set before = replica->state.isr;
    isr_forget_doubt(replica); /* this is what became of it */
    replica->state = *state;
    replica->assigned = true;
    if (replica->closed)
        return;
    if (new_epoch || role_due(replica) != replica->role) {
        take_role(replica, event->now_ms, effects);
    } else if (replica->role == REPLICA_LEADING) {
        if (needed_flush && !replica_needs_flush(replica))
            lead_count_flushed(replica);
        lead_admit(replica, &before);
        lead_on(replica, lead_adapt(replica, event->now_ms), effects);
    } else if (replica->round != 0 && needed_flush != replica_needs_flush(replica)) {
        follow_ask(replica, effects); /* another of our ends counts now */
    }
}

/* --- facts about our log ---------------------------------------------------------------------- */

static int64_t within(int64_t value, int64_t low, int64_t high)
{
    if (value < low)
        return low;
    return value > high ? high : value;
}

static void on_opened(struct replica *replica, const struct replica_event *event,
                      struct replica_effects *effects)
{
    if (replica->open && !replica->closed)
        return;
    replica->closed = replica->truncating = replica->appending = false;
    replica->role = REPLICA_WAITING;
    replica->failure = 0;
    if (event->opened.start < 0 || event->opened.end < event->opened.start) {
        replica_fail(replica, K_CORRUPT, "the log ends before it starts", effects);
        return;
    }
    replica->open = true;
    replica->start = event->opened.start;
    replica->end = event->opened.end;
    replica->flushed = within(event->opened.flushed, replica->start, replica->end);
    replica->last_epoch = replica->watermark_epoch = event->opened.last_epoch;
    replica->high_watermark = within(event->opened.high_watermark, replica->start, replica->end);
    if (event->opened.high_watermark > replica->end)
        replica_publish(effects, replica->end); /* or it would count again when the log has grown */
    take_role(replica, event->now_ms, effects);
    if (replica->role == REPLICA_LEADING)
        isr_resume(replica, event->now_ms);
    else if (!replica->closed)
        isr_forget_doubt(replica); /* only a newer state can let us lead */
}

/* What was proposed may still be stored, whatever became of our log. */
static void on_closed(struct replica *replica, const struct replica_event *event,
                      struct replica_effects *effects)
{
#ifndef MUTANT_DOUBT_CLOSED_AWAY
    const struct replica_set doubt = replica->doubt;
    bool doubt_flush = replica->doubt_flush;
#endif

    leave_role(replica, event->closed.code, effects);
    replica->role = REPLICA_FAILED;
    replica->failure = event->closed.code;
    replica->closed = true;
#ifndef MUTANT_DOUBT_CLOSED_AWAY
    replica->doubt = doubt;
    replica->doubt_flush = doubt_flush;
#endif
}

static void on_appended(struct replica *replica, const struct replica_event *event,
                        struct replica_effects *effects)
{
    bool grew = event->appended.end > replica->end;
    bool ordered = replica->appending;

    replica->appending = false;
    if (grew) {
        replica->end = event->appended.end;
        replica->last_epoch = event->appended.last_epoch;
    }
    if (replica->role == REPLICA_LEADING) {
        if (!grew)
            return;
        lead_on_appended(replica, event->now_ms);
        lead_on(replica, 0, effects);
    } else if (replica->role == REPLICA_FOLLOWING) {
        if (ordered)
            follow_advance(replica, effects);
        if (ordered && !grew) {
            follow_retry_later(replica, event->now_ms);
        } else if (!replica_log_busy(replica)) {
            replica->fetch_wait_ms = FETCH_WAIT_MIN_MS;
            follow_ask(replica, effects);
        }
    } else {
        take_role(replica, event->now_ms, effects);
    }
}

static void on_flushed(struct replica *replica, const struct replica_event *event,
                       struct replica_effects *effects)
{
    int64_t before = replica_flushed(replica);

    if (event->flushed.end > replica->flushed)
        replica->flushed = event->flushed.end;
    if (replica_flushed(replica) == before)
        return;
    if (replica->role == REPLICA_LEADING)
        lead_advance(replica, effects);
    else if (replica->round != 0 && replica_needs_flush(replica))
        follow_ask(replica, effects); /* the leader waits for that */
}

static void on_truncated(struct replica *replica, const struct replica_event *event,
                         struct replica_effects *effects)
{
    if (!replica->truncating)
        return;
    replica->truncating = false;
    if (event->truncated.start < 0 || event->truncated.end < event->truncated.start ||
        event->truncated.start > replica->high_watermark ||
        event->truncated.end < replica->high_watermark) {
        replica_fail(replica, K_CORRUPT, "the log lost records that were committed", effects);
        return;
    }
    replica->start = event->truncated.start;
    replica->end = event->truncated.end;
    replica->last_epoch = event->truncated.last_epoch;
    replica->flushed = within(replica->flushed, replica->start, replica->end);
    if (replica->start == replica->end)
        replica_publish(effects, replica->high_watermark); /* of a log that begins anew */
    if (replica->role == REPLICA_FOLLOWING)
        follow_ask(replica, effects);
    else
        take_role(replica, event->now_ms, effects);
}

static void on_trimmed(struct replica *replica, const struct replica_event *event,
                       struct replica_effects *effects)
{
    if (replica->truncating || event->trimmed.start <= replica->start)
        return;
    if (event->trimmed.start > replica->high_watermark) {
        replica_fail(replica, K_CORRUPT, "records were removed that are not committed", effects);
        return;
    }
    replica->start = event->trimmed.start;
    if (replica->flushed < replica->start)
        replica->flushed = replica->start;
}

static void on_configured(struct replica *replica, const struct replica_event *event,
                          struct replica_effects *effects)
{
    bool began = event->configured.flush_on_ack && !replica->flush_on_ack;

    replica->flush_on_ack = event->configured.flush_on_ack;
    replica->lag_max_ms = event->configured.lag_max_ms;
    if (replica->role == REPLICA_LEADING)
        lead_advance(replica, effects);
    else if (began && replica->round != 0)
        follow_ask(replica, effects); /* it may not know how much of our log is on the disk */
}

/* --- the step --------------------------------------------------------------------------------- */

/* What time alone brings about, and what the event made due; looked at after every event. */
static void on_time(struct replica *replica, int64_t now_ms, struct replica_effects *effects)
{
    if (replica->role == REPLICA_LEADING)
        isr_review(replica, now_ms, effects);
    else if (replica->role == REPLICA_FOLLOWING && now_ms >= replica->fetch_retry_ms)
        follow_ask(replica, effects);
}

static void on_log_event(struct replica *replica, const struct replica_event *event,
                         struct replica_effects *effects)
{
    if (event->type == REPLICA_APPENDED)
        on_appended(replica, event, effects);
    else if (event->type == REPLICA_FLUSHED)
        on_flushed(replica, event, effects);
    else if (event->type == REPLICA_TRUNCATED)
        on_truncated(replica, event, effects);
    else if (event->type == REPLICA_TRIMMED)
        on_trimmed(replica, event, effects);
}

static void dispatch(struct replica *replica, const struct replica_event *event,
                     struct replica_effects *effects)
{
    switch (event->type) {
    case REPLICA_ASSIGNED:
        on_assigned(replica, event, effects);
        break;
    case REPLICA_CONFIGURED:
        on_configured(replica, event, effects);
        break;
    case REPLICA_OPENED:
        on_opened(replica, event, effects);
        break;
    case REPLICA_CLOSED:
        on_closed(replica, event, effects);
        break;
    case REPLICA_APPENDED:
    case REPLICA_FLUSHED:
    case REPLICA_TRUNCATED:
    case REPLICA_TRIMMED:
        if (replica->open)
            on_log_event(replica, event, effects);
        break;
    case REPLICA_FETCH:
        lead_on_fetch(replica, event, effects);
        break;
    case REPLICA_FETCHED:
        follow_on_fetched(replica, event, effects);
        break;
    case REPLICA_ISR_ANSWERED:
        isr_on_answered(replica, event);
#ifndef MUTANT_WATERMARK_WAITS
        if (replica->role == REPLICA_LEADING)
            lead_advance(replica, effects); /* L13: who was refused need not have it all */
#endif
        break;
    case REPLICA_REIGN:
#ifndef MUTANT_REIGN_UNHEARD
        if (replica->role == REPLICA_LEADING)
            isr_resume(replica, event->now_ms);
#endif
        break;
    case REPLICA_TICK:
        break;
    }
}

const char *replica_check(const struct replica *replica)
{
    const struct partition_state *state = &replica->state;
    bool leads = replica->role == REPLICA_LEADING, follows = replica->role == REPLICA_FOLLOWING;
    bool busy = replica_log_busy(replica), asks = replica->round != 0;
    bool retries = replica->fetch_retry_ms != INT64_MAX, doubts = replica->doubt.count > 0;
    const struct {
        bool holds;
        const char *name;
    } rules[] = {
        { replica->start <= replica->high_watermark && replica->high_watermark <= replica->end,
          "L1 the watermark is between start and end" },
        { !leads || (replica->open && state->leader == replica->self),
          "who leads is the leader of the state, and has a log" },
        { !leads || replica_set_has(&state->isr, replica->self), "who leads is in sync" },
        { !leads || !busy, "who leads has no order to the log under way" },
        { !leads || replica->epoch_start <= replica->end, "the epoch begins within the log" },
        { leads || (replica->progress == NULL && replica->progress_count == 0),
          "only who leads knows of progress" },
        { !leads || lead_committed(replica) == replica->high_watermark,
          "L13 the watermark waits for nobody" },
        { leads || replica->propose_round == 0, "only who leads proposes" },
        { leads || replica->closed || !doubts, "only who led in this epoch doubts" },
        { replica->propose_round == 0 || doubts, "L5 what is proposed is in doubt" },
        { !doubts || replica_set_has(&replica->doubt, replica->self),
          "L5 who proposes is a member" },
        { follows || (!asks && !retries), "L8 only who follows asks" },
        { !asks || !busy, "L8 who asks knows its end" },
        { !follows || asks + retries + busy == 1, "who follows is about to go on" },
    };

    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (!rules[i].holds)
            return rules[i].name;
    return NULL;
}

/* Whatever the step ordered follows from what can not be, so none of it is carried out; but who
 * waits is told, whichever role it was. */
static void fence(struct replica *replica, const struct replica_event *event, const char *broken,
                  struct replica_effects *effects)
{
    effects->count = 0;
    replica->broken = broken;
    lead_stop(replica);
    follow_stop(replica);
    replica->role = REPLICA_WAITING;
    replica_answer_produces(effects, INT64_MAX, K_KAFKA_STORAGE_ERROR);
    replica_order(effects, REPLICA_DO_STOP_FETCHING);
    replica_fail(replica, K_KAFKA_STORAGE_ERROR, broken, effects);
    if (event->type == REPLICA_FETCH)
        lead_on_fetch(replica, event, effects);
}

void replica_step(struct replica *replica, const struct replica_event *event,
                  struct replica_effects *effects)
{
    effects->count = 0;
    /* Who failed has nothing more to say, but a fetch is always answered; and who may be back
     * listens to what is stored and configured. */
    bool heard = replica->role != REPLICA_FAILED || event->type == REPLICA_FETCH ||
                 (replica->closed &&
                  (event->type == REPLICA_ASSIGNED || event->type == REPLICA_CONFIGURED ||
                   event->type == REPLICA_OPENED));
    if (heard) {
        dispatch(replica, event, effects);
        on_time(replica, event->now_ms, effects);
    }
    const char *broken = replica->broken == NULL ? replica_check(replica) : NULL;
#ifdef MUTANT_BROKEN_RULE_UNNOTICED
    broken = NULL;
#endif
    if (broken != NULL)
        fence(replica, event, broken, effects); /* L12 */
}

int64_t replica_deadline_ms(const struct replica *replica)
{
    if (replica->role == REPLICA_LEADING)
        return isr_deadline_ms(replica);
    return replica->role == REPLICA_FOLLOWING ? replica->fetch_retry_ms : INT64_MAX;
}

/* --- questions -------------------------------------------------------------------------------- */

int replica_may_append(const struct replica *replica, bool acks_all, bool lease_holds)
{
    if (replica->role == REPLICA_FAILED)
        return replica->failure;
    if (replica->role != REPLICA_LEADING)
        return K_NOT_LEADER_OR_FOLLOWER;
#ifndef MUTANT_NO_SELF_FENCE
    if (!lease_holds && !(acks_all && lead_is_followed_by_all(replica)))
        return K_LEASE_EXPIRED; /* L10 */
#endif
    return acks_all && lead_is_short(replica) ? K_NOT_ENOUGH_REPLICAS : 0;
}

int replica_may_read(const struct replica *replica, bool lease_holds)
{
    if (replica->role == REPLICA_FAILED)
        return replica->failure;
    if (replica->role != REPLICA_LEADING)
        return K_NOT_LEADER_OR_FOLLOWER;
#ifdef MUTANT_NO_SELF_FENCE
    lease_holds = true;
#endif
    return lease_holds ? 0 : K_LEASE_EXPIRED;
}

int replica_latest(const struct replica *replica, int64_t *offset)
{
    if (replica->high_watermark < replica->epoch_start)
        return K_OFFSET_NOT_AVAILABLE;
    *offset = replica->high_watermark;
    return 0;
}

bool replica_tells_end(const struct replica *replica, struct log_end *end)
{
    const struct partition_state *state = &replica->state;

    if (!replica->open || !replica->assigned || replica->role != REPLICA_WAITING ||
        state->leader >= 0 || replica_log_busy(replica) ||
        (!replica_set_has(&state->isr, replica->self) &&
         !replica_set_has(&state->eligible, replica->self)))
        return false;
    *end = (struct log_end){replica->last_epoch, replica->end};
    return true;
}

int64_t replica_lag(const struct replica *replica, const struct replica_progress *progress)
{
    int64_t has = progress->end > replica->start ? progress->end : replica->start;

    return has < replica->end ? replica->end - has : 0;
}
