/* Invariants
 *   R1  a partition has at most one job, and a job counts against the broker's places from its
 *       start until it is freed
 *   R2  the limit of a job is the high watermark of its start, or the first open transaction below
 *       it: what may still be taken back is never compacted
 *   R3  a job whose partition is gone, or whose shard is closed, touches neither: it is freed when
 *       it comes back from the pool, and the next load of the log tidies up
 *   R4  a failure of one log stops nothing but that log */
#include "server/runtime/cleaner.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "common/metric.h"
#include "server/runtime/flush.h"
#include "server/runtime/io_pool.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard_state.h"
#include "server/runtime/throttle.h"
#include "server/storage/clean_job.h"
#include "server/storage/logdir.h"

enum {
    STEP_BYTES = 4 << 20,               /* of one turn in the pool */
    ASKED_LOOK_MS = 50,                 /* at least between two looks */
};

struct cleaner {
    atomic_int places;                  /* free ones */
    int shards;
    _Atomic double dirtiest[];          /* per shard: the ratio of what it would clean next; 0 */
};

struct cleaner_shard {
    struct shard *shard;
    struct shard_deadline look;
    struct mail look_mail;              /* in transit while look_posted */
    _Atomic bool look_posted;
};

/* What is known of one partition's compaction. */
struct cleaning {
    struct cleaning_job *job;           /* under way, or NULL */
    bool asked;                         /* somebody wants it now */
    bool ran, failed;
    int64_t rest_until_ms;              /* the last job did nothing: not before */
    int64_t last_ms, upto, bytes_before, bytes_after, took_ms;
    int64_t probed_from, first_dirty_ms;        /* age of the dirty part from that offset on */
    struct cleaning_probe *probe;       /* under way, or NULL */
    char error[160];
};

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

struct cleaning_probe {
    struct mail mail;
    struct shard *shard;
    struct partition *partition;        /* NULL: gone */
    struct clean_probe probe;
    int64_t from, first_ms;
};

/* --- shared ----------------------------------------------------------------------------------- */

int cleaner_new(const struct cleaner_options *options, int shards, struct cleaner **out)
{
    struct cleaner *cleaner =
        calloc(1, sizeof *cleaner + (size_t)shards * sizeof cleaner->dirtiest[0]);
    if (cleaner == NULL)
        return K_NOMEM;
    cleaner->shards = shards;
    atomic_init(&cleaner->places, options->enabled ? options->threads : 0);
    *out = cleaner;
    return 0;
}

void cleaner_free(struct cleaner *cleaner)
{
    free(cleaner);
}

static bool take_place(struct cleaner *cleaner)
{
    int places = atomic_load(&cleaner->places);
    while (places > 0) {
        if (atomic_compare_exchange_weak(&cleaner->places, &places, places - 1))
            return true;
    }
    return false;
}

static void wake(struct shard *shard)
{
    struct cleaner_shard *own = shard->cleaner;
    if (!atomic_exchange(&own->look_posted, true))
        loop_post(shard->loop, &own->look_mail);
}

/* A place is free: whoever has the dirtiest log takes it. */
static void give_place(struct shard *shard)
{
    struct shards *shards = shard->shards;
    atomic_fetch_add(&shards->cleaner->places, 1);
    for (int i = 0; i < shards->count; i++)
        wake(&shards->items[i]);
}

static void look_in(struct shard *shard, int64_t ms)
{
    shard_deadline_clear(shard, &shard->cleaner->look);
    shard_deadline_set(shard, &shard->cleaner->look, shard_now_ms(shard) + ms);
}

/* --- one job ---------------------------------------------------------------------------------- */

static int64_t wall_ms(const struct shard *shard)
{
    return clock_wall_ms(loop_clock(shard->loop));
}

static void free_job(struct cleaning_job *job)
{
    shard_deadline_clear(job->shard, &job->resume);
    clean_free(job->job);
    give_place(job->shard);
    free(job);
}

