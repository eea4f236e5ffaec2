/* Invariants
 *   R1  a partition has at most one job, and a job counts against the broker's places from its
 *       start until it is freed
 *   R2  the limit of a job is the high watermark of its start, or the first open transaction below
 *       it: what may still be taken back is never compacted
 *   R3  a job whose partition is gone, or whose shard is closed, touches neither: it is freed when
 *       it comes back from the pool, and the next load of the log tidies up
 *   R4  a failure of one log stops nothing but that log */
#include "server/runtime/cleaner.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/later.h"
#include "common/metric.h"
#include "server/runtime/cleaner_private.h"
#include "server/runtime/flush.h"
#include "server/runtime/io_pool.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard_state.h"

enum { ASKED_LOOK_MS = 50 };            /* at least between two looks */

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

static void look_in(struct shard *shard, int64_t ms)
{
    shard_deadline_clear(shard, &shard->cleaner->look);
    shard_deadline_hold(shard, &shard->cleaner->look, later_ms(shard_now_ms(shard), ms));
}

/* A place is free: whoever has the dirtiest log takes it. */
void cleaner_give_place(struct shard *shard)
{
    struct shards *shards = shard->shards;
    atomic_fetch_add(&shards->cleaner->places, 1);
    for (int i = 0; i < shards->count; i++)
        wake(&shards->items[i]);
}

void cleaning_set_failed(struct cleaning *cleaning, const struct shard *shard, bool failed)
{
    if (cleaning->failed != failed)
        metric_add(shard_options(shard)->metrics, METRIC_CLEANER_UNCLEANABLE, failed ? 1 : -1);
    cleaning->failed = failed;
}

/* R2 */
int cleaner_limit(const struct partition *partition, int64_t *limit)
{
    return log_stable_end(partition->log, partition_high_watermark(partition), limit);
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

    if (partition->shared->config.max_compaction_lag_ms == INT64_MAX)
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
        .min_dirty_ratio = partition->shared->config.min_cleanable_ratio,
        .max_lag_ms = partition->shared->config.max_compaction_lag_ms };
    int64_t limit, synced;

    if (partition->state != PARTITION_OPEN || partition->move != NULL ||
        !topic_config_compacted(&partition->shared->config) ||
        need_cleaning(partition) == NULL || partition->cleaning->job != NULL)
        return 0;
    if (!partition->cleaning->asked &&
        (partition->cleaning->failed ||
         shard_now_ms(partition->shard) < partition->cleaning->rest_until_ms))
        return 0;
    if (cleaner_limit(partition, &limit) != 0 ||
        log_clean_range(partition->log, limit, &range) != 0)
        return 0;
    int64_t first_ms = first_dirty_ms(partition, range.from);
    if (!partition->cleaning->asked &&
        !clean_plan_due(&range, &policy, first_ms, shard_wall_ms(partition->shard)))
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
        int code = cleaning_job_start(best);
        began = code == 0;
        if (code == K_NOT_FOUND) {              /* nothing is dirty: what was asked for is done */
            best->cleaning->asked = false;
            cleaning_set_failed(best->cleaning, shard, false);
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

    if (options->enabled && options->threads > 0 &&
        topic_config_compacted(&partition->shared->config) &&
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
    if (cleaning->job != NULL)
        cleaning_job_forget(cleaning->job);
    if (cleaning->probe != NULL)
        cleaning->probe->partition = NULL;
    cleaning_set_failed(cleaning, partition->shard, false);
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
        cleaning_job_cancel(partition->cleaning->job);
}

int cleaner_ask(struct partition *partition)
{
    const struct cleaner_options *options = &partition->shard->settings->cleaner;
    if (!topic_config_compacted(&partition->shared->config))
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
        const struct clean_outcome *progress = cleaning_job_progress(cleaning->job);
        out->bytes_done = progress->bytes_read;
        out->bytes_to_do = progress->bytes_to_read;
    }
    memcpy(out->error, cleaning->error, sizeof out->error);
}
