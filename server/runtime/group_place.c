#include "server/runtime/group_place.h"

#include <string.h>

enum { REPLACEMENT = 0xfffd, SURROGATES = 0x10000 };

bool topic_is_internal(const char *name)
{
    return strcmp(name, OFFSETS_TOPIC) == 0 || strcmp(name, "__transaction_state") == 0;
}

/* Bytes that follow a first byte; -1: it can not be first. */
static int followers(uint8_t first)
{
    return first < 0x80 ? 0 : first < 0xc2 ? -1 : first < 0xe0 ? 1 : first < 0xf0 ? 2
         : first < 0xf5 ? 3 : -1;
}

/* The next character; *text moves behind it. */
static uint32_t next_character(const char **text)
{
    const uint8_t *bytes = (const uint8_t *)*text;
    int count = followers(bytes[0]);
    uint32_t character = count <= 0 ? bytes[0] : bytes[0] & (0x3fu >> count);

    (*text)++;
    if (count < 0)
        return REPLACEMENT;
    for (int i = 1; i <= count; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return REPLACEMENT;
        character = character << 6 | (bytes[i] & 0x3f);
    }
    *text += count;
    return character;
}

/* Over UTF-16 units, of which a character beyond the first plane has two. */
static uint32_t java_hash(const char *text)
{
    uint32_t hash = 0;

    while (*text != '\0') {
        uint32_t character = next_character(&text);
        if (character >= SURROGATES) {
            hash = 31 * hash + (0xd800 + ((character - SURROGATES) >> 10));
            character = 0xdc00 + ((character - SURROGATES) & 0x3ff);
        }
        hash = 31 * hash + character;
    }
    return hash;
}

/* The smallest number has no positive counterpart: it counts as 0. */
int32_t group_place(const char *group, int32_t partitions)
{
    int32_t hash = (int32_t)java_hash(group);
    int32_t positive = hash == INT32_MIN ? 0 : hash < 0 ? -hash : hash;

    return positive % partitions;
}
