/* runtime/group_call.h - what a request asks of one group: carried to the loop that coordinates the
 * group, and back.
 *
 * The asker owns the call and what it names, and keeps both until done(). From group_call_start()
 * until then only the loop of the coordinator touches them, but for what stands under "home". A
 * call may wait for long (a join for the other members): its deadline, or group_call_hurry(), ends
 * that, whatever becomes of the question. Calls about one group from one connection keep their
 * order. */
#ifndef RUNTIME_GROUP_CALL_H
#define RUNTIME_GROUP_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/mail.h"
#include "server/core/groups.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard.h"

struct arena;
struct group_ticket;

/* Copies in the arena of the call; see struct groups_effect. */
struct group_answer {
    const char *member, *protocol_type, *protocol, *leader;
    int32_t generation;
    bool skip_assignment;
    const struct groups_member *members;
    size_t member_count;
    struct groups_span assignment;
};

struct group_call {
    /* the question */
    struct shard *home;
    const char *group;
    /* A question that changes nothing; NULL: none. What it finds goes into the arena. Other than 0,
     * what it returns is the outcome. */
    int (*look)(struct group_call *call, const struct groups *groups);
    /* Then a request to the core: all but its group, ticket and time; NULL: none. */
    const struct groups_event *event;
    int64_t deadline_ms;                /* monotonic */
    void (*done)(struct group_call *call);      /* on the home shard, once */
    void *context;                      /* the asker's */
    /* For what is answered beside the outcome, and for look(): nobody else uses it meanwhile. NULL:
     * the outcome is enough. */
    struct arena *arena;

    /* the answer */
    struct outcome outcome;             /* with the coordinator, if it is another broker */
    const char *reason;                 /* for people: a literal; NULL: the code's own */
    struct group_answer answer;

    /* the coordinator's */
    struct shard *owner;
    struct partition_key key;
    struct group_ticket *ticket;        /* it waits; or NULL */
    struct mail mail;                   /* there and back */

    /* home */
    struct shard_deadline deadline;
    struct mail leaving;                /* there and back: it is not to wait any longer */
    int leave_code;                     /* 0: nobody said so */
    int pending;                        /* of the two mails */
};

/* The call is zeroed, but for what the asker has filled in. */
void group_call_init(struct group_call *call, struct shard *home, const char *group);

/* Ask; done() may be called before this returns. Outcomes beside those of the core: CLOSED;
 * NOT_COORDINATOR; COORDINATOR_NOT_AVAILABLE (the lease has expired, or the partition can not be
 * loaded); REQUEST_TIMED_OUT (it may still be carried out); NOMEM. */
void group_call_start(struct group_call *call);

/* The same, of whatever groups the partition of this key holds. */
void group_call_start_at(struct group_call *call, const struct partition_key *key);

/* On the home shard: do not wait any longer, the code is the outcome. done() comes in this call or
 * soon. */
void group_call_hurry(struct group_call *call, int code);

/* --- for drive_groups.c: on the owner's shard ------------------------------------------------- */

/* The outcome is there. */
void group_call_answered(struct group_call *call);

#endif
