/* storage/log_recover.c - read a partition's directory, and check what a crash may have hurt.
 *
 * What is checked: after a clean stop nothing but the last few batches; else everything past the
 * trusted offset, which is the larger of the recovery point (synced) and, if the machine has not
 * stopped since, the written end (in the page cache). The log is cut before the first batch that
 * is torn, wrong or not contiguous; what comes after it, in later segments too, goes: nothing is
 * resurrected beyond a hole. Offsets may leave gaps only below the trusted offset, where
 * compaction has been. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proto/batch.h"
#include "server/storage/checkpoint.h"
#include "server/storage/index_offset.h"
#include "server/storage/log_internal.h"
#include "server/storage/logdir.h"

/* --- the files ---------------------------------------------------------------------------- */

/* The base offset if `name` is "<20 digits><suffix>"; -1 otherwise. */
static int64_t base_of(const char *name, const char *suffix)
{
    int64_t base;
    if (strlen(name) != 20 + strlen(suffix) || strcmp(name + 20, suffix) != 0 ||
        !checkpoint_number((struct checkpoint_field){ name, 20 }, 0, INT64_MAX, &base))
        return -1;
    return base;
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t size = strlen(name), suffix_size = strlen(suffix);
    return size > suffix_size && strcmp(name + size - suffix_size, suffix) == 0;
}

/* A crash came while a segment's files were renamed to ".deleted", or before they were deleted: if
 * nothing took its place, what still has its old name is litter. */
static int remove_litter(struct log *log, int64_t base)
{
    static const char *const kept_by[] = { ".log", ".log.swap" };
    static const char *const litter[] = { ".index", ".timeindex", ".txnindex", ".snapshot" };
    char path[PATH_MAX];
    struct stat status;
    int error = 0;
    for (size_t i = 0; i < sizeof kept_by / sizeof *kept_by; i++) {
        if (snprintf(path, sizeof path, "%s/%020" PRId64 "%s", log->path, base, kept_by[i]) >=
                (int)sizeof path ||
            log->io->stat_path(log->io, path, &status) == 0)
            return 0;
    }
    for (size_t i = 0; i < sizeof litter / sizeof *litter && error == 0; i++) {
        if (snprintf(path, sizeof path, "%s/%020" PRId64 "%s", log->path, base, litter[i]) <
            (int)sizeof path)
            error = io_remove_file(log->io, path);
    }
    return error;
}

/* Half-done work of an earlier life: its end is that it never happened. */
static int remove_leftover(struct log *log, const char *name)
{
    char path[PATH_MAX];
    if (!ends_with(name, ".tmp") && !ends_with(name, ".deleted") && !ends_with(name, ".cleaned"))
        return 0;
    if (snprintf(path, sizeof path, "%s/%s", log->path, name) >= (int)sizeof path)
        return 0;
    int64_t base = base_of(name, ".log.deleted");
    int error = base < 0 ? 0 : remove_litter(log, base);
    return error != 0 ? error : io_remove_file(log->io, path);
}

static int by_base(const void *a, const void *b)
{
    const struct segment *x = *(struct segment *const *)a, *y = *(struct segment *const *)b;
    return x->base_offset < y->base_offset ? -1 : x->base_offset > y->base_offset;
}

static int list_segments(struct log *log)
{
    DIR *listing = log->io->opendir(log->io, log->path);
    if (listing == NULL)
        return io_error();
    int error = 0;
    struct dirent *entry;
    while (error == 0 && (entry = readdir(listing)) != NULL) {
        struct segment *segment;
        int64_t base = base_of(entry->d_name, ".log");
        if (base < 0) {
            error = remove_leftover(log, entry->d_name);
            continue;
        }
        error = segment_open(log->io, log->path, base, log->config.index_interval_bytes, &segment);
        if (error == 0) {
            error = log_push_segment(log, segment);
            if (error != 0)
                segment_unref(segment);
        }
    }
    closedir(listing);
    if (error == 0 && log->segment_count > 1)
        qsort(log->segments, log->segment_count, sizeof(struct segment *), by_base);
    /* Until a scan says better, a segment ends where the next begins. */
    for (size_t i = 0; i + 1 < log->segment_count; i++)
        log->segments[i]->tail.next_offset = log->segments[i + 1]->base_offset;
    return error;
}

