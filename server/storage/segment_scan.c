/* storage/segment_scan.c - what needs the batches of a segment file: find, check, cut. */
#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "common/error.h"
#include "common/log.h"
#include "proto/batch.h"
#include "server/storage/batch_file.h"
#include "server/storage/index_offset.h"
#include "server/storage/index_time.h"
#include "server/storage/io.h"
#include "server/storage/segment.h"
#include "server/storage/segment_lookup.h"

static struct segment_place place_of(const struct batch_file *file, const uint8_t *header)
{
    return (struct segment_place){ .position = file->position,
                                   .size = (int64_t)batch_size(header),
                                   .base_offset = batch_base_offset(header),
                                   .last_offset = batch_last_offset(header),
                                   .max_timestamp = batch_max_timestamp(header) };
}

/* The last index entry at or before an offset, relative to the base, or a position. What is found
 * to be damaged is made anew. 0, NOT_FOUND (there is no such entry), IO, NOMEM, DISK_FULL. */
static int find_entry(struct segment *segment, int64_t key, bool by_position,
                      struct offset_entry *out)
{
    int (*look_up)(struct segment *, int64_t, struct offset_entry *) =
        by_position ? segment_look_up_position : segment_look_up_offset;

    int error = look_up(segment, key, out);
    if (error != K_CORRUPT)
        return error;
    error = segment_rebuild_indexes(segment);
    return error == 0 ? look_up(segment, key, out) : error;
}

/* The file ready, `file` at its start with the caller's small window. */
static int start_search(struct segment *segment, struct batch_file *file, uint8_t *window)
{
    int error = segment_need_file(segment);
    if (error == 0)
        batch_file_init(file, segment->io, segment->fd, 0, segment->tail.size, window,
                        BATCH_FILE_WINDOW);
    return error;
}

/* Go to the batch of an index entry. The file has no checksum, so the entry is believed only if
 * the batch is the one that it names; else the indexes are rebuilt, and the search restarts. */
static int jump(struct segment *segment, struct batch_file *file, const struct offset_entry *entry)
{
    const uint8_t *header;
    batch_file_seek(file, entry->position);
    int error = batch_file_header(file, &header);
    if (error == 0 && batch_last_offset(header) - segment->base_offset == entry->relative)
        return 0;
    if (error != 0 && error != K_CORRUPT && error != K_NOT_FOUND)
        return error;
    error = segment_rebuild_indexes(segment);
    return error == 0 ? K_BAD_VERSION : error;
}

/* The header of the next batch of a walk, if its offsets are those of this segment and go on from
 * `expected`: what is damaged, or of another partition, is not served as if it were the log. */
static int walk(const struct segment *segment, struct batch_file *file, int64_t *expected,
                const uint8_t **header)
{
    int error = batch_file_header(file, header);
    if (error != 0)
        return error;
    if (batch_base_offset(*header) < *expected ||
        batch_last_offset(*header) >= segment->tail.next_offset)
        return K_CORRUPT;
    *expected = batch_last_offset(*header) + 1;
    return 0;
}

static int locate(struct segment *segment, int64_t offset, struct segment_place *out)
{
    uint8_t window[BATCH_FILE_WINDOW];
    struct batch_file file;
    int error = start_search(segment, &file, window);
    if (error != 0)
        return error;

    struct offset_entry entry;
    error = find_entry(segment, offset - segment->base_offset, false, &entry);
    if (error == 0)
        error = jump(segment, &file, &entry);
    if (error != 0 && error != K_NOT_FOUND)
        return error;

    const uint8_t *header;
    int64_t expected = segment->base_offset;
    while ((error = walk(segment, &file, &expected, &header)) == 0) {
        if (batch_last_offset(header) >= offset) {
            *out = place_of(&file, header);
            return 0;
        }
        batch_file_next(&file, header);
    }
    return error;
}

int segment_locate(struct segment *segment, int64_t offset, struct segment_place *out)
{
    int error = locate(segment, offset, out);
    return error == K_BAD_VERSION ? locate(segment, offset, out) : error;
}

static int locate_position(struct segment *segment, int64_t from, int64_t limit,
                           struct segment_place *out, int64_t *before)
{
    uint8_t window[BATCH_FILE_WINDOW];
    struct batch_file file;
    int error = start_search(segment, &file, window);
    if (error != 0)
        return error;

    int64_t last = -1;
    struct offset_entry entry;
    batch_file_seek(&file, from);
    error = find_entry(segment, limit, true, &entry);
    if (error == 0 && entry.position > from)
        error = jump(segment, &file, &entry);
    if (error != 0 && error != K_NOT_FOUND)
        return error;
    bool jumped = file.position > from;

