/* storage/segment.c - a segment's life: files, references, accounting, indexes. */
#include "server/storage/segment.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/error.h"
#include "common/log.h"
#include "proto/batch.h"
#include "server/storage/index_offset.h"
#include "server/storage/index_time.h"
#include "server/storage/io.h"
#include "server/storage/producer_files.h"
#include "server/storage/txn_index.h"

static const char *const suffixes[] = { ".log", ".index", ".timeindex", ".txnindex",
                                        PRODUCER_SNAPSHOT_SUFFIX, PRODUCER_RUNS_SUFFIX };
enum {
    SUFFIX_LOG,
    SUFFIX_INDEX,
    SUFFIX_TIMEINDEX,
    SUFFIX_TXNINDEX,
    SUFFIX_SNAPSHOT = 4, /* of the producers at its base: outlives a segment that is replaced */
    SUFFIX_COUNT = sizeof suffixes / sizeof *suffixes
};

static const char *path_of(const struct segment *segment, int suffix, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s%s%s", segment->path, suffixes[suffix], segment->mark);
    return path;
}

static int segment_new(const struct io *io, const char *directory, int64_t base_offset,
                       int64_t index_interval, struct segment **out)
{
    struct segment *segment = calloc(1, sizeof *segment);
    if (segment == NULL)
        return K_NOMEM;
    if (asprintf(&segment->path, "%s/%020" PRId64, directory, base_offset) < 0) {
        free(segment);
        return K_NOMEM;
    }
    atomic_init(&segment->references, 1);
    segment->io = io;
    segment->mark = "";
    segment->fd = -1;
    segment->base_offset = base_offset;
    segment->index_interval = index_interval;
    segment->created_ms = -1;
    segment->newest = SEGMENT_NEWEST_UNKNOWN;
    segment->tail = (struct segment_tail){ .next_offset = base_offset, .first_timestamp = -1,
                                           .max_timestamp = -1,
                                           .max_timestamp_offset = base_offset };
    index_init(&segment->offsets, INDEX_OFFSET_ENTRY);
    index_init(&segment->times, INDEX_TIME_ENTRY);
    index_init(&segment->aborted, TXN_INDEX_ENTRY);
    *out = segment;
    return 0;
}

int segment_create(const struct io *io, const char *directory, int64_t base_offset,
                   int64_t index_interval, struct segment **out)
{
    return segment_create_marked(io, directory, base_offset, index_interval, "", out);
}

int segment_create_marked(const struct io *io, const char *directory, int64_t base_offset,
                          int64_t index_interval, const char *mark, struct segment **out)
{
    char path[PATH_MAX];
    struct segment *segment;
    int error = segment_new(io, directory, base_offset, index_interval, &segment);
    if (error != 0)
        return error;
    segment->mark = mark;

    error = segment_remove_files(segment);
    if (error == 0) {
        segment->fd = io->open(io, path_of(segment, SUFFIX_LOG, path),
                               O_RDWR | O_CREAT | O_EXCL, 0644);
        if (segment->fd < 0)
            error = io_error();
    }
    if (error != 0) {
        segment_unref(segment);
        return error;
    }
    segment->indexed = segment->aborted_known = segment->aborted.saved = true;
    segment->times_checked = true;
    *out = segment;
    return 0;
}

int segment_open(const struct io *io, const char *directory, int64_t base_offset,
                 int64_t index_interval, struct segment **out)
{
    char path[PATH_MAX];
    struct stat status;
    struct segment *segment;
    int error = segment_new(io, directory, base_offset, index_interval, &segment);
    if (error != 0)
        return error;
    if (io->stat_path(io, path_of(segment, SUFFIX_LOG, path), &status) != 0)
        error = io_error();
    else if (!S_ISREG(status.st_mode))
        error = K_CORRUPT;
    if (error != 0) {
        segment_unref(segment);
        return error;
    }
    segment->tail.size = status.st_size;
    *out = segment;
    return 0;
}

struct segment *segment_ref(struct segment *segment)
{
    atomic_fetch_add_explicit(&segment->references, 1, memory_order_relaxed);
    return segment;
}

void segment_unref(struct segment *segment)
{
    if (segment == NULL ||
        atomic_fetch_sub_explicit(&segment->references, 1, memory_order_acq_rel) != 1)
        return;
    if (segment->fd >= 0)
        (void)segment->io->close(segment->io, segment->fd);
    index_fini(&segment->offsets);
    index_fini(&segment->times);
    index_fini(&segment->aborted);
    free(segment->page);
    free(segment->path);
    free(segment);
}

int segment_need_file(struct segment *segment)
{
    char path[PATH_MAX];
    if (segment->fd >= 0)
        return 0;
    segment->fd = segment->io->open(segment->io, path_of(segment, SUFFIX_LOG, path), O_RDWR, 0);
    return segment->fd < 0 ? io_error() : 0;
}

