#include "server/runtime/flush.h"

#include <stdlib.h>

#include "common/error.h"
#include "server/runtime/append.h"
#include "server/runtime/dirs.h"
#include "server/runtime/flush_cycle.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard_state.h"
#include "server/runtime/upkeep.h"

struct flush_sync {
    struct flush_job job;
    struct list node;                   /* in flush_state.syncs */
    struct partition *partition;        /* NULL: gone meanwhile */
    bool background;
};

void flush_init(struct flush_state *flush)
{
    *flush = (struct flush_state){ .latest = NULL };
    list_init(&flush->syncs);
}

static void take_out(struct flush_sync *sync)
{
    struct flush_state *flush = &sync->partition->flush;

    list_remove(&sync->node);
    if (flush->latest == sync)
        flush->latest = NULL;
    if (sync->background)
        flush->background = false;
    sync->partition = NULL;
}

static void synced(struct flush_job *job)
{
    struct flush_sync *sync = LIST_OWNER(job, struct flush_sync, job);
    struct partition *partition = sync->partition;
    struct log_sync *own = job->sync;

    if (partition != NULL)
        take_out(sync);
    free(sync);
    if (partition == NULL) {
        log_sync_abandon(own);
        return;
    }
    int code = log_sync_end(partition->log, own);
    if (code == K_KAFKA_STORAGE_ERROR)
        partition_fail(partition, code);
    else
        append_flushed(partition);
}

static void start(struct partition *partition, bool background)
{
    struct shard *shard = partition->shard;
    struct flush_sync *sync = calloc(1, sizeof *sync);
    int code = sync == NULL ? K_NOMEM : log_sync_begin(partition->log, &sync->job.sync);

    if (code != 0 || sync->job.sync == NULL) {
        free(sync);
        if (code == K_KAFKA_STORAGE_ERROR)
            partition_fail(partition, code);
        else if (code != 0)
            upkeep_touch(partition);
        return;
    }
    sync->partition = partition;
    sync->background = background;
    sync->job.answer_to = shard_mail_target(shard);
    sync->job.done = synced;
    list_init(&sync->node);
    list_append(&partition->flush.syncs, &sync->node);
    if (background)
        partition->flush.background = true;
    else
        partition->flush.latest = sync;
    flush_cycle_add(dirs_flush_cycle(shard_options(shard)->dirs, partition->directory, background),
                    &sync->job);
}

static bool can_sync(const struct partition *partition)
{
    return partition->state == PARTITION_OPEN && !partition->shard->closed;
}

void flush_soon(struct partition *partition)
{
    struct flush_sync *latest = partition->flush.latest;

    if (can_sync(partition) &&
        (latest == NULL || !log_sync_extend(partition->log, latest->job.sync)))
        start(partition, false);
}

void flush_in_background(struct partition *partition)
{
    if (can_sync(partition) && !partition->flush.background)
        start(partition, true);
}

void flush_forget(struct flush_state *flush)
{
    while (!list_empty(&flush->syncs))
        take_out(LIST_OWNER(list_first(&flush->syncs), struct flush_sync, node));
}
