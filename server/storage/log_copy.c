/* storage/log_copy.c - a follower appends what its leader has: checked, and written unchanged.
 *
 * Invariants
 *   C1  nothing is written of an answer with a batch that is no good, or not the next one
 *   C2  the trail has an entry for each epoch of the batches, where its first batch begins, before
 *       the batches are written
 *   C3  before the first batch behind a gap is written, a file says that the log has gaps, and is
 *       synced with it: where offsets are missing without it, recovery takes it for a loss */
#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "common/log.h"
#include "proto/batch.h"
#include "server/storage/log_internal.h"

/* --- gaps ------------------------------------------------------------------------------------- */

static void gaps_path(const struct log *log, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/" LOG_GAPS_NAME, log->path);
}

/* C3. The file is empty: its name is all that counts, and names are synced with the log. */
static int declare_gaps(struct log *log)
{
    char path[PATH_MAX];
    if (log->gaps)
        return 0;
#ifdef MUTANT_GAPS_NOT_DECLARED
    return 0;
#endif
    gaps_path(log, path);
    int fd = log->io->open(log->io, path, O_WRONLY | O_CREAT, 0644);
    if (fd < 0)
        return io_error();
    (void)log->io->close(log->io, fd);
    log->gaps = log->names_unsynced = true;
    return 0;
}

/* --- checking --------------------------------------------------------------------------------- */

/* Batches that can be appended in one go. */
struct run {
    size_t size;                /* bytes; less than all when what follows is too far away */
    int64_t base;               /* of the first batch */
    int32_t epoch;              /* of the first batch */
    bool gaps;                  /* offsets are missing: before, between or inside of them */
};

static bool is_empty(const struct log *log)
{
    return log->start == log->end && log->segment_count == 1 && log_active(log)->tail.size == 0;
}

static const char *fault_of(const uint8_t *batch, int64_t expected, int32_t epoch,
                            int32_t leader_epoch)
{
    if (batch_base_offset(batch) < expected)
        return "its offsets are there already";
    if (batch_leader_epoch(batch) < epoch)
        return "its epoch is older than that of the batch before it";
    if (batch_leader_epoch(batch) > leader_epoch)
        return "its epoch is newer than the leader's";
    return NULL;
}

static int refuse(const struct log *log, size_t at, int code, const char *fault)
{
    LOG_ERROR("copy-refused", "topic=%s partition=%" PRId32 " end=%" PRId64 " position=%zu error=%s"
              " reason=\"%s\"", log->topic, log->partition, log->end, at, k_error_name(code),
              fault);
    return code;
}

/* C1: all of it. The run is what can be written at once. */
static int check(const struct log *log, const uint8_t *bytes, size_t size, int32_t leader_epoch,
                 struct run *run)
{
    int64_t expected = log->end;
    int32_t epoch = log_last_epoch(log);
    *run = (struct run){ .base = batch_base_offset(bytes), .epoch = batch_leader_epoch(bytes) };
    for (size_t at = 0, step; at < size; at += step) {
        const uint8_t *batch = bytes + at;
#ifdef MUTANT_COPIES_UNCHECKED
        int error = batch_check_shape(batch, size - at, false, &step);
#else
        int error = batch_check(batch, size - at, false, &step);
#endif
        if (error != 0)
            return refuse(log, at, error == K_MALFORMED ? K_CORRUPT_MESSAGE : error,
                          "it is cut off, or no good");
        if (at == 0 && is_empty(log) && batch_base_offset(batch) < expected &&
            batch_last_offset(batch) >= expected)
            expected = batch_base_offset(batch);
        const char *fault = fault_of(batch, expected, epoch, leader_epoch);
        if (fault != NULL)
            return refuse(log, at, K_CORRUPT_MESSAGE, fault);
        bool far = batch_last_offset(batch) - expected > INT32_MAX;
        if (run->size == at && (at == 0 || !far)) {
            run->size += step;
            run->gaps = run->gaps || batch_base_offset(batch) > expected ||
                        batch_count(batch) != batch_last_delta(batch) + 1;
        }
        expected = batch_last_offset(batch) + 1;
        epoch = batch_leader_epoch(batch);
    }
    return 0;
}

/* --- making room ------------------------------------------------------------------------------ */

