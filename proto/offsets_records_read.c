#include <string.h>

#include "common/error.h"
#include "proto/offsets_records.h"

enum { FLEXIBLE_VERSION = 4, VALUE_VERSION_MAX = 4 };

/* Of a compact length: one more than the size, 0 for null. */
static uint32_t unsigned_varint(struct cursor *cursor)
{
    uint32_t value = 0;

    for (int shift = 0; shift < 35; shift += 7) {
        uint8_t byte = cursor_u8(cursor);
        if (shift == 28 && byte > 15)
            break;
        value |= (uint32_t)(byte & 127) << shift;
        if (byte < 128)
            return value;
    }
    cursor->failed = true;
    return 0;
}

static struct offsets_text view_of(struct cursor *cursor, int64_t size)
{
    if (size < 0)
        return (struct offsets_text){NULL, 0};
    const uint8_t *bytes = cursor_bytes(cursor, (size_t)size);
    /* Nothing may be at NULL: that is null. */
    return bytes != NULL ? (struct offsets_text){(const char *)bytes, (size_t)size}
                         : (struct offsets_text){"", 0};
}

static struct offsets_text nullable(struct cursor *cursor, int version)
{
    int64_t size = version >= FLEXIBLE_VERSION ? (int64_t)unsigned_varint(cursor) - 1
                                               : (int16_t)cursor_u16(cursor);
    struct offsets_text text;

    if (size < -1 || size > INT16_MAX)
        cursor->failed = true;
    text = view_of(cursor, cursor->failed ? 0 : size);
    if (text.size > 0 && memchr(text.data, '\0', text.size) != NULL)
        cursor->failed = true;
    return text;
}

static struct offsets_text text_of(struct cursor *cursor, int version)
{
    struct offsets_text text = nullable(cursor, version);

    if (text.data == NULL)
        cursor->failed = true;
    return text;
}

static struct offsets_text bytes_of(struct cursor *cursor, int version)
{
    int64_t size = version >= FLEXIBLE_VERSION ? (int64_t)unsigned_varint(cursor) - 1
                                               : (int32_t)cursor_u32(cursor);

    if (size < 0)
        cursor->failed = true;
    return view_of(cursor, cursor->failed ? 0 : size);
}

/* Tagged fields: nothing of theirs is known. */
static void skip_tags(struct cursor *cursor, int version)
{
    uint32_t count = version >= FLEXIBLE_VERSION ? unsigned_varint(cursor) : 0;

    for (uint32_t i = 0; i < count && !cursor->failed; i++) {
        unsigned_varint(cursor);
        cursor_bytes(cursor, unsigned_varint(cursor));
    }
}

static int ended(const struct cursor *cursor)
{
    return cursor->failed || cursor_left(cursor) > 0 ? K_CORRUPT : 0;
}

int offsets_key_read(const void *bytes, size_t size, struct offsets_key *out)
{
    struct cursor cursor = cursor_of(bytes, size);
    int version = (int16_t)cursor_u16(&cursor);
    struct offsets_key key = {.kind = OFFSETS_KEY_OTHER};

    if (cursor.failed || version < 0)
        return K_CORRUPT;
    if (version <= 2) {
        key.kind = version == 2 ? OFFSETS_KEY_GROUP : OFFSETS_KEY_OFFSET;
        key.group = text_of(&cursor, 0);
        if (version < 2) {
            key.topic = text_of(&cursor, 0);
            key.partition = (int32_t)cursor_u32(&cursor);
        }
        if (ended(&cursor) != 0)
            return K_CORRUPT;
    }
    *out = key;
    return 0;
}

/* K_CORRUPT for a version that nobody has written yet, too. */
static int read_version(struct cursor *cursor, int *version)
{
    *version = (int16_t)cursor_u16(cursor);
    return cursor->failed || *version < 0 || *version > VALUE_VERSION_MAX ? K_CORRUPT : 0;
}

int offsets_value_read(const void *bytes, size_t size, struct offsets_value *out)
{
    struct cursor cursor = cursor_of(bytes, size);
    struct offsets_value value = {.leader_epoch = -1, .expires_ms = -1};
    int version;

    if (read_version(&cursor, &version) != 0)
        return K_CORRUPT;
    value.offset = (int64_t)cursor_u64(&cursor);
    if (version >= 3)
        value.leader_epoch = (int32_t)cursor_u32(&cursor);
    value.metadata = text_of(&cursor, version);
    value.committed_ms = (int64_t)cursor_u64(&cursor);
    if (version == 1)
        value.expires_ms = (int64_t)cursor_u64(&cursor);
    skip_tags(&cursor, version);
    if (ended(&cursor) != 0)
        return K_CORRUPT;
    *out = value;
    return 0;
}

int offsets_group_read(const void *bytes, size_t size, struct offsets_group *out)
{
    struct cursor cursor = cursor_of(bytes, size);
    struct offsets_group group = {.since_ms = -1};
    int version;

    if (read_version(&cursor, &version) != 0)
        return K_CORRUPT;
    group.protocol_type = text_of(&cursor, version);
    group.generation = (int32_t)cursor_u32(&cursor);
    group.protocol = nullable(&cursor, version);
    group.leader = nullable(&cursor, version);
    if (version >= 2)
        group.since_ms = (int64_t)cursor_u64(&cursor);
    int64_t count = version >= FLEXIBLE_VERSION ? (int64_t)unsigned_varint(&cursor) - 1
                                                : (int32_t)cursor_u32(&cursor);
    /* A member is at least a byte: no count can make a reader wait. */
    if (cursor.failed || count < 0 || count > (int64_t)cursor_left(&cursor))
        return K_CORRUPT;
    group.member_count = (int32_t)count;
    group.rest = cursor;
    group.version = version;
    *out = group;
    return 0;
}

int offsets_group_next(struct offsets_group *group, struct offsets_member *out)
{
    struct cursor *cursor = &group->rest;
    int version = group->version;
    struct offsets_member member = {.instance = {NULL, 0}};

    if (group->read == group->member_count) {
        skip_tags(cursor, version);
        group->version = 0; /* once */
        return ended(cursor);
    }
    member.id = text_of(cursor, version);
    if (version >= 3)
        member.instance = nullable(cursor, version);
    member.client_id = text_of(cursor, version);
    member.client_host = text_of(cursor, version);
    if (version >= 1)
        member.rebalance_timeout_ms = (int32_t)cursor_u32(cursor);
    member.session_timeout_ms = (int32_t)cursor_u32(cursor);
    if (version == 0)
        member.rebalance_timeout_ms = member.session_timeout_ms;
    member.metadata = bytes_of(cursor, version);
    member.assignment = bytes_of(cursor, version);
    skip_tags(cursor, version);
    if (cursor->failed)
        return K_CORRUPT;
    group->read++;
    *out = member;
    return 1;
}
