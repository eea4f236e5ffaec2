/* fetcher_private.h - what fetcher.c (fetches), fetch_session.c (those that name what changed),
 * fetch_answers.c (their answers), fetch_start.c (where to begin) and fetch_watch.c (leaders and
 * topics) share. Belongs to the loop. */
#ifndef CLIENT_FETCHER_PRIVATE_H
#define CLIENT_FETCHER_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/broker.h"
#include "client/cluster.h"
#include "client/config.h"
#include "client/consumer.h"
#include "client/statistics.h"
#include "common/list.h"
#include "common/map.h"
#include "net/loop.h"

enum {
    LANE_FETCHES_MAX = 8,           /* side by side by one connection */
    ENTRIES_MAX = 1024,             /* partitions in one fetch */
    QUICK_EMPTY_MS = 10             /* pause after an answer that was neither full nor parked */
};

/* Since it was opened. */
struct fetcher_counts {
    int64_t fetches, failed, bytes;
    int64_t bytes_before;           /* when the window of statistics began */
};

struct fetcher {
    struct klient_consumer *consumer;
    struct list partitions;         /* struct assigned, referenced */
    struct list lanes, fetches, finders;
    struct turn_hook hook;
    struct timer *timer;
    struct observer observer;
    struct statistics_source source;
    struct fetcher_counts counts;
    bool stopping;
};

/* The requests of a lane that belong to the session of its connection; see fetch_session.c. */
struct sessions {
    uint64_t id;                    /* 0: none, or the broker has not said which */
    uint32_t epoch;                 /* of the last request, which come round; before the first: 0 */
    uint32_t turn;                  /* grows with every session */
    unsigned in_flight;
    unsigned losses;                /* in a row */
    int64_t without_until_ms;       /* the broker has no room for one */
    int64_t rest_until_ms;          /* it does not wait for news: asked again then */
    uint64_t rounds;
    size_t open;                    /* questions that are */
    struct map questions;           /* struct question_key to struct question; owned */
    struct list kept, leaving;      /* struct question.node */
};

struct lane {
    struct list node;
    struct link *link;              /* borrowed; lives as long as the cluster */
    unsigned in_flight;
    struct list due;                /* struct assigned; filled and emptied within a turn */
    struct sessions sessions;
};

struct entry {
    struct assigned *assigned;      /* referenced */
    uint64_t generation;
    int64_t offset;
    int32_t epoch, last_epoch, loop;
    struct uuid topic_id;
};

/* What the broker's session knows of a partition, or is to forget. */
struct question {
    struct list node;
    struct lane *lane;
    struct entry entry;             /* as it was asked last; `assigned` NULL: nobody wants it */
    int32_t partition;              /* then of this partition */
    uint64_t round;
    bool open;                      /* asked, and not answered but with marks */
    bool answered;                  /* `round` was */
    bool leaves;                    /* in sessions.leaving: the broker is to be told */
};

struct fetch {
    struct list node;               /* in fetcher->fetches */
    struct fetcher *fetcher;
    struct lane *lane;
    bool in_session;                /* then without entries */
    uint32_t turn;                  /* of the lane's sessions when it was sent */
    struct request request;
    int64_t sent_ms;
    size_t count;
    struct entry entries[];
};

static inline const struct config_values *fetcher_values(const struct fetcher *fetcher)
{
    return &fetcher->consumer->config->values;
}

static inline struct klient *fetcher_klient(const struct fetcher *fetcher)
{
    return fetcher->consumer->klient;
}

/* NULL when out of memory. */
static inline struct topic *fetcher_hold(const struct fetcher *fetcher, const char *topic)
{
    return cluster_hold(fetcher_klient(fetcher)->cluster, topic,
                        fetcher_values(fetcher)->create_topics);
}

static inline int64_t fetcher_now_ms(const struct fetcher *fetcher)
{
    return loop_now_ms(fetcher_klient(fetcher)->loop);
}

/* --- fetcher.c -------------------------------------------------------------------------------- */

/* Look for what can be fetched at the end of this turn. */
void fetcher_pump_soon(struct fetcher *fetcher);

/* Tell the application: a position that was found (code 0), or trouble. */
void fetcher_tell(struct fetcher *fetcher, struct assigned *assigned, int code, int64_t position);

/* Try again after a pause. */
void fetcher_retry_later(struct fetcher *fetcher, struct assigned *assigned);

