/* storage/verify_index.c - are the entries of an index true? Walked beside the batches.
 *
 * An offset entry (o, p) is true when a batch begins at p and a batch from there on, before the
 * next entry's, ends with o: then every search that starts there finds what it looks for. Kairn
 * names the batch at p itself; Kafka, when it appends several batches at once, the last of them.
 *
 * A time entry (t, o) is true when no record up to o has a larger timestamp than t, and the header
 * of the batch that contains o says t: Kafka also names one that compaction has left empty. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/batch.h"
#include "server/storage/index_offset.h"
#include "server/storage/index_time.h"
#include "server/storage/io.h"
#include "server/storage/verify_internal.h"

static const char anew[] = "delete the index while the broker is stopped: the next start makes it "
                           "anew from the segment";

static void say(struct verify_segment *segment, const struct verify_index *index, size_t entry,
                int64_t relative, const char *what)
{
    verify_say(segment->partition->verify, LOG_FINDING_FAULT, index->path,
               (int64_t)(entry * index->index.entry_size), segment->base + relative, anew,
               "entry %zu: %s", entry, what);
}

/* Kafka makes index files large and cuts them at roll and stop; after a crash the rest is zero. */
static void drop_padding(struct verify_segment *segment, struct verify_index *index)
{
    static const uint8_t zero[INDEX_TIME_ENTRY];
    size_t count = index->index.count;

    while (count > 0 &&
           memcmp(index_at(&index->index, count - 1), zero, index->index.entry_size) == 0)
        count--;
    /* One entry of zeros may be true: of a first batch with one record. */
    if (count == index->index.count || (count == 0 && index->index.count == 1))
        return;
    verify_say(segment->partition->verify, LOG_FINDING_NOTE, index->path,
               (int64_t)(count * index->index.entry_size), -1, NULL,
               "%zu empty entries at the end: Kafka had made room for them",
               index->index.count - count);
    index_cut(&index->index, count);
}

static int open_index(struct verify_segment *segment, struct verify_index *index,
                      const char *suffix, size_t entry_size)
{
    struct verify *verify = segment->partition->verify;

    index_init(&index->index, entry_size);
    index->next = 0;
    index->awaited = -1;
    snprintf(index->path, sizeof index->path, "%.*s%s", (int)(strlen(segment->path) - 4),
             segment->path, suffix);
    int error = index_load(&index->index, verify->io, index->path);
    index->loaded = error == 0;
    if (error == 0)
        drop_padding(segment, index);
    if (error == K_NOT_FOUND) {
        /* That of the active segment is written once a second. */
        verify_say(verify, segment->last ? LOG_FINDING_NOTE : LOG_FINDING_FAULT, index->path, -1,
                   -1, "nothing: the next start makes it anew from the segment",
                   "the index is missing");
        return 0;
    }
    if (error == K_CORRUPT) {
        verify_say(verify, LOG_FINDING_FAULT, index->path, -1, -1, anew,
                   "the size of the index is not a multiple of its entry");
        return 0;
    }
    return error;
}

int verify_indexes_open(struct verify_segment *segment)
{
    int error = open_index(segment, &segment->offsets, ".index", INDEX_OFFSET_ENTRY);
    if (error == 0)
        error = open_index(segment, &segment->times, ".timeindex", INDEX_TIME_ENTRY);
    if (error == 0)
        error = verify_aborted_open(segment);
    return error;
}

void verify_indexes_close(struct verify_segment *segment)
{
    index_fini(&segment->offsets.index);
    index_fini(&segment->times.index);
    verify_aborted_close(segment);
}

/* --- offsets ------------------------------------------------------------------------------ */

/* Take entry `next`, which is for the batch at its position. */
static void take_offset_entry(struct verify_segment *segment, int64_t last)
{
    struct verify_index *index = &segment->offsets;
    struct offset_entry entry = index_offset_at(&index->index, index->next);

    if (entry.relative < last)
        say(segment, index, index->next, entry.relative,
            "the batch there ends with a later offset");
    else if (entry.relative > last)
        index->awaited = entry.relative;
    index->next++;
}

