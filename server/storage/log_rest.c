/* storage/log_rest.c - sealed segments that nobody reads give back descriptor and indexes.
 *
 * Not at once: every few that were opened, all are looked at. What is not synced keeps its
 * descriptor, so that the sync hears of a write that failed meanwhile, until there are too many;
 * the system then tells it to who opens the file next. Never while an append may have to be undone:
 * it needs the former active segment as it was. */
#include "server/storage/log_internal.h"

enum { LOOK_EVERY = 4, UNSYNCED_MAX = 64 };

static void rest(struct log *log, const struct segment *in_use, bool unsynced_too)
{
    for (size_t i = 0; i + 1 < log->segment_count; i++) {
        struct segment *segment = log->segments[i];
        if (segment != in_use &&
            (unsynced_too || segment->tail.next_offset <= log->recovery_point))
            segment_rest(segment);
    }
}

void log_segment_opened(struct log *log, const struct segment *in_use)
{
    log->segments_opened++;
    if (log->segments_opened % UNSYNCED_MAX == 0)
        rest(log, in_use, true);
    else if (log->segments_opened % LOOK_EVERY == 0)
        rest(log, in_use, false);
}

void log_rest_segments(struct log *log)
{
    rest(log, NULL, false);
}
