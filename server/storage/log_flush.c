/* storage/log_flush.c - make a log durable, and say so: syncs and checkpoints. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/storage/log_internal.h"
#include "server/storage/logdir.h"

/* What has to be synced, taken from the log so that any thread can do it. */
struct log_sync {
    const struct io *io;            /* borrowed; outlives every log */
    char *path;                     /* owned; the partition's directory */
    int64_t end;                    /* of the log when it began */
    uint64_t truncations;
    bool epochs, names;
    size_t count, sealed;           /* the first `sealed` segments get their indexes synced too */
    struct segment *segments[];     /* references */
};

int log_sync_begin(struct log *log, struct log_sync **out)
{
    if (log->recovery_point == log->end && !log->names_unsynced && !log->epochs_unsynced) {
        *out = NULL;
        return 0;
    }
    size_t first = log_segment_index(log, log->recovery_point);
    size_t count = log->segment_count - first;
    struct log_sync *sync = calloc(1, sizeof *sync + count * sizeof(struct segment *));
    if (sync == NULL)
        return K_NOMEM;
    sync->path = strdup(log->path);
    if (sync->path == NULL) {
        free(sync);
        return K_NOMEM;
    }
    for (size_t i = first; i < log->segment_count; i++) {
        int error = segment_need_file(log->segments[i]);
        if (error != 0) {
            log_sync_abandon(sync);
            return log_failed(log, error, "sync");
        }
        sync->segments[sync->count++] = segment_ref(log->segments[i]);
    }
    sync->io = log->io;
    sync->sealed = sync->count - 1;
    sync->end = log->end;
    sync->truncations = log->truncations;
    sync->epochs = log->epochs_unsynced;
    sync->names = log->names_unsynced || log->epochs_unsynced;
    /* What changes from here on belongs to the next sync. */
    log->epochs_unsynced = log->names_unsynced = false;
    *out = sync;
    return 0;
}

int log_sync_run(struct log_sync *sync)
{
    char path[PATH_MAX];
    int error = 0;
    for (size_t i = 0; i < sync->count && error == 0; i++) {
        if (sync->io->sync(sync->io, sync->segments[i]->fd) != 0)
            error = io_error();
        if (error == 0 && i < sync->sealed)
            error = segment_sync_indexes(sync->segments[i]);
    }
    if (error == 0 && sync->epochs) {
        snprintf(path, sizeof path, "%s/leader-epoch-checkpoint", sync->path);
        error = io_sync_file(sync->io, path);
    }
    if (error == 0 && sync->names && sync->io->sync_directory(sync->io, sync->path) != 0)
        error = io_error();
    return error;
}

void log_sync_abandon(struct log_sync *sync)
{
    for (size_t i = 0; i < sync->count; i++)
        segment_unref(sync->segments[i]);
    free(sync->path);
    free(sync);
}

int log_sync_end(struct log *log, struct log_sync *sync, int result)
{
    /* What a failed sync covered may be lost although the next one succeeds: never try again. */
    if (result != 0) {
        log_sync_abandon(sync);
        return log_failed(log, result == K_DISK_FULL || result == K_NOMEM ? K_IO : result, "sync");
    }
    if (sync->truncations == log->truncations && sync->end > log->recovery_point)
        log->recovery_point = sync->end;
    log_sync_abandon(sync);
    return logdir_set_mark(log->directory, LOGDIR_RECOVERY_POINT, log->topic, log->partition,
                           log->recovery_point);
}

int log_flush(struct log *log)
{
    struct log_sync *sync;
    if (logdir_fenced(log->directory))
        return K_KAFKA_STORAGE_ERROR;
    int error = log_sync_begin(log, &sync);
    if (error != 0 || sync == NULL)
        return error;
    return log_sync_end(log, sync, log_sync_run(sync));
}

int log_checkpoint(struct log *log)
{
    if (logdir_fenced(log->directory))
        return K_KAFKA_STORAGE_ERROR;
    int error = segment_save_indexes(log_active(log), false);
    if (error == 0)
        error = logdir_set_mark(log->directory, LOGDIR_WRITTEN_END, log->topic, log->partition,
                                log->end);
    return error == 0 ? 0 : log_failed(log, error, "checkpoint");
}
