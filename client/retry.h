/* retry.h - what becomes of records that the application could not process. Pure: event in, effects
 * out.
 *
 * The step contract (HACKING.md, "Pure cores") holds. A failure is a record that is not settled;
 * its lane is the partition whose log it was read from. The core knows offsets and times, the shell
 * (failures.c) keeps the bytes, returns, sends and commits.
 *
 *   (failed) --> WAITING --due--> OUT --processed--> settled
 *                   ^              |
 *                   +----failed----+--failed too often--> SENDING --stored--> settled
 *   (failed, by topic) --> SENDING --stored--> settled       |  ^
 *   (arrived from a retry topic) --> WAITING           refused  due
 *                                                            v  |
 *                                                          REFUSED
 *
 * A retry that does not fit into its topic stays SENDING, and is a dead letter from then on.
 *
 * Nothing at or beyond the bound of a lane may be committed: it is the lowest offset that is not
 * settled. */
#ifndef CLIENT_RETRY_H
#define CLIENT_RETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/heap.h"
#include "common/rand.h"

enum retry_mode {
    RETRY_IN_PLACE,                 /* the record waits, the rest of its partition goes on */
    RETRY_IN_ORDER,                 /* the rest of its partition waits, too */
    RETRY_BY_TOPIC                  /* the record goes to a retry topic */
};

struct retry_rules {
    enum retry_mode mode;
    int32_t retries;                /* how often a record is tried again, at most */
    int64_t backoff_ms, backoff_max_ms;
    int32_t jitter_percent;         /* a delay is up to so much shorter */
    int32_t held_max;               /* failures of a lane before nothing more of it is returned */
    int32_t alert_failures, alert_letters;  /* so many within the window are told; 0: never */
    int64_t alert_window_ms;
    uint64_t seed;                  /* of the jitter */
};

enum { RETRY_NO_BOUND = -1 };

/* Zero it before its first failure, which sets the bound. */
struct retry_lane {
    struct heap unsettled;          /* retry_failure.place, by offset */
    int64_t bound;                  /* as it was last ordered */
    bool known, held;               /* `bound` is valid; nothing more is returned */
};

enum retry_state { RETRY_NEW, RETRY_WAITING, RETRY_OUT, RETRY_SENDING, RETRY_REFUSED, RETRY_OVER };
enum retry_way { RETRY_TO_RETRY_TOPIC, RETRY_TO_DEAD_LETTERS };

/* Embedded in what the shell keeps of the record. */
struct retry_failure {
    struct heap_node due;           /* in retry->waiting, while WAITING or REFUSED */
    struct heap_node place;         /* in lane->unsettled */
    struct retry_lane *lane;
    enum retry_state state;
    enum retry_way way;             /* SENDING, REFUSED */
    int32_t attempts;               /* how often it has failed */
    int64_t delay_ms;               /* of the next attempt, from the last failure on */
    int32_t refusals;               /* of what is being sent, in a row */
};

enum retry_event_type {
    RETRY_FAILED,                   /* for the first time, or again (it was OUT) */
    RETRY_ARRIVED,                  /* read from a retry topic */
    RETRY_PROCESSED,                /* it was OUT and did not fail */
    RETRY_STORED,                   /* what was SENDING is acknowledged */
    RETRY_REFUSED_BY_CLUSTER,       /* it could not be written */
    RETRY_DOES_NOT_FIT,             /* a retry: it is too large for its topic, as it will be */
    RETRY_GONE,                     /* the lane is somebody else's now: forget the failure */
    RETRY_TICK                      /* only time has passed; at most one failure becomes due */
};

struct retry_event {
    enum retry_event_type type;
    int64_t now_ms;
    struct retry_failure *failure;  /* not with TICK */
    bool for_good;                  /* FAILED: trying again makes no sense */
    int64_t delay_ms;               /* ARRIVED: that is left of it */
};

enum retry_alert { RETRY_MANY_FAILURES, RETRY_MANY_LETTERS, RETRY_ALERTS };

enum retry_effect_type {
    RETRY_DO_RETURN,                /* hand the record to the application once more */
    RETRY_DO_SEND,                  /* `way`; with RETRY_TO_RETRY_TOPIC due after `delay_ms` */
    RETRY_DO_SETTLE,                /* it is dealt with: forget it */
    RETRY_DO_BOUND,                 /* of the lane; RETRY_NO_BOUND: commit what you like */
    RETRY_DO_HOLD,                  /* return no more of the lane; in order: nothing beyond
                                       `offset` that is on its way either */
    RETRY_DO_RELEASE,               /* go on with it */
    RETRY_DO_TELL_REFUSED,          /* the application; seldom enough to be read */
    RETRY_DO_ALERT
};

struct retry_effect {
    enum retry_effect_type type;
    struct retry_failure *failure;  /* RETURN, SEND, SETTLE, TELL_REFUSED */
    struct retry_lane *lane;        /* BOUND, HOLD, RELEASE */
    int64_t offset;                 /* BOUND, HOLD */
    enum retry_alert alert;
    int32_t count;                  /* ALERT: so many within the window */
};

enum { RETRY_EFFECTS_MAX = 6 };

struct retry_effects { size_t count; const struct retry_effect *items; };

/* When the last ones happened. */
struct retry_times { int64_t *items; int32_t size, next, count; };

struct retry {
    struct retry_rules rules;
    struct heap waiting;            /* retry_failure.due */
    size_t failures;                /* admitted and not settled or gone */
    size_t sending;                 /* of them, SENDING or REFUSED */
    struct retry_times times[RETRY_ALERTS];
    struct rand rand;
    struct retry_effect effects[RETRY_EFFECTS_MAX];
    size_t effect_count;
};

/* 0 or K_NOMEM. */
int retry_init(struct retry *retry, const struct retry_rules *rules);
void retry_fini(struct retry *retry);
void retry_lane_fini(struct retry_lane *lane);      /* no failure of it is left */

/* Before the first event of a failure, which has failed `attempts` times before: make room for it.
 * 0 or K_NOMEM. */
int retry_admit(struct retry *retry, struct retry_lane *lane, struct retry_failure *failure,
                int64_t offset, int32_t attempts);

struct retry_effects retry_step(struct retry *retry, const struct retry_event *event);

/* When to send the next TICK; INT64_MAX: never. */
int64_t retry_deadline_ms(const struct retry *retry);

#endif
