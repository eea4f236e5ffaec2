#include "net/loop.h"

#include <assert.h>
#include <event2/event.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/slab.h"
#include "net/loop_private.h"
#include "net/mailbox.h"

enum { STACK_SIZE = 256 * 1024, HOOK_ROUNDS_MAX = 16, NAME_SIZE = 16 };

struct loop {
    struct mail_target target;          /* first: loop_mail_target() */
    char name[NAME_SIZE];
    const struct clock *clock;          /* borrowed */
    struct metrics *metrics;            /* borrowed, or NULL */
    int cpu;
    struct event_base *base;
    struct event *mail_event;
    struct mailbox mailbox;
    struct list hooks;                  /* turn_hook.node */
    struct slab *slab;                  /* see loop_slab() */
    size_t moved;                       /* bytes in this turn */
    int64_t turn_started_us;            /* of the first callback of this turn; 0: none yet */
    struct mail stop_mail;
    atomic_bool stop_asked;
    bool stopping, started;
    pthread_t thread;
    _Atomic(pthread_t) runner;          /* who runs it; 0: nobody yet */
};

static void post(struct mail_target *target, struct mail *mail)
{
    mailbox_post(&((struct loop *)target)->mailbox, mail);
}

static void mail_came(evutil_socket_t fd, short what, void *context)
{
    struct loop *loop = context;
    (void)fd, (void)what;
    loop_in_turn(loop);
    mailbox_deliver(&loop->mailbox);
}

static void stop_delivered(struct mail *mail);

int loop_new(const struct loop_options *options, struct loop **out)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return K_NOMEM;
    loop->target.post = post;
    loop->stop_mail.deliver = stop_delivered;
    strncpy(loop->name, options->name != NULL ? options->name : "loop", NAME_SIZE - 1);
    loop->clock = options->clock != NULL ? options->clock : &clock_system;
    loop->metrics = options->metrics;
    loop->cpu = options->cpu;
    list_init(&loop->hooks);
    if (mailbox_init(&loop->mailbox) != 0)
        goto free_loop;

    /* One thread owns the base; others only write to the mailbox's descriptor. */
    struct event_config *config = event_config_new();
    if (config == NULL)
        goto fini_mailbox;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    if (loop->base == NULL)
        goto fini_mailbox;
    loop->mail_event = event_new(loop->base, loop->mailbox.fd, EV_READ | EV_PERSIST, mail_came, loop);
    if (loop->mail_event == NULL || event_add(loop->mail_event, NULL) != 0)
        goto free_base;
    *out = loop;
    return 0;

free_base:
    if (loop->mail_event != NULL)
        event_free(loop->mail_event);
    event_base_free(loop->base);
fini_mailbox:
    mailbox_fini(&loop->mailbox);
free_loop:
    free(loop);
    return K_NOMEM;
}

static void run_hooks(struct loop *loop)
{
    for (int round = 0; round < HOOK_ROUNDS_MAX && !list_empty(&loop->hooks); round++) {
        struct list due;
        list_init(&due);
        for (struct list *node; (node = list_first(&loop->hooks)) != NULL;) {
            list_remove(node);
            list_append(&due, node);
        }
        for (struct list *node; (node = list_first(&due)) != NULL;) {
            struct turn_hook *hook = LIST_OWNER(node, struct turn_hook, node);
            list_remove(node);
            hook->run(hook);
        }
    }
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    run_hooks(loop);               /* connections closed last are freed by a hook */
    event_free(loop->mail_event);
    event_base_free(loop->base);
    mailbox_fini(&loop->mailbox);
    slab_unref(loop->slab);
    free(loop);
}

/* --- running ------------------------------------------------------------------------------------ */

void loop_run(struct loop *loop)
{
    atomic_store(&loop->runner, pthread_self());
    while (!loop->stopping) {
        /* Hooks left over (bounded rounds) must not wait for the next event. */
        int flags = EVLOOP_ONCE | (list_empty(&loop->hooks) ? 0 : EVLOOP_NONBLOCK);
        loop->moved = 0;
        loop->turn_started_us = 0;
        event_base_loop(loop->base, flags);
        run_hooks(loop);
        if (loop->metrics != NULL && loop->turn_started_us != 0)
            metric_observe(loop->metrics, METRIC_LOOP_TURN_US, clock_mono_us(loop->clock) - loop->turn_started_us);
    }
    mailbox_deliver(&loop->mailbox);
    run_hooks(loop);
}

static void *thread_main(void *context)
{
    struct loop *loop = context;
    pthread_setname_np(pthread_self(), loop->name);
    if (loop->cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((size_t)loop->cpu, &set);
        pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    }
    loop_run(loop);
    return NULL;
}

int loop_start(struct loop *loop)
{
    sigset_t all, before;
    pthread_attr_t attributes;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    /* The new thread inherits the mask, so no signal can reach it first. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int error = pthread_create(&loop->thread, &attributes, thread_main, loop);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    loop->started = error == 0;
    return error == 0 ? 0 : K_NOMEM;
}

/* The mail that ends the loop comes after what was posted before it. */
static void stop_delivered(struct mail *mail)
{
    struct loop *loop = LIST_OWNER(mail, struct loop, stop_mail);
    loop->stopping = true;
}

void loop_stop(struct loop *loop)
{
    if (!atomic_exchange(&loop->stop_asked, true))
        loop_post(loop, &loop->stop_mail);
}

void loop_join(struct loop *loop)
{
    if (loop->started)
        pthread_join(loop->thread, NULL);
    loop->started = false;
}

void loop_post(struct loop *loop, struct mail *mail)
{
    mailbox_post(&loop->mailbox, mail);
}

struct mail_target *loop_mail_target(struct loop *loop)
{
    return &loop->target;
}

bool loop_is_current(const struct loop *loop)
{
    return atomic_load(&loop->runner) == pthread_self();
}

/* --- time ------------------------------------------------------------------------------------------ */

int64_t loop_now_ms(const struct loop *loop)
{
    return clock_mono_ms(loop->clock);
}

int64_t loop_now_us(const struct loop *loop)
{
    return clock_mono_us(loop->clock);
}

const struct clock *loop_clock(const struct loop *loop)
{
    return loop->clock;
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

void loop_in_turn(struct loop *loop)
{
    if (loop->metrics != NULL && loop->turn_started_us == 0)
        loop->turn_started_us = clock_mono_us(loop->clock);
}

/* --- shared by connections ---------------------------------------------------------------------------- */

struct slab *loop_slab(struct loop *loop)
{
    if (loop->slab != NULL && slab_references(loop->slab) > 1) {
        slab_unref(loop->slab);
        loop->slab = NULL;
    }
    if (loop->slab == NULL)
        loop->slab = slab_new(LOOP_SLAB_SIZE);
    return loop->slab;
}

int loop_may_move(struct loop *loop, size_t bytes)
{
    loop->moved += bytes;
    return loop->moved < LOOP_TURN_BYTES_MAX;
}

/* --- hooks -------------------------------------------------------------------------------------------- */

void turn_hook_init(struct turn_hook *hook, void (*run)(struct turn_hook *hook))
{
    list_init(&hook->node);
    hook->run = run;
}

void loop_at_turn_end(struct loop *loop, struct turn_hook *hook)
{
    if (list_empty(&hook->node))
        list_append(&loop->hooks, &hook->node);
}

void turn_hook_cancel(struct turn_hook *hook)
{
    list_remove(&hook->node);
}
