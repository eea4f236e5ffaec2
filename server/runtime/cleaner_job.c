/* One compaction of one log: turns at home, on the shard, and away, in the pool, as fast as the
 * throttle allows; then what came of it. The invariants are at the top of cleaner.c. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/error.h"
#include "common/log.h"
#include "common/metric.h"
#include "server/runtime/cleaner.h"
#include "server/runtime/cleaner_private.h"
#include "server/runtime/io_pool.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard_state.h"
#include "server/runtime/throttle.h"

enum { STEP_BYTES = 4 << 20 };          /* of one turn in the pool */

struct cleaning_job {
    struct mail mail;
    struct shard_deadline resume;       /* the throttle lets it go on */
    struct shard *shard;
    struct partition *partition;        /* NULL: gone */
    struct clean_job *job;
    struct throttle throttle;
    struct clean_outcome progress;      /* as of its last turn at home */
    int64_t began_ms, moved;
};

static void free_job(struct cleaning_job *job)
{
    shard_deadline_clear(job->shard, &job->resume);
    clean_free(job->job);
    cleaner_give_place(job->shard);
    free(job);
}

/* What came of it. */
static void note_outcome(struct cleaning_job *job)
{
    struct partition *partition = job->partition;
    struct cleaning *cleaning = partition->cleaning;
    const struct clean_outcome *outcome = &job->progress;
    struct metrics *metrics = shard_options(job->shard)->metrics;

    cleaning->error[0] = '\0';
    if (outcome->set_aside) {
        cleaning_set_failed(cleaning, job->shard, true);
        snprintf(cleaning->error, sizeof cleaning->error, "%s, offset %" PRId64 ": %s",
                 k_error_name(outcome->code),
                 outcome->fault == NULL ? outcome->from : outcome->fault_offset,
                 outcome->fault == NULL ? "a file can not be read" : outcome->fault);
    }
    if (outcome->code != 0 || outcome->upto <= outcome->from) {
        cleaning->rest_until_ms = shard_now_ms(job->shard) +
                                  job->shard->settings->cleaner.backoff_ms;
        if (outcome->code != 0)
            return;
    }
    cleaning_set_failed(cleaning, job->shard, false);
    if (outcome->upto <= outcome->from)         /* all of it is too young */
        return;
    cleaning->ran = true;
    cleaning->last_ms = shard_wall_ms(job->shard);
    cleaning->took_ms = shard_now_ms(job->shard) - job->began_ms;
    cleaning->upto = outcome->upto;
    cleaning->bytes_before = outcome->bytes_before;
    cleaning->bytes_after = outcome->bytes_after;
    metric_add(metrics, METRIC_CLEANER_RUNS, 1);
    metric_add(metrics, METRIC_CLEANER_BYTES, outcome->bytes_read);
    LOG_INFO("log-compacted", "topic=%s partition=%" PRId32 " upto=%" PRId64 " before=%" PRId64
             " after=%" PRId64 " ms=%" PRId64, partition->topic, partition->key.index,
             outcome->upto, outcome->bytes_before, outcome->bytes_after, cleaning->took_ms);
}

static void go_away(struct cleaning_job *job);

/* R3 */
static void end_unfinished(struct cleaning_job *job)
{
    if (job->partition != NULL)
        job->partition->cleaning->job = NULL;
    free_job(job);
}

static void resume(struct shard_deadline *deadline)
{
    struct cleaning_job *job = LIST_OWNER(deadline, struct cleaning_job, resume);

    if (job->shard->closed || job->partition == NULL)
        end_unfinished(job);
    else
        go_away(job);
}

static void came_home(struct mail *mail)
{
    struct cleaning_job *job = LIST_OWNER(mail, struct cleaning_job, mail);
    struct partition *partition = job->partition;
    int code = 0;

    if (partition == NULL || job->shard->closed) {
        end_unfinished(job);
        return;
    }
    while (code == 0 && clean_turn(job->job) == CLEAN_HOME)
        code = clean_home(job->job);
    clean_outcome(job->job, &job->progress);
    if (clean_turn(job->job) == CLEAN_OVER) {
        note_outcome(job);
        partition->cleaning->job = NULL;
        free_job(job);
        if (code == K_KAFKA_STORAGE_ERROR)
            partition_fail(partition, code);
        return;
    }
    int64_t wait_us = throttle_note(&job->throttle, job->moved, shard_now_us(job->shard));
    if (wait_us < 1000 ||
        shard_deadline_set(job->shard, &job->resume,
                           shard_now_ms(job->shard) + wait_us / 1000) != 0)
        go_away(job);
}

static size_t step_bytes(const struct cleaning_job *job)
{
    double tenth = job->throttle.bytes_per_second / 10;
    return tenth < STEP_BYTES ? (size_t)(tenth < 1 ? 1 : tenth) : STEP_BYTES;
}

static void work(struct mail *mail)
{
    struct cleaning_job *job = LIST_OWNER(mail, struct cleaning_job, mail);
    struct io_pool *pool = shard_options(job->shard)->pool;

    job->moved = 0;
    while (clean_turn(job->job) == CLEAN_AWAY && job->moved < (int64_t)step_bytes(job) &&
           !io_pool_stopping(pool))
        job->moved += clean_away(job->job, step_bytes(job));
    job->mail.deliver = came_home;
    loop_post(job->shard->loop, &job->mail);
}

static void go_away(struct cleaning_job *job)
{
    job->mail.deliver = work;
    mail_post(io_pool_background(shard_options(job->shard)->pool), &job->mail);
}

static struct clean_options job_options(const struct partition *partition, int64_t limit)
{
    const struct cleaner_options *options = &partition->shard->settings->cleaner;
    const struct topic_config *config = &partition->shared->config;
    return (struct clean_options){
        .limit = limit,
        .now_ms = shard_wall_ms(partition->shard),
        .min_lag_ms = config->min_compaction_lag_ms,
        .delete_retention_ms = config->delete_retention_ms,
        .producer_expiry_ms = shard_options(partition->shard)->producer_expiration_ms,
        .map_bytes = (size_t)(options->dedupe_bytes / options->threads),
        .map_load = options->load_factor,
        .buffer_bytes = (size_t)(options->io_bytes / options->threads / 2),
    };
}

int cleaning_job_start(struct partition *partition)
{
    const struct cleaner_options *options = &partition->shard->settings->cleaner;
    int64_t limit;
    int code = cleaner_limit(partition, &limit);
    if (code != 0)
        return code;
    struct clean_options how = job_options(partition, limit);
    struct cleaning_job *job = calloc(1, sizeof *job);
    if (job == NULL)
        return K_NOMEM;
    code = clean_begin(partition->log, &how, &job->job);
    if (code != 0) {
        free(job);
        return code;
    }
    shard_deadline_init(&job->resume, resume);
    job->shard = partition->shard;
    job->partition = partition;
    job->began_ms = shard_now_ms(partition->shard);
    job->throttle.bytes_per_second = options->io_bytes_per_second / options->threads;
    clean_outcome(job->job, &job->progress);
    partition->cleaning->job = job;
    partition->cleaning->asked = false;
    go_away(job);
    return 0;
}

/* --- for cleaner.c ---------------------------------------------------------------------------- */

void cleaning_job_cancel(struct cleaning_job *job)
{
    clean_cancel(job->job);
}

const struct clean_outcome *cleaning_job_progress(const struct cleaning_job *job)
{
    return &job->progress;
}

void cleaning_job_forget(struct cleaning_job *job)
{
    clean_cancel(job->job);
    clean_detach(job->partition->log);
    job->partition = NULL;
}
