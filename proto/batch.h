/* batch.h - layout of Kafka's record batch, version 2, and access to its header fields.
 *
 * All integers big-endian. The checksum covers everything from `attributes` on, so base offset
 * and leader epoch are stamped without touching it. docs/disk-format.md has the table. */
#ifndef PROTO_BATCH_H
#define PROTO_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/compress.h"
#include "common/endian.h"

enum {
    BATCH_BASE_OFFSET = 0, BATCH_LENGTH = 8, BATCH_LEADER_EPOCH = 12, BATCH_MAGIC = 16,
    BATCH_CRC = 17, BATCH_ATTRIBUTES = 21, BATCH_LAST_DELTA = 23, BATCH_BASE_TIMESTAMP = 27,
    BATCH_MAX_TIMESTAMP = 35, BATCH_PRODUCER_ID = 43, BATCH_PRODUCER_EPOCH = 51,
    BATCH_BASE_SEQUENCE = 53, BATCH_COUNT = 57, BATCH_HEADER_SIZE = 61,
    BATCH_LENGTH_END = 12,              /* `length` counts from here */
    BATCH_MAGIC_VALUE = 2,
    BATCH_RECORD_OVERHEAD = 36          /* most bytes of a record beside key, value and headers */
};

enum batch_attribute {
    BATCH_CODEC_MASK = 7, BATCH_APPEND_TIME = 8, BATCH_TRANSACTIONAL = 16, BATCH_CONTROL = 32,
    BATCH_DELETE_HORIZON = 64
};

static inline int64_t batch_base_offset(const uint8_t *batch)
{
    return (int64_t)load_u64(batch + BATCH_BASE_OFFSET);
}

static inline size_t batch_size(const uint8_t *batch)
{
    return (size_t)load_u32(batch + BATCH_LENGTH) + BATCH_LENGTH_END;
}

static inline int32_t batch_leader_epoch(const uint8_t *batch)
{
    return (int32_t)load_u32(batch + BATCH_LEADER_EPOCH);
}

static inline uint16_t batch_attributes(const uint8_t *batch)
{
    return load_u16(batch + BATCH_ATTRIBUTES);
}

static inline enum compress_codec batch_codec(const uint8_t *batch)
{
    return (enum compress_codec)(batch_attributes(batch) & BATCH_CODEC_MASK);
}

static inline int32_t batch_last_delta(const uint8_t *batch)
{
    return (int32_t)load_u32(batch + BATCH_LAST_DELTA);
}

static inline int64_t batch_last_offset(const uint8_t *batch)
{
    return batch_base_offset(batch) + batch_last_delta(batch);
}

static inline int64_t batch_base_timestamp(const uint8_t *batch)
{
    return (int64_t)load_u64(batch + BATCH_BASE_TIMESTAMP);
}

static inline int64_t batch_max_timestamp(const uint8_t *batch)
{
    return (int64_t)load_u64(batch + BATCH_MAX_TIMESTAMP);
}

static inline int64_t batch_producer_id(const uint8_t *batch)
{
    return (int64_t)load_u64(batch + BATCH_PRODUCER_ID);
}

static inline int16_t batch_producer_epoch(const uint8_t *batch)
{
    return (int16_t)load_u16(batch + BATCH_PRODUCER_EPOCH);
}

static inline int32_t batch_base_sequence(const uint8_t *batch)
{
    return (int32_t)load_u32(batch + BATCH_BASE_SEQUENCE);
}

static inline int32_t batch_count(const uint8_t *batch)
{
    return (int32_t)load_u32(batch + BATCH_COUNT);
}

/* The newest timestamp of its records. -1 when compaction has left none, whatever the header says:
 * that was of records which are not there any more. */
static inline int64_t batch_newest_timestamp(const uint8_t *batch)
{
    return batch_count(batch) == 0 ? -1 : batch_max_timestamp(batch);
}

/* What the broker stamps; neither is covered by the checksum. */
static inline void batch_stamp(uint8_t *batch, int64_t base_offset, int32_t leader_epoch)
{
    store_u64(batch + BATCH_BASE_OFFSET, (uint64_t)base_offset);
    store_u32(batch + BATCH_LEADER_EPOCH, (uint32_t)leader_epoch);
}

/* --- batch_check.c: is this a whole, honest batch? ---------------------------------------- */

/* Look at the batch at the start of `bytes`: 0 and its size in *size, K_MALFORMED (too short for
 * a header or for what the header says, magic not 2), K_CORRUPT_MESSAGE (checksum; more records
 * than the bytes or the offsets have room for, or offsets beyond 63 bits; when `from_client` also:
 * count differs from last delta + 1, or it is a control batch) or K_UNSUPPORTED_COMPRESSION_TYPE
 * (all of that is fine, but the codec is unknown). Records are not opened. Costs one checksum over
 * the batch. */
