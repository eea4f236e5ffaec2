/* runtime/fetcher_private.h - what the files of the fetcher share. */
#ifndef RUNTIME_FETCHER_PRIVATE_H
#define RUNTIME_FETCHER_PRIVATE_H

#include "common/uuid.h"
#include "net/channel.h"
#include "net/loop.h"
#include "server/runtime/fetcher.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard_state.h"

struct peer;

/* Requests in flight: the second ends the wait of the first. */
enum { FETCHER_ASKED_MAX = 2 };

/* A request in flight. */
struct fetcher_asked {
    struct channel_call call;
    struct fetcher *fetcher;
    bool busy;
    uint32_t turn;                      /* of the fetcher when it was sent */
};

struct fetcher {
    struct list node;                   /* in shard.fetchers */
    struct shard *shard;
    int32_t leader, loop;               /* what it asks */
    struct uuid incarnation;            /* the leader's */
    char *host;
    uint16_t port;
    struct peer *peer;
    struct fetcher_asked asked[FETCHER_ASKED_MAX];
    int asking;                         /* of them busy */
    uint32_t turn;                      /* grows with every session */
    uint64_t session;                   /* 0: to be begun */
    uint32_t epoch;                     /* of the next request */
    struct list follows;                /* struct follow.node */
    struct list changed;                /* struct follow.changed */
    struct list held;                   /* the same, of those that a throttle makes wait */
    struct shard_deadline release;      /* of those held */
    struct partition_key *forgotten;    /* owned: known to the session, and not ours any more */
    size_t forgotten_count, forgotten_capacity;
    int failures;                       /* in a row */
    struct shard_deadline retry;
    bool waiting;                       /* for `retry` */
    struct turn_hook hook;
};

static inline struct partition *follow_partition(struct follow *follow)
{
    return LIST_OWNER(follow, struct partition, follow);
}

/* --- fetcher_ask.c ---------------------------------------------------------------------------- */

/* It has a question that the leader's session does not know. */
void follow_changed(struct follow *follow);

/* The session knows a question that is not ours to ask any more. */
void fetcher_forget(struct fetcher *fetcher, const struct partition_key *key);

/* Send what is to be sent. */
void fetcher_turn_ended(struct turn_hook *hook);
void fetcher_retry_came(struct shard_deadline *deadline);
void fetcher_release_came(struct shard_deadline *deadline);

#endif
