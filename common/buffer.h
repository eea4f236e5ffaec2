/* buffer.h - bytes that grow at the end. Not thread-safe; owned by whoever made it. */
#ifndef COMMON_BUFFER_H
#define COMMON_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct buffer {
    uint8_t *bytes;                 /* owned; moves when it grows; NULL while capacity is 0 */
    size_t size, capacity;
};

void buffer_init(struct buffer *buffer);
void buffer_fini(struct buffer *buffer);

/* Make room for `more` bytes after the `size` in use; at least doubles what it has to enlarge.
 * Returns 0 or K_NOMEM. */
int buffer_reserve(struct buffer *buffer, size_t more);

/* Append a copy. Returns 0 or K_NOMEM. */
int buffer_copy(struct buffer *buffer, const void *bytes, size_t size);

#endif
