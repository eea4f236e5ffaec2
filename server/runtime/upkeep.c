/* A second after the first append since the last time, every log that was written to writes its
 * checkpoint: after a mere crash of the process almost nothing has to be read again. Once a minute,
 * or as often as flush.ms and flush.messages say, what is not on the disk yet is synced in the
 * background, which bounds what a crash of the machine can take and what is read after it. Neither
 * is what confirms a record. */
#include "server/runtime/upkeep.h"

#include "common/error.h"
#include "server/runtime/flush.h"
#include "server/runtime/partition.h"
#include "server/runtime/replica_log.h"
#include "server/runtime/rest.h"
#include "server/runtime/shard_state.h"
#include "server/storage/logdir.h"

enum { CHECKPOINT_MS = 1000, SYNC_MS = 60 * 1000, EXPIRE_MS = 60 * 1000 };

/* --- every second ----------------------------------------------------------------------------- */

/* Tell the directory what changed since the last time. */
static int take_note(struct partition *partition)
{
    int64_t end = log_end(partition->log);
    int64_t high_watermark = partition->replica.high_watermark;

    if (end == partition->noted_end && high_watermark == partition->noted_high_watermark)
        return 0;
    replica_log_note_watermark(partition);
    int code = log_checkpoint(partition->log);
    if (code == 0) {
        partition->noted_end = end;
        partition->noted_high_watermark = high_watermark;
    }
    return code;
}

static int64_t sync_interval_ms(const struct partition *partition)
{
    int64_t flush_ms = partition->shared->config.flush_ms;

    return flush_ms < SYNC_MS ? flush_ms : SYNC_MS;
}

/* Producers that are not heard of are forgotten; where nobody writes, nothing grows. */
static void expire_producers(struct partition *partition, int64_t now_ms)
{
    int64_t rounds = (shard_options(partition->shard)->producer_expiration_ms + EXPIRE_MS - 1) /
                     EXPIRE_MS;

    if (now_ms < partition->expire_at_ms)
        return;
    partition->expire_at_ms = now_ms + EXPIRE_MS;
    log_expire_producers(partition->log, (uint32_t)rounds);
}

static void look_after(struct partition *partition)
{
    int64_t now = shard_now_ms(partition->shard);

    if (partition->state != PARTITION_OPEN)
        return;
    if (take_note(partition) == K_KAFKA_STORAGE_ERROR) {
        partition_fail(partition, K_KAFKA_STORAGE_ERROR);
        return;
    }
    expire_producers(partition, now);
    if (now >= partition->sync_at_ms) {
        partition->sync_at_ms = now + sync_interval_ms(partition);
        flush_in_background(partition);
    }
    if (!list_empty(&partition->unflushed))
        flush_soon(partition);          /* there may have been no memory for it */
    replica_log_trim_again(partition);
    if (partition->state == PARTITION_OPEN &&
        (log_recovery_point(partition->log) < log_end(partition->log) ||
         replica_log_trim_waits(partition)))
        upkeep_touch(partition);
}

static void tick(struct shard_deadline *deadline)
{
    struct shard *shard = LIST_OWNER(deadline, struct shard, upkeep);
    struct list due;

    list_init(&due);
    list_move(&due, &shard->touched);
    while (!list_empty(&due)) {
        struct partition *partition = LIST_OWNER(list_first(&due), struct partition, touched);
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
        partition->sync_at_ms = shard_now_ms(shard) + sync_interval_ms(partition);
    if (list_empty(&shard->touched))
        shard_deadline_hold(shard, &shard->upkeep, shard_now_ms(shard) + CHECKPOINT_MS);
    list_append(&shard->touched, &partition->touched);
}

void upkeep_count(struct partition *partition)
{
    int64_t unsynced = log_end(partition->log) - log_recovery_point(partition->log);

    if (unsynced >= partition->shared->config.flush_messages)
        flush_in_background(partition);
}

void partition_used(struct partition *partition)
{
    rest_touch(partition);
    upkeep_touch(partition);
    upkeep_count(partition);
}

void upkeep_config_changed(struct partition *partition)
{
    int64_t latest = shard_now_ms(partition->shard) + sync_interval_ms(partition);

    if (partition->sync_at_ms > latest)
        partition->sync_at_ms = latest;
}

void upkeep_forget(struct partition *partition)
{
    list_remove(&partition->touched);
}
