/* consumer.h - the parts of a consumer and who may touch them.
 *
 * The application's thread (one at a time) owns positions and what poll returns; the loop
 * (fetcher.c, group.c) owns fetching and the membership of a group. Orders go to the loop by mail,
 * chunks of bytes and findings come back in one queue. Every seek gives the partition a new
 * generation on both sides, and whatever was under way for an older one is dropped on arrival: so a
 * seek needs no waiting.
 *
 * What a member of a group is to hold comes as an offer, which poll takes up: it calls the
 * listener, changes what is assigned, and tells the loop. */
#ifndef CLIENT_CONSUMER_H
#define CLIENT_CONSUMER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/extension.h"
#include "client/gate.h"
#include "client/handle.h"
#include "client/interceptor.h"
#include "client/klient.h"
#include "client/position.h"
#include "client/progress.h"
#include "client/spin.h"
#include "client/troubles.h"
#include "common/list.h"
#include "common/mail.h"
#include "proto/batch.h"

struct assigned;
struct cluster;
struct deserializers;
struct commit;
struct config_values;
struct failures;
struct fetch;
struct fetcher;
struct group;
struct handout;
struct offer;
struct question;
struct retry_lane;
struct slab;
struct subscription;
struct task;

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

enum order_kind {
    ORDER_ADD, ORDER_REMOVE, ORDER_SEEK, ORDER_PAUSE, ORDER_RESUME,
    ORDER_KICK,                     /* look what can be fetched */
    ORDER_STARVED                   /* the application waits, and holds all the memory there is */
};

/* From the application to the loop, by mail. Each partition brings its own to be added and removed:
 * those are never missed. Carried out by the loop, which then calls order_done(). */
struct order {
    struct mail mail;
    enum order_kind kind;
    struct klient_consumer *consumer;
    struct assigned *assigned;      /* referenced; NULL with the last two */
    uint64_t generation;            /* ADD and SEEK */
    int64_t offset;               /* ADD and SEEK: >= 0, or POSITION_END, POSITION_BEGINNING, ... */
};

/* An assigned partition. */
struct assigned {
    atomic_uint references;
    struct klient_consumer *consumer;   /* valid while assigned */
    char *topic;                    /* owned */
    int32_t partition;
    const struct config_values *values; /* that count for the topic; valid while assigned */
    /* The application's. */
    atomic_int_least64_t position;  /* -1: not known yet; statistics look at it */
    int no_position;                /* why it never will be (auto.offset.reset=none), or 0 */
    uint64_t generation;
    int32_t position_epoch;         /* of the record before `position`; -1: not known */
    bool paused;
    bool held_back;                 /* records of it failed: until they are dealt with */
    bool retries;                   /* a retry topic of our group: it starts at its beginning */
    struct retry_lane *lane;        /* owned; NULL: no record of it ever failed */
    bool damaged;                   /* a chunk could not be read: nothing after it is returned */
    uint64_t losses;                /* of the consumer, when it was assigned; never changes */
    /* Shared. */
    atomic_uint unread;             /* chunks on their way to or waiting for the application */
    atomic_int_least64_t low, high; /* as the last fetch told: of the log, and to where records */
    atomic_int_least64_t end;       /* are returned; told last. -1: not told yet */
    atomic_uint_least64_t valid_from;   /* records of older generations are returned anew */
    struct progress progress;       /* under the consumer's spin: what may be committed */
    struct order adding, removing;  /* each is given once */
    /* The loop's. */
    struct list node;               /* in fetcher->partitions */
    struct list due;                /* in a lane, for a moment */
    struct topic *held;
    uint64_t fetch_generation;
    enum fetch_state state;
    bool fetch_paused, told_unknown, told_end;
    int64_t start;                  /* once it is ready: where reading began, or goes on */
    struct list standings;          /* struct standing: to be answered when more is known */
    int64_t next_offset;
    int32_t last_epoch;             /* of the record before it; -1: not known */
    struct uuid last_id;            /* of the topic that this is an epoch of */
    bool committed;                 /* the group had committed where reading began */
    int64_t behind_since_ms;        /* when a leader first said that it ends before; 0: none has */
    int64_t retry_at_ms, backoff_ms;
    bool starts;                    /* the group has no offset: commit where it starts */
    int64_t fetched_bytes, fetched_before;      /* in all; when the window of statistics began */
    struct fetch *fetch;            /* that asks for it now, or NULL */
    struct question *question;      /* that a session knows, or NULL */
    struct finder *finder;          /* look-up under way, or NULL */
};

