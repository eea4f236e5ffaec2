/* cursor.h - read big-endian fields and varints from bytes of unknown honesty.
 *
 * A cursor never runs past its end: the first read that would, sets `failed`, and from then on
 * every read returns 0 or NULL. So a parser reads all its fields and checks once. */
#ifndef COMMON_CURSOR_H
#define COMMON_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
    const uint8_t *next, *end;
    bool failed;
};

static inline struct cursor cursor_of(const void *bytes, size_t size)
{
    const uint8_t *start = bytes;
    /* Nothing may be at NULL, to which not even 0 may be added. */
    const uint8_t *end = size > 0 ? start + size : start;
    return (struct cursor){ .next = start, .end = end, .failed = false };
}

static inline size_t cursor_left(const struct cursor *cursor)
{
    return (size_t)(cursor->end - cursor->next);
}

/* The next `size` bytes, or NULL (and failed). */
static inline const uint8_t *cursor_bytes(struct cursor *cursor, size_t size)
{
    if (cursor->failed || cursor_left(cursor) < size) {
        cursor->failed = true;
        return NULL;
    }
    const uint8_t *bytes = cursor->next;
    cursor->next += size;
    return bytes;
}

uint8_t cursor_u8(struct cursor *cursor);
uint16_t cursor_u16(struct cursor *cursor);
uint32_t cursor_u32(struct cursor *cursor);
uint64_t cursor_u64(struct cursor *cursor);

/* Zig-zag varints as in Kafka's records: at most 5 and 10 bytes, more is a failure. */
int32_t cursor_varint(struct cursor *cursor);
int64_t cursor_varlong(struct cursor *cursor);

#endif
