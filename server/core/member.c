/* One broker's membership. The state picture stands in member.h.
 *
 * Invariants; each can be broken on purpose (configure --enable-mutant=NAME) and is proved to be
 * watched by tests/mutants/core.sh:
 *
 *  M1  the lease ends 2/3 of a session timeout after the *sending* of the newest heartbeat that is
 *      known to be committed                                           lease-from-answer
 *  M2  the lease is held only while SERVING: registered, and not leaving
 *                                                                      lease-outlives-session
 *  M3  an answer counts only when it names the question that is open   stale-round
 *  M4  we lead only while SERVING, and whoever was told to lead is told to step down
 *                                                                      no-step-down
 *  M5  at most one heartbeat is under way                              two-heartbeats
 *  M6  none is before the controller has told, in answer to a question asked since we were
 *      registered, who leads what                                      lease-before-news
 *
 * Not here: what the lease is used for; how long a stalled loop may borrow. */
#include "server/core/member.h"

#include <assert.h>
#include <string.h>

#include "common/error.h"

enum {
    RETRY_MS = 1000, /* between attempts to register, read the controller, write */
    LEAVE_MS = 5000  /* how long the release may take before we go without it */
};

void member_init(struct member *member, int32_t broker)
{
    memset(member, 0, sizeof *member);
    member->broker = broker;
    member->state = MEMBER_AWAY;
    member->conflict_since_ms = member->retry_at_ms = member->heartbeat_at_ms = MEMBER_NEVER;
    member->committed_ms = INT64_MIN;
    member->next_round = 1;
    member->controller = -1;
}

/* --- helpers ---------------------------------------------------------------------------------- */

static struct member_effect *order(struct member *member, enum member_effect_type type)
{
    assert(member->effect_count < MEMBER_EFFECTS_MAX);
    struct member_effect *effect = &member->effects[member->effect_count++];
    *effect = (struct member_effect){.type = type, .broker = -1};
    return effect;
}

/* Order something whose answer must name this very order. */
static uint64_t ask(struct member *member, enum member_effect_type type)
{
    uint64_t round = member->next_round++;
    order(member, type)->round = round;
    return round;
}

/* Is this the answer to the open question? Then the question is closed. */
static bool answers(uint64_t *open, uint64_t round)
{
    bool matches = *open != 0 && *open == round;
#ifdef MUTANT_STALE_ROUND
    matches = true;
#endif
    if (matches)
        *open = 0;
    return matches;
}

static void retry_at(struct member *member, int64_t at_ms)
{
    if (at_ms < member->retry_at_ms)
        member->retry_at_ms = at_ms;
}

/* Who is not registered follows once it is: what it hears then counts. */
static void follow(struct member *member, int32_t controller)
{
    if (member->controller == controller || (controller >= 0 && member->unregistered))
        return;
    member->controller = controller;
    member->follow_round = controller < 0 ? 0 : member->next_round++;
    struct member_effect *effect = order(member, MEMBER_DO_FOLLOW);
    effect->broker = controller;
    effect->round = member->follow_round;
    effect->anew = controller >= 0 && !member->told;
}

static void step_down(struct member *member)
{
    if (!member->leading)
        return;
    member->leading = false;
    member->epoch = member->epoch_version = 0;
#ifndef MUTANT_NO_STEP_DOWN
    order(member, MEMBER_DO_STEP_DOWN);
#endif
    follow(member, -1);
}

static void read_controller(struct member *member)
{
    member->read_round = ask(member, MEMBER_DO_READ_CONTROLLER);
}

static void register_now(struct member *member)
{
    member->retry_at_ms = MEMBER_NEVER;
    member->register_round = ask(member, MEMBER_DO_REGISTER);
}

/* Three heartbeats fit into a lease: two may fail before it ends. */
static int64_t heartbeat_interval_ms(const struct member *member)
{
    return (int64_t)member->timeout_ms * 2 / 9;
}

