/* storage/index.c - load, grow and save the entries of an index file. */
#include "server/storage/index.h"

#include <fcntl.h>
#include <stdlib.h>

#include "common/error.h"
#include "server/storage/io.h"

enum { INDEX_FILE_MAX = 1 << 30 };     /* bytes; segment.index.bytes is far below */

void index_init(struct index *index, size_t entry_size)
{
    *index = (struct index){ .entry_size = entry_size };
}

void index_fini(struct index *index)
{
    free(index->bytes);
    index_init(index, index->entry_size);
}

int index_reserve(struct index *index, size_t count)
{
    size_t wanted = index->count + count;
    if (wanted <= index->capacity)
        return 0;
    size_t capacity = index->capacity == 0 ? 64 : 2 * index->capacity;
    if (capacity < wanted)
        capacity = wanted;
    uint8_t *bytes = realloc(index->bytes, capacity * index->entry_size);
    if (bytes == NULL)
        return K_NOMEM;
    index->bytes = bytes;
    index->capacity = capacity;
    return 0;
}

uint8_t *index_add(struct index *index)
{
    if (index->count == index->capacity && index_reserve(index, 1) != 0)
        return NULL;
    index->saved = false;
    return index->bytes + index->count++ * index->entry_size;
}

void index_cut(struct index *index, size_t count)
{
    if (count < index->count) {
        index->count = count;
        index->saved = false;
    }
    if (index->written > index->count)
        index->written = index->count;
}

int index_load(struct index *index, const struct io *io, const char *path)
{
    char *bytes;
    size_t size;
    int error = io_read_file(io, path, INDEX_FILE_MAX, &bytes, &size);
    if (error != 0)
        return error;
    if (size % index->entry_size != 0) {
        free(bytes);
        return K_CORRUPT;
    }
    free(index->bytes);
    index->bytes = (uint8_t *)bytes;
    index->count = index->capacity = index->written = size / index->entry_size;
    index->saved = true;
    return 0;
}

int index_save(struct index *index, const struct io *io, const char *path)
{
    if (index->saved)
        return 0;
    int fd = io->open(io, path, O_WRONLY | O_CREAT, 0644);
    if (fd < 0 && io_error() == K_CORRUPT && io_remove_file(io, path) == 0) {
        index->written = 0;                 /* what was in the way is worth nothing: all anew */
        fd = io->open(io, path, O_WRONLY | O_CREAT, 0644);
    }
    if (fd < 0)
        return io_error();

    size_t from = index->written * index->entry_size, size = index->count * index->entry_size;
    int error = 0;
    if (size > from) {
        struct iovec piece = { .iov_base = index->bytes + from, .iov_len = size - from };
        error = io_write_all(io, fd, &piece, 1, (off_t)from);
    }
    if (error == 0 && io->truncate(io, fd, (off_t)size) != 0)
        error = io_error();
    if (io->close(io, fd) != 0 && error == 0)
        error = io_error();
    if (error == 0) {
        index->written = index->count;
        index->saved = true;
    }
    return error;
}
