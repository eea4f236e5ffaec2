/* call.h - a call of the application, once it was checked and what it needs was copied: to be
 * waited for, or to be answered by a queue.
 *
 *   klient_admin_foo():        code = begin_foo(&call, ..., error);
 *                              return code != KLIENT_OK ? code : call_wait(&call, &object, error);
 *   klient_admin_foo_async():  code = begin_foo(&call, ..., error);
 *                              return code != KLIENT_OK ? code : call_post(&call, queue, ...);
 *
 * Any thread. */
#ifndef CLIENT_CALL_H
#define CLIENT_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "client/task.h"

struct call {
    struct task *task;                  /* the caller's share; not started */
    struct klient *klient;              /* borrowed */
    int64_t deadline_ms;                /* of mono time */
    bool limited;                       /* the task does not keep it by itself */
    product_maker make;                 /* NULL: nothing is made of it but its code */
    int (*wait)(void *waiter, struct task *task, int64_t deadline_ms);
    void *waiter;
};

void call_init(struct call *call, struct task *task, struct klient *klient, int64_t deadline_ms,
               product_maker make);

/* Have it waited for in the caller's own way: 0, or why it gave up. */
void call_wait_by(struct call *call,
                  int (*wait)(void *waiter, struct task *task, int64_t deadline_ms), void *waiter);

/* Start it and wait. *object receives what was made of it, also with some failures, or NULL. */
klient_code_t call_wait(struct call *call, void **object, klient_error_t **error);

/* Start it: a KLIENT_EVENT_ANSWER with what was made of it comes to the queue, exactly once, unless
 * an error is returned: K_INVALID_ARGUMENT (no queue), K_FORKED, K_NOMEM. */
klient_code_t call_post(struct call *call, klient_queue_t *queue, void *opaque,
                        klient_error_t **error);

#endif