    const uint8_t *header;
    int64_t expected = segment->base_offset;
    while ((error = walk(segment, &file, &expected, &header)) == 0) {
        struct segment_place place = place_of(&file, header);
        if (place.position + place.size > limit) {
            *out = place;
            *before = jumped && last < 0 ? place.base_offset - 1 : last;
            return 0;
        }
        last = place.last_offset;
        batch_file_next(&file, header);
    }
    if (error == K_CORRUPT && last >= 0) {      /* what lies before the damage is good */
        *out = (struct segment_place){ .position = file.position };
        *before = last;
        return 0;
    }
    return error;
}

int segment_locate_position(struct segment *segment, int64_t from, int64_t limit,
                            struct segment_place *out, int64_t *before)
{
    int error = locate_position(segment, from, limit, out, before);
    return error == K_BAD_VERSION ? locate_position(segment, from, limit, out, before) : error;
}

/* --- checking ----------------------------------------------------------------------------- */

/* Why the batch can not follow what is there, or NULL. Offsets below `holes` may be missing where
 * compaction has been; above, that means that something is lost. */
static const char *offset_fault(const struct segment *segment, const uint8_t *header,
                                int64_t holes)
{
    int64_t base = batch_base_offset(header), expected = segment->tail.next_offset;

    if (base < expected)
        return "its offsets go back";
    if (base > expected && base > holes)
        return "offsets are missing before it";
    if (batch_last_offset(header) - segment->base_offset > INT32_MAX ||
        segment->tail.size > INT32_MAX)
        return "it does not fit into the segment";
    return NULL;
}

/* Look at the next batch: 0 and its header, NOT_FOUND at the end, IO, NOMEM, CORRUPT with *fault.
 */
