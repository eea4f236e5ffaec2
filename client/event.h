/* event.h - what a queue holds: something that happened, or the answer to a call.
 *
 *   struct klient_event *event = queue_event_new(KLIENT_EVENT_TROUBLE, NULL);
 *   event->code = fail(&event->error, code, "...");
 *   queue_post(queue, event);
 *
 * One owner at a time: who makes it, the queue, the application. */
#ifndef CLIENT_EVENT_H
#define CLIENT_EVENT_H

#include "client/klient.h"

struct task;

enum product_kind {
    PRODUCT_NONE,
    PRODUCT_GROUPS,
    PRODUCT_LOGS,
    PRODUCT_METADATA,
    PRODUCT_METRICS,
    PRODUCT_OFFSETS,
    PRODUCT_REASSIGNMENTS,
    PRODUCT_RESULTS,
    PRODUCT_SETTINGS
};

/* What a call has for the application besides its code. */
struct product {
    enum product_kind kind;
    void *object;                       /* owned; NULL with PRODUCT_NONE */
};

/* Free what is in it. */
void product_free(struct product *product);

/* Make of a task that was successful what the application gets of it; some products come with a
 * failure. Any thread, once. *out is PRODUCT_NONE before. */
typedef klient_code_t (*product_maker)(struct task *task, struct product *out,
                                       klient_error_t **error);

struct klient_event {
    struct klient_event *next;          /* the queue's */
    klient_event_kind_t kind;
    klient_code_t code;
    klient_error_t *error;              /* owned; NULL on success, or when out of memory */
    void *opaque;
    struct product product;
    /* Of an answer that nobody has looked at: it is made by who takes it, not by the loop. */
    struct task *task;                  /* a share of it; NULL: none */
    product_maker make;
};

/* Successful and empty. NULL when out of memory. Free with klient_event_free(). */
struct klient_event *queue_event_new(klient_event_kind_t kind, void *opaque);

/* Look at the task, and give it up. */
void queue_event_complete(struct klient_event *event);

#endif
