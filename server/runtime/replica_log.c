#include "server/runtime/replica_log.h"

#include <inttypes.h>

#include "common/error.h"
#include "common/log.h"
#include "server/runtime/partition.h"
#include "server/runtime/trim_job.h"
#include "server/storage/log.h"
#include "server/storage/log_trim.h"
#include "server/storage/logdir.h"

/* Others ask where epochs end: the one before ours ends here. */
void replica_log_begin_epoch(struct partition *partition)
{
    const struct replica *replica = &partition->replica;

    if (replica->role != REPLICA_LEADING || partition->state != PARTITION_OPEN ||
        replica->state.replicas.count < 2)
        return;
    int code = log_begin_epoch(partition->log, replica->state.leader_epoch);
    if (code == K_KAFKA_STORAGE_ERROR)
        partition_fail(partition, code);
    else if (code != 0)                 /* the first append says so as well */
        LOG_WARN("epoch-not-begun", "topic=%s partition=%" PRId32 " epoch=%" PRId32 " error=%s",
                 partition->topic, partition->key.index, replica->state.leader_epoch,
                 k_error_name(code));
}

/* The replica is told when it is done; that a job is over or the log open is waited for. */
void replica_log_trim(struct partition *partition, int64_t start)
{
    const struct trim_owner nobody = { .raised = NULL };
    const struct log_trim_reason behind = { .size_end = -1, .time_end = -1 };
    struct log_trim *work = NULL;

#ifndef MUTANT_TRIM_SLEEPS
    partition_wake(partition);
#endif
    if (partition->state != PARTITION_OPEN || partition->jobs > 0)
        return;
    if (start > log_end(partition->log))
        start = log_end(partition->log);
    int code = log_trim_begin(partition->log, start, &behind, &work);
    if (code == 0 && work != NULL)
        code = trim_job_start(partition, work, &nobody);
    if (code == K_KAFKA_STORAGE_ERROR)
        partition_fail(partition, code);
}

bool replica_log_trim_waits(const struct partition *partition)
{
    const struct replica *replica = &partition->replica;

    return replica->role == REPLICA_FOLLOWING && replica->trim_ordered > replica->start;
}

void replica_log_trim_again(struct partition *partition)
{
    if (replica_log_trim_waits(partition))
        replica_log_trim(partition, partition->replica.trim_ordered);
}

void replica_log_note_watermark(struct partition *partition)
{
    const struct replica *replica = &partition->replica;

    /* One that broke its rules is not to be believed. */
    if (partition->directory != NULL && replica->open && replica->broken == NULL)
        logdir_set_mark(partition->directory, LOGDIR_HIGH_WATERMARK, partition->topic,
                        partition->key.index, partition->replica.high_watermark);
}

/* The watermark as the directory remembers it. */
int64_t replica_log_watermark(const struct partition *partition)
{
    int64_t mark = logdir_mark(partition->directory, LOGDIR_HIGH_WATERMARK, partition->topic,
                               partition->key.index);
    int64_t start = log_start(partition->log), end = log_end(partition->log);

    return mark < start ? start : mark > end ? end : mark;
}

/* The largest epoch of our log up to `epoch`, and its end. While the log rests, what we know by
 * heart must do. */
bool replica_log_epoch(struct partition *partition, int32_t epoch, int32_t *ours, int64_t *end)
{
    const struct replica *replica = &partition->replica;

    *ours = -1;
    *end = -1;
    if (epoch < 0 || replica->last_epoch < 0)
        return true;
    if (epoch == replica->last_epoch ||
        (epoch > replica->last_epoch && partition->state != PARTITION_OPEN)) {
        *ours = replica->last_epoch;
        *end = replica->end;
        return true;
    }
    if (partition->state != PARTITION_OPEN)
        return false;
    *end = log_epoch_end(partition->log, epoch, ours);
    if (*end < 0)
        *ours = -1;
    return true;
}
