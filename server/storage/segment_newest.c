/* storage/segment_newest.c - how new a sealed segment is, from its files alone.
 *
 * Data is deleted on the strength of this answer, and index files have no checksum. So the last
 * entry of the time index has to name a batch with this timestamp, and what follows on the last
 * entry of the offset index must not be newer: an index that was damaged or cut is found out. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "common/error.h"
#include "proto/batch.h"
#include "server/storage/batch_file.h"
#include "server/storage/index_offset.h"
#include "server/storage/index_time.h"
#include "server/storage/io.h"
#include "server/storage/segment.h"

/* One look at the files. */
struct look {
    const struct segment *segment;
    int fd;                         /* of the log file */
    int64_t size, next_offset;
};

struct walked {
    int64_t newest;                                     /* of all batches */
    int64_t last_timestamp, base_offset, last_offset;   /* of the last batch */
};

/* Over the batches from `position` on, up to the first that holds `until`. 0, CORRUPT, IO. */
static int walk(const struct look *look, int64_t position, int64_t until, struct walked *out)
{
    uint8_t window[BATCH_FILE_WINDOW];
    struct batch_file file;
    const uint8_t *header;
    int error = batch_file_init(&file, look->segment->io, look->fd, position, look->size, window,
                                sizeof window);
    *out = (struct walked){ -1, -1, -1, -1 };
    while (error == 0 && out->last_offset < until &&
           (error = batch_file_header(&file, &header)) == 0) {
        out->last_timestamp = batch_max_timestamp(header);
        out->base_offset = batch_base_offset(header);
        out->last_offset = batch_last_offset(header);
        if (out->last_timestamp > out->newest)
            out->newest = out->last_timestamp;
        batch_file_next(&file, header);
    }
    return error == K_NOT_FOUND ? 0 : error;
}

/* The indexes' word for it. NOT_FOUND: they have none, or are not to be believed. */
static int ask_indexes(const struct look *look, const struct index *offsets,
                       const struct index *times, int64_t *newest)
{
    int64_t base = look->segment->base_offset, relative_end = look->next_offset - base;
    if (times->count == 0 || !index_time_valid(times, relative_end) ||
        !index_offset_valid(offsets, look->size, relative_end))
        return K_NOT_FOUND;

    struct time_entry last = index_time_at(times, times->count - 1);
    struct offset_entry near = { 0, 0 };
    struct walked walked;
    (void)index_offset_find(offsets, last.relative, &near);
    int error = walk(look, near.position, base + last.relative, &walked);
    if (error != 0)
        return error;
    /* Kafka names the record, we the last one of its batch. */
    if (walked.base_offset > base + last.relative || walked.last_offset < base + last.relative ||
        walked.last_timestamp != last.timestamp)
        return K_NOT_FOUND;

    near = (struct offset_entry){ 0, 0 };
    (void)index_offset_find(offsets, INT32_MAX, &near);
    error = walk(look, near.position, INT64_MAX, &walked);
    *newest = walked.newest > last.timestamp ? walked.newest : last.timestamp;
    return error;
}

static int load(const struct segment *segment, const char *suffix, struct index *index)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s%s", segment->path, suffix);
    int error = index_load(index, segment->io, path);
    return error == K_CORRUPT ? K_NOT_FOUND : error;
}

static int find_newest(const struct look *look, int64_t *newest)
{
    struct index offsets, times;
    index_init(&offsets, INDEX_OFFSET_ENTRY);
    index_init(&times, INDEX_TIME_ENTRY);
    int error = load(look->segment, ".index", &offsets);
    if (error == 0)
        error = load(look->segment, ".timeindex", &times);
    if (error == 0)
        error = ask_indexes(look, &offsets, &times, newest);
    index_fini(&offsets);
    index_fini(&times);
    if (error != K_NOT_FOUND && error != K_CORRUPT)
        return error;

    struct walked walked;
    error = walk(look, 0, INT64_MAX, &walked);
    *newest = error == K_CORRUPT ? -1 : walked.newest;
    return error == K_CORRUPT ? 0 : error;
}

int64_t segment_newest(const struct segment *segment, int64_t size, int64_t next_offset)
{
    char path[PATH_MAX];
    int64_t newest = SEGMENT_NEWEST_UNKNOWN;
    struct look look = { .segment = segment, .size = size, .next_offset = next_offset };

    snprintf(path, sizeof path, "%s.log", segment->path);
    look.fd = segment->io->open(segment->io, path, O_RDONLY, 0);
    if (look.fd < 0)
        return SEGMENT_NEWEST_UNKNOWN;
    int error = find_newest(&look, &newest);
    (void)segment->io->close(segment->io, look.fd);
    return error == 0 ? newest : SEGMENT_NEWEST_UNKNOWN;
}
