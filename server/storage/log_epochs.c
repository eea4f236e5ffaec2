/* storage/log_epochs.c - the epoch trail of a log: written, asked. */
#include <limits.h>
#include <stdio.h>

#include "server/storage/log_internal.h"

int log_save_epochs(struct log *log)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/leader-epoch-checkpoint", log->path);
    if (log->epochs.saved)
        return 0;
    log->epochs_unsynced = true;
    return epoch_file_save(&log->epochs, log->io, path);
}

int log_begin_epoch(struct log *log, int32_t epoch)
{
    if (logdir_fenced(log->directory))
        return K_KAFKA_STORAGE_ERROR;
    if (epoch < epoch_file_last(&log->epochs))
        return K_FENCED_LEADER_EPOCH;
    /* The file waits for the first record, which saves it before itself: a new leader of thousands
     * of partitions has no time to write as many files, and a start drops what has no record. */
    return epoch_file_assign(&log->epochs, epoch, log->end);
}

int32_t log_last_epoch(const struct log *log)
{
#ifdef MUTANT_EPOCH_GONE_WITH_RECORDS
    if (log->start == log->end)
        return -1;
#endif
    return epoch_file_at(&log->epochs, log->end - 1);
}

int64_t log_epoch_end(const struct log *log, int32_t epoch, int32_t *found_epoch)
{
    return epoch_file_end(&log->epochs, epoch, log->end, found_epoch);
}
