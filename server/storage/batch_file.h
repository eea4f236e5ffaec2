/* storage/batch_file.h - walk the batches of a segment file with large reads.
 *
 * Looks only at [position, end) of an open file, and trusts nothing in it. Not thread-safe. The
 * window is small and the caller's for looking at a few headers, else its own: that one reads
 * little at first, and ever more as long as the walk goes on without a leap. */
#ifndef STORAGE_BATCH_FILE_H
#define STORAGE_BATCH_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/batch.h"

struct buffer;
struct io;

enum {
    BATCH_FILE_WINDOW = 4096,           /* enough for what lies between two index entries */
    BATCH_FILE_WINDOW_LARGE = 1 << 20,
    BATCH_OPENED_MAX = 256 << 20         /* bytes of a decompressed batch */
};

struct batch_file {
    const struct io *io;                /* borrowed */
    int fd;                             /* borrowed */
    int64_t position, end;              /* of the next batch; of what may be read */
    uint8_t *window;
    size_t capacity;
    int64_t window_position;
    size_t window_size;                 /* bytes of the file in the window */
    bool owned;                         /* the window is ours: it may grow, and is freed */
    size_t ahead;                       /* what the next read takes at least; 0: the capacity */
};

/* `window` of `capacity` bytes (at least BATCH_HEADER_SIZE) is borrowed; NULL: it makes its own,
 * and grows it to the largest batch. */
void batch_file_init(struct batch_file *file, const struct io *io, int fd, int64_t position,
                     int64_t end, uint8_t *window, size_t capacity);
void batch_file_fini(struct batch_file *file);

/* Go elsewhere; what the window holds is used if it can be. */
void batch_file_seek(struct batch_file *file, int64_t position);

/* The header of the batch at the position, valid until the next call: its size fits into the
 * file, magic and deltas make sense. Returns 0, NOT_FOUND (exactly at the end), CORRUPT (no batch
 * can start here), IO, NOMEM. */
int batch_file_header(struct batch_file *file, const uint8_t **header);

/* The whole batch, checksum not checked; an own window only. */
int batch_file_batch(struct batch_file *file, const uint8_t **batch);

/* Start on the records of a whole batch, decompressed into `opened` (reset before) if needed. It
 * must stay until the reader is done. NOMEM, CORRUPT_MESSAGE, UNSUPPORTED_COMPRESSION_TYPE,
 * MESSAGE_TOO_LARGE (over BATCH_OPENED_MAX). */
int batch_open(struct batch_reader *reader, const uint8_t *batch, struct buffer *opened);

/* Step over the batch that the last call returned. */
void batch_file_next(struct batch_file *file, const uint8_t *header);

#endif
