/* storage/segment_reserve.c - room for a segment before it is written.
 *
 * Only the last segment of a log has room behind its end, and its size never tells of it: what is
 * recovered, synced, sent and cut is the same with and without. Cutting a file to the size it has
 * gives back what lies behind. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "common/error.h"
#include "server/storage/io.h"
#include "server/storage/segment.h"

/* More than file systems use for themselves, or by rounding up. */
enum { NOT_WORTH_IT = 64 << 10, STAT_BLOCK = 512 };

int segment_reserve(struct segment *segment, int64_t size)
{
    int result;
    if (segment->reserved)
        return 0;
    int error = segment_need_file(segment);
    if (error != 0)
        return error;
    do
        result = segment->io->reserve(segment->io, segment->fd, size);
    while (result != 0 && errno == EINTR);
    if (result != 0 && errno != EOPNOTSUPP && errno != ENOSYS)
        return io_error();
    segment->reserved = true;               /* also if it can not be: once is enough to ask */
    return 0;
}

int segment_unreserve(struct segment *segment)
{
    if (!segment->reserved)
        return 0;
    int error = segment_need_file(segment);
    if (error == 0 && segment->io->truncate(segment->io, segment->fd, segment->tail.size) != 0)
        error = io_error();
    if (error == 0)
        segment->reserved = false;
    return error;
}

int segment_find_reserved(struct segment *segment)
{
    char path[PATH_MAX];
    struct stat status;
    snprintf(path, sizeof path, "%s.log", segment->path);
    if (segment->io->stat_path(segment->io, path, &status) != 0)
        return io_error();
    segment->reserved =
        (int64_t)status.st_blocks * STAT_BLOCK > segment->tail.size + NOT_WORTH_IT;
    return segment_unreserve(segment);
}
