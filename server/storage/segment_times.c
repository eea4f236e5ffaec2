/* storage/segment_times.c - is the time index to be believed?
 *
 * Index files have no checksum, and an index that lost its end, or has a wrong timestamp in its
 * last entry, hides records from whoever looks for a time. So before it is used for the first time
 * its last entry must name a batch with that timestamp, and neither the batches that follow on it
 * nor the last ones of the segment may be newer. Between those nothing is read: an index that lost
 * its end is found out unless timestamps went back meanwhile. */
#include "common/error.h"
#include "proto/batch.h"
#include "server/storage/batch_file.h"
#include "server/storage/index_offset.h"
#include "server/storage/index_time.h"
#include "server/storage/segment.h"

enum { FOLLOWED = 64 << 10 };           /* bytes of batches */

struct walk {
    const struct segment *segment;
    struct batch_file file;
    struct time_entry last;             /* timestamp -1: the index is empty */
    bool named;                         /* the batch of the last entry was met */
};

/* Is what the next batch says in keeping with the last entry? */
static bool agrees(struct walk *walk, const uint8_t *header)
{
    int64_t relative = walk->last.relative + walk->segment->base_offset;
    if (!walk->named && batch_last_offset(header) < relative)
        return true;
    if (!walk->named) {
        walk->named = true;
        return batch_base_offset(header) <= relative &&
               batch_max_timestamp(header) == walk->last.timestamp;
    }
    return batch_max_timestamp(header) <= walk->last.timestamp;
}

int segment_check_times(struct segment *segment, int64_t size)
{
    struct walk walk = { .segment = segment, .last = { .timestamp = -1 }, .named = true };
    struct offset_entry near = { 0, 0 };
    const uint8_t *header;

    if (segment->times.count > 0) {
        walk.last = index_time_at(&segment->times, segment->times.count - 1);
        walk.named = false;
        (void)index_offset_find(&segment->offsets, walk.last.relative, &near);
    }
    struct offset_entry last = near;
    (void)index_offset_find(&segment->offsets, INT32_MAX, &last);
    int error = batch_file_init(&walk.file, segment->io, segment->fd, near.position, size, NULL, 0);
    if (error != 0)
        return error;
    while ((error = batch_file_header(&walk.file, &header)) == 0 && agrees(&walk, header)) {
        batch_file_next(&walk.file, header);
        bool far = walk.file.position > near.position + FOLLOWED;
        if (walk.named && far && walk.file.position < last.position)
            batch_file_seek(&walk.file, last.position);
    }
    batch_file_fini(&walk.file);
    if (error == K_NOT_FOUND)           /* the end */
        return walk.named ? 0 : K_CORRUPT;
    /* What a damaged batch hides can not be known: not from a new index either. */
    if (error == K_CORRUPT)
        return walk.named ? 0 : K_CORRUPT;
    return error == 0 ? K_CORRUPT : error;
}

int segment_need_times(struct segment *segment)
{
    int error = segment_need_file(segment);
    if (error == 0)
        error = segment_need_indexes(segment);
    if (error != 0 || segment->times_checked)
        return error;
    error = segment_check_times(segment, segment->tail.size);
    if (error == K_CORRUPT)
        error = segment_rebuild_indexes(segment);
    segment->times_checked = error == 0;
    return error;
}

int segment_max_timestamp(struct segment *segment, int64_t *out)
{
    if (!segment->times_checked) {
        int error = segment_need_times(segment);
        if (error != 0)
            return error;
    }
    *out = segment->tail.max_timestamp;
    if (segment->times.count > 0) {
        struct time_entry last = index_time_at(&segment->times, segment->times.count - 1);
        if (last.timestamp > *out)
            *out = last.timestamp;
    }
    return 0;
}
