/* Each kind of work has a lane: a queue, and threads that wait at it. A thread of the normal lane
 * takes urgent mail first, so that a sync waits for at most the job that is being done.
 *
 * The end: background threads leave first, because their last jobs may still post prompt work;
 * then the others. What prompt work posted to the background meanwhile is run by whoever frees the
 * pool: those jobs see that it is stopping. */
#include "server/runtime/io_pool.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/error.h"

enum {
    STACK_SIZE = 256 * 1024,
    URGENT_THREADS = 4,                 /* a cold read does not wait for the syncs of three disks */
    BACKGROUND_THREADS = 2,             /* deletion goes on while a log is compacted */
    BACKGROUND_NICE = 10
};

enum lane_kind { LANE_URGENT, LANE_NORMAL, LANE_BACKGROUND, LANES };

struct lane {
    struct mail_target target;          /* first: a target is its lane */
    struct io_pool *pool;
    enum lane_kind kind;
    struct mail *first, **last;
    int queued;                         /* mails */
    pthread_cond_t posted;              /* something for the threads of this lane */
    int idle;                           /* threads that wait for it, the signalled included */
    int thread_count;
    pthread_t *threads;                 /* owned */
    bool leaving;                       /* its threads end when nothing is left */
};

struct io_pool {
    pthread_mutex_t lock;               /* guards the lanes, but their threads */
    struct lane lanes[LANES];
    atomic_bool stopping;
};

/* --- work ------------------------------------------------------------------------------------- */

static struct mail *take_first(struct lane *lane)
{
    struct mail *mail = lane->first;

    if (mail != NULL) {
        lane->queued--;
        lane->first = mail->next;
        if (lane->first == NULL)
            lane->last = &lane->first;
    }
    return mail;
}

static struct mail *take(struct lane *lane)
{
    struct mail *mail = NULL;

    if (lane->kind == LANE_NORMAL)
        mail = take_first(&lane->pool->lanes[LANE_URGENT]);
    return mail != NULL ? mail : take_first(lane);
}

/* The next mail for a thread of `lane`; NULL when the thread is to end. */
static struct mail *next_mail(struct lane *lane)
{
    struct io_pool *pool = lane->pool;
    struct mail *mail;

    pthread_mutex_lock(&pool->lock);
    while ((mail = take(lane)) == NULL && !lane->leaving) {
        lane->idle++;
        pthread_cond_wait(&lane->posted, &pool->lock);
        lane->idle--;
    }
    pthread_mutex_unlock(&pool->lock);
    return mail;
}

/* Not the very lowest: a thread that holds a lock which a loop waits for must get on. */
static void lower_priority(void)
{
    enum { OF_THREAD = 1, BEST_EFFORT_LAST = 2 << 13 | 7 };     /* as <linux/ioprio.h> has them */
    long thread = syscall(SYS_gettid);
    int nice = getpriority(PRIO_PROCESS, (id_t)thread);    /* the broker's own; its limit is 19 */

    /* Where the system refuses, the work is still right. */
    (void)setpriority(PRIO_PROCESS, (id_t)thread, nice + BACKGROUND_NICE);
    (void)syscall(SYS_ioprio_set, OF_THREAD, (int)thread, BEST_EFFORT_LAST);
}

static void *work(void *context)
{
    static const char *const names[LANES] = { "io-urgent", "io-normal", "io-background" };
    struct lane *lane = context;

    pthread_setname_np(pthread_self(), names[lane->kind]);
    if (lane->kind == LANE_BACKGROUND)
        lower_priority();
    for (struct mail *mail = next_mail(lane); mail != NULL; mail = next_mail(lane))
        mail->deliver(mail);
    return NULL;
}

