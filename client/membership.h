/* membership.h - what a member of a group does next. Pure: event in, effects out.
 *
 * The step contract (HACKING.md, "Pure cores") holds. The core knows neither names nor partitions:
 * the shell (group.c) keeps the member id, reads and writes what is told, and answers for what an
 * order says. A question in flight is named by its round; the answer to any other round is late
 * and without effect.
 *
 *   OUT --subscribed--> REVOKING --reached--> JOINING --joined--> DECIDING --decided--> SYNCING
 *                          ^   (eager, while something is held)    (leader only)           |
 *                          |                                                            synced
 *                          +------ news, a change of topics, something was given up ----- STABLE
 *
 * What the application is to hold goes to it as numbered offers, which it takes when it polls:
 * everything else goes on without it. An application that does not poll for max.poll.interval.ms is
 * AWAY: the group goes on without it until it comes back. REFUSED is the end: another process has
 * the same group.instance.id. */
#ifndef CLIENT_MEMBERSHIP_H
#define CLIENT_MEMBERSHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/rand.h"

enum membership_phase {
    MEMBER_OUT, MEMBER_REVOKING, MEMBER_JOINING, MEMBER_DECIDING, MEMBER_SYNCING, MEMBER_STABLE,
    MEMBER_AWAY, MEMBER_REFUSED
};

struct membership_options {
    int64_t session_ms, heartbeat_ms, poll_interval_ms;
    int64_t backoff_ms, backoff_max_ms;
    bool cooperative;               /* partitions are kept while it joins */
    bool is_static;                 /* it has an instance id: what it has waits for its return */
    uint64_t seed;                  /* of the jitter */
};

enum membership_event_type {
    MEMBERSHIP_SUBSCRIBED,          /* to something, or to something else */
    MEMBERSHIP_UNSUBSCRIBED,        /* the application holds nothing any more */
    MEMBERSHIP_TOPICS_CHANGED,      /* the subscription stands for other topics or partitions */
    MEMBERSHIP_FOUND,               /* who coordinates; or `code` */
    MEMBERSHIP_JOINED,
    MEMBERSHIP_DECIDED,             /* the leader's assignment can be sent; or `code` */
    MEMBERSHIP_SYNCED,
    MEMBERSHIP_BEATEN,              /* a heartbeat was answered */
    MEMBERSHIP_COMMIT_FAILED,       /* as the member that it is; `code` may be news of it */
    MEMBERSHIP_REACHED,             /* the application holds what `offer` says, and nothing else */
    MEMBERSHIP_TICK                 /* only time has passed, or the application was here */
};

enum { MEMBERSHIP_INSIDE = -1 };    /* instead of a time */

struct membership_event {
    enum membership_event_type type;
    int64_t now_ms;
    int64_t away_since_ms;          /* the application last left poll; or it is INSIDE now */
    uint64_t round;                 /* of an answer */
    int code;                       /* 0: it went well */
    union {
        struct { bool leave; } unsubscribed;    /* tell the coordinator */
        struct { int32_t generation; bool leads, skip_assignment; } joined;
        struct {
            bool holds_any;         /* the assignment is not empty */
            bool gives_up;          /* the application holds some that are not in it, or did
                                     * when the join told what it holds */
        } synced;
        struct { int32_t generation; } commit_failed;   /* in which it was asked for */
        struct { uint64_t offer; } reached;
    };
};

enum membership_effect_type {
    MEMBERSHIP_DO_FIND,             /* look for the coordinator, also if one is known */
    MEMBERSHIP_DO_JOIN,             /* with the member id, if there is one */
    MEMBERSHIP_DO_DECIDE,           /* assign for all members of the answer to the join */
    MEMBERSHIP_DO_SYNC,
    MEMBERSHIP_DO_BEAT,
    MEMBERSHIP_DO_LEAVE,
    MEMBERSHIP_DO_FORGET_ID,        /* the coordinator knows it no more */
    MEMBERSHIP_DO_CANCEL,           /* nobody waits for join, sync, decision and heartbeat */
    MEMBERSHIP_DO_OFFER,            /* to the application */
    MEMBERSHIP_DO_TELL              /* the application, why it is not in the group */
};

/* What the application is to hold. */
enum membership_offer {
    OFFER_ASSIGNMENT,               /* what the sync said */
    OFFER_NOTHING,                  /* give up everything, in order */
    OFFER_LOST                      /* nothing of what it had: that may be somebody else's */
};

struct membership_effect {
    enum membership_effect_type type;
    uint64_t round;                 /* of a question */
    union {
        struct { bool assigns; } sync;          /* with what was decided */
        struct { int64_t wait_ms; } beat;
        struct { uint64_t number; enum membership_offer what; } offer;
        struct { int code; } tell;
    };
};

enum { MEMBERSHIP_EFFECTS_MAX = 12 };

struct membership_effects { size_t count; const struct membership_effect *items; };

struct membership {
    struct membership_options options;
    enum membership_phase phase;
    uint64_t round;                 /* of the question of this phase, or of the heartbeat */
    uint64_t next_round;
    bool found, finding;            /* the coordinator */
    bool named;                     /* it has told us an id */
    bool asked;                     /* the question of this phase is in flight */
    bool leads, skip_assignment;
    bool holding;                   /* the application may hold something */
    bool stale;                     /* it would join with something else now */
    bool beating;                   /* a heartbeat is in flight, since beat_ms */
    int64_t beat_ms, next_beat_ms;
    int32_t generation;             /* -1: not in one */
    uint64_t offer;                 /* number of the last one */
    bool offers_any, rejoins;       /* it is not empty; rejoin once the application reached it */
    int64_t alive_ms;               /* the coordinator last proved to count us as alive */
    int64_t retry_ms, backoff_ms;   /* ask not before */
    struct rand rand;
    struct membership_effect effects[MEMBERSHIP_EFFECTS_MAX];
    size_t effect_count;
};

void membership_init(struct membership *membership, const struct membership_options *options);

struct membership_effects membership_step(struct membership *membership,
                                          const struct membership_event *event);

/* When to send the next TICK at the latest, while the application is away since then; INT64_MAX:
 * never. */
int64_t membership_deadline_ms(const struct membership *membership, int64_t away_since_ms);

#endif