/* --- checking ----------------------------------------------------------------------------- */

struct epoch_check {
    struct log *log;
    int64_t trusted;
};

/* The checksum does not cover the leader epoch, but the file of epochs is written before the first
 * batch of one. Only when the machine stopped may the file be older than the batches. */
static int check_epoch(void *context, const uint8_t *header)
{
    struct epoch_check *check = context;
    struct epoch_file *epochs = &check->log->epochs;
    int32_t epoch = batch_leader_epoch(header);
    int64_t offset = batch_base_offset(header);

    if (offset < check->trusted || epoch == epoch_file_at(epochs, offset))
        return 0;
    if (logdir_may_have_lost_data(check->log->directory) && epoch > epoch_file_last(epochs))
        return epoch_file_assign(epochs, epoch, offset);
    return K_CORRUPT;
}

/* Scan one segment from its last good index entry; *fault is NULL when all of it is good. */
static int scan(struct log *log, struct segment *segment, int64_t trusted, const char **fault)
{
    struct epoch_check epochs = { log, trusted };
    struct segment_scan how = { .end = segment->tail.size, .trusted = trusted,
                                .visit = check_epoch, .context = &epochs };
    int error = segment->indexed ? 0 : segment_load_indexes(segment);
    if (error == K_CORRUPT || (error == 0 && trusted < INT64_MAX &&
                               logdir_may_have_lost_data(log->directory)))
        segment_clear_indexes(segment);      /* nothing to go on from */
    else if (error != 0)
        return error;
    if (trusted < INT64_MAX)
        index_offset_cut_from(&segment->offsets, trusted - segment->base_offset);
    error = segment_scan(segment, &how);
    if (error == K_CORRUPT || (error == 0 && how.fault != NULL && segment->offsets.count > 0)) {
        /* The index may be what lies: once more without it. */
        segment_clear_indexes(segment);
        error = segment_scan(segment, &how);
    }
    *fault = how.fault;
    return error;
}

/* The last segment's file holds more than good batches: cut it there. */
static int cut_tail(struct log *log, struct segment *segment, int64_t file_size, const char *fault)
{
    LOG_WARN("log-cut", "topic=%s partition=%" PRId32 " end=%" PRId64 " segment=%020" PRId64
             " position=%" PRId64 " bytes=%" PRId64 " reason=\"the next batch is no good: %s\"",
             log->topic, log->partition, segment->tail.next_offset, segment->base_offset,
             segment->tail.size, file_size - segment->tail.size, fault);
    if (log->io->truncate(log->io, segment->fd, segment->tail.size) != 0)
        return io_error();
    return 0;
}

/* Everything after segment `last` is beyond a fault. */
static int drop_after(struct log *log, size_t last)
{
    while (log->segment_count > last + 1) {
        const struct segment *segment = log_active(log);
        LOG_WARN("segment-dropped", "topic=%s partition=%" PRId32 " segment=%020" PRId64 " bytes=%"
                 PRId64 " reason=\"the log ends before it\"", log->topic, log->partition,
                 segment->base_offset, segment->tail.size);
        int error = log_pop_segment(log);
        if (error != 0)
            return error;
    }
    return 0;
}

/* Check segment `i`. The log ends in it afterwards if anything is wrong. */
static int check_segment(struct log *log, size_t i, int64_t trusted)
{
    struct segment *segment = log->segments[i];
    int64_t file_size = segment->tail.size, next_base = segment->tail.next_offset;
    bool last = i + 1 == log->segment_count;
    const char *fault;

    int error = scan(log, segment, trusted, &fault);
    if (error != 0)
        return error;
    if (fault != NULL) {
        error = cut_tail(log, segment, file_size, fault);
        if (error == 0)
            error = drop_after(log, i);
        return error;
    }
    if (last)
        return 0;
    if (segment->tail.next_offset > next_base ||
        (segment->tail.next_offset < next_base && next_base > trusted))
        return drop_after(log, i);
    segment->tail.next_offset = next_base;
    return segment_save_indexes(segment, true);
}

