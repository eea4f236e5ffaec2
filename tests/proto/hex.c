#include "tests/proto/hex.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"

struct bytes bytes_of(const char *text)
{
    struct bytes bytes = {.size = 0};
    char pair[3] = "";

    while (*text != '\0') {
        if (*text == ' ') {
            text++;
        } else if (*text == '\'') {
            for (text++; *text != '\''; text++)
                bytes.data[bytes.size++] = (uint8_t)*text;
            text++;
        } else {
            memcpy(pair, text, 2);
            bytes.data[bytes.size++] = (uint8_t)strtoul(pair, NULL, 16);
            text += 2;
        }
        ck_assert_uint_lt(bytes.size, HEX_BYTES_MAX);
    }
    return bytes;
}

void check_written(struct buffer *buffer, const char *expected)
{
    struct bytes bytes = bytes_of(expected);

    ck_assert_uint_eq(buffer->size, bytes.size);
    ck_assert_mem_eq(buffer->bytes, bytes.data, bytes.size);
    buffer_fini(buffer);
}
