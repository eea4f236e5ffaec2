#include "common/uuid.h"

#include <string.h>
#include <sys/random.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct uuid uuid_random(void)
{
    struct uuid uuid;
    char text[UUID_TEXT_SIZE];
    do {
        for (size_t have = 0; have < sizeof uuid.bytes;) {
            ssize_t got = getrandom(uuid.bytes + have, sizeof uuid.bytes - have, 0);
            if (got > 0)
                have += (size_t)got;
        }
        uuid.bytes[6] = (uint8_t)((uuid.bytes[6] & 0x0f) | 0x40);
        uuid.bytes[8] = (uint8_t)((uuid.bytes[8] & 0x3f) | 0x80);
        uuid_format(&uuid, text);
    } while (text[0] == '-');
    return uuid;
}

void uuid_format(const struct uuid *uuid, char text[UUID_TEXT_SIZE])
{
    uint32_t bits = 0;
    int have = 0;
    for (size_t i = 0; i < sizeof uuid->bytes; i++) {
        bits = (bits << 8) | uuid->bytes[i];
        for (have += 8; have >= 6; have -= 6)
            *text++ = alphabet[(bits >> (have - 6)) & 63];
    }
    *text++ = alphabet[(bits << (6 - have)) & 63];
    *text = '\0';
}

bool uuid_parse(const char *text, struct uuid *out)
{
    struct uuid uuid;
    uint32_t bits = 0;
    int have = 0;
    size_t size = 0;

    if (strnlen(text, UUID_TEXT_SIZE) != UUID_TEXT_SIZE - 1)
        return false;
    for (const char *at = text; *at != '\0'; at++) {
        const char *found = strchr(alphabet, *at);
        if (found == NULL)
            return false;
        bits = (bits << 6) | (uint32_t)(found - alphabet);
        have += 6;
        if (have >= 8) {
            have -= 8;
            uuid.bytes[size++] = (uint8_t)(bits >> have);
        }
    }
    /* 22 characters carry four bits more than 16 bytes: they must be zero, or two texts would
     * name one uuid. */
    if ((bits & ((1u << have) - 1)) != 0)
        return false;
    *out = uuid;
    return true;
}

bool uuid_is_zero(const struct uuid *uuid)
{
    static const struct uuid zero;
    return uuid_equal(uuid, &zero);
}

bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

uint64_t uuid_hash(const struct uuid *uuid)
{
    uint64_t low, high;
    memcpy(&low, uuid->bytes, 8);
    memcpy(&high, uuid->bytes + 8, 8);
    uint64_t mixed = (low ^ (high * 0x9e3779b97f4a7c15)) * 0xbf58476d1ce4e5b9;
    return mixed ^ (mixed >> 31);
}
