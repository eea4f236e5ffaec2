/* consumer.h - the parts of a consumer and who may touch them.
 *
 * The application's thread (one at a time) owns positions and what poll returns; the loop
 * (fetcher.c) owns fetching. Orders go to the loop by mail, chunks of bytes and findings come back
 * in one queue. Every seek gives the partition a new generation on both sides, and whatever was
 * under way for an older one is dropped on arrival: so a seek needs no waiting. */
#ifndef CLIENT_CONSUMER_H
#define CLIENT_CONSUMER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/gate.h"
#include "client/handle.h"
#include "client/klient.h"
#include "client/position.h"
#include "client/spin.h"
#include "common/list.h"
#include "common/mail.h"
#include "proto/batch.h"

struct assigned;
struct cluster;
struct fetch;
struct fetcher;
struct slab;

/* What records that are held count against; outlives the consumer. */
struct budget {
    atomic_uint references;
    atomic_int_least64_t held;      /* bytes fetched or decompressed, not yet freed */
    struct gate gate;               /* signalled by arrivals, wake-ups and frees */
};

/* A transaction that was aborted, as the broker says. */
struct aborted {
    int64_t producer_id, first_offset;
};

/* Something that arrived for a partition: bytes, a position that was looked up, or trouble. */
struct chunk {
    struct chunk *next;
    atomic_uint references;
    struct assigned *partition;     /* referenced */
    struct budget *budget;          /* referenced */
    uint64_t generation;
    int code;                       /* not 0: trouble, to be told by poll */
    int64_t skip_to;                /* with CORRUPT_MESSAGE */
    int64_t position;               /* where reading goes on: of the first record, or looked up */
    size_t charged;
    struct slab *slab;              /* referenced; NULL without bytes */
    const uint8_t *bytes;
    size_t size;
    struct aborted *aborted;        /* owned */
    size_t aborted_count;
    /* Reading; the application's. */
    size_t at;                      /* of the next batch, or of the one that is being read */
    bool started;
    bool reading;                   /* `reader` is inside the batch at `at` */
    struct batch_reader reader;
    struct inflated *inflated;      /* of that batch; referenced; NULL when not compressed */
};

/* A decompressed batch. */
struct inflated {
    atomic_uint references;
    struct budget *budget;          /* referenced */
    uint8_t *bytes;                 /* owned */
    size_t size;
};

enum fetch_state {
    FETCH_LOOKING,                  /* the start position is being looked up */
    FETCH_READY,
    FETCH_STUCK                     /* told the application; waits for a seek */
};

/* An assigned partition. */
struct assigned {
    atomic_uint references;
    struct klient_consumer *consumer;   /* valid while assigned */
    char *topic;                    /* owned */
    int32_t partition;
    /* The application's. */
    int64_t position;               /* -1: not known yet */
    int no_position;                /* why it never will be (auto.offset.reset=none), or 0 */
    uint64_t generation;
    bool paused;
    bool damaged;                   /* a chunk could not be read: nothing after it is returned */
    /* Shared. */
    atomic_uint unread;             /* chunks on their way to or waiting for the application */
    /* The loop's. */
    struct list node;               /* in fetcher->partitions */
    struct list due;                /* in a lane, for a moment */
    struct topic *held;
    uint64_t fetch_generation;
    enum fetch_state state;
    bool fetch_paused, told_unknown;
    int64_t next_offset;
    int64_t retry_at_ms, backoff_ms;
    struct fetch *fetch;            /* that asks for it now, or NULL */
    struct finder *finder;          /* look-up under way, or NULL */
};

struct klient_consumer {
    struct klient *klient;          /* referenced */
    struct klient_config *config;   /* owned, immutable */
    struct fetcher *fetcher;        /* owned; the loop's side */
    struct budget *budget;          /* referenced */
    atomic_bool busy;               /* some thread is inside */
    atomic_bool woken;
    atomic_bool stalled;            /* the loop waits for memory */
    struct spin spin;               /* of the queue */
    struct chunk *arrived, **arrived_last;
    atomic_int descriptor;
    /* The application's. */
    struct chunk *ready, **ready_last;
    struct assigned **assigned;
    size_t assigned_count;
};

/* --- consumer.c ------------------------------------------------------------------------------- */

void assigned_unref(struct assigned *assigned);

/* Every public call comes in and leaves: 0, or why this thread may not come in. */
int consumer_enter(struct klient_consumer *consumer);
klient_code_t consumer_leave(struct klient_consumer *consumer, klient_code_t code);

/* Take over what has arrived. The first position is noted at once; a later one (after a reset) when
 * everything before it has been read. */
void consumer_collect(struct klient_consumer *consumer);

/* Is there anything that poll could return? Drops what is of older generations, and follows
 * markers that have been reached. */
bool consumer_has_work(struct klient_consumer *consumer);

/* Keep the descriptor in step: readable exactly while there is work. */
void consumer_refresh_descriptor(struct klient_consumer *consumer);

/* On the loop: hand over a chunk. */
void consumer_arrived(struct klient_consumer *consumer, struct chunk *chunk);

/* --- records.c -------------------------------------------------------------------------------- */

struct budget *budget_new(void);
struct budget *budget_ref(struct budget *budget);
void budget_unref(struct budget *budget);

/* Without bytes. References both. NULL when out of memory. */
struct chunk *chunk_new(struct budget *budget, struct assigned *assigned, uint64_t generation);
void chunk_unref(struct chunk *chunk);

/* Add records of a chunk, from `assigned->position`, `room` of them at most, and move the position
 * on. *finished is set when the chunk is used up. Returns 0, or K_CORRUPT_MESSAGE (chunk->skip_to
 * is set; what came before is added), K_NOMEM. */
int records_add(klient_records_t *records, struct chunk *chunk, size_t room,
                const struct klient_config *config, bool *finished);
klient_records_t *records_new(void);

/* --- fetcher.c: the loop's -------------------------------------------------------------------- */

enum order_kind { ORDER_ADD, ORDER_REMOVE, ORDER_SEEK, ORDER_PAUSE, ORDER_RESUME, ORDER_KICK };

/* From the application, by mail. Freed by the loop. */
struct order {
    struct mail mail;
    enum order_kind kind;
    struct klient_consumer *consumer;
    struct assigned *assigned;      /* referenced; NULL with ORDER_KICK */
    uint64_t generation;            /* ADD and SEEK */
    int64_t offset;               /* ADD and SEEK: >= 0, or POSITION_END, POSITION_BEGINNING, ... */
};
enum { POSITION_BY_POLICY = -3 };   /* as auto.offset.reset says */
void fetcher_obey(struct mail *mail);

/* Give the loop an order; it takes a reference of `assigned`. 0 or K_NOMEM. */
int consumer_order(struct klient_consumer *consumer, enum order_kind kind,
                   struct assigned *assigned, int64_t offset);

int fetcher_new(struct klient_consumer *consumer, struct fetcher **out);     /* any thread */
int fetcher_start(struct fetcher *fetcher);
void fetcher_stop(struct fetcher *fetcher);
void fetcher_free(struct fetcher *fetcher);                                   /* any thread */

#endif
