#include "common/buffer.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

enum { CAPACITY_MIN = 256 };

void buffer_init(struct buffer *buffer)
{
    *buffer = (struct buffer){ 0 };
}

void buffer_fini(struct buffer *buffer)
{
    free(buffer->bytes);
    buffer_init(buffer);
}

int buffer_reserve(struct buffer *buffer, size_t more)
{
    if (more <= buffer->capacity - buffer->size)
        return 0;
    if (more > SIZE_MAX / 4 - buffer->size)
        return K_NOMEM;

    size_t capacity = 2 * buffer->capacity;
    if (capacity < buffer->size + more)
        capacity = buffer->size + more;
    if (capacity < CAPACITY_MIN)
        capacity = CAPACITY_MIN;
    uint8_t *bytes = realloc(buffer->bytes, capacity);
    if (bytes == NULL)
        return K_NOMEM;
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return 0;
}

int buffer_copy(struct buffer *buffer, const void *bytes, size_t size)
{
    int error = buffer_reserve(buffer, size);
    if (error != 0)
        return error;
    if (size > 0)
        memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += size;
    return 0;
}