static void heartbeat_now(struct member *member, int64_t now_ms)
{
    assert(member->heartbeat_round == 0); /* M5 */
    member->heartbeat_round = ask(member, MEMBER_DO_HEARTBEAT);
    member->heartbeat_sent_ms = now_ms;
    member->heartbeat_at_ms = MEMBER_NEVER;
}

/* Without a registration there is no lease, and who has another must hear everything anew. */
static void end_lease(struct member *member)
{
    member->told = false;
    member->heartbeat_round = 0;
    member->heartbeat_at_ms = MEMBER_NEVER;
#ifndef MUTANT_LEASE_OUTLIVES_SESSION
    member->committed_ms = INT64_MIN;
#endif
}

/* Nothing of the session is left: its registration, its chair, its open questions. */
static void forget_session(struct member *member)
{
    end_lease(member);
    member->register_round = member->read_round = member->campaign_round = 0;
    member->unregistered = false;
}

static void go(struct member *member)
{
    forget_session(member);
    member->state = MEMBER_GONE;
    member->retry_at_ms = MEMBER_NEVER;
}

/* --- the session ------------------------------------------------------------------------------ */

static void on_expired(struct member *member)
{
    step_down(member);
    follow(member, -1);
    forget_session(member);
    member->session_up = false;
    member->session = 0;
    if (member->state == MEMBER_LEAVING) {
        go(member); /* the registration went with the session: nothing is left to wait for */
        order(member, MEMBER_DO_CLOSE);
        return;
    }
    member->state = MEMBER_AWAY;
    member->retry_at_ms = MEMBER_NEVER;
}

static void on_up(struct member *member, const struct member_event *event)
{
    if (member->state == MEMBER_LEAVING) {
        member->session_up = true;
        return;
    }
    if (member->state != MEMBER_AWAY && member->session != event->session_up.session)
        on_expired(member); /* a new session tells of the end of the old one */

    member->session_up = true;
    member->session = event->session_up.session;
    member->timeout_ms = event->session_up.timeout_ms;
    if (member->state == MEMBER_AWAY) {
        member->state = MEMBER_JOINING;
        register_now(member);
    } else if (member->state == MEMBER_SERVING) {
        /* What happened behind our back? And the lease may be short by now. */
        read_controller(member);
#ifdef MUTANT_TWO_HEARTBEATS
        member->heartbeat_at_ms = event->now_ms;
#else
        if (member->told && member->heartbeat_round == 0)
            heartbeat_now(member, event->now_ms);
#endif
    } else if (member->register_round == 0) {
        retry_at(member, event->now_ms + RETRY_MS);
    }
}

static void refuse(struct member *member, int code)
{
    step_down(member);
    go(member);
    order(member, MEMBER_DO_REFUSE)->code = code;
}

static void on_registered(struct member *member, const struct member_event *event)
{
    if (!answers(&member->register_round, event->registered.round) ||
        (member->state != MEMBER_JOINING && member->state != MEMBER_SERVING))
        return;

    if (event->registered.code == 0) {
        member->conflict_since_ms = MEMBER_NEVER;
        order(member, MEMBER_DO_SERVE);
        if (member->state == MEMBER_JOINING)
            member->retry_at_ms = MEMBER_NEVER;
        member->state = MEMBER_SERVING;
        member->unregistered = false;
#ifdef MUTANT_LEASE_BEFORE_NEWS
        member->told = true;
        heartbeat_now(member, event->now_ms);
#endif
        if (member->leading)
            follow(member, member->broker);
        else
            read_controller(member);
        return;
    }
    if (event->registered.code == K_ID_IN_USE) {
        if (member->conflict_since_ms == MEMBER_NEVER)
            member->conflict_since_ms = event->now_ms;
        /* A dead holder's node goes within one timeout, rounded up to ZooKeeper's next tick. */
        if (event->now_ms - member->conflict_since_ms >= 2 * (int64_t)member->timeout_ms) {
            refuse(member, K_ID_IN_USE);
            return;
        }
    }
    if (event->registered.code == K_UNSUPPORTED_VERSION) {
        refuse(member, K_UNSUPPORTED_VERSION); /* levels are never lowered: no use to wait */
        return;
    }
    retry_at(member, event->now_ms + RETRY_MS);
}

