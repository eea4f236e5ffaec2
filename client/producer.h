/* producer.h - the parts of a producer and who may touch them.
 *
 * Application threads encode records into the open batch of an accumulator (one per partition),
 * under its spin lock; everything else of sending belongs to the loop (sender.c). Batches travel:
 *
 *   pool -> open -> closed -> in flight -> (again -> in flight)* -> reports -> pool
 *           accumulator.c     sender.c                              report.c
 *
 * A closed batch is sealed (compressed, and given its checksum) by the thread that closed it,
 * without the lock; the loop leaves it, and what follows it, alone until then.
 *
 * The order of a partition survives retries. Without idempotence because batches of one accumulator
 * are in flight only once at a time, and those that failed go first again; with it because every
 * batch of a partition has a sequence number: the broker takes them without a gap only, and knows
 * again what it has stored before. */
#ifndef CLIENT_PRODUCER_H
#define CLIENT_PRODUCER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/background.h"
#include "client/config.h"
#include "client/gate.h"
#include "client/handle.h"
#include "client/klient.h"
#include "client/outgoing.h"
#include "client/spin.h"
#include "client/task.h"
#include "client/troubles.h"
#include "client/visits.h"
#include "common/heap.h"
#include "common/list.h"
#include "common/mail.h"
#include "proto/batch.h"

struct accumulator;
struct producer_topic;
struct sender;
struct slab;
struct topic;

/* What a report needs to know of each record. */
struct delivery {
    void *opaque;
    int64_t timestamp;
};

/* Where a batch stands among all that its producer sends to the partition. */
struct batch_numbers {
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t base_sequence;
};

struct batch {
    struct batch *next;
    struct accumulator *accumulator;
    struct slab *slab;              /* owned; the bytes; NULL once complete */
    struct batch_builder builder;
    atomic_bool sealed;             /* slab and builder are the loop's */
    bool renumbered;                /* `numbers` are to replace the builder's; loop only */
    struct batch_numbers numbers;   /* loop only */
    struct delivery *deliveries;    /* owned, builder.count of them; NULL without reports */
    int32_t delivery_capacity;
    size_t charged;                 /* bytes counted against buffer.memory */
    int64_t opened_at_ms;           /* of mono time */
    int64_t attempts;
    bool maybe_written;             /* an attempt ended in a way that leaves it open */
    bool alone;                     /* sent without company: one of a group was refused */
    bool closes_cargo;              /* retries go in the groups that brokers may know */
    struct flush *flush;            /* who waits for it; loop only */
    int code;                       /* outcome */
    int64_t base_offset, append_time_ms;
    int64_t limit;                  /* of a broker, that was exceeded; 0: none */
};

struct batch_queue {
    struct batch *first, **last;
};

struct accumulator {
    /* Shared, under `spin`. */
    struct spin spin;
    struct batch *open;             /* owned */
    struct batch_queue closed;      /* owned; oldest first, some not sealed yet */
    size_t usual_size;              /* of the last batches: room to begin with */
    size_t sticky_bytes;            /* taken from records without key since it became the choice */
    int64_t producer_id;            /* -1: batches are not numbered (yet) */
    int16_t producer_epoch;         /* of this partition's numbers */
    int32_t next_sequence;          /* of the next record */
    /* Shared. */
    atomic_uint queued;             /* batches in `closed`: a hint for the partitioner, */
    atomic_int_least64_t untaken_since_ms;  /* as is since when none left, while some wait */
    atomic_bool available;          /* has a leader */
    atomic_bool noticed;            /* the loop looks by itself: no need to tell it */
    atomic_bool posted;             /* `mail` is in transit */
    /* Constant. */
    struct klient_producer *producer;
    struct producer_topic *topic;
    int32_t partition;
    /* The loop's. */
    struct mail mail;
    struct list node;               /* in one of the sender's or a lane's lists, or in none */
    struct list every;              /* in sender->accumulators */
    struct heap_node wake;
    struct batch_queue again;       /* owned; to be sent before `closed` */
    struct batch_queue purged;      /* owned; fails before `closed` is sent, once it is sealed */
    struct list cargos;             /* struct cargo.node: in flight, oldest first */
    unsigned cargo_count;
    unsigned retried_count;         /* of those, how many went before */
    bool draining;                  /* one of them failed: none departs until all are answered */
    struct link *link;              /* by which the last cargo went; borrowed */
    int64_t retry_at_ms, backoff_ms, sent_at_us;
    int32_t failed_epoch;           /* a leader of a newer one need not wait for retry_at_ms */
    bool seeks_leader;              /* such a one is looked for */
};

/* Published as a whole and never changed: readers take no lock. */
struct partition_table {
    struct partition_table *retired;    /* older ones; a reader may still look at them */
    int32_t count;
    /* Of partitions that the topic once had, too: what they hold fails. */
    int32_t accumulator_count;
    struct accumulator **accumulators;  /* owned by the topic */
    size_t available_count;
    int32_t *available;                 /* partitions with a leader, ascending */
};

