/* batch_read.c - the consumer's hot path: a dozen nanoseconds a record.
 *
 * Nearly every varint of a record takes one or two bytes, so these are decoded in line; longer
 * ones, and those at the very end of the bytes, go through the cursor. A record is bounded first
 * by its own length, and everything in it by the record's end. */
#include "proto/batch.h"

#include "common/cursor.h"
#include "common/error.h"

/* A value and where reading goes on, together in registers; next NULL: it ran out of bounds. */
struct taken {
    const uint8_t *next;
    int64_t value;
};

static __attribute__((noinline)) struct taken take_slowly(const uint8_t *at, const uint8_t *end,
                                                          bool wide)
{
    struct cursor cursor = cursor_of(at, (size_t)(end - at));
    int64_t value = wide ? cursor_varlong(&cursor) : cursor_varint(&cursor);

    return (struct taken){ cursor.failed ? NULL : cursor.next, value };
}

static inline struct taken take(const uint8_t *at, const uint8_t *end, bool wide)
{
    if (__builtin_expect(end - at >= 2, 1)) {
        uint32_t bits = at[0];
        if (bits < 0x80)
            return (struct taken){ at + 1, (int32_t)(bits >> 1) ^ -(int32_t)(bits & 1) };
        if (at[1] < 0x80) {
            bits = (bits & 0x7f) | (uint32_t)at[1] << 7;
            return (struct taken){ at + 2, (int32_t)(bits >> 1) ^ -(int32_t)(bits & 1) };
        }
    }
    return take_slowly(at, end, wide);
}

/* A size and that many bytes. A size of -1 is null, *bytes NULL, *size 0; other negative ones are
 * errors. Returns where reading goes on, or NULL. */
static inline const uint8_t *take_bytes(const uint8_t *at, const uint8_t *end,
                                        const uint8_t **bytes, int32_t *size)
{
    struct taken length = take(at, end, false);
    if (length.next == NULL || length.value > end - length.next || length.value < -1)
        return NULL;
    if (length.value < 0) {
        *bytes = NULL;
        *size = 0;
        return length.next;
    }
    *bytes = length.next;
    *size = (int32_t)length.value;
    return length.next + length.value;
}

int batch_reader_init(struct batch_reader *reader, const uint8_t *batch, const uint8_t *records,
                      size_t records_size)
{
    if (records == NULL) {
        if (batch_codec(batch) != CODEC_NONE)
            return K_CORRUPT_MESSAGE;
        records = batch + BATCH_HEADER_SIZE;
        records_size = batch_size(batch) - BATCH_HEADER_SIZE;
    }
    *reader = (struct batch_reader){
        .next = records,
        .end = records + records_size,
        .base_offset = batch_base_offset(batch),
        .base_timestamp = batch_base_timestamp(batch),
        .append_time = batch_max_timestamp(batch),
        .last_delta = batch_last_delta(batch),
        .left = batch_count(batch),
        .append_timed = (batch_attributes(batch) & BATCH_APPEND_TIME) != 0,
    };
    return reader->left < 0 || reader->last_delta < 0 ? K_CORRUPT_MESSAGE : 0;
}

int batch_reader_next(struct batch_reader *reader, struct record_view *out)
{
    if (reader->left == 0)
        return reader->next == reader->end ? 0 : K_CORRUPT_MESSAGE;

    struct taken length = take(reader->next, reader->end, false);
    if (length.next == NULL || length.value < 1 || length.value > reader->end - length.next)
        return K_CORRUPT_MESSAGE;
    const uint8_t *end = length.next + length.value;

    /* The byte of attributes is unused in this version, and not looked at, as elsewhere. */
    struct taken timestamp = take(length.next + 1, end, true);
    if (timestamp.next == NULL)
        return K_CORRUPT_MESSAGE;
    struct taken delta = take(timestamp.next, end, false);
    if (delta.next == NULL || delta.value < 0 || delta.value > reader->last_delta)
        return K_CORRUPT_MESSAGE;
    const uint8_t *at = take_bytes(delta.next, end, &out->key, &out->key_size);
    if (at == NULL)
        return K_CORRUPT_MESSAGE;
    at = take_bytes(at, end, &out->value, &out->value_size);
    if (at == NULL)
        return K_CORRUPT_MESSAGE;
    struct taken headers = take(at, end, false);
    if (headers.next == NULL || headers.value < 0 || headers.value > end - headers.next ||
        (headers.value == 0 && headers.next != end))
        return K_CORRUPT_MESSAGE;

    /* Unsigned: hostile timestamps may wrap around, which is harmless. */
    out->timestamp = reader->append_timed
        ? reader->append_time
        : (int64_t)((uint64_t)reader->base_timestamp + (uint64_t)timestamp.value);
    out->offset = (int64_t)((uint64_t)reader->base_offset + (uint64_t)delta.value);
    out->header_count = (int32_t)headers.value;
    out->headers = headers.next;
    out->end = end;
    reader->next = end;
    reader->left--;
    return 1;
}

int record_next_header(const struct record_view *record, const uint8_t **at,
                       struct record_header *out)
{
    struct record_header header;
    const uint8_t *next = take_bytes(*at, record->end, &header.key, &header.key_size);
    if (next == NULL || header.key == NULL)
        return K_CORRUPT_MESSAGE;
    next = take_bytes(next, record->end, &header.value, &header.value_size);
    if (next == NULL)
        return K_CORRUPT_MESSAGE;
    *out = header;
    *at = next;
    return 0;
}
