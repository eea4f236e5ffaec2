#include "server/runtime/trim_job.h"

#include <assert.h>
#include <stdlib.h>

#include "common/error.h"
#include "common/metric.h"
#include "server/runtime/drive_replica.h"
#include "server/runtime/io_pool.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard_state.h"
#include "server/storage/log_retain.h"
#include "server/storage/log_trim.h"

struct trim_job {
    struct mail mail;
    struct partition *partition;
    struct shard *shard;
    struct trim_owner owner;
    struct log_retention *retention;        /* owned; until it has looked */
    struct log_trim *trim;                  /* owned */
    int result;                             /* of the last step in the pool */
};

static void go(struct trim_job *job, struct mail_target *target, void (*step)(struct mail *mail))
{
    job->mail.deliver = step;
    mail_post(target, &job->mail);
}

static void come_back(struct trim_job *job, void (*step)(struct mail *mail))
{
    go(job, loop_mail_target(job->shard->loop), step);
}

static struct mail_target *background(const struct trim_job *job)
{
    return io_pool_background(shard_options(job->shard)->pool);
}

static void tell_raised(struct trim_job *job, int code)
{
    if (job->owner.raised != NULL)
        job->owner.raised(job->owner.context, code);
    job->owner.raised = NULL;
}

static void end(struct trim_job *job, int code)
{
    struct partition *partition = job->partition;
    struct trim_owner owner = job->owner;

    tell_raised(job, code);
    log_retain_abandon(job->retention);
    log_trim_abandon(job->trim);
    free(job);
    partition_job_ended(partition);         /* it may be gone after this */
    if (owner.ended != NULL)
        owner.ended(owner.context);
}

/* No more steps: whatever is left is found by the next open. */
static int why_stop(const struct trim_job *job)
{
    return job->shard->closed                              ? K_CLOSED
           : job->partition->fate != PARTITION_STAYS       ? K_NOT_LEADER_OR_FOLLOWER
           : job->partition->state != PARTITION_OPEN       ? K_KAFKA_STORAGE_ERROR
                                                           : 0;
}

/* A step on the shard failed for good: the directory is fenced. */
static void check_fenced(struct trim_job *job, int code)
{
    if (code == K_KAFKA_STORAGE_ERROR && why_stop(job) == 0)
        partition_fail(job->partition, code);
}

/* --- the steps -------------------------------------------------------------------------------- */

static void doomed(struct mail *mail)
{
    struct trim_job *job = LIST_OWNER(mail, struct trim_job, mail);
    struct metrics *metrics = shard_options(job->shard)->metrics;
    struct purge *purge = &job->shard->purge;
    struct log_trimmed gone;

    int code = log_trim_end(job->partition->log, job->trim, job->result, &purge->waiting,
                            purge_due_ms(purge,
                                         job->partition->shared->config.file_delete_delay_ms),
                            &gone);
    job->trim = NULL;
    if (code == 0) {
        metric_add(metrics, METRIC_SEGMENTS_DELETED, (int64_t)gone.segments);
        metric_add(metrics, METRIC_BYTES_DELETED, gone.bytes);
        purge_wake(purge);
    }
    check_fenced(job, code);
    end(job, code);
}

static void doom(struct mail *mail)
{
    struct trim_job *job = LIST_OWNER(mail, struct trim_job, mail);

    job->result = log_trim_doom(job->trim);
    come_back(job, doomed);
}

static void persisted(struct mail *mail)
{
    struct trim_job *job = LIST_OWNER(mail, struct trim_job, mail);
    int code = why_stop(job);
    if (code != 0) {
        end(job, code);
        return;
    }
    code = log_trim_apply(job->partition->log, job->trim, job->result);
    drive_trimmed(job->partition);
    tell_raised(job, code);
    check_fenced(job, code);
    if (code == K_KAFKA_STORAGE_ERROR)
        end(job, code);
    else
        go(job, background(job), doom);
}

static void persist(struct mail *mail)
{
    struct trim_job *job = LIST_OWNER(mail, struct trim_job, mail);

    job->result = log_trim_persist(job->trim);
    come_back(job, persisted);
}

static void looked(struct mail *mail)
{
    struct trim_job *job = LIST_OWNER(mail, struct trim_job, mail);
    int code = why_stop(job);
    if (code == 0) {
        job->partition->retain_at_ms = log_retain_next_ms(job->retention);
        code = log_retain_end(job->partition->log, job->retention, &job->trim);
        job->retention = NULL;
        check_fenced(job, code);
    }
    if (code != 0 || job->trim == NULL)
        end(job, code);
    else
        go(job, background(job), persist);
}

static void look(struct mail *mail)
{
    struct trim_job *job = LIST_OWNER(mail, struct trim_job, mail);

    log_retain_look(job->retention);
    come_back(job, looked);
}

/* --- starting --------------------------------------------------------------------------------- */

static struct trim_job *new_job(struct partition *partition, const struct trim_owner *owner)
{
    assert(partition->state == PARTITION_OPEN && !partition->shard->closed);
    struct trim_job *job = calloc(1, sizeof *job);
    if (job == NULL)
        return NULL;
    job->partition = partition;
    job->shard = partition->shard;
    job->owner = *owner;
    partition->jobs++;
    return job;
}

int trim_job_start(struct partition *partition, struct log_trim *trim,
                   const struct trim_owner *owner)
{
    struct trim_job *job = new_job(partition, owner);
    if (job == NULL) {
        log_trim_abandon(trim);
        return K_NOMEM;
    }
    job->trim = trim;
    go(job, io_pool_urgent(shard_options(job->shard)->pool), persist);
    return 0;
}

int trim_job_start_retention(struct partition *partition, struct log_retention *retention,
                             const struct trim_owner *owner)
{
    struct trim_job *job = new_job(partition, owner);
    if (job == NULL) {
        log_retain_abandon(retention);
        return K_NOMEM;
    }
    job->retention = retention;
    go(job, background(job), look);
    return 0;
}
