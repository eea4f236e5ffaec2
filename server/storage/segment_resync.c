/* storage/segment_resync.c - where the batches go on after a damaged one.
 *
 * A batch whose header is damaged says nothing about where the next begins. It is looked for byte
 * by byte, and found when a header makes sense, continues the offsets, and the checksum over the
 * whole batch is right. */
#include <stdlib.h>

#include "common/error.h"
#include "proto/batch.h"
#include "server/storage/batch_file.h"
#include "server/storage/io.h"
#include "server/storage/segment.h"

enum { CHUNK = 64 << 10, ATTRIBUTES_KNOWN = 0x7f };

/* Could a batch begin here, with `left` bytes up to the end of the file? */
static bool is_plausible(const uint8_t *at, int64_t left, int64_t expected)
{
    if (at[BATCH_MAGIC] != 2 || (batch_attributes(at) & ~ATTRIBUTES_KNOWN) != 0)
        return false;
    int64_t size = (int64_t)batch_size(at), base = batch_base_offset(at);
    return size >= BATCH_HEADER_SIZE && size <= left && base >= expected &&
           base - expected <= INT32_MAX && batch_last_delta(at) >= 0;
}

static int check_whole(const struct batch_file *file, int64_t position, size_t size, bool *good)
{
    uint8_t *bytes = malloc(size);
    size_t checked;
    if (bytes == NULL)
        return K_NOMEM;
    int error = io_read_all(file->io, file->fd, bytes, size, position);
    *good = error == 0 && batch_check(bytes, size, false, &checked) == 0;
    free(bytes);
    return error;
}

/* Look at what begins in one chunk of `size` bytes at `position`. NOT_FOUND. */
static int search_chunk(const struct batch_file *file, const uint8_t *chunk, int64_t position,
                        size_t size, int64_t expected, int64_t *found)
{
    for (size_t i = 0; i + BATCH_HEADER_SIZE <= size; i++) {
        bool good = false;
        if (!is_plausible(chunk + i, file->end - position - (int64_t)i, expected))
            continue;
        int error = check_whole(file, position + (int64_t)i, batch_size(chunk + i), &good);
        if (error != 0)
            return error;
        if (good) {
            *found = position + (int64_t)i;
            return 0;
        }
    }
    return K_NOT_FOUND;
}

int segment_resync(const struct batch_file *file, int64_t from, int64_t expected, int64_t *found)
{
    uint8_t *chunk = malloc(CHUNK);
    int error = chunk == NULL ? K_NOMEM : K_NOT_FOUND;

    for (int64_t at = from; error == K_NOT_FOUND && file->end - at >= BATCH_HEADER_SIZE;
         at += CHUNK - BATCH_HEADER_SIZE + 1) {
        size_t size = file->end - at < CHUNK ? (size_t)(file->end - at) : CHUNK;
        error = io_read_all(file->io, file->fd, chunk, size, at);
        if (error == 0)
            error = search_chunk(file, chunk, at, size, expected, found);
    }
    free(chunk);
    return error;
}
