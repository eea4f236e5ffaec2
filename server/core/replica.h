/* core/replica.h - the rules that one replica of a partition follows: leader or follower. Pure.
 *
 * The step contract (HACKING.md, "Pure cores") holds. Record bytes do not enter: the core sees
 * offsets and epochs, and what our log says of an epoch comes as a fact within the event. Offsets
 * are record offsets, every `end` is exclusive, `now_ms` is monotonic.
 *
 * A produce that waits for acks=all is named by the offset after its last record: that is its
 * ticket, and DO_ANSWER_PRODUCES answers all up to one. The shell keeps what belongs to it, and
 * ends by itself those whose time is over.
 *
 *            ASSIGNED, leader is us                 ASSIGNED, leader is another
 *   LEADING <----------------------- WAITING -------------------------------> FOLLOWING
 *      ^                         (no log, or                                      |
 *      |                          no leader)                                      |
 *      +------------ ASSIGNED with another leader or epoch (either way) ----------+
 *   any --(a rule was broken by what we were told, or by ourselves; CLOSED with an error)--> FAILED
 *   FAILED by CLOSED --OPENED--> as above, with the newest state that was told meanwhile
 *
 * An epoch belongs to one log: whoever restarts without some of its records must not be told to
 * lead an epoch that it led before, since others may have them. What is sent to a life of a broker
 * never reaches its next one.
 *
 * How a follower finds where it differs: each question names the epoch of its last record. A
 * leader whose log ends that epoch earlier, or never had it, answers with the largest epoch up to
 * it and where that ends; the follower truncates to what both have and asks again. When the leader
 * has no such epoch, nothing of the follower's log is known to be right: it begins anew where the
 * leader's log begins. */
#ifndef CORE_REPLICA_H
#define CORE_REPLICA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/uuid.h"
#include "server/core/partition_state.h"

enum replica_role { REPLICA_WAITING, REPLICA_LEADING, REPLICA_FOLLOWING, REPLICA_FAILED };

enum replica_event_type {
    REPLICA_ASSIGNED,     /* this is stored now; an older state than what is known is ignored. All
                             that was written of produces until now has been told by APPENDED */
    REPLICA_CONFIGURED,   /* options that count from now on */
    REPLICA_OPENED,       /* the log is open: first event after init with what is in it; or again,
                             after CLOSED, with all records that were in it */
    REPLICA_CLOSED,       /* the log went out of use, with an error */
    REPLICA_APPENDED,     /* our log ends at `end` now: a produce, or a DO_APPEND, is written. Where
                             it ended before: a DO_APPEND came damaged, ask again later */
    REPLICA_FLUSHED,      /* our log, as it is after the orders so far, is on the disk to `end` */
    REPLICA_TRUNCATED,    /* a DO_TRUNCATE or DO_RESET is done */
    REPLICA_TRIMMED,      /* our log starts at `start` now: retention, or a request */
    REPLICA_FETCH,        /* a follower asks us for records, and so says how far it is */
    REPLICA_FETCHED,      /* our leader answered question `round` */
    REPLICA_ISR_ANSWERED, /* the controller answered proposal `round`. INELIGIBLE_REPLICA: the
                             named version is the newest, and will not be followed by this; all
                             other errors: it may be stored, now or later */
    REPLICA_REIGN,        /* another controller reigns, and its picture came: what the one before
                             left unanswered stays so, but this one knows what is stored */
    REPLICA_TICK          /* only time has passed */
};