struct producer_topic {
    char *name;                         /* owned */
    uint64_t hash;
    const struct config_values *values; /* that count for it; the configuration's */
    bool asks_function;                 /* the application's partitioner chooses */
    _Atomic(struct partition_table *) table;    /* `newest`; NULL while unknown, or forgotten */
    atomic_int code;                    /* final refusal of an unknown topic, 0: none */
    atomic_bool forgotten;              /* to be asked for again before something is sent */
    atomic_uint_least64_t turn;         /* of round-robin */
    atomic_int_least32_t sticky;        /* partition for records without key; -1: none */
    atomic_int codec;                   /* that it stores batches in; -1: ours */
    /* The loop's. */
    struct partition_table *newest;     /* owned, with all that it retired */
    struct topic *topic;                /* held; NULL: forgotten */
    int64_t used_at_ms;
    struct list node;                   /* in sender->topics */
};

/* An open-addressing hash table of topics, published as a whole like the partition tables; slots
 * are only ever filled. */
struct topic_table {
    struct topic_table *retired;
    size_t capacity, count;
    _Atomic(struct producer_topic *) slots[];
};

struct klient_producer {
    struct klient *klient;              /* referenced */
    struct klient_config *config;       /* owned, immutable */
    struct outgoing outgoing;           /* what records pass before they are sent; likewise */
    struct visits visits;               /* the threads that are in there */
    atomic_bool closing;
    struct gate progress;               /* memory, a topic, reports or a flush: look again */
    _Atomic(struct topic_table *) topics;
    _Atomic(struct producer_topic *) recent;    /* the last one found */
    struct sender *sender;              /* owned; the loop's side, */
    struct troubles troubles;           /* as are these */
    /* buffer.memory */
    atomic_int_least64_t used_bytes;
    atomic_int_least64_t report_bytes;  /* of those, held by unread reports */
    atomic_uint starving;               /* threads that wait for memory */
    atomic_bool crowded;                /* some found none, because of unread reports */
    atomic_bool crowded_posted;         /* `crowded_mail` is in transit */
    struct mail crowded_mail;
    struct spin pool_spin;
    struct batch *pool;                 /* batches with a slab of their topic's batch.size */
    /* Reports. */
    struct spin report_spin;
    struct batch_queue reports;
    atomic_int descriptor;              /* eventfd or -1 */
    atomic_uintptr_t reporter;          /* the thread that runs callbacks now, or 0 */
    void (*reported)(void *context);    /* called when reports begin to wait; NULL: nobody is */
    void *reported_context;
    bool makes_no_topics;               /* whoever uses it does; constant, as those two, once
                                         * something is sent */
    uint64_t reports_come;              /* batches; under the lock */
    atomic_uint_least64_t reports_told;
    struct background background;
    atomic_int first_failure;           /* since the last flush */
    atomic_uint_least64_t chance;
};

/* Is every record to be reported to somebody? */
static inline bool producer_reports(const struct klient_producer *producer)
{
    return producer->config->report != NULL || producer->outgoing.interceptors.acknowledges;
}

static inline void queue_init(struct batch_queue *queue)
{
    queue->first = NULL;
    queue->last = &queue->first;
}

static inline void queue_push(struct batch_queue *queue, struct batch *batch)
{
    batch->next = NULL;
    *queue->last = batch;
    queue->last = &batch->next;
}

static inline struct batch *queue_pop(struct batch_queue *queue)
{
    struct batch *batch = queue->first;

    if (batch != NULL && (queue->first = batch->next) == NULL)
        queue->last = &queue->first;
    return batch;
}

/* Move all of `rest` behind the batches of `queue`. */
static inline void queue_append(struct batch_queue *queue, struct batch_queue *rest)
{
    if (rest->first == NULL)
        return;
    *queue->last = rest->first;
    queue->last = rest->last;
    queue_init(rest);
}

/* Move all of `front` before the batches of `queue`. */
static inline void queue_prepend(struct batch_queue *queue, struct batch_queue *front)
{
    if (front->first == NULL)
        return;
    *front->last = queue->first;
    if (queue->first == NULL)
        queue->last = front->last;
    queue->first = front->first;
    queue_init(front);
}

/* --- accumulator.c: any thread ---------------------------------------------------------------- */

struct accumulator *accumulator_new(struct klient_producer *producer, struct producer_topic *topic,
                                    int32_t partition);
void accumulator_free(struct accumulator *accumulator);

/* Encode a record. `size` is its upper bound in bytes. *moved is set when the choice of the sticky
 * partition should change. 0, K_QUEUE_FULL or K_NOMEM. */
int accumulator_add(struct accumulator *accumulator, const klient_record_t *record,
                    int64_t timestamp, size_t size, bool keyless, bool *moved);

/* Close the open batch, which the caller then has to seal (NULL: there was none). With the spin
 * lock held. */
struct batch *accumulator_close_open(struct accumulator *accumulator);

/* Make a batch that the caller has closed (no-op for NULL) ready to be sent: compress it, fill in
 * its header. Takes long: without the spin lock. */
