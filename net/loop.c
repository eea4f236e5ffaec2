#include "net/loop.h"

#include <assert.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/slab.h"
#include "net/loop_internal.h"

enum {
    TURN_BYTES_MAX = 4 << 20, /* received and sent by all connections in one turn */
    HOOK_PASSES_MAX = 16,     /* hooks that queue hooks go on in the next turn after this */
    EPOLL_SEARCH = 64,        /* descriptors that are looked at for libevent's epoll */
    TRIM_AFTER_MS = 10000
};

/* --- making and freeing ----------------------------------------------------------------------- */

static void on_mail(evutil_socket_t fd, short what, void *context)
{
    struct loop *loop = context;

    (void)fd;
    (void)what;
    loop_turn_begin(loop);
    mailbox_drain(&loop->mailbox);
}

/* Only ends the wait: every turn fires the timers that are due. */
static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct loop *loop = context;
    uint64_t count;

    (void)what;
    loop_turn_begin(loop);
    if (read(fd, &count, sizeof count) > 0)
        loop->armed_us = INT64_MAX;
}

static void post_to_loop(struct mail_target *target, struct mail *mail)
{
    struct loop *loop = (struct loop *)((char *)target - offsetof(struct loop, target));
    mailbox_post(&loop->mailbox, mail);
}

static void deliver_stop(struct mail *mail)
{
    struct loop *loop = (struct loop *)((char *)mail - offsetof(struct loop, stop_mail));
    loop->stopping = true;
}

static void trim_slabs(void *context)
{
    struct loop *loop = context;

    loop->trim_due = slab_pool_trim(&loop->pool);
    if (loop->trim_due)
        timer_after(&loop->trim, TRIM_AFTER_MS);
}

static struct event_base *base_new(void)
{
    struct event_config *config = event_config_new();
    if (config == NULL)
        return NULL;
    /* One thread uses the base, so no locks; behaviour does not hang on the environment. */
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static struct event *watch(struct loop *loop, int fd, event_callback_fn callback)
{
    struct event *event = event_new(loop->base, fd, EV_READ | EV_PERSIST, callback, loop);
    if (event != NULL && event_add(event, NULL) != 0) {
        event_free(event);
        return NULL;
    }
    return event;
}

/* Does this descriptor watch the loop's mailbox? As the system tells: to ask by epoll_ctl() would
 * meddle with what may be somebody else's. */
static bool watches_mailbox(const struct loop *loop, int fd)
{
    char path[48], line[128];
    bool found = false;
    int watched;

    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    FILE *info = fopen(path, "re");
    if (info == NULL)
        return false;
    while (!found && fgets(line, sizeof line, info) != NULL)
        found = sscanf(line, "tfd: %d", &watched) == 1 && watched == loop->mailbox.fd;
    fclose(info);
    return found;
}

/* libevent does not tell which descriptor its epoll has: mostly the one right behind the timer's.
 * -1 when it can not be found; then it stays open in a child that abandons the loop. */
static int find_epoll(const struct loop *loop)
{
    for (int fd = loop->timer_fd + 1; fd <= loop->timer_fd + EPOLL_SEARCH; fd++)
        if (watches_mailbox(loop, fd))
            return fd;
    return -1;
}

int loop_new(const struct loop_options *options, struct loop **out)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return K_NOMEM;
    snprintf(loop->name, sizeof loop->name, "%s", options->name != NULL ? options->name : "loop");
    loop->clock = options->clock != NULL ? options->clock : &clock_system;
    loop->metrics = options->metrics;
    loop->cpu = options->cpu;
    loop->target.post = post_to_loop;
    loop->stop_mail.deliver = deliver_stop;
    loop->armed_us = INT64_MAX;
    loop->budget = TURN_BYTES_MAX;
    descriptors_init(&loop->owned);
    list_init(&loop->turn_end);
    list_init(&loop->next_turn);
    list_init(&loop->finishing);
    heap_init(&loop->timers);
    slab_pool_init(&loop->pool);