/* Entries that stand before `position` have no batch. */
static void pass_offset_entries(struct verify_segment *segment, int64_t position)
{
    struct verify_index *index = &segment->offsets;

    for (; index->next < index->index.count; index->next++) {
        struct offset_entry entry = index_offset_at(&index->index, index->next);
        if (index->next > 0) {
            struct offset_entry before = index_offset_at(&index->index, index->next - 1);
            if (entry.position <= before.position || entry.relative <= before.relative) {
                say(segment, index, index->next, entry.relative, "it does not ascend");
                continue;
            }
        }
        if (entry.position >= position)
            return;
        say(segment, index, index->next, entry.relative, "no batch begins at its position");
    }
}

static void walk_offsets(struct verify_segment *segment, const uint8_t *batch, int64_t position)
{
    struct verify_index *index = &segment->offsets;

    pass_offset_entries(segment, position);
    bool named = index->next < index->index.count &&
                 index_offset_at(&index->index, index->next).position == position;
    if (batch == NULL) {
        index->next += named;           /* what it says can not be judged */
        index->awaited = -1;
        return;
    }
    int64_t last = batch_last_offset(batch) - segment->base;
    if (index->awaited == last) {
        index->awaited = -1;
    } else if (index->awaited >= 0 && (named || last > index->awaited)) {
        say(segment, index, index->next - 1, index->awaited, "no batch there ends with its offset");
        index->awaited = -1;
    }
    if (named)
        take_offset_entry(segment, last);
}

/* --- timestamps --------------------------------------------------------------------------- */

static void take_time_entry(struct verify_segment *segment, const uint8_t *batch)
{
    struct verify_index *index = &segment->times;
    struct time_entry entry = index_time_at(&index->index, index->next);

    if (entry.relative + segment->base < batch_base_offset(batch))
        say(segment, index, index->next, entry.relative, "no batch contains its offset");
    else if (entry.timestamp < segment->max_timestamp ||
             batch_max_timestamp(batch) != entry.timestamp)
        say(segment, index, index->next, entry.relative,
            "its timestamp is not the largest up to its offset");
    index->next++;
}

static bool time_entry_ascends(struct verify_segment *segment)
{
    struct verify_index *index = &segment->times;
    if (index->next == 0)
        return true;
    struct time_entry before = index_time_at(&index->index, index->next - 1);
    struct time_entry entry = index_time_at(&index->index, index->next);
    return entry.timestamp > before.timestamp && entry.relative >= before.relative;
}

static void walk_times(struct verify_segment *segment, const uint8_t *batch)
{
    struct verify_index *index = &segment->times;

    if (batch_newest_timestamp(batch) > segment->max_timestamp)
        segment->max_timestamp = batch_newest_timestamp(batch);
    while (index->next < index->index.count) {
        struct time_entry entry = index_time_at(&index->index, index->next);
        if (!time_entry_ascends(segment)) {
            say(segment, index, index->next++, entry.relative, "it does not ascend");
            continue;
        }
        if (entry.relative + segment->base > batch_last_offset(batch))
            return;
        take_time_entry(segment, batch);
    }
}

/* --- both --------------------------------------------------------------------------------- */

void verify_indexes_batch(struct verify_segment *segment, const uint8_t *batch, int64_t position)
{
    walk_offsets(segment, batch, position);
    verify_aborted_batch(segment, batch);
    if (batch != NULL && segment->times.loaded)
        walk_times(segment, batch);
    else if (batch == NULL)
        segment->times.loaded = false;  /* its timestamp is not known: nothing can be judged */
}

static int64_t last_timestamp(const struct index *times)
{
    return times->count == 0 ? -1 : index_time_at(times, times->count - 1).timestamp;
}

void verify_indexes_end(struct verify_segment *segment, bool whole)
{
    struct verify_index *offsets = &segment->offsets, *times = &segment->times;

    verify_aborted_end(segment, whole);
    if (!whole)
        return;                         /* what lies behind the break can not be judged */
    pass_offset_entries(segment, INT64_MAX);
    if (offsets->awaited >= 0)
        say(segment, offsets, offsets->next - 1, offsets->awaited,
            "no batch there ends with its offset");
    if (!times->loaded)
        return;
    for (; times->next < times->index.count; times->next++)
        say(segment, times, times->next, index_time_at(&times->index, times->next).relative,
            "the segment does not reach to its offset");
    if (!segment->last && last_timestamp(&times->index) < segment->max_timestamp)
        verify_say(segment->partition->verify, LOG_FINDING_FAULT, times->path, -1, -1, anew,
                   "the index ends with timestamp %" PRId64 ", but the segment has %" PRId64,
                   last_timestamp(&times->index), segment->max_timestamp);
}
