#include "server/runtime/group_records.h"

#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/compress.h"
#include "common/endian.h"
#include "common/error.h"
#include "proto/batch.h"
#include "proto/offsets_records.h"

/* Ours: of an offset, which topic had the name, and what was known then. A header, for Kafka's
 * value has no room for it; who does not know it passes over it. */
static const char topic_header[] = "kairn-topic";
enum {
    TOPIC_ID = 0,
    TOPIC_EPOCH = 16,
    TOPIC_SEQUENCE = 20,
    TOPIC_SIZE = 28
};

/* --- to bytes --------------------------------------------------------------------------------- */

static struct offsets_text text_of(const char *text)
{
    return (struct offsets_text){text, text != NULL ? strlen(text) : 0};
}

static struct offsets_text bytes_of(struct groups_span span)
{
    return (struct offsets_text){span.data, span.size};
}

static int write_key(const struct groups_record *record, struct buffer *out)
{
    struct offsets_key key = {.kind = OFFSETS_KEY_GROUP, .group = text_of(record->group)};

    if (record->type == GROUPS_RECORD_OFFSET) {
        key.kind = OFFSETS_KEY_OFFSET;
        key.topic = text_of(record->offset.topic);
        key.partition = record->offset.partition;
    }
    return offsets_key_write(out, &key);
}

static int write_offset(const struct groups_offset *offset, struct buffer *out)
{
    const struct offsets_value value = {.offset = offset->offset,
                                        .leader_epoch = offset->leader_epoch,
                                        .metadata = text_of(offset->metadata),
                                        .committed_ms = offset->committed_ms};
    return offsets_value_write(out, &value);
}

static int write_group(const struct groups_record *record, struct buffer *out)
{
    size_t count = record->state.member_count;
    struct offsets_member *members = calloc(count + 1, sizeof *members);
    const char *type = record->state.protocol_type;

    if (members == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < count; i++) {
        const struct groups_member *member = &record->state.members[i];
        members[i] = (struct offsets_member){
            .id = text_of(member->id),
            .client_id = text_of(member->client_id),
            .client_host = text_of(member->client_host),
            .instance = text_of(member->instance),
            .rebalance_timeout_ms = member->rebalance_timeout_ms,
            .session_timeout_ms = member->session_timeout_ms,
            .metadata = bytes_of(member->metadata),
            .assignment = bytes_of(member->assignment)};
    }
    const struct offsets_group group = {.protocol_type = text_of(type != NULL ? type : ""),
                                        .generation = record->state.generation,
                                        .protocol = text_of(record->state.protocol),
                                        .leader = text_of(record->state.leader),
                                        .since_ms = record->state.since_ms,
                                        .member_count = (int32_t)count};
    int code = offsets_group_write(out, &group, members);
    free(members);
    return code;
}

static int write_value(const struct groups_record *record, struct buffer *out)
{
    return record->type == GROUPS_RECORD_OFFSET ? write_offset(&record->offset, out)
                                                : write_group(record, out);
}

/* How many headers: 0 or 1. */
static int32_t make_header(const struct groups_record *record, uint8_t bytes[TOPIC_SIZE],
                           struct record_header *out)
{
    const struct groups_offset *offset = &record->offset;

    if (record->type != GROUPS_RECORD_OFFSET || record->tombstone ||
        uuid_is_zero(&offset->topic_id))
        return 0;
    memcpy(bytes + TOPIC_ID, offset->topic_id.bytes, sizeof offset->topic_id.bytes);
    store_u32(bytes + TOPIC_EPOCH, (uint32_t)offset->known.epoch);
    store_u64(bytes + TOPIC_SEQUENCE, offset->known.sequence);
    *out = (struct record_header){.key = (const uint8_t *)topic_header,
                                  .key_size = sizeof topic_header - 1,
                                  .value = bytes,
                                  .value_size = TOPIC_SIZE};
    return 1;
}

