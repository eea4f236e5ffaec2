#include <assert.h>
#include <string.h>

#include "common/endian.h"
#include "common/error.h"
#include "proto/consumer_protocol.h"

/* A text of `size` bytes; null below 0. */
static struct consumer_text view_of(struct cursor *cursor, int64_t size)
{
    if (size < 0)
        return (struct consumer_text){NULL, 0};
    const uint8_t *bytes = cursor_bytes(cursor, (size_t)size);
    /* Nothing may be at NULL: that is null. */
    return bytes != NULL ? (struct consumer_text){(const char *)bytes, (size_t)size}
                         : (struct consumer_text){"", 0};
}

static struct consumer_text nullable_of(struct cursor *cursor)
{
    int16_t size = (int16_t)cursor_u16(cursor);

    if (size < -1)
        cursor->failed = true;
    struct consumer_text text = view_of(cursor, cursor->failed ? 0 : size);
    if (text.size > 0 && memchr(text.data, '\0', text.size) != NULL)
        cursor->failed = true;
    return text;
}

static struct consumer_text text_of(struct cursor *cursor)
{
    struct consumer_text text = nullable_of(cursor);

    if (text.data == NULL)
        cursor->failed = true;
    return text;
}

static struct consumer_text bytes_of(struct cursor *cursor)
{
    int32_t size = (int32_t)cursor_u32(cursor);

    if (size < -1)
        cursor->failed = true;
    return view_of(cursor, cursor->failed ? 0 : size);
}

static struct consumer_claim claim_of(struct cursor *cursor)
{
    struct consumer_claim claim = {.topic = text_of(cursor)};

    claim.count = (int32_t)cursor_u32(cursor);
    if (claim.count < 0)
        cursor->failed = true;
    size_t size = cursor->failed ? 0 : (size_t)claim.count * sizeof(int32_t);
    claim.numbers = cursor_bytes(cursor, size);
    return claim;
}

/* Walks the list once, so that nobody after this one can fail: a count that is a lie ends at the
 * end of the bytes. */
static struct consumer_list list_of(struct cursor *cursor, bool of_claims)
{
    struct consumer_list list = {.count = (int32_t)cursor_u32(cursor)};

    if (list.count < 0)
        cursor->failed = true;
    list.rest = *cursor;
    for (int32_t i = 0; i < list.count && !cursor->failed; i++) {
        if (of_claims)
            claim_of(cursor);
        else
            text_of(cursor);
    }
    return list;
}

bool consumer_topic_next(struct consumer_list *list, struct consumer_text *out)
{
    if (list->count <= 0)
        return false;
    list->count--;
    *out = text_of(&list->rest);
    assert(!list->rest.failed);
    return true;
}

bool consumer_claim_next(struct consumer_list *list, struct consumer_claim *out)
{
    if (list->count <= 0)
        return false;
    list->count--;
    *out = claim_of(&list->rest);
    assert(!list->rest.failed);
    return true;
}

int32_t consumer_partition(const struct consumer_claim *claim, int32_t index)
{
    assert(index >= 0 && index < claim->count);
    return (int32_t)load_u32(claim->numbers + (size_t)index * sizeof(int32_t));
}

static int version_of(struct cursor *cursor)
{
    int version = (int16_t)cursor_u16(cursor);

    if (version < 0)
        cursor->failed = true;
    return version;
}

static int ended(const struct cursor *cursor, int version)
{
    bool whole = cursor_left(cursor) == 0 || version > CONSUMER_PROTOCOL_VERSION;
    return cursor->failed || !whole ? K_CORRUPT : 0;
}

int consumer_subscription_read(const void *bytes, size_t size, struct consumer_subscription *out)
{
    struct cursor cursor = cursor_of(bytes, size);
    struct consumer_subscription read = {.generation = CONSUMER_GENERATION_NONE};
    int version = version_of(&cursor);

    read.topics = list_of(&cursor, false);
    read.user_data = bytes_of(&cursor);
    if (version >= 1)
        read.owned = list_of(&cursor, true);
    if (version >= 2)
        read.generation = (int32_t)cursor_u32(&cursor);
    if (version >= 3)
        read.rack = nullable_of(&cursor);
    if (ended(&cursor, version) != 0)
        return K_CORRUPT;
    *out = read;
    return 0;
}

int consumer_assignment_read(const void *bytes, size_t size, struct consumer_assignment *out)
{
    struct cursor cursor = cursor_of(bytes, size);
    struct consumer_assignment read = {.partitions = {.count = 0}};
    int version = version_of(&cursor);

    read.partitions = list_of(&cursor, true);
    read.user_data = bytes_of(&cursor);
    if (ended(&cursor, version) != 0)
        return K_CORRUPT;
    *out = read;
    return 0;
}

int consumer_sticky_read(const void *bytes, size_t size, struct consumer_sticky *out)
{
    struct cursor cursor = cursor_of(bytes, size);
    struct consumer_sticky read = {.generation = CONSUMER_GENERATION_NONE};

    read.owned = list_of(&cursor, true);
    if (cursor_left(&cursor) > 0)
        read.generation = (int32_t)cursor_u32(&cursor);
    if (cursor.failed || cursor_left(&cursor) > 0)
        return K_CORRUPT;
    *out = read;
    return 0;
}