struct replica_event {
    enum replica_event_type type;
    int64_t now_ms;
    union {
        const struct partition_state *assigned;
        struct { bool flush_on_ack; int64_t lag_max_ms; } configured;
        struct {
            int64_t start, end, flushed;
            int64_t high_watermark;       /* as it was checkpointed; at most start: not known */
            int32_t last_epoch;           /* of the last record, -1: there is none */
        } opened;
        struct { int code; } closed;
        struct { int64_t end; int32_t last_epoch; } appended;
        struct { int64_t end; } flushed;
        struct { int64_t start, end; int32_t last_epoch; } truncated;
        struct { int64_t start; } trimmed;
        struct {
            int32_t follower;
            struct uuid incarnation;      /* of the follower's process */
            int32_t leader_epoch;         /* that the follower follows */
            int64_t offset, flushed;      /* its log's end; how much of it is on its disk */
            int32_t last_epoch;           /* of its last record, -1: there is none */
            int32_t version;              /* of the state that it knew, -1: not told */
            /* of our log: the largest epoch up to last_epoch, and its end; -1: no such epoch */
            int32_t our_epoch;
            int64_t our_end;
        } fetch;
        struct {
            uint64_t round;
            int code;                     /* 0, or as the leader said */
            int64_t leader_start, high_watermark;
            bool diverged;                /* then no records came */
            int32_t diverged_epoch;       /* the largest of the leader up to ours; -1: none */
            int64_t diverged_end;         /* where it ends there */
            /* of our log: the largest epoch up to diverged_epoch, its end; -1: none */
            int32_t our_epoch;
            int64_t our_end;
            int64_t first, end;           /* of the records that came; equal: none */
        } fetched;
        struct { uint64_t round; int code; } isr_answered;
    };
};

enum replica_effect_type {
    REPLICA_DO_FETCH,             /* ask the leader; replaces the question before */
    REPLICA_DO_STOP_FETCHING,     /* no question is open any more */
    REPLICA_DO_APPEND,            /* write the records of this answer; then APPENDED */
    REPLICA_DO_TRUNCATE,          /* cut the log to `end`; then TRUNCATED. Was it trimmed to above
                                     that meanwhile, it is empty now, and starts at `end` */
    REPLICA_DO_RESET,             /* drop all, the log starts and ends at `end`; then TRUNCATED */
    REPLICA_DO_TRIM,              /* the leader's log starts at `end`: so may ours; no answer */
    REPLICA_DO_ANSWER_FETCH,      /* of the FETCH of this step: exactly one */
    REPLICA_DO_ANSWER_PRODUCES,   /* acks=all, whose records end at or before `end`: see code */
    REPLICA_DO_PUBLISH,           /* the high watermark is `end`: wake readers, note it. When it is
                                     lower than before: have it on the disk before anything else */
    REPLICA_DO_PROPOSE,           /* ask the controller for another in-sync set */
    REPLICA_DO_FAIL               /* take this replica offline, loudly */
};

struct replica_member { int32_t id; struct uuid incarnation; };

struct replica_effect {
    enum replica_effect_type type;
    union {
        struct { uint64_t round; int32_t leader, leader_epoch; int64_t offset, flushed;
                 int32_t last_epoch, version; } fetch;
        struct { int64_t end; } append, truncate, reset, trim, publish;
        struct {
            int code;
            bool diverged;
            int32_t diverged_epoch;
            int64_t diverged_end;
            int64_t start, high_watermark;
            int64_t end;                  /* records [offset, end) may be sent */
        } answer_fetch;
        struct { int64_t end; int code; } answer_produces;   /* end INT64_MAX: all that wait */
        struct {
            uint64_t round;
            int32_t leader_epoch, version;      /* of the state that it is meant to follow */
            bool flush_on_ack;
            int32_t count;
            /* the wanted set; who is new in it with the incarnation that was seen, else zero */
            struct replica_member members[REPLICAS_MAX];
        } propose;
        struct { int code; const char *reason; } fail;
    };
};

enum { REPLICA_EFFECTS_MAX = 8 };

/* Room for what one step orders: the caller's, to be carried out in order before the next step. */
struct replica_effects { size_t count; struct replica_effect items[REPLICA_EFFECTS_MAX]; };

/* What the leader knows of another replica. */
struct replica_progress {
    int32_t id;
    bool at_end;                  /* it has all of our log */
    bool applies;                 /* it has fetched since it is not in the stored set */
    struct uuid incarnation;
    struct uuid proposed;         /* that is new in the set in doubt */
    int32_t admitted;             /* the version of the state with which it became a member */
    int64_t end, flushed;         /* -1: it has not fetched in this epoch and incarnation */
    int64_t caught_up_ms;         /* the last moment at which it is known to have had all of it */
    int64_t asked_ms, asked_end;  /* of its last fetch: when, and where our log ended */
    int64_t propose_at_ms;        /* it was refused as a member: not before */
};

