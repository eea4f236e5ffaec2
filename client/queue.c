#include "client/queue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "client/error.h"
#include "client/forked.h"
#include "client/gate.h"
#include "client/spin.h"
#include "client/worker.h"
#include "common/error.h"

struct klient_queue {
    atomic_uint references;             /* the application's, and one per call that is open */
    forked_page *mine;
    struct gate gate;                   /* signalled by what is posted, and by changes of state */
    struct spin spin;                   /* of what follows */
    struct klient_event *first, **last;
    bool closed;                        /* the application has freed it */
    bool served;                        /* by a thread of its own: nothing is left for polls */
    int descriptor;                     /* eventfd or -1 */
    klient_event_fn function;           /* constant once it is served, */
    void *context;                      /* as is this */
    pthread_t thread;
    atomic_uintptr_t server;            /* the same, as it says itself; 0: not yet */
};

/* --- life ------------------------------------------------------------------------------------- */

klient_queue_t *klient_queue_new(klient_error_t **error)
{
    klient_queue_t *queue = calloc(1, sizeof *queue);

    if (queue != NULL)
        queue->mine = forked_page_new();
    if (queue == NULL || queue->mine == NULL) {
        free(queue);
        fail(error, K_NOMEM, NULL);
        return NULL;
    }
    atomic_init(&queue->references, 1);
    gate_init(&queue->gate);
    spin_init(&queue->spin);
    queue->last = &queue->first;
    queue->descriptor = -1;
    return queue;
}

struct klient_queue *queue_ref(struct klient_queue *queue)
{
    atomic_fetch_add_explicit(&queue->references, 1, memory_order_relaxed);
    return queue;
}

void queue_unref(struct klient_queue *queue)
{
    if (atomic_fetch_sub(&queue->references, 1) != 1)
        return;
    forked_page_free(queue->mine);
    free(queue);
}

int queue_check(const struct klient_queue *queue)
{
    return queue == NULL ? K_INVALID_ARGUMENT : forked(queue->mine) ? K_FORKED : 0;
}

static bool is_server(struct klient_queue *queue)
{
    return atomic_load(&queue->server) == (uintptr_t)pthread_self();
}

void klient_queue_free(klient_queue_t *queue)
{
    if (queue == NULL)
        return;
    /* In a child nothing may be touched that another thread could have held at the fork. */
    if (forked(queue->mine)) {
        if (queue->descriptor >= 0)
            close(queue->descriptor);
        return;
    }
    if (is_server(queue))
        return;
    spin_lock(&queue->spin);
    struct klient_event *event = queue->first;
    int fd = queue->descriptor;
    bool served = queue->served;
    queue->first = NULL;
    queue->last = &queue->first;
    queue->descriptor = -1;
    queue->closed = true;
    spin_unlock(&queue->spin);
    gate_signal(&queue->gate);
    if (served)
        pthread_join(queue->thread, NULL);
    for (struct klient_event *next; event != NULL; event = next) {
        next = event->next;
        klient_event_free(event);
    }
    if (fd >= 0)
        close(fd);
    queue_unref(queue);
}

/* --- in and out ------------------------------------------------------------------------------- */

void queue_post(struct klient_queue *queue, struct klient_event *event)
{
    event->next = NULL;
    spin_lock(&queue->spin);
    bool closed = queue->closed, first = queue->first == NULL;
    if (!closed) {
        *queue->last = event;
        queue->last = &event->next;
        /* Under the lock, so that the descriptor can not fall behind the queue. */
        if (first && !queue->served && queue->descriptor >= 0)
            (void)eventfd_write(queue->descriptor, 1);
    }
    spin_unlock(&queue->spin);
    if (closed)
        klient_event_free(event);
    else if (first)
        gate_signal(&queue->gate);
}

/* The next event, or NULL; *open: may there be more for who asks? */
static struct klient_event *take(struct klient_queue *queue, bool as_server, bool *open)
{
    eventfd_t count;

