/* A second after the first append since the last time, every log that was written to writes its
 * checkpoint: after a mere crash of the process almost nothing has to be read again. Once a minute
 * what is not on the disk yet is synced in the io pool, which bounds what is read after a crash of
 * the machine. Neither is what confirms a record. */
#include "server/runtime/upkeep.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/error.h"
#include "common/log.h"
#include "server/runtime/io_pool.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard_state.h"
#include "server/storage/logdir.h"

enum { CHECKPOINT_MS = 1000, SYNC_MS = 60 * 1000 };

/* --- syncing in the io pool ------------------------------------------------------------------- */

struct upkeep_sync {
    struct mail mail;
    struct shard *shard;
    struct partition *partition;        /* NULL: gone meanwhile */
    struct log_sync *sync;
    int result;
};

static void sync_finished(struct mail *mail)
{
    struct upkeep_sync *job = LIST_OWNER(mail, struct upkeep_sync, mail);
    struct partition *partition = job->partition;

    if (partition == NULL) {
        log_sync_abandon(job->sync);
    } else {
        partition->sync = NULL;
        int code = log_sync_end(partition->log, job->sync, job->result);
        if (code == K_KAFKA_STORAGE_ERROR)
            partition_fail(partition, code);
    }
    free(job);
}

static void run_sync(struct mail *mail)
{
    struct upkeep_sync *job = LIST_OWNER(mail, struct upkeep_sync, mail);

    job->result = log_sync_run(job->sync);
    job->mail.deliver = sync_finished;
    loop_post(job->shard->loop, &job->mail);
}

static void start_sync(struct partition *partition)
{
    struct shard *shard = partition->shard;
    struct upkeep_sync *job = calloc(1, sizeof *job);

    if (job == NULL || log_sync_begin(partition->log, &job->sync) != 0 || job->sync == NULL) {
        free(job);                      /* nothing to do, or no memory now: in a minute again */
        return;
    }
    job->shard = shard;
    job->partition = partition;
    job->mail.deliver = run_sync;
    partition->sync = job;
    mail_post(io_pool_target(shard_options(shard)->pool), &job->mail);
}

/* --- every second ----------------------------------------------------------------------------- */

static void look_after(struct partition *partition)
{
    struct shard *shard = partition->shard;
    int64_t now = shard_now_ms(shard);

    if (partition->state != PARTITION_OPEN)
        return;
    logdir_set_mark(partition->directory, LOGDIR_HIGH_WATERMARK, partition->topic,
                    partition->key.index, partition_high_watermark(partition));
    if (log_checkpoint(partition->log) == K_KAFKA_STORAGE_ERROR) {
        partition_fail(partition, K_KAFKA_STORAGE_ERROR);
        return;
    }
    if (partition->sync == NULL && now >= partition->sync_at_ms) {
        partition->sync_at_ms = now + SYNC_MS;
        start_sync(partition);
    }
}

static void tick(struct shard_deadline *deadline)
{
    struct shard *shard = LIST_OWNER(deadline, struct shard, upkeep);

    while (!list_empty(&shard->touched)) {
        struct partition *partition =
            LIST_OWNER(list_first(&shard->touched), struct partition, touched);
        list_remove(&partition->touched);
        if (!shard->closed)
            look_after(partition);
    }
}

void upkeep_init(struct shard *shard)
{
    list_init(&shard->touched);
    shard_deadline_init(&shard->upkeep, tick);
}

void upkeep_touch(struct partition *partition)
{
    struct shard *shard = partition->shard;

    if (!list_empty(&partition->touched))
        return;
    if (partition->sync_at_ms == 0)
        partition->sync_at_ms = shard_now_ms(shard) + SYNC_MS;
    if (list_empty(&shard->touched))
        shard_deadline_set(shard, &shard->upkeep, shard_now_ms(shard) + CHECKPOINT_MS);
    list_append(&shard->touched, &partition->touched);
}

void upkeep_forget(struct partition *partition)
{
    list_remove(&partition->touched);
    if (partition->sync != NULL)
        partition->sync->partition = NULL;
    partition->sync = NULL;
}