    if (mailbox_init(&loop->mailbox) != 0)
        goto free_loop;
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (loop->timer_fd < 0)
        goto fini_mailbox;
    if ((loop->base = base_new()) == NULL)
        goto close_timer;
    if ((loop->mail_event = watch(loop, loop->mailbox.fd, on_mail)) == NULL)
        goto free_base;
    if ((loop->timer_event = watch(loop, loop->timer_fd, on_timer)) == NULL)
        goto free_mail_event;
    if (timer_init(&loop->trim, loop, trim_slabs, loop) != 0)
        goto free_timer_event;
    loop_own(loop, loop->mailbox.fd);
    loop_own(loop, loop->timer_fd);
    loop_own(loop, find_epoll(loop));
    *out = loop;
    return 0;

free_timer_event:
    event_free(loop->timer_event);
free_mail_event:
    event_free(loop->mail_event);
free_base:
    event_base_free(loop->base);
close_timer:
    close(loop->timer_fd);
fini_mailbox:
    mailbox_fini(&loop->mailbox);
free_loop:
    free(loop);
    return K_NOMEM;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    assert(loop->runner == 0);
    conn_close_finishing(loop);
    timer_fini(&loop->trim);
    event_free(loop->timer_event);
    event_free(loop->mail_event);
    event_base_free(loop->base);
    close(loop->timer_fd);
    mailbox_fini(&loop->mailbox);
    heap_fini(&loop->timers);
    slab_unref(loop->receive);
    slab_pool_fini(&loop->pool);
    descriptors_fini(&loop->owned);
    free(loop);
}

void loop_abandon(struct loop *loop)
{
    descriptors_close(&loop->owned);
}

void loop_own(struct loop *loop, int fd)
{
    descriptors_add(&loop->owned, fd);
}

void loop_disown(struct loop *loop, int fd)
{
    descriptors_remove(&loop->owned, fd);
}

void loop_close(struct loop *loop, int fd)
{
    loop_disown(loop, fd);
    close(fd);
}

/* --- turns ------------------------------------------------------------------------------------ */

void loop_turn_begin(struct loop *loop)
{
    if (loop->turn_us == 0)
        loop->turn_us = clock_mono_us(loop->clock);
}

/* Run what is queued now; what the hooks queue meanwhile stays for the next pass. */
static void run_hooks(struct list *queue)
{
    struct list pass;

    list_init(&pass);
    list_move(&pass, queue);
    for (struct list *node; (node = list_first(&pass)) != NULL;) {
        struct turn_hook *hook = LIST_OWNER(node, struct turn_hook, node);
        list_remove(node);
        hook->run(hook);
    }
}

static void turn(struct loop *loop, int64_t wait_ms)
{
    bool wait = timers_arm(loop, wait_ms);

    loop->turn_us = 0;
    loop->budget = TURN_BYTES_MAX;
    if (!list_empty(&loop->next_turn)) {
        /* These were left over, so they come before whatever is ready now: nobody starves. */
        wait = false;
        loop_turn_begin(loop);
        run_hooks(&loop->next_turn);
    }
    if (!list_empty(&loop->turn_end))
        wait = false;
    event_base_loop(loop->base, EVLOOP_ONCE | (wait ? 0 : EVLOOP_NONBLOCK));

    loop_turn_begin(loop);
    timers_fire(loop);
    for (int pass = 0; pass < HOOK_PASSES_MAX && !list_empty(&loop->turn_end); pass++)
        run_hooks(&loop->turn_end);

    if (loop->metrics != NULL)
        metric_observe(loop->metrics, METRIC_LOOP_TURN_US,
                       clock_mono_us(loop->clock) - loop->turn_us);
    loop->turn_us = 0;
}

/* sendfile(2) knows no MSG_NOSIGNAL, so a thread that runs a loop keeps SIGPIPE blocked: for good,
 * because one that is pending would be delivered on unblocking. */
static void adopt_thread(struct loop *loop)
{
    sigset_t broken_pipe;

    assert(loop->runner == 0);
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, NULL);
    loop->runner = pthread_self();
}