/* The log has no records: let it begin at `base`, for the next one or for the former again. */
static int move_empty(struct log *log, int64_t base)
{
    struct segment *former = log_active(log), *segment;
    int error = log_producers_unrolled(log, base);
    if (error == 0)
        error = segment_create(log->io, log->path, base, log->config.index_interval_bytes,
                               &segment);
    if (error != 0)
        return error;
    log->names_unsynced = true;
    error = segment_remove_files(former);
    if (error != 0) {
        (void)segment_remove_files(segment);
        segment_unref(segment);
        return error;
    }
    log->segments[0] = segment;
    segment_unref(former);
    log->end = base;
    if (log->recovery_point > base)
        log->recovery_point = base;
    return 0;
}

/* The next batch is further away than one segment reaches: end the log where it begins. That gap is
 * between two segments, where recovery believes none unless it was promised: so it is. */
static int leap(struct log *log, int64_t base)
{
    int64_t end = log->end;
    if (is_empty(log))
        return move_empty(log, base);
    log->end = base;
    int error = log_roll(log, base);
    if (error != 0) {
        int undone = log_producers_unrolled(log, end);
        log->end = end;
        return undone == 0 ? error : K_IO;
    }
    log->segments[log->segment_count - 2]->tail.next_offset = base;
    error = log_flush(log);
    if (error == 0)
        error = logdir_checkpoint(log->directory);
    return error == 0 ? 0 : K_IO;       /* half of it is no promise */
}

/* --- the epoch trail -------------------------------------------------------------------------- */

/* C2. An epoch that began here and has no record gives way to what others wrote: before the end is
 * moved to where that begins. */
static void give_way(struct log *log, const struct run *run)
{
    if (epoch_file_last(&log->epochs) != run->epoch)
        epoch_file_cut(&log->epochs, log->end);
}

static int note_epochs(struct log *log, const uint8_t *bytes, const struct run *run)
{
    int error = 0;
    for (size_t at = 0; at < run->size && error == 0; at += batch_size(bytes + at)) {
        int64_t base = batch_base_offset(bytes + at);
        error = epoch_file_assign(&log->epochs, batch_leader_epoch(bytes + at),
                                  base < log->start ? log->start : base);
    }
    return error == 0 ? log_save_epochs(log) : error;
}

/* --- appending -------------------------------------------------------------------------------- */

/* What was noted of batches that were not written. The file may stay as it is for now: it is saved
 * before the next batch is written, and cut when the log is opened. */
static void forget_epochs(struct log *log)
{
    epoch_file_cut(&log->epochs, log->end);
}

/* Room, epochs, then the batches. */
static int write_run(struct log *log, const uint8_t *bytes, const struct run *run, int64_t wall_ms)
{
    struct log_append append = { .bytes = (uint8_t *)(uintptr_t)bytes, .size = run->size };
    int error = run->gaps ? declare_gaps(log) : 0;
    give_way(log, run);
    if (error == 0 && batch_last_offset(bytes) - log->end > INT32_MAX)
        error = leap(log, run->base);
    if (error == 0 && run->base < log->end)
        error = move_empty(log, run->base);
    if (error == 0)
        error = note_epochs(log, bytes, run);
    if (error != 0)
        return log_failed(log, error, "copying");
    return log_place(log, &append, 1, true, -1, wall_ms);
}

static int append_run(struct log *log, const uint8_t *bytes, const struct run *run, int64_t wall_ms)
{
    int64_t end = log->end;
    int error = write_run(log, bytes, run, wall_ms);
    if (error == 0 || error == K_KAFKA_STORAGE_ERROR)
        return error;
    if (log->end < end && move_empty(log, end) != 0)    /* it was inside of the first batch */
        return log_failed(log, K_IO, "undoing a copy");
    forget_epochs(log);
    return error;
}

int log_append_copies(struct log *log, const uint8_t *bytes, size_t size, int32_t leader_epoch,
                      int64_t wall_ms)
{
    struct run run;
    if (logdir_fenced(log->directory))
        return K_KAFKA_STORAGE_ERROR;
    while (size > 0) {
        int error = check(log, bytes, size, leader_epoch, &run);
        if (error == 0)
            error = append_run(log, bytes, &run, wall_ms);
        if (error != 0)
            return error;
        bytes += run.size;
        size -= run.size;
    }
    return 0;
}
