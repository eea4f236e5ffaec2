#include "common/cursor.h"

#include "common/endian.h"

uint8_t cursor_u8(struct cursor *cursor)
{
    const uint8_t *at = cursor_bytes(cursor, 1);
    return at != NULL ? *at : 0;
}

uint16_t cursor_u16(struct cursor *cursor)
{
    const uint8_t *at = cursor_bytes(cursor, 2);
    return at != NULL ? load_u16(at) : 0;
}

uint32_t cursor_u32(struct cursor *cursor)
{
    const uint8_t *at = cursor_bytes(cursor, 4);
    return at != NULL ? load_u32(at) : 0;
}

uint64_t cursor_u64(struct cursor *cursor)
{
    const uint8_t *at = cursor_bytes(cursor, 8);
    return at != NULL ? load_u64(at) : 0;
}

static uint64_t read_bits(struct cursor *cursor, int bytes_max, uint8_t last_max)
{
    uint64_t bits = 0;
    for (int i = 0; i < bytes_max; i++) {
        const uint8_t *at = cursor_bytes(cursor, 1);
        if (at == NULL)
            return 0;
        bits |= (uint64_t)(*at & 0x7f) << (7 * i);
        if (*at < 0x80) {
            if (i == bytes_max - 1 && *at > last_max)
                break;
            return bits;
        }
    }
    cursor->failed = true;
    return 0;
}

static int64_t unzigzag(uint64_t bits)
{
    return (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
}

int32_t cursor_varint(struct cursor *cursor)
{
    return (int32_t)unzigzag(read_bits(cursor, 5, 0x0f));
}

int64_t cursor_varlong(struct cursor *cursor)
{
    return unzigzag(read_bits(cursor, 10, 0x01));
}
