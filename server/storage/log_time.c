/* storage/log_time.c - from timestamps to offsets. */
#include <stdlib.h>

#include "common/buffer.h"
#include "proto/batch.h"
#include "server/storage/batch_file.h"
#include "server/storage/log_internal.h"
#include "server/storage/segment_lookup.h"

/* The record that is looked for, or that was found. */
struct wanted {
    int64_t timestamp;
    int64_t start;                  /* of the log: earlier records do not count */
    int64_t offset, found;          /* offset -1: not yet */
};

/* First record of the batch at or after the wanted timestamp. */
static int search_batch(struct batch_file *file, struct wanted *wanted)
{
    const uint8_t *batch;
    struct batch_reader reader;
    struct record_view record;
    struct buffer opened = { 0 };
    int error = batch_file_batch(file, &batch);
    if (error == 0)
        error = batch_open(&reader, batch, &opened);
    int more = error;
    while (error == 0 && (more = batch_reader_next(&reader, &record)) == 1) {
        if (record.timestamp >= wanted->timestamp && record.offset >= wanted->start) {
            wanted->offset = record.offset;
            wanted->found = record.timestamp;
            more = 0;
            break;
        }
    }
    buffer_fini(&opened);
    return more;
}

/* The batch that an entry names. CORRUPT: none is what the entry says. */
static int locate_named(struct segment *segment, const struct time_entry *time, int64_t *position)
{
    struct segment_place place;
    int64_t offset = segment->base_offset + time->relative;
    int error = segment_locate(segment, offset, &place);
    if (error != 0)
        return error;
    if (place.base_offset > offset || place.max_timestamp != time->timestamp)
        return K_CORRUPT;
    *position = place.position;
    return 0;
}

/* Where to start looking in the segment: all batches before have smaller timestamps. An entry that
 * does not name a batch with its timestamp is damaged, and so may be the others. */
static int start_position(struct segment *segment, int64_t timestamp, int64_t *position)
{
    struct time_entry time;
    for (int attempt = 0; attempt < 2; attempt++) {
        *position = 0;
        int error = segment_need_times(segment);
        if (error != 0)
            return error;
        error = segment_look_up_time(segment, timestamp - 1, &time);
        if (error == K_NOT_FOUND)
            return 0;
        if (error == 0)
            error = locate_named(segment, &time, position);
        if (error == 0)
            return 0;
        if (error != 0 && error != K_NOT_FOUND && error != K_CORRUPT)
            return error;
        if (attempt == 0)
            error = segment_rebuild_indexes(segment);
        if (attempt == 0 && error != 0)
            return error;
    }
    *position = 0;                              /* no index helps: look at all of it */
    return 0;
}

static int search_segment(struct segment *segment, struct wanted *wanted)
{
    struct batch_file file;
    const uint8_t *header;
    int64_t position;
    int error = start_position(segment, wanted->timestamp, &position);
    if (error == 0)
        error = segment_need_file(segment);
    if (error != 0)
        return error;
    batch_file_init(&file, segment->io, segment->fd, position, segment->tail.size, NULL, 0);
    while (wanted->offset < 0 && (error = batch_file_header(&file, &header)) == 0) {
        int64_t size = (int64_t)batch_size(header);
        if (batch_max_timestamp(header) >= wanted->timestamp &&
            batch_last_offset(header) >= wanted->start)
            error = search_batch(&file, wanted);
        if (error != 0)
            break;
        file.position += size;
    }
    batch_file_fini(&file);
    return error == K_NOT_FOUND ? 0 : error;
}

/* Of many segments each is looked at only once: whatever it had to open goes again. */
static int newest_of(struct log *log, size_t i, int64_t *out)
{
    struct segment *segment = log->segments[i];
    bool opened = segment->fd < 0;
    int error = segment_max_timestamp(segment, out);
    if (opened && i + 1 < log->segment_count)
        segment_rest(segment);
    return error;
}

static int find_timestamp(struct log *log, int64_t timestamp, int64_t *offset, int64_t *found)
{
    struct wanted wanted = {
        .timestamp = timestamp, .start = log->start, .offset = -1, .found = -1
    };
    for (size_t i = log_segment_index(log, log->start); i < log->segment_count; i++) {
        int64_t max;
        int error = newest_of(log, i, &max);
        if (error == 0 && max >= timestamp)
            error = search_segment(log->segments[i], &wanted);
        if (error != 0)
            return error;
        if (wanted.offset >= 0)
            break;
    }
    *offset = wanted.offset;
    *found = wanted.found;
    return 0;
}

int log_find_timestamp(struct log *log, int64_t timestamp, int64_t *offset, int64_t *found)
{
    int error = find_timestamp(log, timestamp, offset, found);
    log_rest_segments(log);
    return error;
}

int log_find_max_timestamp(struct log *log, int64_t *offset, int64_t *found)
{
    int64_t largest = -1;
    for (size_t i = log_segment_index(log, log->start); i < log->segment_count; i++) {
        int64_t max;
        int error = newest_of(log, i, &max);
        if (error != 0)
            return error;
        if (max > largest)
            largest = max;
    }
    if (largest < 0) {
        *offset = *found = -1;
        return 0;
    }
    return log_find_timestamp(log, largest, offset, found);
}