/* The batch has room for `more` bytes. 0, NOMEM or MESSAGE_TOO_LARGE. */
static int make_room(struct batch_builder *builder, struct buffer *out, size_t start, size_t more)
{
    out->size = start + builder->size;
    if (builder->size + more > INT32_MAX)
        return K_MESSAGE_TOO_LARGE;
    if (buffer_reserve(out, more) != 0)
        return K_NOMEM;
    builder->bytes = out->bytes + start;
    builder->capacity = out->capacity - start;
    return 0;
}

/* `scratch` holds key and value of one record at a time. */
static int add_record(struct batch_builder *builder, struct buffer *out, size_t start,
                      const struct groups_record *record, int64_t wall_ms, struct buffer *scratch)
{
    scratch->size = 0;
    int code = write_key(record, scratch);
    size_t key_size = scratch->size;
    if (code == 0 && !record->tombstone)
        code = write_value(record, scratch);
    if (code != 0)
        return code == K_INVALID_ARGUMENT ? K_INVALID_RECORD : code;
    if (scratch->size > INT32_MAX / 2)
        return K_MESSAGE_TOO_LARGE;
    int32_t key = (int32_t)key_size, value = (int32_t)(scratch->size - key_size);
    uint8_t topic[TOPIC_SIZE];
    struct record_header header;
    int32_t headers = make_header(record, topic, &header);
    code = make_room(builder, out, start, record_size_max(key, value, &header, headers));
    if (code != 0)
        return code;
    return batch_build_add(builder, wall_ms, scratch->bytes, key,
                           record->tombstone ? NULL : scratch->bytes + key_size, value, &header,
                           headers);
}

/* The records of the batch at `start`, the last in `out`, in their compressed form. */
static int compress(int codec, size_t start, struct buffer *out)
{
    const uint8_t *records = out->bytes + start + BATCH_HEADER_SIZE;
    size_t size = out->size - start - BATCH_HEADER_SIZE;
    struct buffer smaller;

    buffer_init(&smaller);
    int code = compress_bytes(codec, COMPRESS_LEVEL_DEFAULT, records, size, &smaller);
    if (code == 0 && smaller.size < size) {
        uint8_t *batch = out->bytes + start;
        memcpy(batch + BATCH_HEADER_SIZE, smaller.bytes, smaller.size);
        out->size = start + BATCH_HEADER_SIZE + smaller.size;
        store_u32(batch + BATCH_LENGTH, (uint32_t)(out->size - start - BATCH_LENGTH_END));
        store_u16(batch + BATCH_ATTRIBUTES, (uint16_t)codec);
        batch_seal_crc(batch);
    }
    buffer_fini(&smaller);
    return code;
}

int group_records_encode(const struct groups_record *records, size_t count, int64_t wall_ms,
                         int codec, struct buffer *out)
{
    struct batch_builder builder;
    struct buffer scratch;
    size_t start = out->size;
    int code = buffer_reserve(out, BATCH_HEADER_SIZE);

    if (code != 0)
        return code;
    buffer_init(&scratch);
    batch_build_start(&builder, out->bytes + start, out->capacity - start);
    for (size_t i = 0; i < count && code == 0; i++)
        code = add_record(&builder, out, start, &records[i], wall_ms, &scratch);
    buffer_fini(&scratch);
    if (code != 0)
        return code;
    batch_build_finish(&builder);
    out->size = start + builder.size;
    return codec == CODEC_NONE ? 0 : compress(codec, start, out);
}

/* --- from bytes ------------------------------------------------------------------------------- */

/* Where the memory comes from; `failed` once there was none. */
struct copier {
    struct arena *arena;
    bool failed;
};

static const char *copy_text(struct copier *copier, struct offsets_text text)
{
    if (text.data == NULL)
        return NULL;
    char *copy = arena_alloc(copier->arena, text.size + 1);
    if (copy == NULL) {
        copier->failed = true;
        return "";
    }
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return copy;
}

static struct groups_span copy_bytes(struct copier *copier, struct offsets_text bytes)
{
    if (bytes.size == 0)
        return (struct groups_span){NULL, 0};
    void *copy = arena_copy(copier->arena, bytes.data, bytes.size);
    if (copy == NULL) {
        copier->failed = true;
        return (struct groups_span){NULL, 0};
    }
    return (struct groups_span){copy, bytes.size};
}

