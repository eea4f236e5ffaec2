/* The rules of a member.
 *
 * M1  Nothing is joined while an eager member's application still holds something.
 * M2  What was lost is offered as lost before anything else is offered.
 * M3  At most one of join, sync and heartbeat is in flight, and its round is the latest.
 * M4  Heartbeats are sent exactly in the phases STABLE and REVOKING. */
#include "client/membership.h"

#include <assert.h>

#include "common/error.h"

/* What an answer means. */
enum verdict {
    IS_FINE,
    IS_ELSEWHERE,                   /* the coordinator, or it can not be reached */
    IS_LATER,
    IS_REBALANCE,
    IS_NEW_ID,                      /* come again with the id that was told */
    IS_UNKNOWN,                     /* the coordinator does not know us */
    IS_OUTDATED,                    /* our generation */
    IS_FENCED,
    IS_REFUSED
};

static enum verdict judge(int code)
{
    switch (code) {
    case 0: return IS_FINE;
    case K_NOT_COORDINATOR:
    case K_COORDINATOR_NOT_AVAILABLE:
    case K_NETWORK_EXCEPTION:
    case K_CONNECTION_FAILED:
    case K_RESOLVE_FAILED:
    case K_REQUEST_TIMED_OUT: return IS_ELSEWHERE;
    case K_REBALANCE_IN_PROGRESS: return IS_REBALANCE;
    case K_MEMBER_ID_REQUIRED: return IS_NEW_ID;
    case K_UNKNOWN_MEMBER_ID: return IS_UNKNOWN;
    case K_ILLEGAL_GENERATION: return IS_OUTDATED;
    case K_FENCED_INSTANCE_ID: return IS_FENCED;
    default: return k_error_retriable(code) ? IS_LATER : IS_REFUSED;
    }
}

static struct membership_effect *order(struct membership *membership,
                                       enum membership_effect_type type)
{
    assert(membership->effect_count < MEMBERSHIP_EFFECTS_MAX);
    struct membership_effect *effect = &membership->effects[membership->effect_count++];
    *effect = (struct membership_effect){ .type = type };
    return effect;
}

static struct membership_effect *ask(struct membership *membership,
                                     enum membership_effect_type type)
{
    struct membership_effect *effect = order(membership, type);
    effect->round = membership->round = ++membership->next_round;
    return effect;
}

static void tell(struct membership *membership, int code)
{
    order(membership, MEMBERSHIP_DO_TELL)->tell.code = code;
}

/* --- back-off --------------------------------------------------------------------------------- */

static void back_off(struct membership *membership, int64_t now_ms)
{
    int64_t next = membership->backoff_ms <= 1 ? membership->options.backoff_ms
                                               : 2 * membership->backoff_ms;

    if (next > membership->options.backoff_max_ms)
        next = membership->options.backoff_max_ms;
    /* A fifth of jitter each way: members that failed together do not return together. */
    int64_t spread = next / 5;
    next += (int64_t)rand_below(&membership->rand, (uint64_t)(2 * spread + 1)) - spread;
    membership->backoff_ms = next > 1 ? next : 2;
    membership->retry_ms = now_ms + membership->backoff_ms;
}

/* The first time at once: what went wrong is known and may be right now. */
static void retry(struct membership *membership, int64_t now_ms)
{
    if (membership->backoff_ms == 0)
        membership->backoff_ms = 1;
    else
        back_off(membership, now_ms);
}

static void went_well(struct membership *membership, int64_t alive_ms)
{
    membership->alive_ms = alive_ms;
    membership->backoff_ms = 0;
    membership->retry_ms = 0;
}

/* --- what is in flight ------------------------------------------------------------------------ */

static void cancel(struct membership *membership)
{
    if (membership->asked || membership->beating || membership->phase == MEMBER_DECIDING)
        order(membership, MEMBERSHIP_DO_CANCEL);
    membership->asked = membership->beating = false;
    membership->round = 0;
}

static void enter(struct membership *membership, enum membership_phase phase)
{
    cancel(membership);
    membership->phase = phase;
}

static bool beats(const struct membership *membership)
{
    return membership->phase == MEMBER_STABLE || membership->phase == MEMBER_REVOKING;
}