/* The session holds, so the chair does too. But others have lost sight of us, and elect. */
static void on_registration_gone(struct member *member, int64_t now_ms)
{
    if (member->state != MEMBER_SERVING || member->unregistered)
        return;
    follow(member, -1);
    end_lease(member);
    member->unregistered = true;
    retry_at(member, now_ms);
}

static void on_told(struct member *member, const struct member_event *event)
{
    if (member->state != MEMBER_SERVING || member->told || member->unregistered ||
        event->told.round == 0 || event->told.round != member->follow_round) /* M3 */
        return;
    member->told = true;
    if (member->session_up) /* else as soon as it is */
        heartbeat_now(member, event->now_ms);
}

static void on_heartbeat(struct member *member, const struct member_event *event)
{
    if (!answers(&member->heartbeat_round, event->heartbeat.round) ||
        member->state != MEMBER_SERVING)
        return;

    int64_t interval_ms = heartbeat_interval_ms(member);
    if (event->heartbeat.code == 0) {
        member->committed_ms = member->heartbeat_sent_ms; /* M1: not the time of the answer */
#ifdef MUTANT_LEASE_FROM_ANSWER
        member->committed_ms = event->now_ms;
#endif
        member->heartbeat_at_ms = member->heartbeat_sent_ms + interval_ms;
    } else {
        member->heartbeat_at_ms = event->now_ms + (interval_ms < RETRY_MS ? interval_ms : RETRY_MS);
    }
}

/* --- the chair -------------------------------------------------------------------------------- */

static void on_controller_seen(struct member *member, const struct member_event *event)
{
    if (!answers(&member->read_round, event->controller.round) || member->state != MEMBER_SERVING)
        return;
    if (event->controller.code != 0) {
        retry_at(member, event->now_ms + RETRY_MS);
        return;
    }

    if (event->controller.ours) {
        /* Without an epoch the chair is useless, and as long as we sit on it nobody is elected. */
        if (!member->leading && member->campaign_round == 0) {
            order(member, MEMBER_DO_VACATE);
#ifndef MUTANT_VACATES_ONCE
            retry_at(member, event->now_ms + RETRY_MS); /* that may have come to nothing */
#endif
        }
        return;
    }
    step_down(member); /* somebody took the chair away: by hand, or after a long pause */
    /* Our own id, but another session: a former life of ours that will be gone soon. */
    follow(member, event->controller.broker == member->broker ? -1 : event->controller.broker);
    if (event->controller.broker == -1 && member->campaign_round == 0)
        member->campaign_round = ask(member, MEMBER_DO_CAMPAIGN);
}

static void on_elected(struct member *member, const struct member_event *event)
{
    if (!answers(&member->campaign_round, event->elected.round) || member->state != MEMBER_SERVING)
        return;
    if (event->elected.code != 0) {
        if (event->elected.code == K_EXISTS)
            read_controller(member);
        else
            retry_at(member, event->now_ms + RETRY_MS);
        return;
    }
    member->leading = true;
    member->epoch = event->elected.epoch;
    member->epoch_version = event->elected.epoch_version;
    struct member_effect *lead = order(member, MEMBER_DO_LEAD);
    lead->epoch = member->epoch;
    lead->epoch_version = member->epoch_version;
    follow(member, member->broker);
}

static void on_deposed(struct member *member)
{
    if (!member->leading)
        return;
    step_down(member);
    if (member->state == MEMBER_SERVING)
        read_controller(member);
}

/* --- leaving ---------------------------------------------------------------------------------- */

static void on_stop(struct member *member, int64_t now_ms)
{
    if (member->state == MEMBER_LEAVING)
        return;
    step_down(member);
    if (member->state == MEMBER_AWAY) {
        go(member);
        order(member, MEMBER_DO_CLOSE);
        return;
    }
    /* The lease ends with the order: as soon as the registration is gone another may lead (M2). */
    forget_session(member);
    member->state = MEMBER_LEAVING;
    member->retry_at_ms = now_ms + LEAVE_MS;
    order(member, MEMBER_DO_RELEASE);
}

