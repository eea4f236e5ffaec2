/* storage/log_flush.c - make a log durable, and say so: syncs and checkpoints.
 *
 * Several syncs of one log may be under way. What keeps them right: each covers everything from
 * the recovery point on, and names and epochs that another sync has not finished with yet. */
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/storage/log_internal.h"
#include "server/storage/logdir.h"
#include "server/storage/logdir_internal.h"

enum {
    FILES_ALONE = 4,                /* above, one sync of the whole file system is cheaper */
    STARTED = -1
};

/* What has to be synced, taken from the log so that any thread can do it. */
struct log_sync {
    struct logdir *directory;       /* borrowed; outlives every log */
    char *path;                     /* owned; the partition's directory */
    atomic_int_least64_t open_end;  /* raised by the loop until the run begins; then STARTED */
    int64_t end;                    /* of the log when the run began */
    uint64_t truncations;
    bool epochs, names;
    int64_t loose_snapshot;         /* log_producers.h; -1: none */
    struct log_sync *next;          /* see log_sync_chain() */
    int result;                     /* of the run */
    size_t count, sealed;           /* the first `sealed` segments get their indexes synced too */
    struct segment *segments[];     /* references */
};

/* --- begin ------------------------------------------------------------------------------------ */

static bool names_pending(const struct log *log)
{
    return log->names_unsynced || log->names_syncing > 0;
}

static bool epochs_pending(const struct log *log)
{
    return log->epochs_unsynced || log->epochs_syncing > 0;
}

/* What changes from here on belongs to the next sync; until this one has ended, so does what it
 * took along. */
static void take_flags(struct log *log, struct log_sync *sync)
{
    sync->epochs = epochs_pending(log);
    sync->names = names_pending(log) || sync->epochs;
    log->epochs_syncing += sync->epochs;
    log->names_syncing += sync->names;
    log->epochs_unsynced = log->names_unsynced = false;
}

bool log_settled(const struct log *log)
{
    return log->recovery_point == log->end && !names_pending(log) && !epochs_pending(log);
}

int log_sync_begin(struct log *log, struct log_sync **out)
{
    if (log_settled(log)) {
        *out = NULL;
        return 0;
    }
    int error = log_producers_sync_begin(log);
    if (error != 0)
        return log_failed(log, error, "sync");
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
        error = segment_need_file(log->segments[i]);
        if (error != 0) {
            log_sync_abandon(sync);
            return log_failed(log, error, "sync");
        }
        sync->segments[sync->count++] = segment_ref(log->segments[i]);
    }
    sync->directory = log->directory;
    sync->sealed = sync->count - 1;
    atomic_init(&sync->open_end, log->end);
    sync->truncations = log->truncations;
    take_flags(log, sync);
    sync->loose_snapshot = log->producers.loose;
    *out = sync;
    return 0;
}

bool log_sync_extend(const struct log *log, struct log_sync *sync)
{
    int64_t end = atomic_load(&sync->open_end);

    if (sync->truncations != log->truncations || log->names_unsynced || log->epochs_unsynced ||
        sync->segments[sync->count - 1] != log_active(log))
        return false;
    while (end != STARTED) {
        if (atomic_compare_exchange_weak(&sync->open_end, &end, log->end))
            return true;
    }
    return false;
}

void log_sync_chain(struct log_sync *sync, struct log_sync *next)
{
    sync->next = next;
}

/* --- run -------------------------------------------------------------------------------------- */

static size_t files_of(const struct log_sync *sync)
{
    return sync->count + 2 * sync->sealed + sync->epochs + sync->names;
}

static int sync_files(const struct log_sync *sync)
{
    const struct io *io = logdir_io(sync->directory);
    char path[PATH_MAX];
    int error = 0;

    for (size_t i = 0; i < sync->count && error == 0; i++) {
        if (io->sync(io, sync->segments[i]->fd) != 0)
            error = io_error();
        if (error == 0 && i < sync->sealed)
            error = segment_sync_indexes(sync->segments[i]);
    }
    if (error == 0 && sync->names)          /* a new snapshot is a new name */
        error = log_producers_sync(io, sync->path, sync->segments, sync->count,
                                   sync->loose_snapshot);
    if (error == 0 && sync->epochs) {
        snprintf(path, sizeof path, "%s/leader-epoch-checkpoint", sync->path);
        error = io_sync_file(io, path);
    }
#ifndef MUTANT_NO_DIRECTORY_SYNC
    if (error == 0 && sync->names && io->sync_directory(io, sync->path) != 0)
        error = io_error();
#endif
    return error;
}

void log_sync_run(struct log_sync *first)
{
    size_t files = 0;

    /* First of all, for what is written from now on may or may not be covered. */
    for (struct log_sync *sync = first; sync != NULL; sync = sync->next) {
        sync->end = atomic_exchange(&sync->open_end, STARTED);
        files += files_of(sync);
    }
#ifdef MUTANT_ACK_BEFORE_SYNC
    if (files > 0)
        return;
#endif
    int together = files > FILES_ALONE ? logdir_sync(first->directory) : 0;
    for (struct log_sync *sync = first; sync != NULL; sync = sync->next)
        sync->result = files > FILES_ALONE ? together : sync_files(sync);
}

/* --- end -------------------------------------------------------------------------------------- */

void log_sync_abandon(struct log_sync *sync)
{
    for (size_t i = 0; i < sync->count; i++)
        segment_unref(sync->segments[i]);
    free(sync->path);
    free(sync);
}

int log_sync_end(struct log *log, struct log_sync *sync)
{
    int result = sync->result;

    log->epochs_syncing -= sync->epochs;
    log->names_syncing -= sync->names;
    if (logdir_fenced(log->directory)) {
        log_sync_abandon(sync);
        return K_KAFKA_STORAGE_ERROR;
    }
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
    log_sync_run(sync);
    return log_sync_end(log, sync);
}

int log_checkpoint(struct log *log)
{
    if (logdir_fenced(log->directory))
        return K_KAFKA_STORAGE_ERROR;
    int error = segment_save_indexes(log_active(log), false);
    if (error == 0)
        error = log_producers_checkpoint(log);
    if (error == 0)
        error = logdir_set_mark(log->directory, LOGDIR_WRITTEN_END, log->topic, log->partition,
                                log->end);
    return error == 0 ? 0 : log_failed(log, error, "checkpoint");
}