/* Ask what this phase has to ask, as soon as that is possible. */
static void go_on(struct membership *membership, int64_t now_ms)
{
    enum membership_phase phase = membership->phase;

    if (!beats(membership) && phase != MEMBER_JOINING && phase != MEMBER_SYNCING)
        return;
    if (membership->asked || membership->beating || now_ms < membership->retry_ms ||
        (beats(membership) && now_ms < membership->next_beat_ms))
        return;
    if (!membership->found) {
        if (!membership->finding)
            order(membership, MEMBERSHIP_DO_FIND);
        membership->finding = true;
    } else if (phase == MEMBER_JOINING) {
        membership->asked = true;
        membership->stale = false;
        ask(membership, MEMBERSHIP_DO_JOIN);
    } else if (phase == MEMBER_SYNCING) {
        membership->asked = true;
        ask(membership, MEMBERSHIP_DO_SYNC)->sync.assigns =
            membership->leads && !membership->skip_assignment;
    } else {
        membership->beating = true;
        membership->beat_ms = now_ms;
        ask(membership, MEMBERSHIP_DO_BEAT)->beat.wait_ms = membership->options.heartbeat_ms;
    }
}

/* --- what the application holds --------------------------------------------------------------- */

static void offer(struct membership *membership, enum membership_offer what, bool any)
{
    struct membership_effect *effect = order(membership, MEMBERSHIP_DO_OFFER);

    effect->offer.number = ++membership->offer;
    effect->offer.what = what;
    membership->offers_any = any;
    membership->rejoins = false;
}

/* Somebody else may have it now. */
static void lose(struct membership *membership)
{
    if (membership->holding)
        offer(membership, OFFER_LOST, false);       /* M2 */
    membership->holding = false;
    membership->generation = -1;
}

static void join_anew(struct membership *membership)
{
    lose(membership);
    enter(membership, MEMBER_JOINING);
}

static void forget_id(struct membership *membership)
{
    order(membership, MEMBERSHIP_DO_FORGET_ID);
    membership->named = false;
}

static void become_nobody(struct membership *membership)
{
    forget_id(membership);
    join_anew(membership);
}

static void refuse(struct membership *membership)
{
    enter(membership, MEMBER_REFUSED);
    lose(membership);
    tell(membership, K_FENCED_INSTANCE_ID);
}

/* To the next generation; what is held is kept by who cooperates. */
static void rejoin(struct membership *membership)
{
    bool gives_up = membership->holding && !membership->options.cooperative;

#ifdef MUTANT_JOIN_HOLDING
    gives_up = false;
#endif
    enter(membership, gives_up ? MEMBER_REVOKING : MEMBER_JOINING);
    membership->rejoins = false;
    if (gives_up)
        offer(membership, OFFER_NOTHING, false);    /* M1 */
}

/* --- answers ---------------------------------------------------------------------------------- */

/* What they all may say. The phase has to join again unless it says otherwise. */
static void trouble(struct membership *membership, const struct membership_event *event)
{
    switch (judge(event->code)) {
    case IS_ELSEWHERE:
        membership->found = false;
        retry(membership, event->now_ms);
        break;
    case IS_NEW_ID:
        if (membership->named)
            back_off(membership, event->now_ms);
        membership->named = true;
        break;
    case IS_REBALANCE:
        break;                      /* it sets the pace: the join is kept until all are there */
    case IS_UNKNOWN:
        become_nobody(membership);
        retry(membership, event->now_ms);
        break;
    case IS_OUTDATED:
        join_anew(membership);
        retry(membership, event->now_ms);
        break;
    case IS_FENCED:
        refuse(membership);
        break;
    case IS_REFUSED:
        tell(membership, event->code);
        back_off(membership, event->now_ms);
        break;
    default:
        back_off(membership, event->now_ms);
        break;
    }
}

/* The group keeps the place of a static member that is away: generations may have come and gone in
 * which others got what it holds. A dynamic one is in each of them, or known no more. */
static bool has_missed(const struct membership *membership, int32_t generation)
{
    int64_t after = (int64_t)generation - membership->generation;

#ifdef MUTANT_MISSED_UNNOTICED
    return false;
#endif
    return membership->options.is_static && membership->holding && after != 0 && after != 1;
}

