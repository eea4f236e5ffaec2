/* task.h - work that an application thread hands to the loop and waits for.
 *
 * Two owners: the caller and the loop. A caller that runs out of time gives up its share and the
 * loop disposes of the task when it is done with it. */
#ifndef CLIENT_TASK_H
#define CLIENT_TASK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/event.h"
#include "client/gate.h"
#include "client/klient.h"
#include "common/error.h"
#include "common/mail.h"

struct klient;

struct task {
    struct mail mail;
    atomic_uint references;
    atomic_bool done;
    struct gate gate;
    int code;                           /* valid once done */
    struct k_reason reason;             /* text of the failure, or empty */
    void (*run)(struct task *task);     /* on the loop; later, exactly one task_done() */
    void (*dispose)(struct task *task); /* free it; on either thread */
};

void task_init(struct task *task, void (*run)(struct task *), void (*dispose)(struct task *));

/* Give it to the loop. */
void task_start(struct task *task, struct klient *klient);

/* Wait until it is done; false when `deadline_ms` (of mono time) passed first. */
bool task_wait(struct task *task, int64_t deadline_ms);

/* The same a moment longer, which only covers a loop that is held up: for work that keeps the
 * deadline by itself. 0 or K_REQUEST_TIMED_OUT. */
int task_wait_patiently(struct task *task, int64_t deadline_ms);

/* Start it and wait. Its work keeps `deadline_ms` by itself, so it is waited for patiently.
 * Unless that fails it is done, and its code and reason are returned. */
klient_code_t task_await(struct task *task, struct klient *klient, int64_t deadline_ms,
                         klient_error_t **error);

/* What became of a task that is done: its failure, or what `make` (NULL: nothing) makes of it. Any
 * thread, once. */
klient_code_t task_outcome(struct task *task, product_maker make, struct product *out,
                           klient_error_t **error);

/* The caller's share. */
void task_unref(struct task *task);

/* On the loop: finished; gives up the loop's share. */
void task_done(struct task *task, int code);

/* Run `work(context)` on the loop and wait for it, however long it takes: for work that does not
 * wait itself. */
void task_call(struct klient *klient, void (*work)(void *context), void *context);

#endif
