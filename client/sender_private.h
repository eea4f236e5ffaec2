/* sender_private.h - what sender.c (what may go, and when), shipment.c (requests) and settle.c
 * (what became of them) share. Belongs to the loop. */
#ifndef CLIENT_SENDER_PRIVATE_H
#define CLIENT_SENDER_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/cluster.h"
#include "client/config.h"
#include "client/identity.h"
#include "client/producer.h"
#include "client/statistics.h"
#include "common/heap.h"
#include "common/list.h"
#include "net/loop.h"

/* The traffic of one connection. */
struct lane {
    struct list node;               /* in sender->lanes */
    struct link *link;              /* borrowed; lives as long as the cluster */
    struct list ready;              /* accumulators that may go, oldest first */
    struct list lingering;          /* that wait for company until the lane is idle */
    unsigned in_flight;
    int64_t answer_us;              /* smoothed time to an answer */
};

/* Since it was opened. */
struct sender_counts {
    int64_t records, bytes, batches;            /* acknowledged */
    int64_t records_failed, batches_retried, requests, requests_failed;
};

struct sender {
    struct klient_producer *producer;
    struct list work;               /* accumulators to examine at the end of the turn */
    struct list lanes, topics, accumulators, shipments, flushes;
    struct heap wakes;
    struct timer *timer;
    struct turn_hook hook;
    struct observer observer;
    struct identity identity;
    struct statistics_source source;
    struct sender_counts counts;
    struct latency latency;         /* us, of requests */
    bool made_room;                 /* batches were given back in this turn */
    bool stopping;
};

static inline const struct config_values *sender_values(const struct sender *sender)
{
    return &sender->producer->config->values;
}

static inline int64_t sender_now_ms(const struct sender *sender)
{
    return loop_now_ms(sender->producer->klient->loop);
}

/* What one partition sends in a request. */
struct cargo {
    struct list node;               /* in accumulator->cargos until it is settled */
    struct shipment *shipment;
    struct accumulator *accumulator;
    struct batch_queue batches;
    size_t count, size;
    int32_t epoch;                  /* of the leader it was sent to */
    struct uuid topic_id;
    bool retried;                   /* it went before, and may be stored */
    /* the answer */
    bool answered;
    bool hinted;                    /* it named the new leader */
    bool behind;                    /* who leads, as we know, has not heard of it yet */
    int code;
    int64_t base_offset, append_time_ms;
};

/* Several requests for one partition may be in flight: its batches are numbered. */
static inline bool sender_numbers(const struct sender *sender)
{
    return sender->identity.state != IDENTITY_UNUSED;
}

/* --- sender.c --------------------------------------------------------------------------------- */

/* Examine the accumulator at the end of this turn. */
void sender_touch(struct sender *sender, struct accumulator *accumulator);

/* The connection for the partition, which `broker` leads. */
struct link *sender_choose_link(const struct sender *sender, const struct accumulator *accumulator,
                                struct broker *broker);

/* The lane has become idle: company is waited for no longer. */
void sender_lane_idle(struct sender *sender, struct lane *lane);

/* Batches are complete: report them, and end the flushes that waited for them. */
void sender_complete(struct sender *sender, struct batch *batch, int code, int64_t base_offset,
                     int64_t append_time_ms);
void sender_complete_all(struct sender *sender, struct batch_queue *queue, int code);

/* --- producer_statistics.c -------------------------------------------------------------------- */

/* From now on it is among the handle's statistics, until statistics_remove(). */
void sender_count(struct sender *sender);

/* --- shipment.c ------------------------------------------------------------------------------- */

/* Take accumulators that are ready into one request; false when there is no more to do. */
bool shipment_depart(struct sender *sender, struct lane *lane);

/* Fail everything in flight with K_CLOSED. */
void shipments_abandon(struct sender *sender);

/* The cargo is settled: its memory goes with the last one of its shipment. */
void shipment_settled(struct shipment *shipment);

/* --- settle.c --------------------------------------------------------------------------------- */

/* What the broker said of the cargo: `result`, or (NULL) the error `code`. */
void cargo_answered(struct sender *sender, struct cargo *cargo, int code,
                    const Kairn__ProduceResult *result, const Kairn__Error *error);

/* Its leader takes nothing, for this reason. */
void sender_refused(struct sender *sender, const struct accumulator *accumulator, int code);

/* Something of it has arrived, or nothing of it waits any more. */
void sender_unhindered(struct sender *sender, const struct accumulator *accumulator);

/* Its batches fail with K_PURGED. The cargos stay until they are answered: S1, C2. */
void cargos_purge(struct sender *sender, struct accumulator *accumulator);

/* Nobody will say any more. */
void cargos_abandon(struct sender *sender, struct accumulator *accumulator);

#endif
