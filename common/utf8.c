#include "common/utf8.h"

#include <stdbool.h>
#include <string.h>

static bool follows(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

size_t utf8_character(const uint8_t *at, size_t left)
{
    uint8_t first = at[0];

    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4 || left < 2 || !follows(at[1]))
        return 0;
    if (first < 0xe0)
        return 2;
    /* What the second byte must keep out: overlong forms, surrogates, what lies beyond the end. */
    if ((first == 0xe0 && at[1] < 0xa0) || (first == 0xed && at[1] > 0x9f) ||
        (first == 0xf0 && at[1] < 0x90) || (first == 0xf4 && at[1] > 0x8f))
        return 0;
    if (left < 3 || !follows(at[2]))
        return 0;
    if (first < 0xf0)
        return 3;
    return left >= 4 && follows(at[3]) ? 4 : 0;
}

size_t utf8_valid(const uint8_t *bytes, size_t size)
{
    const uint64_t high_bits = 0x8080808080808080;
    size_t at = 0;

    while (at < size) {
        uint64_t eight;
        /* Most text is ASCII. */
        while (size - at >= sizeof eight) {
            memcpy(&eight, bytes + at, sizeof eight);
            if ((eight & high_bits) != 0)
                break;
            at += sizeof eight;
        }
        if (at == size)
            break;
        size_t step = utf8_character(bytes + at, size - at);
        if (step == 0)
            break;
        at += step;
    }
    return at;
}