enum assignment_mode { ASSIGNED_NOTHING, ASSIGNED_BY_HAND, ASSIGNED_BY_GROUP };

struct klient_consumer {
    struct klient *klient;          /* referenced */
    struct klient_config *config;   /* owned, immutable */
    struct deserializers *deserializers;    /* referenced */
    struct interceptors interceptors;
    struct fetcher *fetcher;        /* owned; the loop's side, */
    struct group *group;            /* as is this; NULL without a group.id; */
    struct troubles troubles;       /* and these */
    struct failures *failures;      /* owned; NULL without a retry policy */
    struct budget *budget;          /* referenced */
    atomic_bool busy;               /* some thread is inside */
    atomic_bool in_callback;        /* it is: in one of the application's functions, */
    atomic_bool intercepted;        /* which is an interceptor's */
    atomic_uintptr_t inside;        /* which thread */
    atomic_bool woken;
    atomic_bool stalled;            /* the loop waits for memory */
    struct spin spin;               /* of what follows, and of `progress` of partitions */
    struct chunk *arrived, **arrived_last;
    struct offer *offered;          /* owned; not taken up yet, or NULL */
    struct list outcomes;           /* struct commit: to be told */
    int trouble;                    /* why it is not in the group, or 0; */
    struct refusal refusal;         /* with K_ASSIGNOR_FAILED: what the assignor said */
    /* Shared. */
    atomic_bool pending;            /* an offer, outcomes or trouble may be there */
    atomic_int_least64_t away_since_ms;     /* when it left poll, or MEMBERSHIP_INSIDE */
    atomic_bool missed;             /* the group goes on without us: its loop waits for a poll */
    atomic_int descriptor;
    /* The application's. */
    bool stopped;                   /* the loop obeys no more: it is about to be freed */
    bool starved;                   /* it was told that what is held leaves no room for more */
    struct chunk *ready, **ready_last;
    struct assigned **assigned;
    size_t assigned_count;
    enum assignment_mode mode;
    struct subscription *subscription;      /* referenced; NULL: none */
    klient_listener_t listener;
    struct offer *taken;            /* owned: the last one */
    int refused;                    /* why it can not be in the group any more, or 0 */
    uint64_t losses;                /* how often all partitions were lost; see struct group */
};

/* --- consumer.c ------------------------------------------------------------------------------- */

void assigned_unref(struct assigned *assigned);

/* Every public call comes in and leaves: 0, or why this thread may not come in. The second is for
 * calls that are allowed in callbacks. */
int consumer_enter(struct klient_consumer *consumer);
int consumer_enter_again(struct klient_consumer *consumer);
klient_code_t consumer_leave(struct klient_consumer *consumer, klient_code_t code);

/* For who waits for news of a partition without a poll: take over what has arrived, and give up
 * what a seek made void. Until that is given up the loop fetches no more of the partition. */
void consumer_catch_up(struct klient_consumer *consumer);

/* Take over what has arrived. The first position is noted at once; a later one (after a reset) when
 * everything before it has been read. */
void consumer_collect(struct klient_consumer *consumer);

/* Is there anything that poll could return? Up to there it drops what is of older generations, and
 * follows markers that have been reached. */
bool consumer_has_work(struct klient_consumer *consumer);

/* Keep the descriptor in step: readable exactly while there is work. */
void consumer_refresh_descriptor(struct klient_consumer *consumer);

/* Anything for the application may have come: wake it. */
void consumer_notify(struct klient_consumer *consumer);

/* Wait for a task of the loop; a wake-up ends it. 0, K_WOKEN_UP or K_REQUEST_TIMED_OUT. */
int consumer_wait(void *consumer, struct task *task, int64_t deadline_ms);

/* On the loop: where the log of a partition begins and ends; `last_stable` -1: not known. */
void consumer_marks_told(struct assigned *assigned, int64_t low, int64_t high,
                         int64_t last_stable);

/* On the loop: hand over a chunk. */
void consumer_arrived(struct klient_consumer *consumer, struct chunk *chunk);

/* --- consumer_assign.c ------------------------------------------------------------------------ */

