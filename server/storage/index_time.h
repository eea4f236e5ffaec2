/* storage/index_time.h - the sparse index from timestamps to offsets of a segment.
 *
 * An entry is 12 bytes: i64 timestamp, i32 offset relative to the base. It says: the largest
 * timestamp of the segment up to here, first reached by the batch with this last offset.
 * Timestamps ascend strictly. */
#ifndef STORAGE_INDEX_TIME_H
#define STORAGE_INDEX_TIME_H

#include <stdbool.h>

#include "server/storage/index.h"

enum { INDEX_TIME_ENTRY = 12 };

struct time_entry {
    int64_t timestamp;
    int32_t relative;
};

struct time_entry index_time_decode(const uint8_t *at);
struct time_entry index_time_at(const struct index *index, size_t i);

/* Add, unless the timestamp is not beyond the last one (or is none, -1). 0 or K_NOMEM. */
int index_time_add(struct index *index, struct time_entry entry);

/* The last entry with a timestamp of at most `timestamp`; false when there is none. */
bool index_time_find(const struct index *index, int64_t timestamp, struct time_entry *out);

/* Do timestamps ascend strictly, offsets ascend, and stay in [0, relative_end)? */
bool index_time_valid(const struct index *index, int64_t relative_end);

/* Drop the entries with offsets at or beyond `relative`. */
void index_time_cut(struct index *index, int64_t relative);

#endif