    spin_lock(&queue->spin);
    *open = !queue->closed && queue->served == as_server;
    struct klient_event *event = *open ? queue->first : NULL;
    if (event != NULL)
        queue->first = event->next;
    bool emptied = event != NULL && queue->first == NULL;
    if (emptied)
        queue->last = &queue->first;
#ifdef MUTANT_QUEUE_STAYS_READABLE
    emptied = false;
#endif
    if (emptied && queue->descriptor >= 0)
        (void)eventfd_read(queue->descriptor, &count);
    spin_unlock(&queue->spin);
    return event;
}

/* Waits. False: there is nothing for who asks any more. *out NULL: the time has passed. */
static bool await(struct klient_queue *queue, bool as_server, int64_t deadline_ms,
                  struct klient_event **out)
{
    bool open;

    for (;;) {
        unsigned ticket = gate_ticket(&queue->gate);
        *out = take(queue, as_server, &open);
        if (*out != NULL || !open || !gate_wait(&queue->gate, ticket, deadline_ms))
            break;
    }
    if (*out != NULL)
        queue_event_complete(*out);
    return open;
}

klient_code_t klient_queue_poll(klient_queue_t *queue, int64_t timeout_ms, klient_event_t **out,
                                klient_error_t **error)
{
    struct klient_event *event;
    int code = queue_check(queue);

    if (code != 0 || out == NULL)
        return fail(error, code != 0 ? code : K_INVALID_ARGUMENT, NULL);
    if (!await(queue, false, deadline_after(timeout_ms), &event))
        return fail(error, K_WRONG_STATE, "its events go to a function: see klient_queue_serve()");
    *out = event;
    return KLIENT_OK;
}

static int descriptor_of(struct klient_queue *queue)
{
    spin_lock(&queue->spin);
    int fd = queue->descriptor;
    spin_unlock(&queue->spin);
    return fd;
}

/* Unless another thread was faster. Returns the queue's. */
static int take_descriptor(struct klient_queue *queue, int made)
{
    spin_lock(&queue->spin);
    bool mine = queue->descriptor < 0;
    if (mine)
        queue->descriptor = made;
    if (mine && queue->first != NULL && !queue->served)
        (void)eventfd_write(made, 1);
    int fd = queue->descriptor;
    spin_unlock(&queue->spin);
    if (!mine)
        close(made);
    return fd;
}

int klient_queue_descriptor(klient_queue_t *queue)
{
    if (queue_check(queue) != 0)
        return -1;
    int fd = descriptor_of(queue);
    int made = fd < 0 ? eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) : -1;
    return made < 0 ? fd : take_descriptor(queue, made);
}

/* --- background delivery ---------------------------------------------------------------------- */

static void *serve(void *context)
{
    struct klient_queue *queue = context;
    struct klient_event *event;

    atomic_store(&queue->server, (uintptr_t)pthread_self());
    while (await(queue, true, INT64_MAX, &event))
        if (event != NULL)
            queue->function(queue->context, event);
    return NULL;
}

/* Who waits in a poll is told, and what is there is no work for polls any more. False: it is served
 * already. */
static bool begin_serving(struct klient_queue *queue, klient_event_fn function, void *context)
{
    eventfd_t count;

    spin_lock(&queue->spin);
    bool begun = !queue->served;
    if (begun) {
        queue->served = true;
        queue->function = function;
        queue->context = context;
    }
    if (begun && queue->descriptor >= 0)
        (void)eventfd_read(queue->descriptor, &count);
    spin_unlock(&queue->spin);
    gate_signal(&queue->gate);
    return begun;
}

static void end_serving(struct klient_queue *queue)
{
    spin_lock(&queue->spin);
    queue->served = false;
    if (queue->first != NULL && queue->descriptor >= 0)
        (void)eventfd_write(queue->descriptor, 1);
    spin_unlock(&queue->spin);
}

klient_code_t klient_queue_serve(klient_queue_t *queue, klient_event_fn function, void *context,
                                 klient_error_t **error)
{
    int code = queue_check(queue);

    if (code != 0 || function == NULL)
        return fail(error, code != 0 ? code : K_INVALID_ARGUMENT, NULL);
    if (!begin_serving(queue, function, context))
        return fail(error, K_WRONG_STATE, "its events go to a function already");
    if (worker_start(&queue->thread, "klient-queue", serve, queue) == 0)
        return KLIENT_OK;
    end_serving(queue);
    return fail(error, K_NOMEM, "no thread can be started");
}