/* The common part of a request. `room`: bytes of the answer at most. */
void fetch_describe(struct fetcher *fetcher, Kairn__FetchRequest *body, int64_t room);
/* What to ask of a partition now; references it. */
struct entry fetch_entry(struct assigned *assigned);
void fetch_describe_entry(const struct entry *entry, Kairn__FetchPartition *row);
/* NULL when out of memory. */
struct fetch *fetch_new(struct fetcher *fetcher, struct lane *lane, size_t entries);
/* 0, or why it was not sent. */
int fetch_send(struct fetch *fetch);

/* --- fetch_session.c -------------------------------------------------------------------------- */

void sessions_init(struct sessions *sessions);
void sessions_fini(struct sessions *sessions);

/* Can what is due go by a session? */
bool fetch_session_serves(struct fetcher *fetcher, struct lane *lane);
/* Ask for what is due, and see to it that a request waits for news of what is not; *next_ms: when
 * to look again. */
void fetch_session_lane(struct fetcher *fetcher, struct lane *lane, int64_t room,
                        int64_t *next_ms);
void fetch_session_answered(struct fetch *fetch, int code, const Kairn__FetchResponse *answer,
                            struct slab *slab, const uint8_t *payload, size_t size);

/* Is the partition asked for in a session? */
bool fetch_session_asks(const struct assigned *assigned);
/* What it was asked for is not wanted any more. No-op unless it was. */
void fetch_session_drop(struct assigned *assigned);
/* It is not, or is again, to be answered. */
void fetch_session_pause(struct assigned *assigned);
void fetch_session_resume(struct assigned *assigned);
/* Its leader, or its leader's epoch, is another. */
void fetch_session_follow(struct fetcher *fetcher, struct assigned *assigned);

/* --- consumer_statistics.c -------------------------------------------------------------------- */

/* From now on it is among the handle's statistics, until statistics_remove(). */
void fetcher_count(struct fetcher *fetcher);

/* --- fetch_answers.c -------------------------------------------------------------------------- */

/* The request of a fetch is finished: act on its answer, and free it. */
void fetch_answered(struct request *request, int code, const Kairn__ResponseHead *head,
                    struct slab *slab, const uint8_t *payload, size_t size);

/* Act on what was answered for one partition; `code` not 0: why nothing was, and no result. */
void fetch_take_result(struct fetcher *fetcher, struct link *link, struct entry *entry, int code,
                       const Kairn__FetchResult *result, struct slab *slab, const uint8_t *bytes,
                       bool quick);

/* Its partitions can be asked for again. */
void fetch_free(struct fetch *fetch);

/* --- fetch_start.c ---------------------------------------------------------------------------- */

/* Tell trouble and fetch no more until a seek. */
void fetcher_stick(struct fetcher *fetcher, struct assigned *assigned, int code);

/* Go where `offset` says: a real offset or a POSITION_... */
void fetch_start_at(struct fetcher *fetcher, struct assigned *assigned, int64_t offset);

/* Find the offset that POSITION_BEGINNING or POSITION_END stands for. */
void fetch_look_up(struct fetcher *fetcher, struct assigned *assigned, int64_t where);

/* The answer is not wanted any more. No-op without. */
void fetch_forget_look_up(struct assigned *assigned);

/* A leader says something that one who was deposed may say: for as long as news may take to
 * spread? */
bool fetch_leader_insists(struct fetcher *fetcher, struct assigned *assigned);

/* A leader refuses the next offset, as being out of range. When another leader had all before it,
 * and this one ends earlier, it was deposed and has not heard of it, and where reading begins by
 * policy would be a wrong answer. False once it has insisted for as long as news may take to
 * spread; without a result.
 *
 * Epochs alone can not tell. That the record before was written in a later epoch than the leader's
 * proves that it was deposed (fetch_answers.c asks that first), but the reverse is no proof of
 * anything: a record can be written in one epoch, be missed by the leader of the next, and be
 * committed by the one after. And many committed offsets come without an epoch. */
bool fetch_leader_is_behind(struct fetcher *fetcher, struct assigned *assigned,
                            const Kairn__FetchResult *result);

/* With enable.partition.eof: tell the application, once each time that what is read comes to the
 * end. */
void fetch_tell_end(struct fetcher *fetcher, struct assigned *assigned);

/* All of them. */
void fetch_forget_all(struct fetcher *fetcher);

/* --- fetch_watch.c ---------------------------------------------------------------------------- */

/* What do the metadata say of it now? */
void fetch_watch(struct fetcher *fetcher, struct assigned *assigned);
void fetch_metadata_changed(struct observer *observer);

/* Its leader refuses to be asked for it; it has answered, or is not asked any more, or not now. */
void fetch_refused(struct fetcher *fetcher, struct assigned *assigned, int code);
void fetch_unhindered(struct fetcher *fetcher, struct assigned *assigned);

#endif
