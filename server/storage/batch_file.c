/* storage/batch_file.c - a window that slides over the batches of a file. */
#include "server/storage/batch_file.h"

#include <assert.h>
#include <stdlib.h>

#include "common/buffer.h"
#include "common/compress.h"
#include "common/error.h"
#include "server/storage/io.h"

void batch_file_init(struct batch_file *file, const struct io *io, int fd, int64_t position,
                     int64_t end, uint8_t *window, size_t capacity)
{
    *file = (struct batch_file){ .io = io, .fd = fd, .position = position, .end = end,
                                 .window = window, .capacity = capacity, .owned = window == NULL,
                                 .ahead = window == NULL ? BATCH_FILE_WINDOW : 0 };
}

void batch_file_fini(struct batch_file *file)
{
    if (file->owned)
        free(file->window);
    file->window = NULL;
}

void batch_file_seek(struct batch_file *file, int64_t position)
{
    file->position = position;
}

/* How much to read for `size` bytes. Who only looks at the headers of large batches leaps from one
 * to the next. */
static size_t choose_read(struct batch_file *file, size_t size)
{
    int64_t read_end = file->window_position + (int64_t)file->window_size;
    if (file->ahead == 0)
        return file->capacity > size ? file->capacity : size;
    if (file->window_size == 0 || file->position < file->window_position ||
        file->position > read_end)
        file->ahead = BATCH_FILE_WINDOW;
    else if (file->ahead < BATCH_FILE_WINDOW_LARGE)
        file->ahead *= 2;
    return file->ahead > size ? file->ahead : size;
}

/* An own window that holds `size` bytes; what it held is forgotten. */
static int make_room(struct batch_file *file, size_t size)
{
    file->window_size = 0;
    if (size <= file->capacity)
        return 0;
    assert(file->owned);
    free(file->window);
    file->window = malloc(size);
    file->capacity = file->window == NULL ? 0 : size;
    return file->window == NULL ? K_NOMEM : 0;
}

/* Make [position, position + size) available in the window. */
static int fill(struct batch_file *file, size_t size, const uint8_t **at)
{
    int64_t into = file->position - file->window_position;
    if (into >= 0 && into + (int64_t)size <= (int64_t)file->window_size) {
        *at = file->window + into;
        return 0;
    }
    int64_t left = file->end - file->position;
    size_t wanted = choose_read(file, size);
    if ((int64_t)wanted > left)
        wanted = (size_t)left;
    int error = make_room(file, wanted);
    if (error == 0)
        error = io_read_all(file->io, file->fd, file->window, wanted, file->position);
    if (error != 0)
        return error;
    file->window_position = file->position;
    file->window_size = wanted;
    *at = file->window;
    return 0;
}

int batch_file_header(struct batch_file *file, const uint8_t **header)
{
    int64_t left = file->end - file->position;
    if (left == 0)
        return K_NOT_FOUND;
    if (left < BATCH_HEADER_SIZE)
        return K_CORRUPT;

    const uint8_t *at;
    int error = fill(file, BATCH_HEADER_SIZE, &at);
    if (error != 0)
        return error;
    int64_t size = batch_size(at);
    if (size < BATCH_HEADER_SIZE || size > left || at[BATCH_MAGIC] != 2 ||
        batch_base_offset(at) < 0 || batch_last_delta(at) < 0 ||
        batch_base_offset(at) > INT64_MAX - batch_last_delta(at) - 1)
        return K_CORRUPT;
    *header = at;
    return 0;
}

int batch_file_batch(struct batch_file *file, const uint8_t **batch)
{
    const uint8_t *header;
    int error = batch_file_header(file, &header);
    if (error != 0)
        return error;
    return fill(file, batch_size(header), batch);
}

void batch_file_next(struct batch_file *file, const uint8_t *header)
{
    file->position += (int64_t)batch_size(header);
}

int batch_open(struct batch_reader *reader, const uint8_t *batch, struct buffer *opened)
{
    if (batch_codec(batch) == CODEC_NONE)
        return batch_reader_init(reader, batch, NULL, 0);
    opened->size = 0;
    int error = decompress_bytes(batch_codec(batch), batch + BATCH_HEADER_SIZE,
                                 batch_size(batch) - BATCH_HEADER_SIZE, BATCH_OPENED_MAX, opened);
    if (error != 0)
        return error;
    /* No records at all is an empty piece, which a NULL would not say. */
    return batch_reader_init(reader, batch, opened->size > 0 ? opened->bytes : batch, opened->size);
}
