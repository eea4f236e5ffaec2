/* recompress.c - see recompress.h for the invariants. */
#include "server/runtime/recompress.h"

#include <assert.h>
#include <stdlib.h>

#include "common/buffer.h"
#include "common/error.h"
#include "common/metric.h"
#include "server/runtime/append.h"
#include "server/runtime/io_pool.h"
#include "server/runtime/shard_state.h"

enum {
    JOBS_PER_SHARD = 2,             /* one in work, one on its way */
    JOB_BYTES = 1 << 20             /* a job takes no more entries beyond this many bytes */
};

struct recompress_job {
    struct mail mail;
    struct shard *shard;
    struct partition *partition;    /* NULL: it stopped to serve; */
    int refusal;                    /* ... then this is the answer */
    struct batch_rules rules;
    int64_t now_ms;                 /* wall clock */
    struct list entries;            /* struct append_entry.queued; empty once it is back */
    size_t left;                    /* entries that were neither appended nor refused */
};

static void start_jobs(struct shard *shard);

void recompress_init(struct shard *shard)
{
    list_init(&shard->unprepared);
}

void recompress_init_partition(struct partition *partition)
{
    list_init(&partition->unprepared);
    list_init(&partition->preparing);
}

bool recompress_wanted(const struct partition *partition, const struct append_entry *entry)
{
#ifdef MUTANT_RECOMPRESS_OVERTAKEN
    return batch_rules_need_work(&partition->shared->rules, entry->bytes, entry->size);
#endif
    return partition->job != NULL || !list_empty(&partition->preparing) ||
           batch_rules_need_work(&partition->shared->rules, entry->bytes, entry->size);
}

/* --- in the io pool --------------------------------------------------------------------------- */

/* An entry that need not change keeps its bytes. */
static void prepare(const struct recompress_job *job, struct append_entry *entry)
{
    struct buffer out;

    buffer_init(&out);
    entry->prepared_code =
        batch_rules_apply(&job->rules, entry->bytes, entry->size, job->now_ms, &out);
    if (entry->prepared_code != 0 || out.size == 0) {
        buffer_fini(&out);
        return;
    }
    entry->prepared = entry->bytes = out.bytes;
    entry->size = out.size;
}

static void returned(struct mail *mail);

static void run_job(struct mail *mail)
{
    struct recompress_job *job = LIST_OWNER(mail, struct recompress_job, mail);

    LIST_EACH(&job->entries, node)
        prepare(job, LIST_OWNER(node, struct append_entry, queued));
    job->mail.deliver = returned;
    loop_post(job->shard->loop, &job->mail);
}

/* --- back on the shard ------------------------------------------------------------------------ */

/* R2: one entry less, or the one that returned() holds on to. */
static void leave_job(struct recompress_job *job)
{
    struct shard *shard = job->shard;

    assert(job->left > 0);
    if (--job->left > 0)
        return;
    assert(list_empty(&job->entries));
    free(job);
    shard->jobs--;
    start_jobs(shard);
}

void recompress_release(struct append_entry *entry)
{
    struct recompress_job *job = entry->job;

    free(entry->prepared);
    entry->prepared = NULL;
    entry->job = NULL;
    if (job != NULL)
        leave_job(job);
}

/* Ask for a turn when there is something to do; turns go round among the partitions. */
static void want_turn(struct partition *partition)
{
    struct shard *shard = partition->shard;

    if (partition->state != PARTITION_OPEN || partition->job != NULL ||
        list_empty(&partition->preparing) || !list_empty(&partition->unprepared))
        return;
    list_append(&shard->unprepared, &partition->unprepared);
    start_jobs(shard);
}

static void returned(struct mail *mail)
{
    struct recompress_job *job = LIST_OWNER(mail, struct recompress_job, mail);
    struct partition *partition = job->partition;
    struct metrics *metrics = shard_options(job->shard)->metrics;

    if (partition != NULL) {
        assert(partition->job == job && (partition->state == PARTITION_OPEN ||
                                         partition->state == PARTITION_OPENING));
        partition->job = NULL;
    }
    job->left++;
    while (!list_empty(&job->entries)) {
        struct append_entry *entry =
            LIST_OWNER(list_first(&job->entries), struct append_entry, queued);
        int code = partition == NULL ? job->refusal : entry->prepared_code;
        list_remove(&entry->queued);
        if (entry->prepared != NULL)
            metric_add(metrics, METRIC_BYTES_RECOMPRESSED, (int64_t)entry->size);
        if (code == 0) {
            append_admitted(partition, entry);
            continue;
        }
        if (code == K_MESSAGE_TOO_LARGE)
            entry->outcome.limit = (int64_t)job->rules.batch_bytes_max;
        append_refuse(entry, code);
    }
    if (partition != NULL)
        want_turn(partition);
    leave_job(job);
}

/* --- jobs ------------------------------------------------------------------------------------- */

/* Move entries from the partition to the job, at least one. */
static void fill_job(struct recompress_job *job, struct partition *partition)
{
    size_t bytes = 0;

    while (!list_empty(&partition->preparing) && bytes < JOB_BYTES) {
        struct append_entry *entry =
            LIST_OWNER(list_first(&partition->preparing), struct append_entry, queued);
        list_remove(&entry->queued);
        list_append(&job->entries, &entry->queued);
        entry->job = job;
        job->left++;
        bytes += entry->size;
    }
}

static void start_job(struct partition *partition)
{
    struct shard *shard = partition->shard;
    struct recompress_job *job = calloc(1, sizeof *job);

    if (job == NULL) {
        recompress_refuse_all(partition, K_NOMEM);
        return;
    }
    job->shard = shard;
    job->partition = partition;
    job->rules = partition->shared->rules;
    job->now_ms = shard_wall_ms(shard);
    job->mail.deliver = run_job;
    list_init(&job->entries);
    fill_job(job, partition);
    partition->job = job;
    shard->jobs++;
    /* Not the urgent lane: this is work for a processor, and syncs must not wait for it. */
    mail_post(io_pool_target(shard_options(shard)->pool), &job->mail);
}

static void start_jobs(struct shard *shard)
{
    while (!shard->closed && shard->jobs < JOBS_PER_SHARD && !list_empty(&shard->unprepared)) {
        struct partition *partition =
            LIST_OWNER(list_first(&shard->unprepared), struct partition, unprepared);
        list_remove(&partition->unprepared);
        start_job(partition);
    }
}

/* --- for append.c and partition.c ------------------------------------------------------------- */

void recompress_admit(struct partition *partition, struct append_entry *entry)
{
    list_append(&partition->preparing, &entry->queued);
    want_turn(partition);
}

void recompress_resume(struct partition *partition)
{
    want_turn(partition);
}

void recompress_refuse_all(struct partition *partition, int code)
{
    list_remove(&partition->unprepared);
    if (partition->job != NULL) {
        partition->job->partition = NULL;
        partition->job->refusal = code;
        partition->job = NULL;
    }
    while (!list_empty(&partition->preparing)) {
        struct append_entry *entry =
            LIST_OWNER(list_first(&partition->preparing), struct append_entry, queued);
        list_remove(&entry->queued);
        append_refuse(entry, code);
    }
}
