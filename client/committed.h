/* committed.h - what the group has committed, asked of its coordinator: all that wants to know in
 * one turn of the loop goes into one request.
 *
 * Belongs to the handle's loop. */
#ifndef CLIENT_COMMITTED_H
#define CLIENT_COMMITTED_H

#include <stdbool.h>
#include <stdint.h>

#include "client/coordinator.h"
#include "common/list.h"
#include "net/loop.h"

/* Embedded in the asker's object. */
struct committed_ask {
    struct list node;
    const char *topic;              /* borrowed until it is done */
    int32_t partition;
    int64_t deadline_ms;            /* then it fails with REQUEST_TIMED_OUT */
    /* The answer, valid with code 0 and during the call. */
    int64_t offset;                 /* -1: none is committed */
    int32_t epoch;
    const char *metadata;
    bool topic_known;               /* the group has an offset of this topic */
    /* Exactly once, unless cancelled; may free the ask. */
    void (*done)(struct committed_ask *ask, int code);
};

struct committed {
    struct coordinator *coordinator;    /* borrowed */
    struct list waiting, asked;         /* struct committed_ask */
    bool asking;
    size_t asked_count;                 /* also those that were cancelled since */
    struct coordinator_call call;
    struct turn_hook hook;
    struct timer *timer;
    int64_t backoff_ms;
};

int committed_init(struct committed *committed, struct coordinator *coordinator);  /* 0, K_NOMEM */
void committed_fini(struct committed *committed);       /* what is asked is answered K_CLOSED */

/* Not answered from here. */
void committed_start(struct committed *committed, struct committed_ask *ask);
void committed_cancel(struct committed_ask *ask);       /* no-op unless it is under way */

#endif