static int next_checked(struct segment *segment, struct batch_file *file,
                        const struct segment_scan *scan, const uint8_t **header,
                        const char **fault)
{
    int64_t holes = scan->holes > scan->trusted ? scan->holes : scan->trusted;
    size_t size;
    int error = batch_file_header(file, header);
    *fault = "it is cut off, or no batch";
    if (error != 0)
        return error;

    *fault = offset_fault(segment, *header, holes);
    if (*fault != NULL)
        return K_CORRUPT;
    if (batch_last_offset(*header) < scan->trusted)
        return 0;
    error = batch_file_batch(file, header);
    if (error != 0)
        return error;
#ifdef MUTANT_CRC_SKIP
    if (batch_check_shape(*header, batch_size(*header), false, &size) != 0) {
#else
    if (batch_check(*header, batch_size(*header), false, &size) != 0) {
#endif
        *fault = "its checksum or counts are wrong";
        return K_CORRUPT;
    }
    return 0;
}

/* The batch that was taken last, and the tail before it. */
struct taken {
    int64_t position;                   /* -1: none */
    struct segment_tail before;
};

/* At a batch that is no good, below the trusted offset. Its predecessor was not checked in full,
 * and no checksum covers base offsets: if that is the damaged one, take it back. */
static int doubt_last(struct segment *segment, struct batch_file *file, const struct taken *taken)
{
    int64_t position = file->position, base = -1;
    const uint8_t *batch;
    size_t size;
    if (taken->position < 0)
        return 0;
    int error = batch_file_header(file, &batch);
    if (error == 0)
        base = batch_base_offset(batch);
    batch_file_seek(file, taken->position);
    if (error == 0 || error == K_CORRUPT || error == K_NOT_FOUND)
        error = batch_file_batch(file, &batch);
    if (error != 0 && error != K_CORRUPT)
        return error;
    bool leapt = error == 0 && batch_base_offset(batch) > taken->before.next_offset &&
                 base >= taken->before.next_offset && base <= batch_base_offset(batch);
    if (error == 0 && !leapt && batch_check(batch, batch_size(batch), false, &size) == 0) {
        batch_file_seek(file, position);
        return 0;
    }
    segment->tail = taken->before;
    index_cut(&segment->offsets, taken->before.offset_count);
    index_cut(&segment->times, taken->before.time_count);
    return 0;
}

/* Step over damage to the next whole batch: nothing that was promised after it is lost. CORRUPT
 * when there is none. */
static int step_over(struct segment *segment, struct batch_file *file, const struct taken *taken,
                     const char *fault)
{
    int64_t next;
    int error = doubt_last(segment, file, taken);
    if (error == 0)
        error = segment_resync(file, file->position + 1, segment->tail.next_offset, &next);
    if (error != 0)
        return error == K_NOT_FOUND ? K_CORRUPT : error;
    LOG_ERROR("segment-damaged", "segment=%s.log offset=%" PRId64 " position=%" PRId64
              " bytes=%" PRId64 " reason=\"%s\" action=\"kept; served from behind it\"",
              segment->path, segment->tail.next_offset, file->position, next - file->position,
              fault);
    segment->tail.size = next;
    batch_file_seek(file, next);
    return 0;
}

/* Put the tail right behind the batch of the last index entry. */
static int resume(struct segment *segment, struct batch_file *file)
{
    struct segment_tail *tail = &segment->tail;
    struct offset_entry entry = { 0, 0 };
    const uint8_t *header;

    *tail = (struct segment_tail){ .next_offset = segment->base_offset, .first_timestamp = -1,
                                   .max_timestamp = -1,
                                   .max_timestamp_offset = segment->base_offset };
    if (segment->offsets.count == 0) {
        index_time_cut(&segment->times, 0);
        return 0;
    }
    int error = batch_file_header(file, &header);
    if (error != 0)
        return error == K_NOT_FOUND ? K_CORRUPT : error;
    tail->first_timestamp = batch_newest_timestamp(header);

    entry = index_offset_at(&segment->offsets, segment->offsets.count - 1);
    /* What a roll or stop added beyond the last offset entry is found again by the scan. */
    index_time_cut(&segment->times, (int64_t)entry.relative + 1);
    if (segment->times.count > 0) {
        struct time_entry last = index_time_at(&segment->times, segment->times.count - 1);
        tail->max_timestamp = last.timestamp;
        tail->max_timestamp_offset = segment->base_offset + last.relative;
    }
    batch_file_seek(file, entry.position);
    error = batch_file_header(file, &header);
    if (error != 0)
        return error == K_NOT_FOUND ? K_CORRUPT : error;
    if (batch_last_offset(header) - segment->base_offset != entry.relative)
        return K_CORRUPT;
    tail->size = entry.position + (int64_t)batch_size(header);
    tail->since_index = (int64_t)batch_size(header);
    tail->next_offset = batch_last_offset(header) + 1;
    batch_file_next(file, header);
    return segment_check_times(segment, tail->size);
}

int segment_scan(struct segment *segment, struct segment_scan *scan)
{
    struct batch_file file;
    const uint8_t *header;

    scan->fault = NULL;
    int error = segment_need_file(segment);
    if (error != 0)
        return error;
    batch_file_init(&file, segment->io, segment->fd, 0, scan->end, NULL, 0);
    error = resume(segment, &file);
    if (error != 0)
        goto free_window;

    struct taken taken = { .position = -1 };
    for (;;) {
        error = next_checked(segment, &file, scan, &header, &scan->fault);
        if (error == K_CORRUPT && segment->tail.next_offset < scan->trusted) {
            error = step_over(segment, &file, &taken, scan->fault);
            taken.position = -1;
            if (error == 0)
                continue;
        }
        if (error != 0)
            break;
        if (scan->visit != NULL)
            error = scan->visit(scan->context, header);
        if (error == K_CORRUPT) {
            scan->fault = "its leader epoch is not that of its offset";
            break;
        }
        taken = (struct taken){ file.position, segment_tail(segment) };
        if (error == 0)
            error = segment_note(segment, header);
        if (error != 0)
            goto free_window;
        batch_file_next(&file, header);
    }
    assert(file.position == segment->tail.size);
    if (error == K_NOT_FOUND)
        scan->fault = NULL;
    if (error == K_NOT_FOUND || error == K_CORRUPT)
        error = 0;
    segment->times_checked = error == 0;

free_window:
    batch_file_fini(&file);
    return error;
}

int segment_cut(struct segment *segment, int64_t offset)
{
    struct segment_place place;
    segment->newest = SEGMENT_NEWEST_UNKNOWN;
    int error = segment_need_indexes(segment);
    if (error == 0)
        error = segment_locate(segment, offset, &place);
    if (error == K_NOT_FOUND) {
        /* Nothing to cut; but it is about to be written again, and needs its tail. */
        place = (struct segment_place){ .position = segment->tail.size, .base_offset = offset };
        error = 0;
    }
    if (error != 0)
        return error;

    index_offset_cut(&segment->offsets, place.position);
    index_time_cut(&segment->times, place.base_offset - segment->base_offset);
    struct segment_scan scan = { .end = place.position, .trusted = INT64_MAX };
    error = segment_scan(segment, &scan);
    if (error == K_CORRUPT) {
        segment_clear_indexes(segment);
        error = segment_scan(segment, &scan);
    }
    if (error != 0)
        return error;
    /* Indexes before the data: entries without batches are found out, and an index that
     * promises more than the file holds would be rebuilt. */
    error = segment_save_indexes(segment, false);
    if (error == 0 && segment->io->truncate(segment->io, segment->fd, segment->tail.size) != 0)
        error = io_error();
    return error;
}