bool segment_rest_file(struct segment *segment)
{
    /* Only its log makes references: a single one stays single. */
    if (segment->fd < 0)
        return true;
    if (atomic_load_explicit(&segment->references, memory_order_acquire) != 1)
        return false;
    (void)segment->io->close(segment->io, segment->fd);
    segment->fd = -1;
    return true;
}

/* Of an index file that is not looked at any more, or will be another one. */
static void forget_page(struct segment *segment)
{
    free(segment->page);
    segment->page = NULL;
}

void segment_rest_indexes(struct segment *segment)
{
    forget_page(segment);
    if (!segment->indexed || !segment->offsets.saved || !segment->times.saved)
        return;
    index_fini(&segment->offsets);
    index_fini(&segment->times);
    segment->indexed = false;
}

void segment_rest(struct segment *segment)
{
    if (segment_rest_file(segment) &&
        atomic_load_explicit(&segment->references, memory_order_acquire) == 1)
        segment_rest_indexes(segment);
}

/* --- accounting --------------------------------------------------------------------------- */

int segment_note(struct segment *segment, const uint8_t *header)
{
    struct segment_tail *tail = &segment->tail;
    int64_t last_offset = batch_last_offset(header), timestamp = batch_newest_timestamp(header);
    int32_t relative = (int32_t)(last_offset - segment->base_offset);

    assert(last_offset - segment->base_offset <= INT32_MAX);
    assert(tail->size <= INT32_MAX);
    if (tail->size == 0)
        tail->first_timestamp = timestamp;
    if (timestamp > tail->max_timestamp) {
        tail->max_timestamp = timestamp;
        tail->max_timestamp_offset = last_offset;
    }
    if (tail->since_index > segment->index_interval) {
        /* Both or none: a time entry without its offset entry would survive a rewind. */
        int error = index_offset_add(&segment->offsets, (struct offset_entry){
                                         relative, (int32_t)tail->size });
        if (error != 0)
            return error;
        error = index_time_add(&segment->times, (struct time_entry){
                                   tail->max_timestamp,
                                   (int32_t)(tail->max_timestamp_offset - segment->base_offset) });
        if (error != 0)
            return error;
        tail->since_index = 0;
    }
    tail->since_index += (int64_t)batch_size(header);
    tail->size += (int64_t)batch_size(header);
    tail->next_offset = last_offset + 1;
    return 0;
}

struct segment_tail segment_tail(const struct segment *segment)
{
    struct segment_tail tail = segment->tail;
    tail.offset_count = segment->offsets.count;
    tail.time_count = segment->times.count;
    return tail;
}

int segment_rewind(struct segment *segment, const struct segment_tail *tail)
{
    segment->tail = *tail;
    bool saved_more = segment->offsets.written > tail->offset_count ||
                      segment->times.written > tail->time_count;
    index_cut(&segment->offsets, tail->offset_count);
    index_cut(&segment->times, tail->time_count);
    /* A file that is not open was not written to since. */
    if (segment->fd >= 0 && segment->io->truncate(segment->io, segment->fd, tail->size) != 0)
        return io_error();
    segment->reserved = segment->reserved && segment->fd < 0;
    /* Entries of batches that never came to be would look good after a crash. */
    return saved_more ? segment_save_indexes(segment, false) : 0;
}

/* --- indexes ------------------------------------------------------------------------------ */

int segment_save_indexes(struct segment *segment, bool final)
{
    char path[PATH_MAX];
    if (!segment->indexed)
        return 0;
    int error = 0;
    if (final)
        error = index_time_add(&segment->times,
                               (struct time_entry){segment->tail.max_timestamp,
                                                   (int32_t)(segment->tail.max_timestamp_offset -
                                                             segment->base_offset)});
    if (error == 0)
        error = index_save(&segment->offsets, segment->io, path_of(segment, SUFFIX_INDEX, path));
    if (error == 0)
        error = index_save(&segment->times, segment->io, path_of(segment, SUFFIX_TIMEINDEX, path));
    return error;
}

void segment_clear_indexes(struct segment *segment)
{
    index_cut(&segment->offsets, 0);
    index_cut(&segment->times, 0);
    /* An index file may be there although it was never loaded: it has to be cut as well. */
    segment->offsets.saved = segment->times.saved = false;
    forget_page(segment);
    segment->indexed = true;
}

