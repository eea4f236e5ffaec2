/* storage/segment_lookup.h - one entry of a segment's indexes: from memory, where an index that is
 * still written is, or was made anew; else from its file, of which only a few entries are read.
 *
 * An index file that was damaged is CORRUPT as far as it was looked at, and so is one that is
 * missing: segment_rebuild_indexes() is the answer to that. What is returned is still to be held
 * against the batch that it names. For the files of a segment; belongs to its loop; may block. */
#ifndef STORAGE_SEGMENT_LOOKUP_H
#define STORAGE_SEGMENT_LOOKUP_H

#include "server/storage/index_search.h"
#include "server/storage/segment.h"

/* The last entry with an offset (relative to the base), position or timestamp of at most what is
 * asked for. 0, NOT_FOUND (there is none), CORRUPT, IO, NOMEM. */
int segment_look_up_offset(struct segment *segment, int64_t relative, struct offset_entry *out);
int segment_look_up_position(struct segment *segment, int64_t position, struct offset_entry *out);
int segment_look_up_time(const struct segment *segment, int64_t timestamp, struct time_entry *out);

/* What the entries of its files must lie below, when it has `size` bytes and ends at
 * `next_offset`. */
struct index_bounds segment_index_bounds(const struct segment *segment, int64_t size,
                                         int64_t next_offset);

#endif
