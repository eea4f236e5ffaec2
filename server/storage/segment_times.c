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
#include "server/storage/segment.h"
#include "server/storage/segment_lookup.h"

enum { FOLLOWED = 64 << 10 };           /* bytes of batches */

struct walk {
    const struct segment *segment;
    struct batch_file file;
    struct time_entry last;             /* timestamp -1: the index is empty */
    bool named;                         /* the batch of the last entry was met */
};

/* Is what the next batch says in keeping with the last entry? That may name a batch which has lost
 * its records: Kafka's compaction counts those. */
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
    return batch_newest_timestamp(header) <= walk->last.timestamp;
}

/* What the time index ends with, where to begin to look for the batch that it names, and where the
 * last batches are. CORRUPT: an index is damaged. */
static int find_ends(struct walk *walk, struct segment *segment, struct offset_entry *near,
                     struct offset_entry *last)
{
    int error = segment_look_up_time(segment, INT64_MAX, &walk->last);
    if (error != 0 && error != K_NOT_FOUND)
        return error;
    walk->named = error == K_NOT_FOUND;
    *near = (struct offset_entry){ 0, 0 };
    if (!walk->named)
        error = segment_look_up_offset(segment, walk->last.relative, near);
    *last = *near;
    if (error == 0 || error == K_NOT_FOUND)
        error = segment_look_up_offset(segment, INT32_MAX, last);
    return error == K_NOT_FOUND ? 0 : error;
}

/* Over what follows on the last entry, and the last batches. 0 (they agree), CORRUPT, IO. */
static int walk_ends(struct walk *walk, const struct offset_entry *near,
                     const struct offset_entry *last)
{
    const uint8_t *header;
    int error;
    while ((error = batch_file_header(&walk->file, &header)) == 0 && agrees(walk, header)) {
        batch_file_next(&walk->file, header);
        bool far = walk->file.position > near->position + FOLLOWED;
        if (walk->named && far && walk->file.position < last->position)
            batch_file_seek(&walk->file, last->position);
    }
    /* What a damaged batch hides can not be known: not from a new index either. */
    if (error == K_NOT_FOUND || error == K_CORRUPT)
        return walk->named ? 0 : K_CORRUPT;
    return error == 0 ? K_CORRUPT : error;
}

int segment_check_times(struct segment *segment, int64_t size)
{
    struct walk walk = { .segment = segment, .last = { .timestamp = -1 } };
    struct offset_entry near, last;

    int error = find_ends(&walk, segment, &near, &last);
    if (error != 0)
        return error;
    batch_file_init(&walk.file, segment->io, segment->fd, near.position, size, NULL, 0);
    error = walk_ends(&walk, &near, &last);
    batch_file_fini(&walk.file);
    if (error == 0 && walk.last.timestamp > segment->tail.max_timestamp)
        segment->tail.max_timestamp = walk.last.timestamp;
    return error;
}

int segment_need_times(struct segment *segment)
{
    if (segment->times_checked)
        return 0;
    int error = segment_need_file(segment);
    if (error == 0)
        error = segment_check_times(segment, segment->tail.size);
    if (error == K_CORRUPT)
        error = segment_rebuild_indexes(segment);
    segment->times_checked = error == 0;
    return error;
}

int segment_max_timestamp(struct segment *segment, int64_t *out)
{
    int error = segment_need_times(segment);
    if (error == 0)
        *out = segment->tail.max_timestamp;
    return error;
}
