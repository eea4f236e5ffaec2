/* commits.h - offsets on their way to the coordinator, in the order in which they were asked for.
 *
 * One request is in flight; what was asked for meanwhile goes into the next one together, of each
 * partition the latest. So a later commit is never overtaken by an earlier one, and many small ones
 * cost few requests.
 *
 * A commit is made by the application's thread or by the loop, belongs to the loop until it is
 * done, and then to whoever waits for it. */
#ifndef CLIENT_COMMITS_H
#define CLIENT_COMMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "client/coordinator.h"
#include "client/klient.h"
#include "client/task.h"
#include "common/arena.h"
#include "common/list.h"

struct assigned;
struct group;
struct klient_consumer;

struct commit_row {
    klient_offset_t asked;          /* strings in the commit's arena; its code is the outcome */
    uint32_t place;                 /* in the request */
};

struct commit {
    struct task task;               /* done with the outcome */
    struct list node;               /* in the loop's queue, or in consumer->outcomes */
    struct arena arena;
    struct group *group;
    uint64_t number;                /* by age; given by the loop */
    uint64_t losses;                /* of whom asks: what it lost since, it must not commit */
    bool insists;                   /* what may succeed later is tried again until the deadline */
    bool automatic;                 /* nobody asked for it */
    int64_t deadline_ms;
    bool tells;                     /* the application's thread calls interceptors, and `done` */
    klient_commit_fn done;
    void *context;
    struct commit_row *rows;
    size_t count;
};

struct commits {
    struct list queued, flying;     /* struct commit, by age */
    struct coordinator_call call;
    struct timer *timer;            /* pending: not before */
    int64_t backoff_ms;
    uint64_t added;                 /* the number of the latest */
    int32_t generation;             /* of the request in flight */
    bool as_member;                 /* it is signed by the member that we still are */
    struct commit_row **places;     /* of the request in flight; owned */
    size_t place_count;
    bool flies;
};

/* --- any thread ------------------------------------------------------------------------------- */

/* `count` rows to be set. NULL when out of memory. Freed by task_unref(). */
struct commit *commit_new(struct group *group, uint64_t losses, size_t count);

/* Strings are copied. 0 or K_NOMEM. */
int commit_set(struct commit *commit, size_t row, const klient_offset_t *asked);

/* What has progressed of these partitions and was not asked for; NULL: nothing, or out of memory.
 * Takes the consumer's spin. It insists. */
struct commit *commit_of_progress(struct group *group, struct klient_consumer *consumer,
                                  struct assigned *const *partitions, size_t count,
                                  uint64_t losses);

/* Give it to the loop; the caller keeps a share. */
void commit_send(struct commit *commit);

/* --- the loop --------------------------------------------------------------------------------- */

int commits_init(struct group *group);          /* 0 or K_NOMEM */
void commits_fini(struct group *group);         /* those under way fail with K_CLOSED */

/* Queue it; takes over a share. */
void commits_add(struct group *group, struct commit *commit);

/* Send what may be sent now; `anew`: also what was to wait before it is tried again. */
void commits_pump(struct group *group, bool anew);

/* Is any of those up to this number still under way? */
bool commits_pending(struct group *group, uint64_t number);

/* Commit what progressed of all partitions. */
void commits_automatic(struct group *group);

#endif
