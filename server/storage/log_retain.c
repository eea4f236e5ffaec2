#include "server/storage/log_retain.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/error.h"
#include "server/storage/log_internal.h"
#include "server/storage/log_trim.h"

struct candidate {
    struct segment *segment;        /* reference */
    int64_t size, next_offset;      /* as they were when it began */
    int64_t newest;                 /* timestamp; -1: none; SEGMENT_NEWEST_UNKNOWN */
    bool active;
};

struct log_retention {
    int64_t wall_ms, retention_ms;  /* retention_ms -1: for ever */
    uint64_t truncations;           /* of the log when it began */
    struct log_trim_reason reason;  /* size_end is known when it begins */
    int64_t next_ms;                /* see log_retain_next_ms() */
    int64_t before_start;           /* end of what lies before the log start; -1: nothing does */
    size_t count;
    struct candidate candidates[];
};

void log_retain_abandon(struct log_retention *retention)
{
    if (retention == NULL)
        return;
    for (size_t i = 0; i < retention->count; i++)
        segment_unref(retention->candidates[i].segment);
    free(retention);
}

/* How many of the oldest segments may go at all: whole below the limit, and not an empty last. */
static size_t count_candidates(const struct log *log, int64_t limit)
{
    size_t count = log_segment_index(log, limit);       /* all before it end at or below */
    bool whole = log->end <= limit && log_active(log)->tail.size > 0;
    return whole ? log->segment_count : count;
}

/* The offset up to which segments go for their size; -1: none does. */
static int64_t size_end(const struct log *log, size_t count)
{
    int64_t end = -1, excess = log_size(log) - log->config.retention_bytes;
    if (!log->config.cleanup_delete || log->config.retention_bytes < 0)
        return -1;
    for (size_t i = 0; i < count && excess >= log->segments[i]->tail.size; i++) {
        excess -= log->segments[i]->tail.size;
        end = log->segments[i]->tail.next_offset;
    }
    return end;
}

int log_retain_begin(struct log *log, int64_t limit, int64_t wall_ms, struct log_retention **out)
{
    size_t count = count_candidates(log, limit);
    size_t before = log_segment_index(log, log->start);
    bool timed = log->config.cleanup_delete && log->config.retention_ms >= 0;
    int64_t by_size = size_end(log, count);

    *out = NULL;
    if (before == 0 && by_size < 0 && (!timed || count == 0))
        return 0;
    struct log_retention *retention =
        calloc(1, sizeof *retention + count * sizeof retention->candidates[0]);
    if (retention == NULL)
        return K_NOMEM;
    retention->wall_ms = wall_ms;
    retention->retention_ms = timed ? log->config.retention_ms : -1;
    retention->truncations = log->truncations;
    retention->reason = (struct log_trim_reason){ .size_end = by_size, .time_end = -1 };
    retention->before_start = before == 0 ? -1 : log->start;
    for (size_t i = 0; timed && i < count; i++) {
        struct segment *segment = log->segments[i];
        bool active = segment == log_active(log);
        if (segment->tail.next_offset <= by_size || segment->tail.next_offset <= log->start)
            continue;               /* goes already */
        retention->candidates[retention->count++] = (struct candidate){
            .segment = segment_ref(segment),
            .size = segment->tail.size,
            .next_offset = segment->tail.next_offset,
            .newest = active ? segment->tail.max_timestamp : segment->newest,
            .active = active,
        };
    }
    *out = retention;
    return 0;
}

/* When the file was last written: no record in it is younger. */
static bool written_ms(const struct segment *segment, int64_t *out)
{
    char path[PATH_MAX];
    struct stat status;
    snprintf(path, sizeof path, "%s.log", segment->path);
    if (segment->io->stat_path(segment->io, path, &status) != 0)
        return false;
    *out = (int64_t)status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1000000;
    return true;
}

/* Timestamps are whatever a producer says: differences are taken so that they can not overflow. */
static bool older(int64_t timestamp, int64_t wall_ms, int64_t retention_ms)
{
    return wall_ms >= 0 && timestamp < wall_ms && wall_ms - timestamp > retention_ms;
}

static bool far_ahead(int64_t timestamp, int64_t wall_ms, int64_t retention_ms)
{
    return wall_ms >= 0 && timestamp > wall_ms && timestamp - wall_ms > retention_ms;
}

/* By this time it counts; false when its files can not be read. */
static bool time_of(const struct log_retention *retention, struct candidate *candidate,
                    int64_t *out)
{
    const struct segment *segment = candidate->segment;

    if (candidate->newest == SEGMENT_NEWEST_UNKNOWN)
        candidate->newest = segment_newest(segment, candidate->size, candidate->next_offset);
    if (candidate->newest == SEGMENT_NEWEST_UNKNOWN)
        return false;
    *out = candidate->newest;
    if (*out >= 0 && !far_ahead(*out, retention->wall_ms, retention->retention_ms))
        return true;
    return written_ms(segment, out);
}

static bool due(struct log_retention *retention, struct candidate *candidate)
{
    int64_t age = retention->retention_ms, timestamp;
    if (!time_of(retention, candidate, &timestamp))
        return false;
    if (older(timestamp, retention->wall_ms, age))
        return true;
    if (timestamp >= 0)
        retention->next_ms = timestamp > INT64_MAX - 1 - age ? INT64_MAX : timestamp + age + 1;
    return false;
}

void log_retain_look(struct log_retention *retention)
{
    if (retention->retention_ms < 0) {
        retention->next_ms = INT64_MAX;
        return;
    }
    for (size_t i = 0; i < retention->count; i++) {
        struct candidate *candidate = &retention->candidates[i];
        if (!due(retention, candidate))
            break;
        retention->reason.time_end = candidate->next_offset;
    }
}

int64_t log_retain_next_ms(const struct log_retention *retention)
{
    return retention->next_ms;
}

/* Sealed segments do not change: what was found out about them stays true. */
static void remember_newest(struct log *log, const struct log_retention *retention)
{
    for (size_t i = 0; i < retention->count; i++) {
        const struct candidate *candidate = &retention->candidates[i];
        if (!candidate->active && candidate->segment != log_active(log))
            candidate->segment->newest = candidate->newest;
    }
}

/* Up to where whole segments are due. The active one counts only if it was not appended to since it
 * was found due. */
static int64_t whole_end(const struct log *log, const struct log_trim_reason *reason)
{
    int64_t end = reason->size_end > reason->time_end ? reason->size_end : reason->time_end;
    if (end < 0 || end == log->end)
        return end;
    return log->segments[log_segment_index(log, end)]->base_offset;
}

int log_retain_end(struct log *log, struct log_retention *retention, struct log_trim **out)
{
    struct log_trim_reason reason = retention->reason;
    int64_t offset = retention->before_start;
    bool truncated = retention->truncations != log->truncations;

    if (!truncated) {
        remember_newest(log, retention);
        int64_t end = whole_end(log, &reason);
        if (end > offset)
            offset = end;
    }
    log_retain_abandon(retention);
    *out = NULL;
    if (truncated || offset < 0)
        return 0;
    return log_trim_begin(log, offset, &reason, out);
}
