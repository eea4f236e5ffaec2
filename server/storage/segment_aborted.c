/* storage/segment_aborted.c - a segment's index of aborted transactions: load, save, forget. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "common/error.h"
#include "server/storage/io.h"
#include "server/storage/segment.h"
#include "server/storage/txn_index.h"

static const char *path_of(const struct segment *segment, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s.txnindex", segment->path);
    return path;
}

void segment_forget_aborted(struct segment *segment)
{
    index_fini(&segment->aborted);
    segment->aborted_known = false;
}

int segment_need_aborted(struct segment *segment)
{
    char path[PATH_MAX];
    if (segment->aborted_known)
        return 0;
    int error = index_load(&segment->aborted, segment->io, path_of(segment, path));
    if (error == K_NOT_FOUND) {
        segment->aborted.saved = true;
        error = 0;
    }
    if (error == 0 && !txn_index_valid(&segment->aborted, segment->base_offset,
                                       segment->tail.next_offset)) {
        segment_forget_aborted(segment);
        error = K_CORRUPT;
    }
    segment->aborted_known = error == 0;
    return error;
}

int segment_clear_aborted(struct segment *segment)
{
    char path[PATH_MAX];
    int error = io_remove_file(segment->io, path_of(segment, path));
    if (error != 0)
        return error;
    index_fini(&segment->aborted);
    segment->aborted.saved = segment->aborted_known = true;
    return 0;
}

int segment_save_aborted(struct segment *segment)
{
    char path[PATH_MAX];
    return segment->aborted_known
               ? index_save(&segment->aborted, segment->io, path_of(segment, path))
               : 0;
}

int segment_sync_aborted(const struct segment *segment)
{
    char path[PATH_MAX];
    int error = io_sync_file(segment->io, path_of(segment, path));
    return error == K_NOT_FOUND ? 0 : error;
}
