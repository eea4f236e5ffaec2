/* storage/log_flush.c - make a log durable, and say so: syncs and checkpoints.
 *
 * Several syncs of one log may be under way. What keeps them right: each covers everything from
 * the recovery point on, and names and epochs that another sync has not finished with yet. */
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/storage/index_offset.h"
#include "server/storage/log_internal.h"
#include "server/storage/logdir.h"
#include "server/storage/logdir_internal.h"

enum {
    FILES_ALONE = 4,                /* above, one sync of the whole file system is cheaper */
    INDEX_LAG = 1 << 20,            /* bytes of the log that its files of indexes may not know */
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

static size_t files_of(size_t segments, bool epochs, bool names)
{
    size_t sealed = segments - 1;
    return segments + 2 * sealed + epochs + names;
}

/* Those that the sync is for; their files are open if it goes by them, and not by the file system
 * (there may be any number of segments). NOMEM, IO. */
static int take_segments(struct log *log, size_t first, struct log_sync *sync)
{
    bool epochs = epochs_pending(log), names = epochs || names_pending(log);
    size_t count = log->segment_count - first;
    bool few = files_of(count, epochs, names) <= FILES_ALONE;
    for (size_t i = first; i < log->segment_count; i++) {
        int error = few ? segment_need_file(log->segments[i]) : 0;
        if (error != 0)
            return error;
        sync->segments[sync->count++] = segment_ref(log->segments[i]);
    }
    sync->sealed = sync->count - 1;
    return 0;
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
    error = take_segments(log, first, sync);
    if (error != 0) {
        log_sync_abandon(sync);
        return log_failed(log, error, "sync");
    }
    sync->directory = log->directory;
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

static int sync_files(const struct log_sync *sync)
{
    const struct io *io = logdir_io(sync->directory);
    char path[PATH_MAX];
    int error = 0;

    for (size_t i = 0; i < sync->count && error == 0; i++) {
        if (io->sync(io, sync->segments[i]->fd) != 0)
            error = K_IO;
#ifdef MUTANT_FSYNC_RETRY
        if (error != 0 && io->sync(io, sync->segments[i]->fd) == 0)
            error = 0;
#endif
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
    if (error == 0 && sync->names)
        error = io_sync_names(io, sync->path);
#endif
    return error;
}

/* What a failed sync was for may be lost, and the next one, of this log or of another that it was
 * for as well, succeeds all the same: it may run and end before anybody hears of this one. So the
 * directory is fenced here and now, and it is never tried again. */
static void sync_done(const struct log_sync *sync)
{
#if defined(MUTANT_NO_FENCE_AFTER_EIO) || defined(MUTANT_FENCE_LATE)
    return;
#endif
    if (sync->result != 0)
        logdir_fence(sync->directory, sync->result == K_DISK_FULL ? K_IO : sync->result, "sync");
}

void log_sync_run(struct log_sync *first)
{
    size_t files = 0;

    /* First of all, for what is written from now on may or may not be covered. */
    for (struct log_sync *sync = first; sync != NULL; sync = sync->next) {
        sync->end = atomic_exchange(&sync->open_end, STARTED);
        files += files_of(sync->count, sync->epochs, sync->names);
    }
#ifdef MUTANT_ACK_BEFORE_SYNC
    if (files > 0)
        return;
#endif
    int together = files > FILES_ALONE ? logdir_sync(first->directory) : 0;
    for (struct log_sync *sync = first; sync != NULL; sync = sync->next) {
        sync->result = files > FILES_ALONE ? together : sync_files(sync);
        if (sync->result == K_NOMEM)        /* no descriptor to do it with: this needs none */
            sync->result = logdir_sync(sync->directory);
        sync_done(sync);
    }
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
    log->epochs_syncing -= sync->epochs;
    log->names_syncing -= sync->names;
#ifdef MUTANT_FENCE_LATE
    if (sync->result != 0)
        logdir_fence(log->directory, K_IO, "sync");
#endif
    if (sync->result != 0 || logdir_fenced(log->directory)) {
        log_sync_abandon(sync);
        return K_KAFKA_STORAGE_ERROR;
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

/* A start after a crash reads the headers of what its index does not know; that so much of them is
 * read at once costs less than two more files of each log in every sync of many. */
static bool index_lags(const struct segment *segment)
{
    const struct index *offsets = &segment->offsets;
    int64_t known = offsets->written == 0
                        ? 0
                        : index_offset_at(offsets, offsets->written - 1).position;

    return segment->tail.size - known >= INDEX_LAG;
}

int log_checkpoint(struct log *log)
{
    if (logdir_fenced(log->directory))
        return K_KAFKA_STORAGE_ERROR;
    int error = index_lags(log_active(log)) ? segment_save_indexes(log_active(log), false) : 0;
    if (error == 0)
        error = log_producers_checkpoint(log);
    if (error == 0)
        error = logdir_set_mark(log->directory, LOGDIR_WRITTEN_END, log->topic, log->partition,
                                log->end);
    return error == 0 ? 0 : log_failed(log, error, "checkpoint");
}