static int note_epoch(void *context, const uint8_t *header)
{
    struct log *log = context;
    return epoch_file_assign(&log->epochs, batch_leader_epoch(header), batch_base_offset(header));
}

/* Epochs of all batches, when the file that remembers them is lost. */
static int rebuild_epochs(struct log *log)
{
    epoch_file_cut(&log->epochs, 0);
    for (size_t i = 0; i < log->segment_count; i++) {
        struct segment *segment = log->segments[i];
        struct segment_tail tail = segment->tail;
        struct segment_scan how = { .end = tail.size, .trusted = INT64_MAX, .visit = note_epoch,
                                    .context = log };
        segment_clear_indexes(segment);
        int error = segment_scan(segment, &how);
        if (error != 0)
            return error;
        if (i + 1 < log->segment_count)
            error = segment_save_indexes(segment, true);
        if (error != 0)
            return error;
        segment->tail.size = tail.size;
        segment->tail.next_offset = tail.next_offset;
    }
    return 0;
}

static int load_epochs(struct log *log)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/leader-epoch-checkpoint", log->path);
    int error = epoch_file_load(&log->epochs, log->io, path);
    bool empty =
        log->segment_count == 0 || (log->segment_count == 1 && log_active(log)->tail.size == 0);
    if ((error == K_NOT_FOUND && !empty) || error == K_CORRUPT) {
        LOG_WARN("epochs-rebuilt", "topic=%s partition=%" PRId32, log->topic, log->partition);
        error = rebuild_epochs(log);
    }
    return error == K_NOT_FOUND ? 0 : error;
}

static int64_t mark_of(const struct log *log, enum logdir_mark mark)
{
    return logdir_mark(log->directory, mark, log->topic, log->partition);
}

static int check(struct log *log, bool clean)
{
    int64_t trusted = mark_of(log, LOGDIR_RECOVERY_POINT);
    int64_t written = mark_of(log, LOGDIR_WRITTEN_END);
    if (written > trusted)
        trusted = written;
    if (clean)
        trusted = INT64_MAX;

    int error = 0;
    for (size_t i = 0; i < log->segment_count && error == 0; i++) {
        bool last = i + 1 == log->segment_count;
        if (last || log->segments[i]->tail.next_offset > trusted)
            error = check_segment(log, i, trusted);
    }
    return error;
}

/* Marks that point beyond the end would vouch for records that are yet to come. */
static int lower_marks(struct log *log)
{
    static const enum logdir_mark marks[] = { LOGDIR_RECOVERY_POINT, LOGDIR_HIGH_WATERMARK,
                                              LOGDIR_WRITTEN_END };
    bool lowered = false;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (mark_of(log, marks[i]) <= log->end)
            continue;
        int error = logdir_set_mark(log->directory, marks[i], log->topic, log->partition, log->end);
        if (error != 0)
            return error;
        lowered = true;
    }
    return lowered ? logdir_checkpoint(log->directory) : 0;
}

int log_load(struct log *log, bool clean, struct k_reason *reason)
{
    int error = list_segments(log);
    if (error == 0)
        error = load_epochs(log);
    if (error == 0)
        error = check(log, clean);
    int64_t start = mark_of(log, LOGDIR_LOG_START);
    if (error == 0 && log->segment_count == 0)
        error = log_roll(log, start < 0 ? 0 : start);
    if (error == 0)
        error = segment_need_file(log_active(log));
    if (error != 0)
        return k_reason_set(reason, error, "cannot load %s: %s", log->path, k_error_text(error));

    log->end = log_active(log)->tail.next_offset;
    log->start = log->segments[0]->base_offset;
    if (start > log->start)
        log->start = start < log->end ? start : log->end;
    epoch_file_cut(&log->epochs, log->end);
    error = log_save_epochs(log);
    if (error == 0)
        error = lower_marks(log);
    if (error != 0)
        return k_reason_set(reason, error, "cannot repair %s: %s", log->path, k_error_text(error));
    log->recovery_point = mark_of(log, LOGDIR_RECOVERY_POINT);
    if (log->recovery_point < log->start)
        log->recovery_point = log->start;
    return 0;
}