static void post(struct mail_target *target, struct mail *mail)
{
    struct lane *lane = (struct lane *)target;
    struct io_pool *pool = lane->pool;

    mail->next = NULL;
    pthread_mutex_lock(&pool->lock);
    *lane->last = mail;
    lane->last = &mail->next;
    lane->queued++;
    pthread_cond_signal(&lane->posted);
    if (lane->kind == LANE_URGENT && lane->queued > lane->idle)
        pthread_cond_signal(&pool->lanes[LANE_NORMAL].posted);
    pthread_mutex_unlock(&pool->lock);
}

/* --- life ------------------------------------------------------------------------------------- */

/* Signals are the main thread's business. */
static int start_thread(struct lane *lane, pthread_t *thread)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0)
        return K_NOMEM;
    pthread_attr_setstacksize(&attributes, STACK_SIZE);

    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(thread, &attributes, work, lane);
    pthread_sigmask(SIG_SETMASK, &before, NULL);

    pthread_attr_destroy(&attributes);
    return failed == 0 ? 0 : K_NOMEM;
}

static int start_lane(struct lane *lane, int threads)
{
    lane->threads = calloc((size_t)threads, sizeof *lane->threads);
    if (lane->threads == NULL)
        return K_NOMEM;
    for (; lane->thread_count < threads; lane->thread_count++) {
        if (start_thread(lane, &lane->threads[lane->thread_count]) != 0)
            return K_NOMEM;
    }
    return 0;
}

int io_pool_new(int threads, struct io_pool **out)
{
    assert(threads > 0);
    const int counts[LANES] = { URGENT_THREADS, threads, BACKGROUND_THREADS };
    struct io_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return K_NOMEM;
    pthread_mutex_init(&pool->lock, NULL);
    for (int i = 0; i < LANES; i++) {
        struct lane *lane = &pool->lanes[i];
        lane->target.post = post;
        lane->pool = pool;
        lane->kind = (enum lane_kind)i;
        lane->last = &lane->first;
        pthread_cond_init(&lane->posted, NULL);
    }
    for (int i = 0; i < LANES; i++) {
        if (start_lane(&pool->lanes[i], counts[i]) != 0) {
            io_pool_free(pool);
            return K_NOMEM;
        }
    }
    *out = pool;
    return 0;
}

struct mail_target *io_pool_urgent(struct io_pool *pool)
{
    return &pool->lanes[LANE_URGENT].target;
}

struct mail_target *io_pool_target(struct io_pool *pool)
{
    return &pool->lanes[LANE_NORMAL].target;
}

struct mail_target *io_pool_background(struct io_pool *pool)
{
    return &pool->lanes[LANE_BACKGROUND].target;
}

bool io_pool_stopping(const struct io_pool *pool)
{
    return atomic_load_explicit(&pool->stopping, memory_order_relaxed);
}

static void end_lane(struct lane *lane)
{
    pthread_mutex_lock(&lane->pool->lock);
    lane->leaving = true;
    pthread_cond_broadcast(&lane->posted);
    pthread_mutex_unlock(&lane->pool->lock);
    for (int i = 0; i < lane->thread_count; i++)
        pthread_join(lane->threads[i], NULL);
    free(lane->threads);
}

/* Nobody but the caller is left; a job may still post to any lane. */
static void finish_rest(struct io_pool *pool)
{
    for (struct mail *mail;;) {
        mail = NULL;
        for (int i = 0; i < LANES && mail == NULL; i++)
            mail = take_first(&pool->lanes[i]);
        if (mail == NULL)
            return;
        mail->deliver(mail);
    }
}

void io_pool_free(struct io_pool *pool)
{
    if (pool == NULL)
        return;

    atomic_store(&pool->stopping, true);
    end_lane(&pool->lanes[LANE_BACKGROUND]);
    end_lane(&pool->lanes[LANE_NORMAL]);
    end_lane(&pool->lanes[LANE_URGENT]);
    finish_rest(pool);

    for (int i = 0; i < LANES; i++)
        pthread_cond_destroy(&pool->lanes[i].posted);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
