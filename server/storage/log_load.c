/* storage/log_load.c - open a log from its directory: list the segments, read the epochs, have
 * checked what a crash may have hurt (log_recover.c), put right what the check found.
 *
 * The order matters: swaps are finished and leftovers go first, then the epochs are read, for the
 * check of the batches needs them; the end is known only after the check, and what points beyond
 * it (epochs, marks) is lowered last. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proto/batch.h"
#include "server/storage/clean_job.h"
#include "server/storage/file_name.h"
#include "server/storage/log_internal.h"
#include "server/storage/logdir.h"
#include "server/storage/producer_files.h"

/* --- the files ---------------------------------------------------------------------------- */

/* A crash came while a segment's files were renamed to ".deleted", or before they were deleted: if
 * nothing took its place, what still has its old name is litter. */
static int remove_litter(struct log *log, int64_t base)
{
    static const char *const kept_by[] = { ".log", ".log.swap" };
    static const char *const litter[] = { ".index", ".timeindex", ".txnindex",
                                          PRODUCER_SNAPSHOT_SUFFIX, PRODUCER_RUNS_SUFFIX };
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

/* The end of half-done work is that it never happened. */
static int remove_leftover(struct log *log, const char *name)
{
    char path[PATH_MAX];
    if (!file_name_is_leftover(name) ||
        snprintf(path, sizeof path, "%s/%s", log->path, name) >= (int)sizeof path)
        return 0;
    int64_t base = file_name_offset(name, ".log.deleted");
    int error = base < 0 ? 0 : remove_litter(log, base);
    return error != 0 ? error : io_remove_file(log->io, path);
}

static int by_base(const void *a, const void *b)
{
    const struct segment *x = *(struct segment *const *)a, *y = *(struct segment *const *)b;
    return x->base_offset < y->base_offset ? -1 : x->base_offset > y->base_offset;
}

/* What a look at the names in the directory finds. */
struct found {
    struct file_offsets segments;       /* bases, in any order */
    bool swaps, leftovers;              /* a compaction has to be finished; something is to go */
    bool gaps;                          /* log->gaps */
};

/* Of ten thousand logs that are opened each is looked at once, if there is nothing to put right. */
static int look(struct log *log, struct found *out)
{
    *out = (struct found){ .gaps = false };
    DIR *listing = log->io->opendir(log->io, log->path);
    if (listing == NULL)
        return io_error();
    int error = 0;
    struct dirent *entry;
    while (error == 0 && (entry = io_next_entry(log->io, listing, &error)) != NULL) {
        const char *name = entry->d_name;
        int64_t base = file_name_offset(name, ".log");
        if (base >= 0)
            error = file_offsets_add(&out->segments, base);
        out->swaps = out->swaps || file_name_ends(name, ".swap");
        out->leftovers = out->leftovers || file_name_is_leftover(name);
        out->gaps = out->gaps || strcmp(name, LOG_GAPS_NAME) == 0;
    }
    closedir(listing);
    return error;
}

static int remove_leftovers(struct log *log)
{
    DIR *listing = log->io->opendir(log->io, log->path);
    if (listing == NULL)
        return io_error();
    int error = 0;
    struct dirent *entry;
    while (error == 0 && (entry = io_next_entry(log->io, listing, &error)) != NULL)
        error = remove_leftover(log, entry->d_name);
    closedir(listing);
    return error;
}

static int add_segment(struct log *log, int64_t base)
{
    struct segment *segment;
    int error =
        segment_open(log->io, log->path, base, log->config.index_interval_bytes, &segment);
    if (error == K_CORRUPT) {                   /* its records are lost, those of others are not */
        LOG_ERROR("segment-unusable", "topic=%s partition=%" PRId32 " segment=%020" PRId64
                  " reason=\"not a file\"", log->topic, log->partition, base);
        return 0;
    }
    if (error != 0)
        return error;
    error = log_push_segment(log, segment);
    if (error != 0)
        segment_unref(segment);
    return error;
}

static int list_segments(struct log *log)
{
    struct found found;
    int error = look(log, &found);
    if (error == 0 && found.swaps) {
        error = clean_recover(log->io, log->path);
        file_offsets_fini(&found.segments);
        if (error == 0)
            error = look(log, &found);
    }
    if (error == 0 && found.leftovers)
        error = remove_leftovers(log);
    for (size_t i = 0; i < found.segments.count && error == 0; i++)
        error = add_segment(log, found.segments.at[i]);
    file_offsets_fini(&found.segments);
    log->gaps = found.gaps;
    if (error == 0 && log->segment_count > 1)
        qsort(log->segments, log->segment_count, sizeof(struct segment *), by_base);
    /* Until a scan says better, a segment ends where the next begins. */
    for (size_t i = 0; i + 1 < log->segment_count; i++)
        log->segments[i]->tail.next_offset = log->segments[i + 1]->base_offset;
    return error;
}

/* Besides segments and their indexes, which are made anew after a loss: those that may have been
 * written since the segment at `from` is not synced. */
static bool is_small(const char *name, int64_t from)
{
    static const char *const names[] = { "leader-epoch-checkpoint", "partition.metadata",
                                         LOG_GAPS_NAME };
    static const char *const suffixes[] = { ".txnindex", PRODUCER_SNAPSHOT_SUFFIX,
                                            PRODUCER_RUNS_SUFFIX };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (file_name_offset(name, suffixes[i]) >= from)
            return true;
    return false;
}

static int reread_small(struct log *log, int64_t from)
{
    char path[PATH_MAX];
    DIR *listing = log->io->opendir(log->io, log->path);
    if (listing == NULL)
        return io_error();
    int error = 0;
    struct dirent *entry;
    while (error == 0 && (entry = io_next_entry(log->io, listing, &error)) != NULL) {
        if (!is_small(entry->d_name, from) ||
            snprintf(path, sizeof path, "%s/%s", log->path, entry->d_name) >= (int)sizeof path)
            continue;
        error = io_reread_file(log->io, path);
        if (error == K_CORRUPT)         /* not a file that we may write to: not ours */
            error = 0;
    }
    closedir(listing);
    return error;
}

/* What was never synced may only be in the cache, if a sync failed: it is read from the disk, or it
 * would be found whole and taken for synced by the next sync, which has nothing left to write. */
static int reread(struct log *log)
{
#ifdef MUTANT_CACHE_KEPT
    return 0;
#endif
    if (!logdir_may_have_lost_data(log->directory) || log->segment_count == 0)
        return 0;
    size_t first = log_segment_index(log, log_mark(log, LOGDIR_RECOVERY_POINT));
    int error = reread_small(log, log->segments[first]->base_offset);
    for (size_t i = first; i < log->segment_count && error == 0; i++) {
        error = segment_need_file(log->segments[i]);
        if (error == 0)
            error = io_reread(log->io, log->segments[i]->fd);
        if (i + 1 < log->segment_count)
            (void)segment_rest_file(log->segments[i]);
    }
    return error;
}

/* --- the epochs ----------------------------------------------------------------------------- */

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
        if (i + 1 < log->segment_count)
            segment_rest(segment);
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

/* --- all of it ------------------------------------------------------------------------------ */

/* Marks that point beyond the end would vouch for records that are yet to come. */
static int lower_marks(struct log *log)
{
    static const enum logdir_mark marks[] = { LOGDIR_RECOVERY_POINT, LOGDIR_HIGH_WATERMARK,
                                              LOGDIR_WRITTEN_END, LOGDIR_CLEANED };
    bool lowered = false;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (log_mark(log, marks[i]) <= log->end)
            continue;
        int error = logdir_set_mark(log->directory, marks[i], log->topic, log->partition, log->end);
        if (error != 0)
            return error;
        lowered = true;
    }
    return lowered ? logdir_checkpoint(log->directory) : 0;
}

