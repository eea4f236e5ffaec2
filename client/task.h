/* task.h - work that an application thread hands to the loop, and waits for or has answered by a
 * queue.
 *
 * Two owners: the caller and the loop. A caller that runs out of time gives up its share and the
 * loop disposes of the task when it is done with it. With a queue, the caller's share belongs to
 * the event that is posted when the task is done. */
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
struct klient_queue;
struct timer;

struct task {
    struct mail mail;
    atomic_uint references;
    atomic_bool done;
    struct gate gate;
    int code;                           /* valid once done */
    struct k_reason reason;             /* text of the failure, or empty */
    struct klient_queue *queue;         /* referenced: gets `answer`; NULL: somebody waits */
    struct klient_event *answer;        /* owned until it is posted */
    struct klient *limited;             /* the answer does not wait for longer than */
    int64_t limit_ms;                   /* this; NULL: its work keeps its deadline by itself */
    struct timer *limit;                /* the loop's */
    void (*run)(struct task *task);     /* on the loop; later, exactly one task_done() */
    void (*dispose)(struct task *task); /* free it; on either thread */
};

void task_init(struct task *task, void (*run)(struct task *), void (*dispose)(struct task *));

/* With a queue, before it is started: the answer comes at `limit_ms` of mono time, if not earlier,
 * as K_REQUEST_TIMED_OUT; the task goes on. */
void task_limit(struct task *task, struct klient *klient, int64_t limit_ms);

/* Give it to the loop. */
void task_start(struct task *task, struct klient *klient);

/* Wait until it is done; false when `deadline_ms` (of mono time) passed first. */
bool task_wait(struct task *task, int64_t deadline_ms);

/* The same a moment longer, which only covers a loop that is held up: for work that keeps the
 * deadline by itself. 0 or K_REQUEST_TIMED_OUT. */
int task_wait_patiently(struct task *task, int64_t deadline_ms);

/* What became of a task that is done: its failure, or what `make` (NULL: nothing) makes of it. Any
 * thread, once. */
klient_code_t task_outcome(struct task *task, product_maker make, struct product *out,
                           klient_error_t **error);

/* The caller's share. */
void task_unref(struct task *task);

/* On the loop: will a queue be told of it? */
static inline bool task_is_to_be_posted(const struct task *task) { return task->queue != NULL; }

/* On the loop: finished; gives up the loop's share. */
void task_done(struct task *task, int code);

/* Run `work(context)` on the loop and wait for it, however long it takes: for work that does not
 * wait itself. */
void task_call(struct klient *klient, void (*work)(void *context), void *context);

#endif