static void count_failure(const struct shard *shard, struct cleaning *cleaning, bool failed)
{
    if (cleaning->failed != failed)
        metric_add(shard_options(shard)->metrics, METRIC_CLEANER_UNCLEANABLE, failed ? 1 : -1);
    cleaning->failed = failed;
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
        count_failure(job->shard, cleaning, true);
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
    count_failure(job->shard, cleaning, false);
    if (outcome->upto <= outcome->from)         /* all of it is too young */
        return;
    cleaning->ran = true;
    cleaning->last_ms = wall_ms(job->shard);
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

/* R2 */
static int limit_of(const struct partition *partition, int64_t *limit)
{
    return log_stable_end(partition->log, partition_high_watermark(partition), limit);
}

static struct clean_options job_options(const struct partition *partition, int64_t limit)
{
    const struct cleaner_options *options = &partition->shard->settings->cleaner;
    const struct topic_config *config = &partition->config;
    return (struct clean_options){
        .limit = limit,
        .now_ms = wall_ms(partition->shard),
        .min_lag_ms = config->min_compaction_lag_ms,
        .delete_retention_ms = config->delete_retention_ms,
        .producer_expiry_ms = shard_options(partition->shard)->producer_expiration_ms,
        .map_bytes = (size_t)(options->dedupe_bytes / options->threads),
        .map_load = options->load_factor,
        .buffer_bytes = (size_t)(options->io_bytes / options->threads / 2),
    };
}

/* 0, or why it did not begin; the place is the caller's then. */
static int start_job(struct partition *partition)
{
    const struct cleaner_options *options = &partition->shard->settings->cleaner;
    int64_t limit;
    int code = limit_of(partition, &limit);
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

/* --- how old is what is dirty? ---------------------------------------------------------------- */

static void probed(struct mail *mail)
{
    struct cleaning_probe *probe = LIST_OWNER(mail, struct cleaning_probe, mail);

    if (probe->partition != NULL) {
        struct cleaning *cleaning = probe->partition->cleaning;
        cleaning->probe = NULL;
        cleaning->probed_from = probe->from;
        cleaning->first_dirty_ms = probe->first_ms;
        if (!probe->shard->closed)
            wake(probe->shard);
    }
    free(probe);
}

static void run_probe(struct mail *mail)
{
    struct cleaning_probe *probe = LIST_OWNER(mail, struct cleaning_probe, mail);

    if (clean_probe_run(&probe->probe, &probe->first_ms) != 0)
        probe->first_ms = -1;
    probe->mail.deliver = probed;
    loop_post(probe->shard->loop, &probe->mail);
}

/* The time of the first dirty record; -1 as long as it is not known. */
static int64_t first_dirty_ms(struct partition *partition, int64_t from)
{
    struct cleaning *cleaning = partition->cleaning;

    if (partition->config.max_compaction_lag_ms == INT64_MAX)
        return -1;
    if (cleaning->probed_from == from)
        return cleaning->first_dirty_ms;
    if (cleaning->probe != NULL)
        return -1;
    struct cleaning_probe *probe = calloc(1, sizeof *probe);
    if (probe == NULL)
        return -1;
    log_clean_probe(partition->log, from, &probe->probe);
    probe->shard = partition->shard;
    probe->partition = partition;
    probe->from = from;
    probe->mail.deliver = run_probe;
    cleaning->probe = probe;
    mail_post(io_pool_background(shard_options(partition->shard)->pool), &probe->mail);
    return -1;
}

/* --- which one -------------------------------------------------------------------------------- */

static struct cleaning *need_cleaning(struct partition *partition)
{
    if (partition->cleaning == NULL) {
        partition->cleaning = calloc(1, sizeof *partition->cleaning);
        if (partition->cleaning != NULL)
            partition->cleaning->probed_from = partition->cleaning->last_ms = -1;
    }
    return partition->cleaning;
}

/* How dirty, if it is to be cleaned: 0 if not. What somebody asked for comes before all else. */
static double dirtiness(struct partition *partition)
{
    struct clean_range range;
    const struct clean_policy policy = {
        .min_dirty_ratio = partition->config.min_cleanable_ratio,
        .max_lag_ms = partition->config.max_compaction_lag_ms };
    int64_t limit, synced;

    if (partition->state != PARTITION_OPEN || partition->move != NULL ||
        !topic_config_compacted(&partition->config) ||
        need_cleaning(partition) == NULL || partition->cleaning->job != NULL)
        return 0;
    if (!partition->cleaning->asked &&
        (partition->cleaning->failed ||
         shard_now_ms(partition->shard) < partition->cleaning->rest_until_ms))
        return 0;
    if (limit_of(partition, &limit) != 0 ||
        log_clean_range(partition->log, limit, &range) != 0)
        return 0;
    int64_t first_ms = first_dirty_ms(partition, range.from);
    if (!partition->cleaning->asked &&
        !clean_plan_due(&range, &policy, first_ms, wall_ms(partition->shard)))
        return 0;
    /* Only what is on the disk is compacted: the rest comes when it is there. */
    synced = log_recovery_point(partition->log);
    if (synced < range.limit) {
        flush_in_background(partition);
        if (partition->cleaning->asked || synced <= range.from)
            return 0;
    }
    double ratio = clean_plan_ratio(&range);
    return partition->cleaning->asked ? 2 : ratio > 0 ? ratio : 1e-9;
}

/* Is nobody's log dirtier? */
static bool is_dirtiest(struct cleaner *cleaner, int shard, double own)
{
    for (int i = 0; i < cleaner->shards; i++) {
        double other = atomic_load(&cleaner->dirtiest[i]);
        if (other > own || (other == own && i < shard))
            return false;
    }
    return true;
}

/* One pass over the shard's partitions. *waits: something that was asked for can not begin yet. */
static struct partition *choose(struct shard *shard, double *ratio, bool *waits)
{
    struct partition *best = NULL;
    size_t position = 0;
    void *value;

    *ratio = 0;
    *waits = false;
    while (map_next(&shard->partitions, &position, NULL, NULL, &value)) {
        struct partition *partition = value;
        double own = dirtiness(partition);
        if (own > *ratio) {
            best = partition;
            *ratio = own;
        }
        *waits = *waits || (partition->cleaning != NULL && partition->cleaning->asked &&
                            partition->state == PARTITION_OPEN);
    }
    return best;
}

static void look(struct shard *shard)
{
    struct cleaner *cleaner = shard->shards->cleaner;
    double ratio;
    bool waits, began = true;

    while (began) {
        struct partition *best = choose(shard, &ratio, &waits);
        atomic_store(&cleaner->dirtiest[shard->index], ratio);
        began = false;
        if (best == NULL || !is_dirtiest(cleaner, shard->index, ratio) || !take_place(cleaner))
            break;
        int code = start_job(best);
        began = code == 0;
        if (code == K_NOT_FOUND) {              /* nothing is dirty: what was asked for is done */
            best->cleaning->asked = false;
            count_failure(shard, best->cleaning, false);
            began = true;
        }
        if (code != 0)
            atomic_fetch_add(&cleaner->places, 1);
    }
    int64_t backoff_ms = shard->settings->cleaner.backoff_ms;
    if (backoff_ms < ASKED_LOOK_MS || waits)
        backoff_ms = ASKED_LOOK_MS;
    look_in(shard, backoff_ms);
}

static void look_fired(struct shard_deadline *deadline)
{
    struct cleaner_shard *own = LIST_OWNER(deadline, struct cleaner_shard, look);

    if (!own->shard->closed)
        look(own->shard);
}

static void look_delivered(struct mail *mail)
{
    struct cleaner_shard *own = LIST_OWNER(mail, struct cleaner_shard, look_mail);

    atomic_store(&own->look_posted, false);
    if (!own->shard->closed)
        look(own->shard);
}

/* --- life ------------------------------------------------------------------------------------- */

int cleaner_init(struct shard *shard)
{
    struct cleaner_shard *own = calloc(1, sizeof *own);
    if (own == NULL)
        return K_NOMEM;
    own->shard = shard;
    own->look_mail.deliver = look_delivered;
    shard_deadline_init(&own->look, look_fired);
    shard->cleaner = own;
    return 0;
}

void cleaner_fini(struct shard *shard)
{
    free(shard->cleaner);
}

void cleaner_look_soon(struct partition *partition)
{
    const struct cleaner_options *options = &partition->shard->settings->cleaner;
    struct shard_deadline *look_at = &partition->shard->cleaner->look;

    if (options->enabled && options->threads > 0 && topic_config_compacted(&partition->config) &&
        look_at->node.index == HEAP_OUT)
        look_in(partition->shard, options->backoff_ms);
}

void cleaner_options_changed(struct shard *shard)
{
    if (shard->cleaner->look.node.index != HEAP_OUT)
        look_in(shard, shard->settings->cleaner.backoff_ms);
}

void cleaner_forget(struct partition *partition)
{
    struct cleaning *cleaning = partition->cleaning;
    if (cleaning == NULL)
        return;
    if (cleaning->job != NULL) {
        clean_cancel(cleaning->job->job);
        clean_detach(partition->log);
        cleaning->job->partition = NULL;
    }
    if (cleaning->probe != NULL)
        cleaning->probe->partition = NULL;
    count_failure(partition->shard, cleaning, false);
    free(cleaning);
    partition->cleaning = NULL;
}

bool cleaner_busy(const struct partition *partition)
{
    const struct cleaning *cleaning = partition->cleaning;
    return cleaning != NULL && (cleaning->job != NULL || cleaning->asked);
}

bool cleaner_running(const struct partition *partition)
{
    return partition->cleaning != NULL && partition->cleaning->job != NULL;
}

void cleaner_cancel(struct partition *partition)
{
    if (cleaner_running(partition))
        clean_cancel(partition->cleaning->job->job);
}

int cleaner_ask(struct partition *partition)
{
    const struct cleaner_options *options = &partition->shard->settings->cleaner;
    if (!topic_config_compacted(&partition->config))
        return K_INVALID_TOPIC_EXCEPTION;
    if (!options->enabled || options->threads == 0)
        return K_INVALID_REQUEST;
    if (need_cleaning(partition) == NULL)
        return K_NOMEM;
    int code = log_clean_roll(partition->log);
    if (code != 0)
        return code;
    partition->cleaning->asked = true;
    wake(partition->shard);
    return 0;
}

void cleaner_report(const struct partition *partition, struct cleaner_report *out)
{
    const struct cleaning *cleaning = partition->cleaning;
    *out = (struct cleaner_report){ .state = CLEANER_NEVER, .last_ms = -1, .upto = -1 };
    if (cleaning == NULL)
        return;
    if (cleaning->ran) {
        out->state = CLEANER_IDLE;
        out->last_ms = cleaning->last_ms;
        out->upto = cleaning->upto;
        out->bytes_before = cleaning->bytes_before;
        out->bytes_after = cleaning->bytes_after;
        out->took_ms = cleaning->took_ms;
    }
    if (cleaning->failed)
        out->state = CLEANER_FAILED;
    if (cleaning->job != NULL || cleaning->asked)
        out->state = CLEANER_RUNNING;
    if (cleaning->job != NULL) {
        out->bytes_done = cleaning->job->progress.bytes_read;
        out->bytes_to_do = cleaning->job->progress.bytes_to_read;
    }
    memcpy(out->error, cleaning->error, sizeof out->error);
}