/* Embedded in what the shell keeps of a partition. Read freely, changed by replica_step() only. */
struct replica {
    int32_t self;
    enum replica_role role;
    bool open;                    /* the log is known */
    bool closed;                  /* FAILED, out of use or of memory: OPENED begins anew */
    bool assigned;                /* `state` is */
    bool flush_on_ack;            /* as configured */
    bool truncating;              /* a DO_TRUNCATE or DO_RESET has no answer yet */
    bool appending;               /* a DO_APPEND has none */
    int failure;                  /* why it FAILED */
    const char *broken;           /* the invariant that did not hold, a literal; NULL: all do */
    int64_t lag_max_ms;           /* until it is configured: for ever */
    struct partition_state state;

    int64_t start, end;
    int64_t flushed;              /* as told: can be beyond `end` until APPENDED is told, too */
    int32_t last_epoch;
    int64_t high_watermark;
    int32_t watermark_epoch;      /* in which the high watermark was learned */

    /* leading */
    int64_t epoch_start;          /* where our log ended when the epoch began */
    int32_t memory_version;       /* what who knows an older state has in memory does not count */
    struct replica_progress *progress;   /* owned; one per other replica of the state */
    int32_t progress_count;
    struct replica_set doubt;     /* proposed, and perhaps stored; count 0: nothing */
    bool doubt_flush;
    uint64_t propose_round;       /* of the proposal that has no answer; 0: none */
    int64_t propose_retry_ms;     /* ask again then, not before; INT64_MAX: when there is reason */
    int32_t propose_wait_ms;      /* how long the open proposal is waited for */

    /* following */
    uint64_t round, next_round;   /* of the open question; 0: none */
    int64_t fetch_retry_ms;       /* after an error; INT64_MAX: never */
    int32_t fetch_wait_ms;        /* after the next error in a row */
    int64_t leader_watermark;     /* as the leader last said; -1: not in this epoch */
    int64_t trim_ordered;         /* up to here; -1: not in this epoch */
};

void replica_init(struct replica *replica, int32_t self);
void replica_fini(struct replica *replica);

/* Out of memory for the followers' progress: it FAILS with NOMEM. When an invariant is broken by
 * the step, nothing that it ordered comes out: it FAILS with KAFKA_STORAGE_ERROR, `broken` says
 * which one, and everybody who waits is refused. That is an error of ours: fatal in tests, and in a
 * broker the end of this one replica until the next start. */
void replica_step(struct replica *replica, const struct replica_event *event,
                  struct replica_effects *effects);

/* When to send the next TICK at the latest; INT64_MAX: never. */
int64_t replica_deadline_ms(const struct replica *replica);

/* --- questions; no step ----------------------------------------------------------------------- */

/* May records be appended now? lease_holds: nobody else can lead (member_lease_holds()). 0,
 * NOT_LEADER_OR_FOLLOWER, LEASE_EXPIRED, NOT_ENOUGH_REPLICAS (acks_all), or why it FAILED. With
 * the lease gone, acks=all is still safe while every possible member fetches in our epoch: none of
 * them can have another leader. */
int replica_may_append(const struct replica *replica, bool acks_all, bool lease_holds);

/* May consumers read? 0, NOT_LEADER_OR_FOLLOWER, LEASE_EXPIRED, or why it FAILED. */
int replica_may_read(const struct replica *replica, bool lease_holds);

/* What list-offsets(latest) says: OFFSET_NOT_AVAILABLE while a new leader can not know yet how far
 * its predecessor's watermark was. Call when replica_may_read(). */
int replica_latest(const struct replica *replica, int64_t *offset);

/* Nobody leads, and the stored state counts on our copy: where does it end? It stays so until there
 * is a leader. The controller is to be told, since it may have to choose among copies that all lost
 * something. */
bool replica_tells_end(const struct replica *replica, struct log_end *end);

/* As the leader: how many records the other replica lacks; all, as long as it has not fetched in
 * this epoch. */
int64_t replica_lag(const struct replica *replica, const struct replica_progress *progress);

/* The name of an invariant (replica.c) that does not hold, a literal; NULL: all do. Each step ends
 * with it. */
const char *replica_check(const struct replica *replica);

/* A copy that shares nothing, into uninitialised memory, for the explorer. 0 or K_NOMEM. */
int replica_copy(struct replica *to, const struct replica *from);

#endif
