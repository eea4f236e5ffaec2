/* batch_build.c - the producer's hot path: a record is measured once and written once, straight
 * to its final place; nothing is checked while it is written. */
#include "proto/batch.h"

#include <assert.h>
#include <string.h>

#include "common/error.h"
#include "common/varint.h"

enum { NO_PRODUCER = -1, NO_EPOCH = -1, NO_SEQUENCE = -1 };

void batch_build_start(struct batch_builder *builder, uint8_t *bytes, size_t capacity)
{
    assert(capacity >= BATCH_HEADER_SIZE);

    *builder = (struct batch_builder){
        .bytes = bytes,
        .size = BATCH_HEADER_SIZE,
        .capacity = capacity < INT32_MAX ? capacity : INT32_MAX,
        .producer_id = NO_PRODUCER,
        .producer_epoch = NO_EPOCH,
        .base_sequence = NO_SEQUENCE,
    };
}

/* A size and that many bytes; NULL is written as size -1. */
static inline size_t sized_size(const void *bytes, int32_t size)
{
    return bytes == NULL ? 1 : varint_size(size) + (size_t)size;
}

/* Keys and values are mostly a few dozen bytes: two copies of a fixed size that overlap in the
 * middle cost half of a call of memcpy(). */
static inline void copy_short(uint8_t *to, const uint8_t *from, size_t size)
{
    if (size > 32) {
        memcpy(to, from, size);
    } else if (size >= 16) {
        memcpy(to, from, 16);
        memcpy(to + size - 16, from + size - 16, 16);
    } else if (size >= 8) {
        memcpy(to, from, 8);
        memcpy(to + size - 8, from + size - 8, 8);
    } else if (size >= 4) {
        memcpy(to, from, 4);
        memcpy(to + size - 4, from + size - 4, 4);
    } else {
        for (size_t i = 0; i < size; i++)
            to[i] = from[i];
    }
}

static inline uint8_t *sized_put(uint8_t *at, const void *bytes, int32_t size)
{
    if (bytes == NULL)
        return varint_put(at, -1);
    at = varint_put(at, size);
    copy_short(at, bytes, (size_t)size);
    return at + size;
}

static size_t headers_size(const struct record_header *headers, int32_t count)
{
    size_t size = 0;
    for (int32_t i = 0; i < count; i++)
        size += sized_size(headers[i].key, headers[i].key_size) +
                sized_size(headers[i].value, headers[i].value_size);
    return size;
}

size_t record_size_max(int32_t key_size, int32_t value_size, const struct record_header *headers,
                       int32_t header_count)
{
    return BATCH_RECORD_OVERHEAD + (key_size > 0 ? (size_t)key_size : 0) +
           (value_size > 0 ? (size_t)value_size : 0) + headers_size(headers, header_count);
}

int batch_build_add(struct batch_builder *builder, int64_t timestamp, const void *key,
                    int32_t key_size, const void *value, int32_t value_size,
                    const struct record_header *headers, int32_t header_count)
{
    int64_t base_timestamp = builder->count == 0 ? timestamp : builder->base_timestamp;
    int64_t timestamp_delta = (int64_t)((uint64_t)timestamp - (uint64_t)base_timestamp);
    size_t body = 1 + varint_size(timestamp_delta) + varint_size(builder->count) +
                  sized_size(key, key_size) + sized_size(value, value_size) +
                  varint_size(header_count) + headers_size(headers, header_count);
    size_t room = builder->capacity - builder->size;

    /* In this order: a body that fits an int32 has a varint of at most VARINT_MAX bytes. */
    if (body > room || body + varint_size((int64_t)body) > room)
        return K_MESSAGE_TOO_LARGE;

    uint8_t *at = varint_put(builder->bytes + builder->size, (int64_t)body);
    *at++ = 0;                                  /* attributes: none are defined */
    at = varint_put(at, timestamp_delta);
    at = varint_put(at, builder->count);
    at = sized_put(at, key, key_size);
    at = sized_put(at, value, value_size);
    at = varint_put(at, header_count);
    for (int32_t i = 0; i < header_count; i++) {
        at = sized_put(at, headers[i].key, headers[i].key_size);
        at = sized_put(at, headers[i].value, headers[i].value_size);
    }

    builder->size = (size_t)(at - builder->bytes);
    builder->base_timestamp = base_timestamp;
    if (builder->count == 0 || timestamp > builder->max_timestamp)
        builder->max_timestamp = timestamp;
    builder->count++;
    return 0;
}

void batch_build_finish(struct batch_builder *builder)
{
    assert(builder->count > 0);

    uint8_t *batch = builder->bytes;
    batch_stamp(batch, 0, NO_EPOCH);
    store_u32(batch + BATCH_LENGTH, (uint32_t)(builder->size - BATCH_LENGTH_END));
    batch[BATCH_MAGIC] = BATCH_MAGIC_VALUE;
    store_u16(batch + BATCH_ATTRIBUTES, CODEC_NONE);
    store_u32(batch + BATCH_LAST_DELTA, (uint32_t)(builder->count - 1));
    store_u64(batch + BATCH_BASE_TIMESTAMP, (uint64_t)builder->base_timestamp);
    store_u64(batch + BATCH_MAX_TIMESTAMP, (uint64_t)builder->max_timestamp);
    store_u32(batch + BATCH_COUNT, (uint32_t)builder->count);
    batch_build_identify(builder);
}

void batch_build_identify(struct batch_builder *builder)
{
    uint8_t *batch = builder->bytes;
    store_u64(batch + BATCH_PRODUCER_ID, (uint64_t)builder->producer_id);
    store_u16(batch + BATCH_PRODUCER_EPOCH, (uint16_t)builder->producer_epoch);
    store_u32(batch + BATCH_BASE_SEQUENCE, (uint32_t)builder->base_sequence);
    batch_seal_crc(batch);
}
