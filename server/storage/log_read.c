/* storage/log_read.c - find the bytes of a read, without touching them; look up timestamps. */
#include <assert.h>
#include <stdlib.h>

#include "proto/batch.h"
#include "server/storage/batch_file.h"
#include "server/storage/index_offset.h"
#include "server/storage/index_time.h"
#include "server/storage/log_internal.h"
#include "server/storage/logdir.h"

/* --- places of readers -------------------------------------------------------------------- */

static bool recall(const struct log *log, const struct segment *segment, int64_t offset,
                   int64_t *position)
{
    if (offset == log->end && segment == log_active(log)) {
        *position = segment->tail.size;
        return true;
    }
    for (size_t i = 0; i < LOG_SERVED && log->served != NULL; i++) {
        if (log->served[i].offset == offset && log->served[i].base == segment->base_offset) {
            *position = log->served[i].position;
            return true;
        }
    }
    return false;
}

/* Without memory they are found again by the index. */
static bool have_places(struct log *log)
{
    if (log->served != NULL)
        return true;
    log->served = malloc(LOG_SERVED * sizeof *log->served);
    for (size_t i = 0; i < LOG_SERVED && log->served != NULL; i++)
        log->served[i].offset = -1;
    return log->served != NULL;
}

/* A reader will come back for `offset`. */
static void remember(struct log *log, const struct segment *segment, int64_t offset,
                     int64_t position)
{
    if (!have_places(log))
        return;
    for (size_t i = 0; i < LOG_SERVED; i++)
        if (log->served[i].offset == offset && log->served[i].base == segment->base_offset)
            return;
    log->served[log->served_next++ % LOG_SERVED] =
        (struct log_served){ offset, segment->base_offset, position };
}

/* --- reading ------------------------------------------------------------------------------ */

/* Where the batch that contains `offset` begins; the segment's size when it holds none. */
static int find_position(struct log *log, struct segment *segment, int64_t offset,
                         int64_t *position)
{
    struct segment_place place;
    if (recall(log, segment, offset, position))
        return 0;
    int error = segment_locate(segment, offset, &place);
    if (error == 0)
        *position = place.position;
    if (error == K_NOT_FOUND) {
        *position = segment->tail.size;
        error = 0;
    }
    return error;
}

/* Cut [position, stop) to whole batches of at most `max_bytes`, at least one. *next is the offset
 * after the last of them. *whole: it ends where a batch begins, not at damage. */
static int cut(struct segment *segment, int64_t position, size_t max_bytes, int64_t *stop,
               int64_t *next, bool *whole)
{
    *whole = true;
    struct segment_place place;
    int64_t before;
    if (max_bytes > (size_t)(*stop - position))
        max_bytes = (size_t)(*stop - position);
    if (position + (int64_t)max_bytes == *stop)
        return 0;
    int error = segment_locate_position(segment, position, position + (int64_t)max_bytes, &place,
                                        &before);
    if (error == K_NOT_FOUND)
        return 0;
    if (error != 0)
        return error;
    *whole = place.size > 0;
    if (place.position == position) {       /* the first alone is larger than the limit */
        *stop = place.position + place.size;
        *next = place.last_offset + 1;
    } else {
        *stop = place.position;
        *next = before + 1;
    }
    return 0;
}

int log_read(struct log *log, int64_t offset, int64_t end, size_t max_bytes, struct log_span *out)
{
    if (logdir_fenced(log->directory))
        return K_KAFKA_STORAGE_ERROR;
    if (offset < log->start || offset > log->end)
        return K_OFFSET_OUT_OF_RANGE;
    if (end > log->end)
        end = log->end;

    size_t i = log_segment_index(log, offset);
    for (; offset < end && i < log->segment_count; i++) {
        struct segment *segment = log->segments[i];
        int64_t position, stop = segment->tail.size, next = segment->tail.next_offset;
        if (segment->fd < 0 && i + 1 < log->segment_count)
            log_segment_opened(log, segment);
        int error = segment_need_file(segment);
        if (error == 0)
            error = find_position(log, segment, offset, &position);
        if (error == 0 && end < next) {
            error = find_position(log, segment, end, &stop);
            next = end;
        }
        if (error != 0)
            return error;
        if (position >= stop)               /* a hole at the end of the segment */
            continue;
        bool whole;
        error = cut(segment, position, max_bytes, &stop, &next, &whole);
        if (error != 0)
            return error;

        if (whole && (stop < segment->tail.size || segment == log_active(log)))
            remember(log, segment, next, stop);
        segment->served = true;
        *out = (struct log_span){ .fd = segment->fd, .position = position,
                                  .size = (size_t)(stop - position), .next = next,
                                  .segment = segment_ref(segment) };
        return 0;
    }
    if (offset == log->end)
        remember(log, log_active(log), offset, log_active(log)->tail.size);
    *out = (struct log_span){ .fd = -1 };
    return 0;
}

void log_span_release(void *segment)
{
    segment_unref(segment);
}