struct assigned *consumer_find(struct klient_consumer *consumer, const char *topic,
                               int32_t partition);

/* Neither assigned nor fetched yet. NULL when out of memory. */
struct assigned *assigned_new(struct klient_consumer *consumer,
                              const klient_topic_partition_t *from);

/* Read the partition from `offset` on anew: what the application has of it from there on is skipped
 * by klient_records_next(), and does not count as handed out. 0 or K_NOMEM. */
int consumer_step_back(struct klient_consumer *consumer, struct assigned *assigned,
                       int64_t offset);

/* Hold exactly these; `commits`: what progressed of those that go is committed, if that is
 * automatic. 0, K_NOMEM or K_INVALID_ARGUMENT: nothing changed. */
int consumer_hold(struct klient_consumer *consumer, const klient_topic_partition_t *partitions,
                  size_t count, bool commits);

/* 0 or K_INVALID_ARGUMENT. */
int check_partitions(const klient_topic_partition_t *partitions, size_t count);
int check_topic(const char *topic);

/* --- consumer_group.c ------------------------------------------------------------------------- */

/* Inside poll: take up what the loop offers and tell what it has to tell. KLIENT_OK, or why the
 * member is not in the group. */
klient_code_t consumer_serve(struct klient_consumer *consumer, klient_error_t **error);

/* The thread comes in to poll, and goes. */
void consumer_come(struct klient_consumer *consumer);
void consumer_go(struct klient_consumer *consumer);

/* Before the consumer is closed: commit what is automatic, call the listener for the last time,
 * leave, and wait for all that. 0, or what was not done. */
int consumer_end_group(struct klient_consumer *consumer, int64_t deadline_ms);

/* Around a function of the application: for the group that is time away from poll. */
void consumer_enter_callback(struct klient_consumer *consumer, int64_t *away_ms);
void consumer_leave_callback(struct klient_consumer *consumer, int64_t away_ms);

/* Tell outcomes of commits, unless inside of a callback. */
void consumer_tell_outcomes(struct klient_consumer *consumer);

/* Pass what poll is about to return to the interceptors. */
void consumer_intercept(struct klient_consumer *consumer, klient_records_t *records);

/* The part of it that poll takes up; and free it. */
void consumer_group_init(struct klient_consumer *consumer);
void consumer_group_fini(struct klient_consumer *consumer);

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
klient_records_t *records_new(struct deserializers *deserializers);    /* refers to them */
const struct deserializers *records_deserializers(const klient_records_t *records);
/* May klient_records_drop() be called? */
void records_open_to_drops(klient_records_t *records, bool open);

/* They are complete: note them at the consumer's partitions, for auto commit. 0 or K_NOMEM. */
int records_track(klient_records_t *records, struct klient_consumer *consumer);

/* Where a record of the application was read. */
struct record_place {
    struct assigned *assigned;      /* borrowed from the records */
    int64_t offset;
    bool came_back;                 /* it failed before */
    bool is_void;                   /* it is returned anew anyway */
};

/* False when it was not received. */
bool records_place(const klient_record_t *record, struct record_place *out);

/* The one record of a chunk without a start, once more; it was read at `offset` of `where`. Takes
 * over the handout's reference when that succeeds. 0 or K_NOMEM. */
int records_of_one(struct deserializers *deserializers, struct chunk *chunk,
                   struct assigned *where, int64_t offset, int32_t attempts,
                   struct handout *handout, klient_records_t **out);

/* --- fetcher.c: the loop's -------------------------------------------------------------------- */

enum {
    POSITION_BY_POLICY = -3,        /* as auto.offset.reset says */
    POSITION_COMMITTED = -4         /* by the group, else by policy */
};
void fetcher_obey(struct mail *mail);
/* Frees it, where it is not the partition's, and gives its reference back. */
void order_done(struct order *order);

/* Give the loop an order; it takes a reference of `assigned`. 0 or K_NOMEM. */
int consumer_order(struct klient_consumer *consumer, enum order_kind kind,
                   struct assigned *assigned, int64_t offset);

int fetcher_new(struct klient_consumer *consumer, struct fetcher **out);     /* any thread */
int fetcher_start(struct fetcher *fetcher);
void fetcher_stop(struct fetcher *fetcher);
void fetcher_free(struct fetcher *fetcher);                                   /* any thread */

#endif
