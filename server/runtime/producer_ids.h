/* runtime/producer_ids.h - ids for idempotent producers, a thousand at a time out of ZooKeeper.
 *
 * Brokers take turns at /latest_producer_id_block, each by compare-and-set of the next block, as
 * Kafka's do. No id is ever given out twice: a block counts as ours only once ZooKeeper said so;
 * one whose write went unanswered is left unused. */
#ifndef RUNTIME_PRODUCER_IDS_H
#define RUNTIME_PRODUCER_IDS_H

#include <stdint.h>

#include "common/list.h"
#include "common/mail.h"

struct control;

struct producer_id_ask {
    struct mail_target *answer_to;
    void (*answered)(struct producer_id_ask *ask);      /* there, once */
    int64_t deadline_ms;                                /* monotonic */

    /* the answer: 0, REQUEST_TIMED_OUT (ZooKeeper did not answer in time), CLOSED, NOMEM, or
     * PRODUCER_IDS_EXHAUSTED (2^63 - 1 of them were given out) */
    int code;
    int64_t id;

    /* the control plane's own while it has the ask */
    struct mail mail;
    struct list node;
    struct control *control;
};

/* Any thread. */
void control_ask_producer_id(struct control *control, struct producer_id_ask *ask);

#endif