static void joined(struct membership *membership, const struct membership_event *event)
{
    if (event->code != 0) {
        trouble(membership, event);
        return;
    }
    if (has_missed(membership, event->joined.generation)) {
        lose(membership);
        membership->stale = true;   /* the leader has heard that it owns it, and keeps it back */
    }
    membership->named = true;
    membership->alive_ms = event->now_ms;
    membership->retry_ms = 0;
    membership->generation = event->joined.generation;
    membership->leads = event->joined.leads;
    membership->skip_assignment = event->joined.skip_assignment;
    if (membership->leads && !membership->skip_assignment) {
        enter(membership, MEMBER_DECIDING);
        ask(membership, MEMBERSHIP_DO_DECIDE);
    } else {
        enter(membership, MEMBER_SYNCING);
    }
}

static void decided(struct membership *membership, const struct membership_event *event)
{
    membership->round = 0;          /* nothing is left to be cancelled */
    membership->phase = event->code == 0 ? MEMBER_SYNCING : MEMBER_JOINING;
    if (event->code == 0)
        return;
    tell(membership, event->code);
    back_off(membership, event->now_ms);
}

static void synced(struct membership *membership, const struct membership_event *event)
{
    if (event->code != 0) {
        enter(membership, MEMBER_JOINING);
        trouble(membership, event);
        return;
    }
    went_well(membership, event->now_ms);
    enter(membership, MEMBER_STABLE);
    membership->holding = event->synced.holds_any || event->synced.gives_up;
    membership->next_beat_ms = event->now_ms;
    offer(membership, OFFER_ASSIGNMENT, event->synced.holds_any);
    membership->rejoins = event->synced.gives_up;
    if (membership->stale)
        rejoin(membership);
}

static void beaten(struct membership *membership, const struct membership_event *event)
{
    enum verdict verdict = judge(event->code);

    if (verdict == IS_FINE || verdict == IS_REBALANCE) {
        int64_t next_ms = membership->beat_ms + membership->options.heartbeat_ms;
        went_well(membership, membership->beat_ms);
        membership->next_beat_ms = next_ms > event->now_ms ? next_ms : event->now_ms;
        if (verdict == IS_REBALANCE && membership->phase == MEMBER_STABLE)
            rejoin(membership);
    } else {
        trouble(membership, event);
    }
}

/* In another generation than the commit's, and while it joins, later answers say how it is. */
static void commit_failed(struct membership *membership, const struct membership_event *event)
{
    enum verdict verdict = judge(event->code);

    if (!beats(membership) || event->commit_failed.generation != membership->generation)
        return;
    if (verdict == IS_UNKNOWN || verdict == IS_OUTDATED || verdict == IS_FENCED)
        trouble(membership, event);
    else if (verdict == IS_REBALANCE && membership->phase == MEMBER_STABLE)
        rejoin(membership);
}

/* --- the others ------------------------------------------------------------------------------- */

static void reached(struct membership *membership, const struct membership_event *event)
{
    if (event->reached.offer != membership->offer)
        return;                     /* there is something newer on its way to it */
    membership->holding = membership->offers_any;
    if (membership->phase == MEMBER_REVOKING)
        enter(membership, MEMBER_JOINING);
    else if (membership->phase == MEMBER_STABLE && membership->rejoins)
        rejoin(membership);
}

static void changed(struct membership *membership)
{
    if (membership->phase == MEMBER_STABLE)
        rejoin(membership);
    else if (membership->asked || membership->phase == MEMBER_DECIDING ||
             membership->phase == MEMBER_SYNCING)
        membership->stale = true;   /* it has joined with less than it knows now */
}

static void subscribed(struct membership *membership, int64_t now_ms)
{
    if (membership->phase != MEMBER_OUT) {
        changed(membership);
        return;
    }
    membership->phase = MEMBER_JOINING;
    went_well(membership, now_ms);
}

static bool is_in(const struct membership *membership)
{
    return membership->phase != MEMBER_OUT && membership->phase != MEMBER_AWAY &&
           membership->phase != MEMBER_REFUSED;
}

