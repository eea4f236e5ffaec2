#include "server/storage/segment_lookup.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/error.h"

static const char *path_of(const struct segment *segment, const char *suffix, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s%s%s", segment->path, suffix, segment->mark);
    return path;
}

struct index_bounds segment_index_bounds(const struct segment *segment, int64_t size,
                                         int64_t next_offset)
{
    struct index_bounds bounds = { size, INT32_MAX + INT64_C(1) };
    if (next_offset > segment->base_offset)
        bounds.relative_end = next_offset - segment->base_offset;
    return bounds;
}

static struct index_bounds bounds_of(const struct segment *segment)
{
    return segment_index_bounds(segment, segment->tail.size, segment->tail.next_offset);
}

/* The page that the last search read: who reads a log from batch to batch is there again. */
static int need_page(struct segment *segment)
{
    if (segment->page == NULL) {
        segment->page = malloc(sizeof *segment->page);
        if (segment->page == NULL)
            return K_NOMEM;
        segment->page->count = 0;
    }
    return 0;
}

int segment_look_up_offset(struct segment *segment, int64_t relative, struct offset_entry *out)
{
    char path[PATH_MAX];
    if (segment->indexed)
        return index_offset_find(&segment->offsets, relative, out) ? 0 : K_NOT_FOUND;
    struct index_bounds bounds = bounds_of(segment);
    int error = need_page(segment);
    if (error != 0)
        return error;
    return index_search_offset(segment->io, path_of(segment, ".index", path), &bounds, relative,
                               segment->page, out);
}

int segment_look_up_position(struct segment *segment, int64_t position, struct offset_entry *out)
{
    char path[PATH_MAX];
    if (segment->indexed)
        return index_offset_find_position(&segment->offsets, position, out) ? 0 : K_NOT_FOUND;
    struct index_bounds bounds = bounds_of(segment);
    int error = need_page(segment);
    if (error != 0)
        return error;
    return index_search_position(segment->io, path_of(segment, ".index", path), &bounds, position,
                                 segment->page, out);
}

int segment_look_up_time(const struct segment *segment, int64_t timestamp, struct time_entry *out)
{
    char path[PATH_MAX];
    if (segment->indexed)
        return index_time_find(&segment->times, timestamp, out) ? 0 : K_NOT_FOUND;
    struct index_bounds bounds = bounds_of(segment);
    return index_search_time(segment->io, path_of(segment, ".timeindex", path), &bounds, timestamp,
                             out);
}
