/* storage/index_offset.h - the sparse index from offsets to places in a segment file.
 *
 * An entry is 8 bytes: i32 offset relative to the segment's base, i32 position. It names the
 * last offset of a batch and where that batch starts; both ascend strictly. */
#ifndef STORAGE_INDEX_OFFSET_H
#define STORAGE_INDEX_OFFSET_H

#include <stdbool.h>

#include "server/storage/index.h"

enum { INDEX_OFFSET_ENTRY = 8 };

struct offset_entry {
    int32_t relative;           /* last offset of the batch, minus the base offset */
    int32_t position;           /* of the batch */
};

struct offset_entry index_offset_decode(const uint8_t *at);
struct offset_entry index_offset_at(const struct index *index, size_t i);

/* 0 or K_NOMEM. The entry must lie beyond the last one. */
int index_offset_add(struct index *index, struct offset_entry entry);

/* The last entry whose offset is at most `relative`; false when there is none: start at 0. */
bool index_offset_find(const struct index *index, int64_t relative, struct offset_entry *out);

/* The last entry whose position is at most `position`. */
bool index_offset_find_position(const struct index *index, int64_t position,
                                struct offset_entry *out);

/* Do the entries ascend, and end inside a file of `size` bytes with offsets below `end`? */
bool index_offset_valid(const struct index *index, int64_t size, int64_t relative_end);

/* Drop the entries of batches that start at `position` or later. */
void index_offset_cut(struct index *index, int64_t position);

/* Drop the entries of batches whose last offset is `relative` or more. */
void index_offset_cut_from(struct index *index, int64_t relative);

#endif