static void on_released(struct member *member)
{
    if (member->state != MEMBER_LEAVING)
        return;
    go(member);
    order(member, MEMBER_DO_CLOSE);
}

/* --- the step --------------------------------------------------------------------------------- */

/* What time alone brings about; looked at after every event. */
static void on_time(struct member *member, int64_t now_ms)
{
    if (member->state == MEMBER_LEAVING && now_ms >= member->retry_at_ms) {
        on_released(member); /* the node goes with the session */
        return;
    }
    if (!member->session_up)
        return;
    if (member->state == MEMBER_JOINING && now_ms >= member->retry_at_ms) {
        register_now(member);
    } else if (member->state == MEMBER_SERVING) {
        if (now_ms >= member->heartbeat_at_ms)
            heartbeat_now(member, now_ms);
        if (now_ms >= member->retry_at_ms) {
            member->retry_at_ms = MEMBER_NEVER;
            if (member->unregistered && member->register_round == 0)
                member->register_round = ask(member, MEMBER_DO_REGISTER);
            read_controller(member);
        }
    }
}

static void check(const struct member *member)
{
    assert(!member->leading || member->state == MEMBER_SERVING);                     /* M4 */
    assert(member->committed_ms == INT64_MIN || member->state == MEMBER_SERVING);    /* M2 */
    assert(member->heartbeat_round == 0 || member->heartbeat_at_ms == MEMBER_NEVER); /* M5 */
    assert(member->committed_ms <= member->heartbeat_sent_ms);                       /* M1 */
    assert(member->told || member->heartbeat_round == 0);                            /* M6 */
    assert(!member->told || (member->state == MEMBER_SERVING && !member->unregistered));
    assert(member->register_round == 0 || member->state == MEMBER_JOINING ||
           member->unregistered);
    assert(!member->unregistered || member->state == MEMBER_SERVING);
}

struct member_effects member_step(struct member *member, const struct member_event *event)
{
    member->effect_count = 0;

    switch (member->state == MEMBER_GONE ? MEMBER_TICK : event->type) {
    case MEMBER_SESSION_UP:
        on_up(member, event);
        break;
    case MEMBER_SESSION_SUSPENDED:
        member->session_up = false;
        break;
    case MEMBER_SESSION_EXPIRED:
        on_expired(member);
        break;
    case MEMBER_REGISTERED:
        on_registered(member, event);
        break;
    case MEMBER_REGISTRATION_GONE:
        on_registration_gone(member, event->now_ms);
        break;
    case MEMBER_HEARTBEAT_STORED:
        on_heartbeat(member, event);
        break;
    case MEMBER_CONTROLLER_SEEN:
        on_controller_seen(member, event);
        break;
    case MEMBER_CONTROLLER_CHANGED:
        if (member->state == MEMBER_SERVING)
            read_controller(member);
        break;
    case MEMBER_ELECTED:
        on_elected(member, event);
        break;
    case MEMBER_DEPOSED:
        on_deposed(member);
        break;
    case MEMBER_TOLD:
        on_told(member, event);
        break;
    case MEMBER_STOP_ASKED:
        on_stop(member, event->now_ms);
        break;
    case MEMBER_RELEASED:
        on_released(member);
        break;
    case MEMBER_TICK:
        break;
    }
    on_time(member, event->now_ms);
    check(member);
    return (struct member_effects){.count = member->effect_count, .items = member->effects};
}

int64_t member_deadline_ms(const struct member *member)
{
    if (!member->session_up && member->state != MEMBER_LEAVING)
        return INT64_MAX;
    return member->retry_at_ms < member->heartbeat_at_ms ? member->retry_at_ms
                                                         : member->heartbeat_at_ms;
}

int64_t member_lease_until_ms(const struct member *member)
{
    if (member->committed_ms == INT64_MIN)
        return INT64_MIN;
    return member->committed_ms + (int64_t)member->timeout_ms * 2 / 3;
}

bool member_lease_holds(const struct member *member, int64_t now_ms)
{
    return now_ms < member_lease_until_ms(member);
}
