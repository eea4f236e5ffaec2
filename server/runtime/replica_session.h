/* runtime/replica_session.h - what the followers on one loop of another broker ask this shard.
 *
 * A session remembers their questions, so that a request names only what changed. A question that
 * is answered is gone until it is asked anew. A partition tells the sessions that ask for it of its
 * news; a resting partition costs nothing but the memory of the question.
 *
 * Invariants
 *   N1  a question is in `ready`, `late` or `held` only while it is open
 *   N2  at most one request of a session is parked; it is answered in the turn in which the first
 *       question becomes ready, LATE_MS after the first became late, or at its deadline
 *   N3  what a throttle holds is released within QUOTA_LOOK_MS, to be judged anew
 *
 * Belongs to the shard's loop. */
#ifndef RUNTIME_REPLICA_SESSION_H
#define RUNTIME_REPLICA_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "common/list.h"
#include "common/uuid.h"
#include "server/runtime/drive_replica.h"
#include "server/runtime/follower_report.h"
#include "server/runtime/partition.h"
#include "server/storage/log.h"

struct replica_fetch;
struct replica_session;
struct shard;

/* One request. */
struct replica_fetch {
    struct replica_session *session;
    size_t bytes_max;
    int64_t deadline_ms;
    /* Take the answers with replica_session_next(). On the shard, once; not parked any more. */
    void (*ready)(struct replica_fetch *fetch);
};

struct replica_ask {
    struct partition_key key;
    uint64_t round;
    int32_t leader_epoch, last_epoch;
    int32_t version;                    /* of the state that the follower knew, -1: not told */
    int64_t offset, flushed;
};

struct replica_answer {
    struct partition_key key;
    uint64_t round;
    struct drive_fetch_answer fetch;
    struct log_span span;               /* size 0: no records; else the taker's */
};

/* The session `id`, whose next request is number `epoch`; 0: a new one. 0, NOMEM,
 * FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH. */
int replica_session_find(struct shard *shard, uint64_t id, uint32_t epoch, int32_t broker,
                         const struct uuid *incarnation, struct replica_session **out);
uint64_t replica_session_id(const struct replica_session *session);

/* A question that is new or another. 0, or NOMEM: the session is of no use any more. */
int replica_session_ask(struct replica_session *session, const struct replica_ask *ask);
void replica_session_forget(struct replica_session *session, const struct partition_key *key);

/* Park the request, or answer it at the end of this turn. */
void replica_session_start(struct replica_session *session, struct replica_fetch *fetch);

/* The most answers that may come now. */
size_t replica_session_count(const struct replica_session *session);
/* The next answer; false: there is none, or no room for it in `room` bytes (the first batch is
 * given whatever its size, when `first`). */
bool replica_session_next(struct replica_session *session, size_t room, bool first,
                          struct replica_answer *out);
/* Of no use any more: its connection is gone, or an answer of it was lost. A parked request has to
 * be taken out first. */
void replica_session_free(struct replica_session *session);
/* The parked request is taken out. */
void replica_session_unpark(struct replica_session *session);

/* --- for drive_replica.c and partition.c ------------------------------------------------------ */

/* There is more in the log; the watermark, or the start, is another; everything may be. */
void replica_sessions_appended(struct partition *partition);
void replica_sessions_watermark(struct partition *partition);
void replica_sessions_changed(struct partition *partition);
/* The partition is no longer ours. */
void replica_sessions_gone(struct partition *partition);

/* What has become of the last question of a broker. */
enum follower_question replica_sessions_question(const struct partition *partition,
                                                 int32_t broker);

/* There may be partitions now that were asked for before. */
void replica_sessions_picture_changed(struct shard *shard);

void replica_sessions_init(struct shard *shard);
void replica_sessions_fini(struct shard *shard);

#endif
