/* runtime/fetch_session.h - what a consumer on one connection asks for, remembered.
 *
 * A session keeps its questions, so that a request names only those that are new or differ, and an
 * answer only partitions with news: records, an error, logs that part; or other marks (watermark,
 * last stable offset, start). What is answered with more than marks is closed until it is asked
 * anew: so whoever can not take more of a partition now just does not ask for it. A quiet partition
 * costs the memory of its question.
 *
 * Two sides, because a connection belongs to one loop and its partitions to several:
 *
 *   fetch_session.c        the connection's shard: the requests, one at a time and in their order,
 *                          and which questions there are
 *   fetch_session_part.c   the owner of the partitions: what they have to say. Every owner has a
 *                          part of the session
 *
 * The first sends the second visits (scatter.h), each with what is to be asked and forgotten; the
 * second tells the first, once until the next visit, that a visit would find news.
 *
 * Invariants
 *   C1  a question is touched by its owner only while it is in part.open; else by the connection's
 *       shard. It changes sides by visits
 *   C2  a part is visited at most once at a time, and touched by its owner between visits; but for
 *       `told`, `told_mail`: of these a part tells only what was not told yet
 *   C3  marks and the lease are looked at at least each LOOK_MS while requests come: what a leader
 *       does not hear of is no news to wait for
 *   C4  a session ends with its connection, with a request out of order, and when it is the longest
 *       unused one and there is no room; then all it waited for is answered
 *
 * Belongs to the connection's shard, but for what is said to be otherwise. */
#ifndef RUNTIME_FETCH_SESSION_H
#define RUNTIME_FETCH_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/list.h"
#include "server/runtime/fetch_read.h"

struct fetch_session;
struct session_question;

enum {
    FETCH_SESSION_QUESTIONS_MAX = 10000,    /* of one session */
    FETCH_SESSIONS_MAX = 8,                 /* of one connection */
    FETCH_SESSION_LOOP_MAX = 250000         /* questions of all sessions of a loop: 100 MB */
};

/* A question that is new or another. */
struct session_ask {
    struct list node;                   /* the session's */
    struct session_question *question;  /* the session's */
    struct partition_key key;
    int64_t offset;
    uint64_t round;                     /* returned with the answer */
    uint32_t bytes_max;
    int32_t leader_epoch, last_epoch;
    int refused;                        /* why it can not be asked for; 0: it can */
};

/* One request. The asker keeps it until done(). */
struct session_fetch {
    struct list node;
    struct fetch_session *session;
    size_t bytes_min, bytes_max;
    int64_t deadline_ms;                /* monotonic; 0: do not wait */
    struct session_ask *asks;
    size_t ask_count;
    struct partition_key *forgotten;    /* forgotten first, then asked */
    size_t forgotten_count;
    struct list gone;                   /* the session's */
    int code;                           /* when done: 0, or why there is no answer */
    struct list answers;                /* when done; see session_fetch_next() */
    size_t answer_count;
    /* Once, possibly before fetch_session_ask() returns; may free the memory. */
    void (*done)(struct session_fetch *fetch);
};

/* A new session with a connection, whose list starts at *sessions, for so many questions. 0,
 * K_NOMEM, or K_BUSY: there is no room. */
int fetch_session_begin(struct fetch_session **sessions, struct shard *home, bool committed,
                        size_t questions, struct fetch_session **out);

/* The session `id`, whose next request is number `epoch`. 0, FETCH_SESSION_ID_NOT_FOUND, or
 * INVALID_FETCH_SESSION_EPOCH: it ends. */
int fetch_session_find(struct fetch_session **sessions, uint64_t id, uint32_t epoch,
                       struct fetch_session **out);

uint64_t fetch_session_id(const struct fetch_session *session);

/* Ask. The requests before it wait no longer. */
void fetch_session_ask(struct fetch_session *session, struct session_fetch *fetch);

/* Within done(): the next answer, or NULL. It is valid until done() returns, which takes or drops
 * what was read. */
struct fetch_item *session_fetch_next(struct session_fetch *fetch, uint64_t *round);
/* There is no room for it: it is given with a later answer. */
void session_fetch_put_back(struct fetch_item *item);

/* It is not to wait any longer. */
void session_fetch_hurry(struct session_fetch *fetch);

/* Of no use any more. Requests end with FETCH_SESSION_ID_NOT_FOUND, now or soon. */
void fetch_session_end(struct fetch_session *session);
/* The connection is gone. */
void fetch_sessions_end(struct fetch_session **sessions);

/* --- for partition.c and drive_replica.c: on the partition's shard ---------------------------- */

/* As fetch_wake(). */
void fetch_sessions_wake(struct partition *partition, size_t bytes);
/* Does anybody wait to read the log, which is not open? */
bool fetch_sessions_want_log(const struct partition *partition);
/* Where it starts is another. */
void fetch_sessions_trimmed(struct partition *partition);

/* --- for shard.c ------------------------------------------------------------------------------ */

void fetch_sessions_init(struct shard *shard);
/* After all loops have ended. */
void fetch_sessions_fini(struct shard *shard);

#endif