void accumulator_seal(struct accumulator *accumulator, struct batch *batch);

/* Have the loop look at the accumulator: there is something new, or newly sealed. */
void accumulator_tell(struct accumulator *accumulator);

/* --- accumulator.c: the loop's ---------------------------------------------------------------- */

/* Move what was opened at `opened_by_ms` or before to the end of `out`, up to the first batch that
 * is not sealed: then false, and its sealer will tell. What stays gets the numbers of what goes.
 * With the spin lock held. */
bool accumulator_take(struct accumulator *accumulator, int64_t opened_by_ms,
                      struct batch_queue *out);

/* Number the batches from 0 on, under this id and epoch: those in `first`, then the closed ones,
 * and all that come. Nothing is in flight. With the spin lock held. */
void accumulator_number(struct accumulator *accumulator, int64_t producer_id, int16_t epoch,
                        struct batch_queue *first);

/* Move what was never sent to `purged`: its numbers are free again. With the spin lock held. */
void accumulator_purge(struct accumulator *accumulator);

/* Does nothing of it wait, and is nothing in flight? */
bool accumulator_is_empty(struct accumulator *accumulator);

/* Write the numbers that a sealed batch got since it was closed into its header. */
void batch_identify(struct batch *batch);

/* Wake who waits for memory. To be called once after a number of batches were given back, not for
 * each: a woken thread would fill that one, and sleep again. */
void producer_room_made(struct klient_producer *producer);

/* Give a completed batch's bytes back; its deliveries stay. */
void batch_release_bytes(struct klient_producer *producer, struct batch *batch);
/* The rest. */
void batch_free(struct klient_producer *producer, struct batch *batch);
void pool_free(struct klient_producer *producer);

/* --- producer_topic.c ------------------------------------------------------------------------- */

/* NULL when it was never asked for. Any thread. */
struct producer_topic *producer_topic_find(struct klient_producer *producer, const char *name);

/* Where a record goes, or -1: K_PARTITIONER_FAILED. Any thread. */
int32_t producer_topic_choose(struct klient_producer *producer, struct producer_topic *topic,
                              const struct partition_table *table, const klient_record_t *record);

/* The send failed: the turn taken by round-robin was not used. */
void producer_topic_give_back(struct producer_topic *topic, const klient_record_t *record);

/* Leave partition `from` for records without key. Any thread. */
void producer_topic_move(struct klient_producer *producer, struct producer_topic *topic,
                         const struct partition_table *table, int32_t from);

/* The loop's: find or add; publish what the cluster knows of it; free. */
struct producer_topic *producer_topic_add(struct klient_producer *producer, const char *name);
void producer_topic_update(struct klient_producer *producer, struct producer_topic *topic);
/* There is something to be sent: holds it again if it was forgotten. False when out of memory. */
bool producer_topic_use(struct klient_producer *producer, struct producer_topic *topic);
/* Ask for it no more if it has not been used for metadata.max.idle.ms. */
void producer_topic_review(struct klient_producer *producer, struct producer_topic *topic);
void producer_topics_free(struct klient_producer *producer);

/* --- sender.c: the loop's --------------------------------------------------------------------- */

int sender_new(struct klient_producer *producer, struct sender **out);   /* any thread */
int sender_start(struct sender *sender);
/* Fail everything that is left with K_CLOSED. */
void sender_stop(struct sender *sender);
void sender_free(struct sender *sender);                                  /* any thread */
void sender_add_topic(struct sender *sender, struct producer_topic *topic);
void sender_add_accumulator(struct sender *sender, struct accumulator *accumulator);
/* Mail: an accumulator has something new. */
void sender_noticed(struct mail *mail);
/* Send what is there now; done once all of it is complete. */
struct flush {
    struct task task;
    struct list node;
    struct klient_producer *producer;
    size_t pending;                 /* batches */
};
void sender_flush(struct task *task);
/* Fail with K_PURGED what KLIENT_PURGE_... name. */
void sender_purge(struct sender *sender, int flags);

/* --- report.c --------------------------------------------------------------------------------- */

/* The loop's: a batch is complete (code, base_offset, append_time_ms are set). Takes it over. */
void report_batch(struct klient_producer *producer, struct batch *batch);

/* Run callbacks until there is nothing to report. Returns how many ran; -1 when another thread is
 * at it. */
int64_t report_serve(struct klient_producer *producer);
bool report_is_reporter(struct klient_producer *producer);

/* How many batches were to be reported up to now. */
uint64_t report_count(struct klient_producer *producer);
/* Do reports that nobody reads hold most of buffer.memory? */
static inline bool report_crowds(const struct klient_producer *producer)
{
    return 2 * atomic_load(&producer->report_bytes) > producer->config->values.buffer_bytes;
}

/* There was no room for a record, or, after that, reports were read: tell the loop if they are the
 * reason, or are it no more. */
void report_look(struct klient_producer *producer);

void report_queue_init(struct klient_producer *producer);
void report_queue_free(struct klient_producer *producer);

#endif