static void unsubscribed(struct membership *membership, bool leave)
{
    bool in = is_in(membership);

    enter(membership, MEMBER_OUT);
    if (in && leave)
        order(membership, MEMBERSHIP_DO_LEAVE);
    forget_id(membership);
    membership->generation = -1;
    membership->holding = membership->stale = membership->rejoins = false;
}

/* --- time ------------------------------------------------------------------------------------- */

static bool too_long_away(const struct membership *membership, const struct membership_event *event)
{
    return event->away_since_ms != MEMBERSHIP_INSIDE &&
           event->now_ms - event->away_since_ms >= membership->options.poll_interval_ms;
}

/* Does only the clock tell whether the coordinator still counts us? While it keeps a join or a sync
 * it does. */
static bool session_runs(const struct membership *membership)
{
    return is_in(membership) && membership->holding && !membership->asked;
}

static void watch(struct membership *membership, const struct membership_event *event)
{
    bool away = too_long_away(membership, event);

    if (is_in(membership) && away) {
        enter(membership, MEMBER_AWAY);
        /* The coordinator would wait for what a static member has. */
        if (!membership->options.is_static) {
            order(membership, MEMBERSHIP_DO_LEAVE);
            forget_id(membership);
        }
        lose(membership);
    } else if (membership->phase == MEMBER_AWAY && !away) {
        membership->phase = MEMBER_JOINING;
    }
    if (session_runs(membership) &&
        event->now_ms - membership->alive_ms >= membership->options.session_ms)
        join_anew(membership);
}

/* Is it the answer to what was asked last? */
static bool is_awaited(struct membership *membership, const struct membership_event *event)
{
    if (event->round != membership->round || membership->round == 0)
        return false;
    membership->asked = membership->beating = false;
    return true;
}

struct membership_effects membership_step(struct membership *membership,
                                          const struct membership_event *event)
{
    membership->effect_count = 0;
    watch(membership, event);
    switch (event->type) {
    case MEMBERSHIP_SUBSCRIBED:
        subscribed(membership, event->now_ms);
        break;
    case MEMBERSHIP_UNSUBSCRIBED:
        unsubscribed(membership, event->unsubscribed.leave);
        break;
    case MEMBERSHIP_TOPICS_CHANGED:
        changed(membership);
        break;
    case MEMBERSHIP_FOUND:
        membership->finding = false;
        membership->found = event->code == 0;
        if (event->code != 0 && is_in(membership)) {
            tell(membership, event->code);
            back_off(membership, event->now_ms);
        }
        break;
    case MEMBERSHIP_JOINED:
        if (is_awaited(membership, event))
            joined(membership, event);
        break;
    case MEMBERSHIP_DECIDED:
        if (is_awaited(membership, event))
            decided(membership, event);
        break;
    case MEMBERSHIP_SYNCED:
        if (is_awaited(membership, event))
            synced(membership, event);
        break;
    case MEMBERSHIP_BEATEN:
        if (is_awaited(membership, event))
            beaten(membership, event);
        break;
    case MEMBERSHIP_COMMIT_FAILED:
        commit_failed(membership, event);
        break;
    case MEMBERSHIP_REACHED:
        reached(membership, event);
        break;
    case MEMBERSHIP_TICK:
        break;
    }
    go_on(membership, event->now_ms);
    return (struct membership_effects){ membership->effect_count, membership->effects };
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t membership_deadline_ms(const struct membership *membership, int64_t away_since_ms)
{
    int64_t next_ms = INT64_MAX, ask_ms = membership->retry_ms;

    if (!is_in(membership))
        return INT64_MAX;
    if (away_since_ms != MEMBERSHIP_INSIDE)
        next_ms = away_since_ms + membership->options.poll_interval_ms;
    if (session_runs(membership))
        next_ms = earlier(next_ms, membership->alive_ms + membership->options.session_ms);
    if (beats(membership) && membership->next_beat_ms > ask_ms)
        ask_ms = membership->next_beat_ms;
    bool waits = membership->asked || membership->beating || membership->finding ||
                 membership->phase == MEMBER_DECIDING;
    return waits ? next_ms : earlier(next_ms, ask_ms);
}

void membership_init(struct membership *membership, const struct membership_options *options)
{
    *membership = (struct membership){ .options = *options, .generation = -1 };
    rand_seed(&membership->rand, options->seed);
}
