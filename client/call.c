#include "client/call.h"

#include "client/error.h"
#include "client/queue.h"
#include "common/error.h"

static int wait_patiently(void *waiter, struct task *task, int64_t deadline_ms)
{
    (void)waiter;
    return task_wait_patiently(task, deadline_ms);
}

void call_init(struct call *call, struct task *task, struct klient *klient, int64_t deadline_ms,
               product_maker make)
{
    *call = (struct call){ .task = task, .klient = klient, .deadline_ms = deadline_ms,
                           .make = make, .wait = wait_patiently };
}

void call_wait_by(struct call *call,
                  int (*wait)(void *waiter, struct task *task, int64_t deadline_ms), void *waiter)
{
    call->wait = wait;
    call->waiter = waiter;
}

klient_code_t call_wait(struct call *call, void **object, klient_error_t **error)
{
    struct product product = { PRODUCT_NONE, NULL };

    task_start(call->task, call->klient);
    int gave_up = call->wait(call->waiter, call->task, call->deadline_ms);
    klient_code_t code = gave_up != 0 ? fail(error, gave_up, NULL)
                                      : task_outcome(call->task, call->make, &product, error);
    task_unref(call->task);
    *object = product.object;
    return code;
}

klient_code_t call_post(struct call *call, klient_queue_t *queue, void *opaque,
                        klient_error_t **error)
{
    int code = queue_check(queue);
    struct klient_event *event = code != 0 ? NULL : queue_event_new(KLIENT_EVENT_ANSWER, opaque);

    if (event == NULL) {
        task_unref(call->task);
        return fail(error, code != 0 ? code : K_NOMEM, NULL);
    }
    event->task = call->task;
    event->make = call->make;
    call->task->answer = event;
    call->task->queue = queue_ref(queue);
    if (call->limited)
        task_limit(call->task, call->klient, call->deadline_ms);
    task_start(call->task, call->klient);
    return KLIENT_OK;
}
