#include "server/runtime/flush_cycle.h"

#include "common/list.h"
#include "server/storage/log.h"

static void job_done(struct mail *mail)
{
    struct flush_job *job = LIST_OWNER(mail, struct flush_job, mail);

    job->done(job);
}

/* Sync `jobs`, which end with `last`. */
static void sync_jobs(struct flush_job *jobs, const struct flush_job *last)
{
    struct log_sync *chain = NULL;
    for (struct flush_job *job = jobs; job != last; job = job->next) {
        log_sync_chain(job->sync, chain);
        chain = job->sync;
    }
    log_sync_run(chain);

    for (struct flush_job *job = jobs, *next; job != last; job = next) {
        next = job->next;
        job->mail.deliver = job_done;
        mail_post(job->answer_to, &job->mail);
    }
}

/* In the pool. */
static void run(struct mail *mail)
{
    struct flush_cycle *cycle = LIST_OWNER(mail, struct flush_cycle, mail);
    struct flush_job *expected;

    do {
        struct flush_job *jobs = atomic_exchange(&cycle->waiting, &cycle->running);
        if (jobs != &cycle->running)
            sync_jobs(jobs, &cycle->running);
        expected = &cycle->running;
    } while (!atomic_compare_exchange_strong(&cycle->waiting, &expected, NULL));
}

void flush_cycle_init(struct flush_cycle *cycle, struct mail_target *pool)
{
    *cycle = (struct flush_cycle){ .mail.deliver = run, .pool = pool };
}

void flush_cycle_add(struct flush_cycle *cycle, struct flush_job *job)
{
    struct flush_job *first = atomic_load(&cycle->waiting);

    do
        job->next = first != NULL ? first : &cycle->running;
    while (!atomic_compare_exchange_weak(&cycle->waiting, &first, job));
    if (first == NULL)
        mail_post(cycle->pool, &cycle->mail);
}
