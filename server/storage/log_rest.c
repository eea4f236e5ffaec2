/* storage/log_rest.c - sealed segments that nobody reads give back descriptor and indexes.
 *
 * Not at once: every few that were opened, those that are open are looked at. What is not synced
 * keeps its descriptor, so that the sync hears of a write that failed meanwhile, until there are
 * too many; the system then tells it to who opens the file next. Never while an append may have to
 * be undone: it needs the former active segment as it was.
 *
 * A log may have any number of segments, so the few that are open are remembered. */
#include <stdlib.h>
#include <string.h>

#include "server/storage/log_internal.h"

enum { LOOK_EVERY = 4, OPEN_MAX = 64 };

struct log_opened {
    size_t count;
    int64_t bases[OPEN_MAX];            /* of the segments, the one opened first to begin with */
};

static struct segment *segment_at(const struct log *log, int64_t base)
{
    struct segment *segment = log->segments[log_segment_index(log, base)];
    return segment->base_offset == base ? segment : NULL;
}

/* True: it has nothing (any more) that it could give back. */
static bool rests(const struct log *log, struct segment *segment, bool unsynced_too)
{
    if (segment == NULL || segment == log_active(log))
        return true;
    if (unsynced_too || segment->tail.next_offset <= log->recovery_point)
        segment_rest(segment);
    return segment->fd < 0;
}

static void rest_opened(struct log *log, const struct segment *in_use, bool unsynced_too)
{
    struct log_opened *opened = log->opened;
    size_t kept = 0;
    for (size_t i = 0; i < opened->count; i++) {
        struct segment *segment = segment_at(log, opened->bases[i]);
        if (segment == in_use || !rests(log, segment, unsynced_too))
            opened->bases[kept++] = opened->bases[i];
    }
    opened->count = kept;
}

void log_segment_opened(struct log *log, const struct segment *segment)
{
    if (log->opened == NULL) {
        log->opened = calloc(1, sizeof *log->opened);
        if (log->opened == NULL) {      /* without memory all of them are looked at, or none is */
            log_rest_segments(log);
            return;
        }
    }
    struct log_opened *opened = log->opened;
    if (opened->count == OPEN_MAX) {    /* in use all the same: it is forgotten here */
        opened->count--;
        memmove(opened->bases, opened->bases + 1, opened->count * sizeof *opened->bases);
    }
    opened->bases[opened->count++] = segment->base_offset;
    if (opened->count == OPEN_MAX || opened->count % LOOK_EVERY == 0)
        rest_opened(log, segment, opened->count == OPEN_MAX);
}

void log_forget_opened(struct log *log)
{
    free(log->opened);
    log->opened = NULL;
}

bool log_rest_files(struct log *log)
{
    bool all = true;
    log_forget_served(log);
    log_forget_opened(log);
    for (size_t i = 0; i < log->segment_count; i++)
        all = segment_rest_file(log->segments[i]) && all;
    return all;
}

void log_rest_segments(struct log *log)
{
    for (size_t i = 0; i + 1 < log->segment_count; i++)
        (void)rests(log, log->segments[i], false);
}