int batch_check(const uint8_t *bytes, size_t available, bool from_client, size_t *size);

/* All of it but the checksum, for who trusts it: costs nothing. */
int batch_check_shape(const uint8_t *bytes, size_t available, bool from_client, size_t *size);

/* Write the checksum of a finished batch into its header. */
void batch_seal_crc(uint8_t *batch);

/* --- batch_read.c: walk the records without copying ----------------------------------------- */

struct record_header {
    const uint8_t *key;             /* UTF-8, not terminated */
    int32_t key_size;
    const uint8_t *value;           /* NULL: null */
    int32_t value_size;
};

struct record_view {                /* everything points into the batch */
    int64_t offset, timestamp;
    const uint8_t *key;             /* NULL: no key; non-NULL with size 0: empty */
    int32_t key_size;
    const uint8_t *value;           /* NULL: tombstone */
    int32_t value_size;
    int32_t header_count;
    const uint8_t *headers;         /* encoded; walk with record_next_header() */
    const uint8_t *end;             /* of the record */
};

struct batch_reader {
    const uint8_t *next, *end;      /* borrowed */
    int64_t base_offset, base_timestamp;
    int64_t append_time;            /* of all records, if append_timed */
    int32_t last_delta;
    int32_t left;                   /* records not yet read */
    bool append_timed;
};

/* Start on a checked batch. `records` are the bytes after the header, decompressed by the caller
 * if the batch says so; NULL: those that follow the header, which must not be compressed. The
 * bytes stay untouched and alive while records are read; the header may go. Returns 0 or
 * K_CORRUPT_MESSAGE. */
int batch_reader_init(struct batch_reader *reader, const uint8_t *batch, const uint8_t *records,
                      size_t records_size);

/* 1 with a record in *out, 0 at the end, K_CORRUPT_MESSAGE (lengths run out of the batch, or
 * bytes are left over at the end). */
int batch_reader_next(struct batch_reader *reader, struct record_view *out);

/* What the record of a control batch says about a transaction. */
enum record_marker { MARKER_UNKNOWN = -1, MARKER_ABORT = 0, MARKER_COMMIT = 1 };

/* By its key (NULL is allowed): i16 version, i16 kind. */
static inline enum record_marker record_marker(const uint8_t *key, int32_t key_size)
{
    int kind = key != NULL && key_size >= 4 ? load_u16(key + 2) : MARKER_UNKNOWN;
    return kind == MARKER_ABORT || kind == MARKER_COMMIT ? (enum record_marker)kind
                                                         : MARKER_UNKNOWN;
}

/* Walk headers: start with *at = record->headers and call header_count times. 0, or
 * K_CORRUPT_MESSAGE when one runs out of the record. */
int record_next_header(const struct record_view *record, const uint8_t **at,
                       struct record_header *out);

/* --- batch_build.c: encode records in place into an open batch --------------------------- */

struct batch_builder {
    uint8_t *bytes;                 /* borrowed; room for `capacity` bytes */
    size_t size, capacity;          /* header included */
    int64_t base_timestamp, max_timestamp;
    int32_t count;
    /* Who sends it, for finding duplicates: set at any time before the batch is finished. */
    int64_t producer_id;            /* -1: none */
    int16_t producer_epoch;
    int32_t base_sequence;          /* of the first record */
};

/* Start a batch in the caller's memory, of at least BATCH_HEADER_SIZE bytes. Of a capacity above
 * INT32_MAX only that much is used. */
void batch_build_start(struct batch_builder *builder, uint8_t *bytes, size_t capacity);

/* Most bytes that this record takes in any batch; exact but for BATCH_RECORD_OVERHEAD. A negative
 * size counts as 0. */
size_t record_size_max(int32_t key_size, int32_t value_size, const struct record_header *headers,
                       int32_t header_count);

/* Append a record. key NULL: no key; value NULL: tombstone; their sizes are then not read.
 * Returns 0, or K_MESSAGE_TOO_LARGE when it does not fit (nothing is written). */
int batch_build_add(struct batch_builder *builder, int64_t timestamp, const void *key,
                    int32_t key_size, const void *value, int32_t value_size,
                    const struct record_header *headers, int32_t header_count);

/* Fill in the header; the bytes are then a whole batch of `builder->size` bytes, uncompressed,
 * base offset 0, leader epoch unknown (-1). At least one record. */
void batch_build_finish(struct batch_builder *builder);

/* The producer of a finished batch is another one: write the builder's into the header. */
void batch_build_identify(struct batch_builder *builder);

#endif