void loop_run(struct loop *loop)
{
    adopt_thread(loop);
    while (!loop->stopping)
        turn(loop, -1);
    turn(loop, 0);      /* what the last turn posted to this very loop */

    loop->stopping = false;
    loop->stop_asked = false;
    loop->runner = 0;
}

void loop_turn(struct loop *loop, int64_t wait_ms)
{
    adopt_thread(loop);
    turn(loop, wait_ms);
    loop->runner = 0;
}

/* --- the thread ------------------------------------------------------------------------------- */

static void *loop_main(void *context)
{
    struct loop *loop = context;

    pthread_setname_np(pthread_self(), loop->name);
    if (loop->cpu >= 0) {
        cpu_set_t cpus;
        CPU_ZERO(&cpus);
        CPU_SET(loop->cpu, &cpus);
        if (pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus) != 0)
            LOG_WARN("loop-not-pinned", "loop=%s cpu=%d", loop->name, loop->cpu);
    }
    loop_run(loop);
    return NULL;
}

int loop_start(struct loop *loop)
{
    sigset_t all, before;

    assert(!loop->started);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&loop->thread, NULL, loop_main, loop);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    loop->started = failed == 0;
    return failed == 0 ? 0 : K_NOMEM;
}

void loop_stop(struct loop *loop)
{
    if (!atomic_exchange(&loop->stop_asked, true))
        loop_post(loop, &loop->stop_mail);
}

void loop_join(struct loop *loop)
{
    if (!loop->started)
        return;
    pthread_join(loop->thread, NULL);
    loop->started = false;
}

bool loop_is_current(const struct loop *loop)
{
    return pthread_equal(loop->runner, pthread_self());
}

bool loop_is_mine(const struct loop *loop)
{
    return loop->runner == 0 || loop_is_current(loop);
}

/* --- mail, time, hooks ------------------------------------------------------------------------ */

void loop_post(struct loop *loop, struct mail *mail)
{
    mailbox_post(&loop->mailbox, mail);
}

struct mail_target *loop_mail_target(struct loop *loop)
{
    return &loop->target;
}

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

void turn_hook_init(struct turn_hook *hook, void (*run)(struct turn_hook *hook))
{
    list_init(&hook->node);
    hook->run = run;
}

void loop_at_turn_end(struct loop *loop, struct turn_hook *hook)
{
    assert(loop_is_mine(loop));
    if (list_empty(&hook->node))
        list_append(&loop->turn_end, &hook->node);
}

void loop_at_next_turn(struct loop *loop, struct turn_hook *hook)
{
    assert(loop_is_mine(loop));
    if (list_empty(&hook->node))
        list_append(&loop->next_turn, &hook->node);
}

void turn_hook_cancel(struct turn_hook *hook)
{
    list_remove(&hook->node);
}

/* --- slabs to receive into -------------------------------------------------------------------- */

struct slab *loop_take_slab(struct loop *loop, size_t size)
{
    return slab_pool_take(&loop->pool, size);
}

void loop_give_slab(struct loop *loop, struct slab *slab)
{
    slab_pool_give(&loop->pool, slab);
    if (!loop->trim_due && loop->pool.bytes > 0) {
        loop->trim_due = true;
        timer_after(&loop->trim, TRIM_AFTER_MS);
    }
}

struct slab *loop_receive_room(struct loop *loop, uint8_t **room, size_t *size)
{
    if (loop->receive != NULL && slab_references(loop->receive) == 1)
        loop->receive_used = 0;
    if (loop->receive == NULL || loop->receive->size - loop->receive_used < RECEIVE_ROOM_MIN) {
        struct slab *fresh = loop_take_slab(loop, RECEIVE_SLAB_SIZE);
        if (fresh == NULL)
            return NULL;
        loop_give_slab(loop, loop->receive);
        loop->receive = fresh;
        loop->receive_used = 0;
    }
    *room = loop->receive->bytes + loop->receive_used;
    *size = loop->receive->size - loop->receive_used;
    return loop->receive;
}

void loop_receive_fill(struct loop *loop, size_t size)
{
    loop->receive_used += size;
}
