/* storage/log_truncate.c - take records off the end of a log, or all of them.
 *
 * Invariants
 *   T1  before a record goes, no mark vouches for its offset any more: what is written there later
 *       is checked by the next start
 *   T2  what was cut is gone from the disk, by a sync, before anything takes its place
 *   T3  a file whose bytes were handed out for sending never gets other bytes at the same
 *       position: the log goes on in a new file */
#include <assert.h>
#include <limits.h>
#include <stdio.h>

#include "server/storage/clean_job.h"
#include "server/storage/log_internal.h"

/* Batches are cut whole: what of the marks may stand when the log is cut at `offset`. They may be
 * too low, never beyond the end, or the next start would miss what they vouch for. */
static int64_t marks_limit(struct log *log, int64_t offset)
{
    struct segment *segment = log->segments[log_segment_index(log, offset)];
    struct segment_place place;
    if (segment->base_offset >= offset)
        return offset;
    /* What is before it may end earlier than it begins. */
    if (log->gaps)
        return segment->base_offset;
    if (segment_locate(segment, offset, &place) == 0 && place.base_offset <= offset)
        return place.base_offset;
    return segment->base_offset;
}

/* The log start was promised and stays, where it is in the log; what was only asked for goes. */
static int lower_marks(struct log *log, int64_t limit)
{
    int error = 0;
    for (int mark = 0; mark < LOGDIR_MARKS && error == 0; mark++) {
        int64_t least = mark == LOGDIR_LOG_START && log->start > limit ? log->start : limit;
        if (log_mark(log, (enum logdir_mark)mark) > least)
            error = logdir_set_mark(log->directory, (enum logdir_mark)mark, log->topic,
                                    log->partition, least);
    }
    return error == 0 ? logdir_checkpoint(log->directory) : error;
}

/* From here on a failure leaves the log neither as it was nor as it should be. */
static int half_done(struct log *log, int error)
{
    return log_failed(log, error == K_NOMEM || error == K_DISK_FULL ? K_IO : error, "truncate");
}

/* The epochs that begin at the log's end or later have no record (any more). The file may stay as
 * it is when there is no room: whoever opens the log cuts them again. */
static int cut_epochs(struct log *log)
{
#ifndef MUTANT_NO_CACHE_CLEAN
    epoch_file_cut(&log->epochs, log->end);
#endif
    int error = log_save_epochs(log);
    return error == K_DISK_FULL || error == K_NOMEM ? 0 : error;
}

/* Nothing that is under way counts for what the log will be. */
static int disown(struct log *log)
{
    int error = log->cleaning == NULL ? 0 : clean_interrupt(log);
    log->truncations++;
    log_forget_served(log);
    return error;
}

int log_truncate(struct log *log, int64_t offset)
{
    if (logdir_fenced(log->directory))
        return K_KAFKA_STORAGE_ERROR;
    if (offset >= log->end) {
        int error = cut_epochs(log);
        return error == 0 ? 0 : half_done(log, error);
    }
    int error = disown(log);
    if (error != 0)
        return half_done(log, error);
    /* First the marks: a stale one would vouch for what is written over this part later. */
    int64_t limit = marks_limit(log, offset);
    if (limit < log->recovery_point)
        log->recovery_point = limit;
    error = lower_marks(log, limit);
    if (error != 0)
        return log_failed(log, error, "truncate");

    while (error == 0 && log->segment_count > 1 && log_active(log)->base_offset >= offset)
        error = log_pop_segment(log);
    struct segment *segment = log_active(log);
    bool restart = segment->base_offset >= offset || segment->served;
    if (error == 0)
        error = segment_cut(segment, offset);
    /* Durable at once: what came back of it would stand beside what is written in its place. */
    if (error == 0)
        error = io_sync(log->io, segment->fd);
    if (error == 0)
        error = io_sync_names(log->io, log->path);
    if (error == 0) {
        log->end = segment->tail.next_offset;
        if (segment->tail.size == 0 && log->end > offset)
            log->end = offset;
        if (log->end < log->start && log->start <= offset) {
            log->end = log->start;      /* where it went on after a crash took what came before */
            restart = true;
        }
        error = cut_epochs(log);
    }
    if (error == 0)
        error = log_producers_truncate(log);
    /* Bytes that were handed out may still be on their way: never write over them, go on in a
     * new file. An empty one gives way to its successor of the same name. */
    if (error == 0 && restart && segment->tail.size == 0)
        error = log_pop_segment(log);
    if (error == 0 && restart)
        error = log_roll(log, log->end);
    if (error != 0)
        return half_done(log, error);
    if (log->recovery_point > log->end)
        log->recovery_point = log->end;
    if (log->start > log->end) {
        log->start = log->end;
        error = logdir_set_mark(log->directory, LOGDIR_LOG_START, log->topic, log->partition,
                                log->start);
    }
    log_assert_invariants(log);
    return error == 0 ? 0 : log_failed(log, K_IO, "truncate");
}

