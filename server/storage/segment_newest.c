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
#include "server/storage/index_search.h"
#include "server/storage/io.h"
#include "server/storage/segment_lookup.h"

/* One look at the files. */
struct look {
    const struct segment *segment;
    int fd;                         /* of the log file */
    int64_t size, next_offset;
};

struct walked {
    int64_t newest;                                     /* of all records */
    int64_t last_timestamp, base_offset, last_offset;   /* of the last batch, as its header says */
};

/* Over the batches from `position` on, up to the first that holds `until`. 0, CORRUPT, IO. */
static int walk(const struct look *look, int64_t position, int64_t until, struct walked *out)
{
    uint8_t window[BATCH_FILE_WINDOW];
    struct batch_file file;
    const uint8_t *header;
    int error = 0;
    batch_file_init(&file, look->segment->io, look->fd, position, look->size, window,
                    sizeof window);
    *out = (struct walked){ -1, -1, -1, -1 };
    while (error == 0 && out->last_offset < until &&
           (error = batch_file_header(&file, &header)) == 0) {
        out->last_timestamp = batch_max_timestamp(header);
        out->base_offset = batch_base_offset(header);
        out->last_offset = batch_last_offset(header);
        if (batch_newest_timestamp(header) > out->newest)
            out->newest = batch_newest_timestamp(header);
        batch_file_next(&file, header);
    }
    return error == K_NOT_FOUND ? 0 : error;
}

/* The offset entries at or before the batch of the last time entry, and at or before the end; the
 * start of the file where there are none. CORRUPT: an index is damaged. */
static int find_ends(const struct look *look, struct time_entry *newest, struct offset_entry *near,
                     struct offset_entry *last)
{
    char path[PATH_MAX];
    struct index_page page;
    const struct segment *segment = look->segment;
    struct index_bounds bounds = segment_index_bounds(segment, look->size, look->next_offset);

    page.count = 0;
    *near = *last = (struct offset_entry){ 0, 0 };
    snprintf(path, sizeof path, "%s.timeindex", segment->path);
    int error = index_search_time(segment->io, path, &bounds, INT64_MAX, newest);
    if (error != 0)
        return error == K_NOT_FOUND ? K_CORRUPT : error;
    snprintf(path, sizeof path, "%s.index", segment->path);
    error = index_search_offset(segment->io, path, &bounds, INT32_MAX, &page, last);
    if (error == 0)
        error = index_search_offset(segment->io, path, &bounds, newest->relative, &page, near);
    return error == K_NOT_FOUND ? 0 : error;
}

/* The indexes' word for it. CORRUPT: they have none, or are not to be believed. */
static int ask_indexes(const struct look *look, int64_t *newest)
{
    struct time_entry time;
    struct offset_entry near, last;
    struct walked walked;
    int error = find_ends(look, &time, &near, &last);
    if (error != 0)
        return error;
    int64_t named = look->segment->base_offset + time.relative;
    error = walk(look, near.position, named, &walked);
    if (error != 0)
        return error;
    /* Kafka names the record, we the last one of its batch. */
    if (walked.base_offset > named || walked.last_offset < named ||
        walked.last_timestamp != time.timestamp)
        return K_CORRUPT;

    error = walk(look, last.position, INT64_MAX, &walked);
    *newest = walked.newest > time.timestamp ? walked.newest : time.timestamp;
    return error;
}

static int find_newest(const struct look *look, int64_t *newest)
{
    int error = ask_indexes(look, newest);
    if (error != K_CORRUPT)
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