/* The start was promised, so it counts even if what lay before it is lost with what came after:
 * then the log goes on there, and no offset is used twice. After a clean stop nothing is lost: a
 * start beyond the end is a damaged checkpoint. */
static int settle_start(struct log *log, bool clean, int64_t *start)
{
    if (log->segment_count == 0)
        return log_roll(log, *start < 0 ? 0 : *start);
    int64_t end = log_active(log)->tail.next_offset;
    if (*start <= end)
        return 0;
    LOG_WARN("log-start-beyond-end", "topic=%s partition=%" PRId32 " start=%" PRId64 " end=%" PRId64
             " action=%s", log->topic, log->partition, *start, end,
             clean ? "ignored" : "\"going on at the start\"");
    if (!clean)
        return log_roll(log, *start);
    *start = -1;
    return logdir_set_mark(log->directory, LOGDIR_LOG_START, log->topic, log->partition, -1);
}

int log_load(struct log *log, bool clean, struct k_reason *reason)
{
    int error = list_segments(log);
    if (error == 0)
        error = reread(log);
    if (error == 0)
        error = load_epochs(log);
    if (error == 0)
        error = log_check(log, clean);
    if (error == 0 && log->segment_count > 0)
        error = segment_find_reserved(log_active(log));
    int64_t start = log_mark(log, LOGDIR_LOG_START);
    if (error == 0)
        error = settle_start(log, clean, &start);
    if (error == 0)
        error = segment_need_file(log_active(log));
    if (error != 0)
        return k_reason_set(reason, error, "cannot load %s: %s", log->path, k_error_text(error));

    log->end = log_active(log)->tail.next_offset;
    log->start = log->segments[0]->base_offset > start ? log->segments[0]->base_offset : start;
    epoch_file_cut(&log->epochs, log->end);
    error = log_save_epochs(log);
    if (error == 0)
        error = lower_marks(log);
    if (error != 0)
        return k_reason_set(reason, error, "cannot repair %s: %s", log->path, k_error_text(error));
    log->recovery_point = log_mark(log, LOGDIR_RECOVERY_POINT);
    if (log->recovery_point < log->start)
        log->recovery_point = log->start;
    error = log_producers_open(log, clean);
    if (error != 0)
        return k_reason_set(reason, error, "cannot read the producers of %s: %s", log->path,
                            k_error_text(error));
    return 0;
}
