#include "client/task.h"

#include <sched.h>
#include <stddef.h>

#include "client/error.h"
#include "client/handle.h"
#include "client/queue.h"
#include "common/later.h"
#include "net/loop.h"

/* --- the answer by a queue -------------------------------------------------------------------- */

static void post_answer(struct task *task)
{
    struct klient_queue *queue = task->queue;

    task->queue = NULL;
    timer_free(task->limit);
    task->limit = NULL;
    queue_post(queue, task->answer);
    queue_unref(queue);
}

/* The event gives up the task, which is not done. */
static void time_out(void *context)
{
    struct task *task = context;
    struct klient_event *event = task->answer;

    event->task = NULL;
    event->code = fail(&event->error, K_REQUEST_TIMED_OUT, NULL);
    post_answer(task);
    task_unref(task);
}

void task_limit(struct task *task, struct klient *klient, int64_t limit_ms)
{
    task->limited = klient;
    task->limit_ms = limit_ms;
}

static void deliver(struct mail *mail)
{
    struct task *task = (struct task *)((char *)mail - offsetof(struct task, mail));

#ifdef MUTANT_ANSWER_LATE
    task->limited = NULL;
#endif
    if (task->limited != NULL &&
        timer_new(task->limited->loop, time_out, task, &task->limit) == 0)
        timer_at(task->limit, task->limit_ms);
    task->run(task);
}

/* --- life ------------------------------------------------------------------------------------- */

void task_init(struct task *task, void (*run)(struct task *), void (*dispose)(struct task *))
{
    task->mail = (struct mail){ .deliver = deliver };
    atomic_init(&task->references, 1);
    atomic_init(&task->done, false);
    gate_init(&task->gate);
    task->code = 0;
    task->reason.text[0] = '\0';
    task->queue = NULL;
    task->answer = NULL;
    task->limited = NULL;
    task->limit = NULL;
    task->run = run;
    task->dispose = dispose;
}

void task_start(struct task *task, struct klient *klient)
{
    atomic_fetch_add(&task->references, 1);
    loop_post(klient->loop, &task->mail);
}

bool task_wait(struct task *task, int64_t deadline_ms)
{
    for (;;) {
        unsigned ticket = gate_ticket(&task->gate);
        if (atomic_load(&task->done))
            return true;
        if (!gate_wait(&task->gate, ticket, deadline_ms))
            return atomic_load(&task->done);
    }
}

int task_wait_patiently(struct task *task, int64_t deadline_ms)
{
    enum { PATIENCE_MS = 1000 };

    return task_wait(task, later_ms(deadline_ms, PATIENCE_MS)) ? 0 : K_REQUEST_TIMED_OUT;
}

klient_code_t task_outcome(struct task *task, product_maker make, struct product *out,
                           klient_error_t **error)
{
    if (task->code != 0)
        return fail(error, task->code, "%s",
                    task->reason.text[0] != '\0' ? task->reason.text : k_error_text(task->code));
    return make == NULL ? KLIENT_OK : make(task, out, error);
}

void task_unref(struct task *task)
{
    if (atomic_fetch_sub(&task->references, 1) == 1)
        task->dispose(task);
}

void task_done(struct task *task, int code)
{
    task->code = code;
    atomic_store(&task->done, true);
    gate_signal(&task->gate);
    if (task->queue != NULL)
        post_answer(task);
    task_unref(task);
}

struct work_task {
    struct task task;
    void (*work)(void *context);
    void *context;
};

static void work_run(struct task *task)
{
    struct work_task *work = (struct work_task *)task;

    work->work(work->context);
    task_done(task, 0);
}

static void work_dispose(struct task *task)
{
    (void)task;
}

void task_call(struct klient *klient, void (*work)(void *context), void *context)
{
    struct work_task task = { .work = work, .context = context };

    task_init(&task.task, work_run, work_dispose);
    task_start(&task.task, klient);
    task_wait(&task.task, INT64_MAX);
    /* The loop's share may be given up a moment after `done`: the task is on our stack. */
    while (atomic_load(&task.task.references) > 1)
        sched_yield();
}
