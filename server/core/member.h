/* core/member.h - one broker's membership: session, registration, lease, candidacy. Pure.
 *
 * States (arrows name the event):
 *
 *   AWAY --SESSION_UP--> JOINING --REGISTERED--> SERVING --SESSION_EXPIRED--> AWAY
 *                          |  ^ ID_IN_USE: wait, try again; after two session timeouts DO_REFUSE;
 *                          |    UNSUPPORTED_VERSION (finalised feature levels): DO_REFUSE at once
 *   any --STOP_ASKED--> LEAVING --(chair and registration released)--> GONE
 *
 * The lease: the send time of the last heartbeat write that is known to be committed, plus 2/3 of
 * the negotiated session timeout; checked whenever an answer depends on leadership. The first
 * heartbeat of a registration waits until the controller has told everything to who asked after it:
 * while we had none, others may have been elected in our place. */
#ifndef CORE_MEMBER_H
#define CORE_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum member_state { MEMBER_AWAY, MEMBER_JOINING, MEMBER_SERVING, MEMBER_LEAVING, MEMBER_GONE };

enum member_event_type {
    MEMBER_SESSION_UP,          /* connected; may be a new session or the old one again */
    MEMBER_SESSION_SUSPENDED,   /* no server reachable */
    MEMBER_SESSION_EXPIRED,
    MEMBER_REGISTERED,          /* the registration multi was answered */
    MEMBER_REGISTRATION_GONE,   /* somebody deleted it, although our session lives */
    MEMBER_HEARTBEAT_STORED,    /* a heartbeat write was answered */
    MEMBER_CONTROLLER_SEEN,     /* /controller was read */
    MEMBER_CONTROLLER_CHANGED,  /* its watch fired */
    MEMBER_ELECTED,             /* the election multi was answered */
    MEMBER_DEPOSED,             /* a fenced write failed: we are no longer the controller */
    MEMBER_TOLD,                /* whom we follow has told everything that it announced */
    MEMBER_STOP_ASKED,
    MEMBER_RELEASED,            /* DO_RELEASE finished */
    MEMBER_TICK
};
enum { MEMBER_EVENT_TYPES = MEMBER_TICK + 1 };

struct member_event {
    enum member_event_type type;
    int64_t now_ms;             /* CLOCK_BOOTTIME */
    union {
        struct { int64_t session; int32_t timeout_ms; } session_up;
        /* round: of the order */
        struct { uint64_t round; int code; int64_t broker_epoch; } registered;
        struct { uint64_t round; int code; } heartbeat;
        /* broker -1: nobody */
        struct { uint64_t round; int code; int32_t broker; bool ours; } controller;
        struct { uint64_t round; int code; int32_t epoch, epoch_version; } elected;
        struct { uint64_t round; } told;    /* of the order to follow */
    };
};

enum member_effect_type {
    MEMBER_DO_REGISTER,
    MEMBER_DO_HEARTBEAT,        /* write the heartbeat znode; answer with the round */
    MEMBER_DO_READ_CONTROLLER,  /* read and watch /controller */
    MEMBER_DO_CAMPAIGN,
    MEMBER_DO_LEAD,             /* we are the controller: load and start, epoch and fence given */
    MEMBER_DO_STEP_DOWN,        /* stop being the controller, now */
    /* the chair is ours by session, but of its epoch we know nothing: give it up */
    MEMBER_DO_VACATE,
    /* this broker is the controller: hear everything (from nothing on, if `anew`) from it, TOLD,
     * and go on (-1: nobody known) */
    MEMBER_DO_FOLLOW,
    MEMBER_DO_SERVE,            /* registered: start answering clients */
    MEMBER_DO_RELEASE,          /* resign and unregister; then RELEASED */
    MEMBER_DO_CLOSE,            /* close the session: we are done */
    MEMBER_DO_REFUSE           /* we can not be a member: end the process, saying why */
};

struct member_effect {
    enum member_effect_type type;
    uint64_t round;             /* REGISTER, HEARTBEAT, READ_CONTROLLER, CAMPAIGN, FOLLOW (0 for
                                 * nobody): to be returned */
    int32_t broker;             /* FOLLOW */
    bool anew;
    int32_t epoch, epoch_version;   /* LEAD */
    int code;                   /* REFUSE: ID_IN_USE, UNSUPPORTED_VERSION */
};

struct member_effects { size_t count; const struct member_effect *items; };

enum { MEMBER_EFFECTS_MAX = 8 };
#define MEMBER_NEVER INT64_MAX

struct member {
    int32_t broker;
    enum member_state state;
    bool session_up;
    bool unregistered;          /* while SERVING: the registration was deleted, and is made again */
    int64_t session;
    int32_t timeout_ms;
    int64_t conflict_since_ms;  /* first ID_IN_USE; MEMBER_NEVER: none */
    int64_t retry_at_ms;       /* register or read the controller again; leaving: give up waiting */
    int64_t heartbeat_at_ms, heartbeat_sent_ms, committed_ms;
    uint64_t next_round;        /* 0 below: nothing of the kind is under way */
    uint64_t register_round, heartbeat_round, read_round, campaign_round, follow_round;
    bool told;                  /* all that the controller knew, since we were registered */
    int32_t controller, epoch, epoch_version;
    bool leading;
    struct member_effect effects[MEMBER_EFFECTS_MAX];
    size_t effect_count;
};

void member_init(struct member *member, int32_t broker);
struct member_effects member_step(struct member *member, const struct member_event *event);
int64_t member_deadline_ms(const struct member *member);

/* May we answer as a leader at this moment? False before the first committed heartbeat. */
bool member_lease_holds(const struct member *member, int64_t now_ms);
/* The moment at which it ends: what runtime hands to the loops. INT64_MIN: not held. */
int64_t member_lease_until_ms(const struct member *member);

#endif
