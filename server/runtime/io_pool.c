#include "server/runtime/io_pool.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/error.h"

enum { STACK_SIZE = 256 * 1024 };

struct io_pool {
    struct mail_target target;      /* first: a target is the pool */
    pthread_mutex_t lock;           /* guards all below but the threads */
    pthread_cond_t posted;
    struct mail *first, **last;
    bool stopping;
    int thread_count;
    pthread_t threads[];
};

/* The oldest mail, or NULL when the pool is stopping and nothing is left. */
static struct mail *next_mail(struct io_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->first == NULL && !pool->stopping)
        pthread_cond_wait(&pool->posted, &pool->lock);

    struct mail *mail = pool->first;
    if (mail != NULL) {
        pool->first = mail->next;
        if (pool->first == NULL)
            pool->last = &pool->first;
    }
    pthread_mutex_unlock(&pool->lock);
    return mail;
}

static void *work(void *context)
{
    struct io_pool *pool = context;

    for (struct mail *mail = next_mail(pool); mail != NULL; mail = next_mail(pool))
        mail->deliver(mail);
    return NULL;
}

static void post(struct mail_target *target, struct mail *mail)
{
    struct io_pool *pool = (struct io_pool *)target;

    mail->next = NULL;
    pthread_mutex_lock(&pool->lock);
    *pool->last = mail;
    pool->last = &mail->next;
    pthread_cond_signal(&pool->posted);
    pthread_mutex_unlock(&pool->lock);
}

/* Signals are the main thread's business. */
static int start_thread(struct io_pool *pool, pthread_t *thread)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0)
        return K_NOMEM;
    pthread_attr_setstacksize(&attributes, STACK_SIZE);

    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(thread, &attributes, work, pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);

    pthread_attr_destroy(&attributes);
    return failed == 0 ? 0 : K_NOMEM;
}

int io_pool_new(int threads, struct io_pool **out)
{
    assert(threads > 0);
    struct io_pool *pool = calloc(1, sizeof *pool + (size_t)threads * sizeof pool->threads[0]);
    if (pool == NULL)
        return K_NOMEM;
    pool->target.post = post;
    pool->last = &pool->first;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->posted, NULL);

    for (; pool->thread_count < threads; pool->thread_count++) {
        if (start_thread(pool, &pool->threads[pool->thread_count]) != 0) {
            io_pool_free(pool);
            return K_NOMEM;
        }
    }
    *out = pool;
    return 0;
}

struct mail_target *io_pool_target(struct io_pool *pool)
{
    return &pool->target;
}

void io_pool_free(struct io_pool *pool)
{
    if (pool == NULL)
        return;

    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->posted);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);

    pthread_cond_destroy(&pool->posted);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
