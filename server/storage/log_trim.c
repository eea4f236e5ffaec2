#include "server/storage/log_trim.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "server/storage/doomed.h"
#include "server/storage/log_internal.h"
#include "server/storage/logdir.h"

struct log_trim {
    struct logdir *directory;           /* borrowed; outlives every log */
    const struct io *io;
    char *topic, *path;                 /* owned */
    int32_t partition;
    int64_t offset;
    struct log_trim_reason reason;
    uint64_t truncations;               /* of the log when it began */
    bool unmarked;                      /* the start could not be written: see the header */
    struct segment **segments;          /* references; taken out of the log by apply */
    size_t count;
};

void log_trim_abandon(struct log_trim *trim)
{
    if (trim == NULL)
        return;
    for (size_t i = 0; i < trim->count; i++)
        segment_unref(trim->segments[i]);
    free(trim->segments);
    free(trim->topic);
    free(trim->path);
    free(trim);
}

static struct log_trim *new_trim(const struct log *log, int64_t offset,
                                 const struct log_trim_reason *reason)
{
    struct log_trim *trim = calloc(1, sizeof *trim);
    if (trim == NULL)
        return NULL;
    trim->directory = log->directory;
    trim->io = log->io;
    trim->partition = log->partition;
    trim->offset = offset;
    trim->reason = *reason;
    trim->truncations = log->truncations;
    trim->topic = strdup(log->topic);
    trim->path = strdup(log->path);
    if (trim->topic == NULL || trim->path == NULL) {
        log_trim_abandon(trim);
        return NULL;
    }
    return trim;
}

/* Segments that end at or before `offset`; the active one always stays. */
static size_t count_below(const struct log *log, int64_t offset)
{
    return log_segment_index(log, offset);
}

int log_trim_begin(struct log *log, int64_t offset, const struct log_trim_reason *reason,
                   struct log_trim **out)
{
    if (logdir_fenced(log->directory))
        return K_KAFKA_STORAGE_ERROR;
    if (offset > log->end)
        return K_OFFSET_OUT_OF_RANGE;
    if (offset <= log->start && count_below(log, log->start) == 0) {
        *out = NULL;
        return 0;
    }
    if (offset < log->start)
        offset = log->start;
    struct log_trim *trim = new_trim(log, offset, reason);
    if (trim == NULL)
        return K_NOMEM;

    int error = 0;
    if (offset == log->end && log_active(log)->tail.size > 0)
        error = log_roll(log, log->end);
    /* Without a new segment the old one stays until the log rolls. */
    if (error == K_DISK_FULL || error == K_NOMEM)
        error = 0;
    if (error == 0) {
        /* Marks only rise: another trim may be on its way further up. */
        int64_t mark = logdir_mark(log->directory, LOGDIR_LOG_START, log->topic, log->partition);
        if (mark < offset)
            error = logdir_set_mark(log->directory, LOGDIR_LOG_START, log->topic, log->partition,
                                    offset);
    }
    if (error != 0) {
        log_trim_abandon(trim);
        return log_failed(log, error, "trim");
    }
    *out = trim;
    return 0;
}

int log_trim_persist(struct log_trim *trim)
{
#ifdef MUTANT_START_NOT_PERSISTED
    (void)trim;
    return 0;
#else
    return logdir_checkpoint(trim->directory);
#endif
}

/* Take the segments below the start out of the log. When there is no memory they stay in its list,
 * where nobody can read them, until the next time. */
static void take_segments(struct log *log, struct log_trim *trim)
{
    size_t count = count_below(log, log->start);
    if (count == 0)
        return;
    trim->segments = malloc(count * sizeof(struct segment *));
    if (trim->segments == NULL)
        return;
    memcpy(trim->segments, log->segments, count * sizeof(struct segment *));
    trim->count = count;
    log->segment_count -= count;
    memmove(log->segments, log->segments + count, log->segment_count * sizeof(struct segment *));
    log->dooming++;
}

int log_trim_apply(struct log *log, struct log_trim *trim, int result)
{
    int64_t offset = trim->offset;
    if (trim->truncations != log->truncations)
        return K_NOT_LEADER_OR_FOLLOWER;
    if (result == K_DISK_FULL) {
        trim->unmarked = true;
        offset = log->segments[log_segment_index(log, offset)]->base_offset;
        result = offset == trim->offset ? 0 : K_DISK_FULL;
    } else if (result != 0) {
        return result == K_NOMEM ? K_NOMEM : K_KAFKA_STORAGE_ERROR;
    }

    if (offset > log->start) {
        log->start = offset;
        /* Of a log without records, the epoch of the last one stays known. */
        epoch_file_raise(&log->epochs, offset < log->end ? offset : log->end - 1);
        int error = log_save_epochs(log);
        /* An older file is no harm: it knows of epochs whose records are gone. */
        if (error != 0 && error != K_DISK_FULL && error != K_NOMEM)
            return log_failed(log, error, "trim");
    }
    take_segments(log, trim);
    log_assert_invariants(log);
    return result;
}

static const char *why(const struct log_trim *trim, const struct segment *segment)
{
    int64_t end = segment->tail.next_offset;
    return end <= trim->reason.size_end   ? "retention.bytes"
           : end <= trim->reason.time_end ? "retention.ms"
                                          : "log-start";
}

static int sync_names(const struct log_trim *trim)
{
    int error = io_sync_names(trim->io, trim->path);
    return error == K_NOT_FOUND ? 0 : error;    /* the topic was deleted meanwhile */
}

int log_trim_doom(struct log_trim *trim)
{
    int error = 0;
    if (trim->count == 0)
        return 0;
    /* Unmarked, the files alone say where the log starts: first of all that the last one is. */
    if (trim->unmarked)
        error = sync_names(trim);
    for (size_t i = 0; i < trim->count && error == 0; i++) {
        const struct segment *segment = trim->segments[i];
        error = segment_doom(segment, true);
        if (error == 0 && trim->unmarked)
            error = sync_names(trim);
        if (error == 0)
            LOG_INFO("segment-deleted", "topic=%s partition=%" PRId32 " base=%" PRId64 " end=%"
                     PRId64 " bytes=%" PRId64 " reason=%s", trim->topic, trim->partition,
                     segment->base_offset, segment->tail.next_offset, segment->tail.size,
                     why(trim, segment));
    }
    if (error == 0)
        error = sync_names(trim);
    return error;
}

int log_trim_end(struct log *log, struct log_trim *trim, int result, struct doomed_list *doomed,
                 int64_t due_ms, struct log_trimmed *out)
{
    *out = (struct log_trimmed){ .segments = trim->count };
    log->dooming -= trim->count > 0;
    for (size_t i = 0; i < trim->count; i++) {
        out->bytes += trim->segments[i]->tail.size;
        /* No memory for it: the next open deletes the files. */
        if (result == 0)
            (void)doomed_add_segment(doomed, log->directory, trim->segments[i],
                                     trim->unmarked ? 0 : due_ms);
    }
    log_trim_abandon(trim);
    if (result == 0)
        return 0;
    return log_failed(log, result == K_DISK_FULL || result == K_NOMEM ? K_IO : result, "trim");
}