/* --- all of it -------------------------------------------------------------------------------- */

/* T1, for every offset; what the log start promised stands until the new one is known. */
static int withdraw_marks(struct log *log)
{
#ifdef MUTANT_RESET_VOUCHED
    return log == NULL;
#endif
    static const enum logdir_mark marks[] = { LOGDIR_RECOVERY_POINT, LOGDIR_WRITTEN_END,
                                              LOGDIR_CLEANED };
    int error = 0;
    for (size_t i = 0; i < sizeof marks / sizeof *marks && error == 0; i++)
        if (log_mark(log, marks[i]) > 0)
            error = logdir_set_mark(log->directory, marks[i], log->topic, log->partition, 0);
    return error == 0 ? logdir_checkpoint(log->directory) : error;
}

/* The segments, in an order that leaves all of the log or none of it when the machine stops on the
 * way: the first one that may be read is empty on the disk before any name goes, so that whatever
 * comes back behind it is beyond a hole, and no mark speaks for it. */
static int drop_segments(struct log *log)
{
    size_t first = log_segment_index(log, log->start);
    struct segment *segment = log->segments[first];
    int error = segment_need_file(segment);
#ifndef MUTANT_RESET_UNORDERED
    if (error == 0 && log->io->truncate(log->io, segment->fd, 0) != 0)
        error = io_error();
    if (error == 0)
        error = io_sync(log->io, segment->fd);
#endif
    while (error == 0 && log->segment_count > first + 1)
        error = log_pop_segment(log);
    if (error == 0)
        error = io_sync_names(log->io, log->path);
    while (error == 0 && log->segment_count > 0)
        error = log_pop_segment(log);
    return error == 0 ? io_sync_names(log->io, log->path) : error;
}

static int drop_epochs(struct log *log)
{
    char path[PATH_MAX];
    epoch_file_cut(&log->epochs, 0);
    int error = log_save_epochs(log);
    snprintf(path, sizeof path, "%s/leader-epoch-checkpoint", log->path);
    if (error == 0)
        error = io_sync_file(log->io, path);
    return error == K_NOT_FOUND ? 0 : error;        /* there never was an epoch */
}

/* Nothing is there: now the new start may count. */
static int begin_at(struct log *log, int64_t start)
{
    int64_t watermark = log_mark(log, LOGDIR_HIGH_WATERMARK);
    int error = logdir_set_mark(log->directory, LOGDIR_LOG_START, log->topic, log->partition,
                                start);
    if (error == 0 && watermark > start)
        error = logdir_set_mark(log->directory, LOGDIR_HIGH_WATERMARK, log->topic, log->partition,
                                start);
    if (error == 0)
        error = logdir_checkpoint(log->directory);
    if (error == 0)
        error = log_roll(log, start);
    return error == 0 ? io_sync_names(log->io, log->path) : error;
}

int log_reset(struct log *log, int64_t start)
{
    assert(start >= 0);
    if (logdir_fenced(log->directory))
        return K_KAFKA_STORAGE_ERROR;
    if (log->dooming > 0 && start < log->start)
        return K_BUSY;
    int error = disown(log);
    if (error != 0)
        return half_done(log, error);
    log->recovery_point = log->segments[0]->base_offset;
    error = withdraw_marks(log);
    if (error != 0)
        return log_failed(log, error, "reset");

    error = log_producers_forget(log);
    if (error == 0)
        error = drop_epochs(log);
    if (error == 0)
        error = drop_segments(log);
    if (error == 0)
        error = begin_at(log, start);
    if (error != 0)
        return half_done(log, error);
    log->start = log->end = log->recovery_point = start;
    log_assert_invariants(log);
    return 0;
}