/* A header that is not as we write it says nothing. */
static void read_header(const struct record_view *record, struct groups_offset *offset)
{
    const uint8_t *at = record->headers;
    struct record_header header;

    for (int32_t i = 0; i < record->header_count; i++) {
        if (record_next_header(record, &at, &header) != 0)
            return;
        if (header.key_size != sizeof topic_header - 1 || header.value_size != TOPIC_SIZE ||
            memcmp(header.key, topic_header, sizeof topic_header - 1) != 0)
            continue;
        memcpy(offset->topic_id.bytes, header.value + TOPIC_ID, sizeof offset->topic_id.bytes);
        offset->known.epoch = (int32_t)load_u32(header.value + TOPIC_EPOCH);
        offset->known.sequence = load_u64(header.value + TOPIC_SEQUENCE);
    }
}

static int read_offset(struct copier *copier, const struct offsets_key *key,
                       const struct record_view *record, struct groups_record *out)
{
    struct offsets_value value = {.metadata = {"", 0}};

    if (!out->tombstone && offsets_value_read(record->value, (size_t)record->value_size, &value))
        return K_CORRUPT;
    out->offset = (struct groups_offset){.topic = copy_text(copier, key->topic),
                                         .partition = key->partition,
                                         .offset = value.offset,
                                         .leader_epoch = value.leader_epoch,
                                         .metadata = copy_text(copier, value.metadata),
                                         .committed_ms = value.committed_ms};
    read_header(record, &out->offset);
    return 0;
}

static int read_members(struct copier *copier, struct offsets_group *group,
                        struct groups_record *out)
{
    struct groups_member *members =
        arena_calloc(copier->arena, (size_t)group->member_count + 1, sizeof *members);
    struct offsets_member member;
    size_t count = 0;
    int more;

    if (members == NULL)
        return K_NOMEM;
    while ((more = offsets_group_next(group, &member)) == 1)
        members[count++] = (struct groups_member){
            .id = copy_text(copier, member.id),
            .client_id = copy_text(copier, member.client_id),
            .client_host = copy_text(copier, member.client_host),
            .instance = copy_text(copier, member.instance),
            .session_timeout_ms = member.session_timeout_ms,
            .rebalance_timeout_ms = member.rebalance_timeout_ms,
            .metadata = copy_bytes(copier, member.metadata),
            .assignment = copy_bytes(copier, member.assignment)};
    out->state.members = members;
    out->state.member_count = count;
    return more;
}

static int read_group(struct copier *copier, const struct record_view *record,
                      struct groups_record *out)
{
    struct offsets_group group;

    if (out->tombstone)
        return 0;
    if (offsets_group_read(record->value, (size_t)record->value_size, &group) != 0)
        return K_CORRUPT;
    out->state.protocol_type = copy_text(copier, group.protocol_type);
    out->state.protocol = copy_text(copier, group.protocol);
    out->state.leader = copy_text(copier, group.leader);
    out->state.generation = group.generation;
    out->state.since_ms = group.since_ms;
    return read_members(copier, &group, out);
}

int group_records_decode(const struct record_view *record, struct arena *arena,
                         struct groups_record *out)
{
    struct copier copier = {.arena = arena};
    struct groups_record read = {.tombstone = record->value == NULL};
    struct offsets_key key;

    if (record->key == NULL || offsets_key_read(record->key, (size_t)record->key_size, &key) != 0)
        return K_CORRUPT;
    if (key.kind == OFFSETS_KEY_OTHER)
        return 0;
    bool offset = key.kind == OFFSETS_KEY_OFFSET;
    read.type = offset ? GROUPS_RECORD_OFFSET : GROUPS_RECORD_GROUP;
    read.group = copy_text(&copier, key.group);
    int code = offset ? read_offset(&copier, &key, record, &read)
                      : read_group(&copier, record, &read);
    if (code == 0 && copier.failed)
        code = K_NOMEM;
    if (code != 0)
        return code;
    *out = read;
    return 1;
}