int segment_load_indexes(struct segment *segment)
{
    char path[PATH_MAX];
    int64_t relative_end = INT32_MAX + INT64_C(1);
    if (segment->tail.next_offset > segment->base_offset)
        relative_end = segment->tail.next_offset - segment->base_offset;

    int error = index_load(&segment->offsets, segment->io, path_of(segment, SUFFIX_INDEX, path));
    if (error == 0)
        error = index_load(&segment->times, segment->io, path_of(segment, SUFFIX_TIMEINDEX, path));
    if (error == K_NOT_FOUND ||
        (error == 0 && (!index_offset_valid(&segment->offsets, segment->tail.size, relative_end) ||
                        !index_time_valid(&segment->times, relative_end))))
        error = K_CORRUPT;
    if (error == 0) {
        forget_page(segment);
        segment->indexed = true;
    }
    return error;
}

int segment_rebuild_indexes(struct segment *segment)
{
    struct segment_tail tail = segment->tail;
    struct segment_scan scan = { .end = tail.size, .trusted = INT64_MAX };
    int64_t next_offset = tail.next_offset;

    segment_clear_indexes(segment);
    int error = segment_scan(segment, &scan);
    if (error == 0)
        error = segment_save_indexes(segment, true);
    if (error != 0) {
        segment->tail = tail;
        segment->indexed = false;
        return error;
    }
    LOG_WARN("index-rebuilt", "segment=%s.log entries=%zu fault=\"%s\"", segment->path,
             segment->offsets.count, scan.fault == NULL ? "none in the segment" : scan.fault);
    /* Damage inside a sealed segment is kept in sight: who reads there is told. */
    segment->tail.size = tail.size;
    segment->tail.next_offset = next_offset;
    return 0;
}

int segment_need_indexes(struct segment *segment)
{
    if (segment->indexed)
        return 0;
    int error = segment_load_indexes(segment);
    if (error == K_CORRUPT)
        error = segment_rebuild_indexes(segment);
    return error;
}

/* --- files -------------------------------------------------------------------------------- */

int segment_sync_indexes(const struct segment *segment)
{
    char path[PATH_MAX];
    int error = io_sync_file(segment->io, path_of(segment, SUFFIX_INDEX, path));
    if (error == 0)
        error = io_sync_file(segment->io, path_of(segment, SUFFIX_TIMEINDEX, path));
    return error == K_NOT_FOUND ? 0 : error;
}

int segment_remove_files(const struct segment *segment)
{
    return segment_remove_marked(segment, segment->mark);
}

int segment_remove_marked(const struct segment *segment, const char *mark)
{
    char path[PATH_MAX];
    int error = 0;
    /* The indexes first: without its log file an index is litter, not a trap. */
    for (int i = SUFFIX_SNAPSHOT - 1; i >= 0 && error == 0; i--) {
        snprintf(path, sizeof path, "%s%s%s", segment->path, suffixes[i], mark);
        error = io_remove_file(segment->io, path);
    }
    return error;
}

int segment_rename(struct segment *segment, const char *mark)
{
    char from[PATH_MAX], to[PATH_MAX];
    /* The log file last: under its new name it says that the others have theirs. */
    for (int i = SUFFIX_TXNINDEX; i >= 0; i--) {
        snprintf(to, sizeof to, "%s%s%s", segment->path, suffixes[i], mark);
        if (segment->io->rename(segment->io, path_of(segment, i, from), to) == 0)
            continue;
        int error = io_error();
        if (error != K_NOT_FOUND || i == SUFFIX_LOG)
            return error == K_NOT_FOUND ? K_IO : error;
    }
    segment->mark = mark;
    return 0;
}

int segment_doom(const struct segment *segment, bool snapshot_too)
{
    char path[PATH_MAX], doomed[PATH_MAX];
    /* The log file first: an index that is left alone is litter, which the next open removes with
     * the doomed log file; a log file that comes back is data that was deleted. */
    for (int i = 0; i < (snapshot_too ? SUFFIX_COUNT : SUFFIX_SNAPSHOT); i++) {
        snprintf(doomed, sizeof doomed, "%s%s.deleted", segment->path, suffixes[i]);
        if (segment->io->rename(segment->io, path_of(segment, i, path), doomed) == 0)
            continue;
        int error = io_error();
        if (error == K_DISK_FULL)       /* no room for a longer name: then without a delay */
            error = io_remove_file(segment->io, path);
        if (error != 0 && error != K_NOT_FOUND)
            return error;
    }
    return 0;
}

int segment_delete_doomed(const struct io *io, const char *path)
{
    char doomed[PATH_MAX];
    int error = 0;
    /* The log file last: it is what tells the next open about the others. */
    for (int i = SUFFIX_COUNT - 1; i >= 0 && error == 0; i--) {
        snprintf(doomed, sizeof doomed, "%s%s.deleted", path, suffixes[i]);
        error = io_remove_file(io, doomed);
    }
    return error;
}
