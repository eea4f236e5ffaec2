/* runtime/fetch_session_private.h - what both sides of a session share. */
#ifndef RUNTIME_FETCH_SESSION_PRIVATE_H
#define RUNTIME_FETCH_SESSION_PRIVATE_H

#include "common/arena.h"
#include "common/map.h"
#include "net/loop.h"
#include "server/runtime/fetch_session.h"
#include "server/runtime/scatter.h"
#include "server/runtime/shard.h"

struct session_question {
    struct fetch_item item;
    uint64_t round;
    int refused;
    int64_t told_watermark, told_stable, told_start;    /* -1: nothing yet */
    struct session_part *part;
    struct list open;                   /* in part.open */
    struct list queued;                 /* in part.ready or .late; once closed in .answers, in
                                           session_fetch.answers, in .returned */
    struct list watching;               /* in partition.readers */
    struct list leaving;                /* in session_fetch.gone, part.gone, session.dead */
};

/* The questions of one owner. */
struct session_part {
    struct fetch_session *session;
    struct shard *shard;                /* the owner's */
    struct list chosen;                 /* in the scatter, for a visit */

    /* For a visit, from the connection's shard. */
    struct list asks;                   /* struct session_ask.node */
    struct list returned;               /* struct session_question.queued: to be open again */
    struct list gone;                   /* struct session_question.leaving: to be forgotten */
    bool heard;                         /* what was told before this visit was heard */

    /* From a visit, to the connection's shard. */
    struct list answers;                /* struct session_question.queued */
    size_t answer_count, found;
    bool enough;                        /* there is something to answer at once */
    bool left;                          /* there is more, but no room */
    bool kept;                          /* there is something, but not enough */

    /* The owner's. */
    struct list open;                   /* struct session_question.open */
    struct list ready;                  /* struct session_question.queued: there may be news */
    struct list late;                   /* the same: other marks only */
    size_t seen, wanted;                /* bytes since the visit; worth telling */
    bool told;                          /* and not heard of yet */

    /* The connection's shard's. */
    struct mail told_mail;
    bool news;                          /* it has told */
    bool used;                          /* it was visited */
};

struct fetch_session {
    struct list node;                   /* in shard.consumer_sessions */
    struct fetch_session **owner, *next;    /* of its connection */
    struct shard *home;
    uint64_t id;
    uint32_t epoch;                     /* of the next request */
    int64_t used_ms;
    bool committed;                     /* never changes */
    struct map questions;               /* struct partition_key to struct session_question; owned */
    struct arena arena;
    struct scatter scatter;
    size_t share;                       /* of the bytes that are waited for, of each part */
    struct list waiting;                /* struct session_fetch.node: after `current` */
    struct session_fetch *current;      /* or NULL */
    bool fresh;                         /* nobody was visited for it yet */
    bool busy;                          /* a visit, or an answer, is under way */
    bool stepping;                      /* within go_on() */
    bool ending;
    bool over;                          /* it waits no longer */
    bool look;                          /* the next visit is to all parts, and to all their marks */
    bool all, last;                     /* `look` and `over` for the visit that is under way */
    int64_t looked_ms;                  /* when all were visited */
    struct list dead;                   /* struct session_question.leaving: freed with it */
    struct shard_deadline deadline;
    struct turn_hook hook;
    struct session_part parts[];        /* one per shard */
};

/* --- fetch_session_part.c --------------------------------------------------------------------- */

/* scatter.run: look after what is asked and ready. */
void session_part_visit(struct scatter_part *part);
/* scatter.run: the session ends. */
void session_part_leave(struct scatter_part *part);

/* --- fetch_session.c -------------------------------------------------------------------------- */

/* mail.deliver, on the connection's shard: a part has told. */
void session_part_told(struct mail *mail);

#endif
