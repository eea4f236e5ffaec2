#include "common/error.h"
#include "proto/field_writer.h"
#include "proto/offsets_records.h"

enum { OFFSET_KEY_VERSION = 1, GROUP_KEY_VERSION = 2, VALUE_VERSION = 3 };

static void put_text(struct field_writer *writer, struct offsets_text text)
{
    field_put_text(writer, text.data, text.size);
}

/* Never null. */
static void put_blob(struct field_writer *writer, struct offsets_text blob)
{
    field_put_bytes(writer, blob.data != NULL ? blob.data : "", blob.size);
}

int offsets_key_write(struct buffer *buffer, const struct offsets_key *key)
{
    struct field_writer writer = {buffer, 0};

    if (key->kind == OFFSETS_KEY_OTHER)
        return K_INVALID_ARGUMENT;
    field_put_u16(&writer, key->kind == OFFSETS_KEY_GROUP ? GROUP_KEY_VERSION : OFFSET_KEY_VERSION);
    put_text(&writer, key->group);
    if (key->kind == OFFSETS_KEY_OFFSET) {
        put_text(&writer, key->topic);
        field_put_u32(&writer, (uint32_t)key->partition);
    }
    return writer.error;
}

int offsets_value_write(struct buffer *buffer, const struct offsets_value *value)
{
    struct field_writer writer = {buffer, 0};

    field_put_u16(&writer, VALUE_VERSION);
    field_put_u64(&writer, (uint64_t)value->offset);
    field_put_u32(&writer, (uint32_t)value->leader_epoch);
    put_text(&writer, value->metadata);
    field_put_u64(&writer, (uint64_t)value->committed_ms);
    return writer.error;
}

int offsets_group_write(struct buffer *buffer, const struct offsets_group *group,
                        const struct offsets_member *members)
{
    struct field_writer writer = {buffer, 0};

    field_put_u16(&writer, VALUE_VERSION);
    put_text(&writer, group->protocol_type);
    field_put_u32(&writer, (uint32_t)group->generation);
    put_text(&writer, group->protocol);
    put_text(&writer, group->leader);
    field_put_u64(&writer, (uint64_t)group->since_ms);
    field_put_u32(&writer, (uint32_t)group->member_count);
    for (int32_t i = 0; i < group->member_count; i++) {
        put_text(&writer, members[i].id);
        put_text(&writer, members[i].instance);
        put_text(&writer, members[i].client_id);
        put_text(&writer, members[i].client_host);
        field_put_u32(&writer, (uint32_t)members[i].rebalance_timeout_ms);
        field_put_u32(&writer, (uint32_t)members[i].session_timeout_ms);
        put_blob(&writer, members[i].metadata);
        put_blob(&writer, members[i].assignment);
    }
    return writer.error;
}
