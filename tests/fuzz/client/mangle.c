#include "tests/fuzz/client/mangle.h"

#include <string.h>

#include "proto/api_table.h"
#include "proto/batch.h"
#include "proto/frame.h"
#include "tests/client/fake_broker.h"

enum { CORRELATION_MAX = 11, ERASED_MAX = 16 };

void mangle_read(struct mangle *mangle, struct input *input)
{
    size_t apis;
    const struct api_row *rows = api_rows(&apis);

    mangle->count = 1 + input_below(input, MANGLE_RULES_MAX);
    for (size_t i = 0; i < mangle->count; i++) {
        struct mangle_rule *rule = &mangle->rules[i];
        unsigned api = input_below(input, (unsigned)apis + 1), when = input_u8(input);
        rule->body = api == apis ? 0 : (int)rows[api].body;
        rule->skip = when % 4;
        rule->times = 1 + when / 4 % 4;
        rule->way = (enum mangle_way)input_below(input, MANGLE_WAYS);
        rule->position = input_u16(input);
        rule->bytes = input_bytes(input, MANGLE_BYTES_MAX, &rule->size);
    }
}

static uint8_t value(const struct mangle_rule *rule)
{
    return rule->size > 0 ? rule->bytes[0] : 0xff;
}

/* Bytes of the head that tell the correlation id, so that somebody listens to the rest. */
static size_t correlation_size(const uint8_t *head, size_t size)
{
    size_t at = 0;

    if (size == 0 || head[0] != 1 << 3)
        return 0;
    while (++at < size && at < CORRELATION_MAX && (head[at] & 0x80) != 0) {
    }
    return at < size ? at + 1 : size;
}

/* Put the rule's bytes in place of `gone` ones at `position` of the head. */
static size_t splice(const struct mangle_rule *rule, uint8_t *bytes, size_t size, size_t position,
                     size_t gone, size_t added)
{
    struct frame frame;

    if (frame_split(bytes, size, &frame) != 0)
        return size;
    if (position > frame.head_size)
        position = frame.head_size;
    if (gone > frame.head_size - position)
        gone = frame.head_size - position;
    uint8_t *at = bytes + FRAME_PREFIX + position;
    memmove(at + added, at + gone, size - FRAME_PREFIX - position - gone);
    if (added > 0)
        memcpy(at, rule->bytes, added);
    frame_prefix(bytes, frame.head_size - gone + added, frame.payload_size);
    return size - gone + added;
}

static size_t replace_head(const struct mangle_rule *rule, uint8_t *bytes, size_t size)
{
    struct frame frame;

    if (frame_split(bytes, size, &frame) != 0)
        return size;
    return splice(rule, bytes, size, correlation_size(frame.head, frame.head_size), SIZE_MAX,
                  rule->size);
}

/* A broker can write checksums, too. */
static void spoil_records(const struct mangle_rule *rule, uint8_t *bytes, size_t size)
{
    struct frame frame;

    if (frame_split(bytes, size, &frame) != 0 || frame.payload_size < BATCH_HEADER_SIZE)
        return;
    uint8_t *batch = frame.payload;
    batch[rule->position % frame.payload_size] = value(rule);
    if (batch_size(batch) >= BATCH_HEADER_SIZE && batch_size(batch) <= frame.payload_size)
        batch_seal_crc(batch);
}

static size_t apply(const struct mangle_rule *rule, uint8_t *bytes, size_t size)
{
    size_t position = rule->position % size;

    switch (rule->way) {
    case MANGLE_SET:
        bytes[position] = value(rule);
        return size;
    case MANGLE_FLIP:
        bytes[position] ^= value(rule);
        return size;
    case MANGLE_FILL:
        for (size_t i = position; i < position + 4 && i < size; i++)
            bytes[i] = value(rule);
        return size;
    case MANGLE_ERASE:
        return splice(rule, bytes, size, position, 1 + value(rule) % ERASED_MAX, 0);
    case MANGLE_INSERT:
        return splice(rule, bytes, size, position, 0, rule->size);
    case MANGLE_HEAD:
        return replace_head(rule, bytes, size);
    case MANGLE_RECORDS:
        spoil_records(rule, bytes, size);
        return size;
    case MANGLE_CUT:
        return position > 0 ? position : 1;
    default:
        return 0;
    }
}

size_t mangle_answer(void *context, int body, uint8_t *bytes, size_t size)
{
    struct mangle *mangle = context;
    size_t room = size + FAKE_MANGLED_ROOM;

    for (size_t i = 0; i < mangle->count && size > 0; i++) {
        struct mangle_rule *rule = &mangle->rules[i];
        if (rule->body != body || rule->times == 0)
            continue;
        if (rule->skip > 0) {
            rule->skip--;
            continue;
        }
        rule->times--;
        if (size + MANGLE_BYTES_MAX <= room)
            size = apply(rule, bytes, size);
    }
    return size;
}
