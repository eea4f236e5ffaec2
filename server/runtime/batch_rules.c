#include "server/runtime/batch_rules.h"

#include "common/buffer.h"
#include "common/error.h"
#include "proto/batch.h"

enum { INLINE_MAX = 256 * 1024 };       /* bytes whose records may be looked at on a loop */

/* Is there a rule about single records? */
static bool asks_records(const struct batch_rules *rules)
{
    return rules->keys || rules->bounded;
}

static bool recodes(const struct batch_rules *rules, const uint8_t *batch)
{
    return rules->codec >= 0 && rules->codec != (int)batch_codec(batch);
}

bool batch_rules_need_work(const struct batch_rules *rules, const uint8_t *batches, size_t size)
{
    if (asks_records(rules) && size > INLINE_MAX)
        return true;
    if (rules->codec < 0 && !asks_records(rules))
        return false;
    for (size_t at = 0; at < size; at += batch_size(batches + at)) {
        const uint8_t *batch = batches + at;
        if (recodes(rules, batch) || (asks_records(rules) && batch_codec(batch) != CODEC_NONE))
            return true;
    }
    return false;
}

/* --- records ---------------------------------------------------------------------------------- */

/* Kafka's rule: a record without a timestamp (-1) is never out of bounds. */
static bool in_bounds(const struct batch_rules *rules, int64_t timestamp, int64_t now_ms)
{
    if (timestamp == -1)
        return true;
    /* Unsigned, as hostile timestamps would overflow the difference. */
    return timestamp <= now_ms
               ? (uint64_t)now_ms - (uint64_t)timestamp <= (uint64_t)rules->before_max_ms
               : (uint64_t)timestamp - (uint64_t)now_ms <= (uint64_t)rules->after_max_ms;
}

static int check_record(const struct batch_rules *rules, const struct record_view *record,
                        int64_t now_ms)
{
    const uint8_t *at = record->headers;
    struct record_header header;

    for (int32_t i = 0; i < record->header_count; i++) {
        if (record_next_header(record, &at, &header) != 0)
            return K_CORRUPT_MESSAGE;
    }
    if (record->header_count > 0 && at != record->end)
        return K_CORRUPT_MESSAGE;
    if (rules->keys && record->key == NULL)
        return K_INVALID_RECORD;
    if (rules->bounded && !in_bounds(rules, record->timestamp, now_ms))
        return K_INVALID_TIMESTAMP;
    return 0;
}

/* `records`: those of the batch in the clear. */
static int check_records(const struct batch_rules *rules, const uint8_t *batch,
                         const uint8_t *records, size_t size, int64_t now_ms, int64_t *newest)
{
    struct batch_reader reader;
    struct record_view record;
    uint64_t base_offset = (uint64_t)batch_base_offset(batch), count = 0;  /* a client's: any */

    int code = batch_reader_init(&reader, batch, records, size);
    if (code != 0)
        return code;
    *newest = -1;
    while ((code = batch_reader_next(&reader, &record)) == 1) {
        if ((uint64_t)record.offset - base_offset != count++)
            return K_CORRUPT_MESSAGE;
        code = check_record(rules, &record, now_ms);
        if (code != 0)
            return code;
        if (record.timestamp > *newest)
            *newest = record.timestamp;
    }
    return code;
}

/* What is opened is believed more than the header: indexes and retention go by it. */
static void put_right(uint8_t *batch, int64_t newest)
{
    if (batch_max_timestamp(batch) == newest)
        return;
    store_u64(batch + BATCH_MAX_TIMESTAMP, (uint64_t)newest);
    batch_seal_crc(batch);
}

int batch_rules_check(const struct batch_rules *rules, uint8_t *batches, size_t size,
                      int64_t now_ms)
{
    if (!asks_records(rules))
        return 0;
    for (size_t at = 0; at < size; at += batch_size(batches + at)) {
        uint8_t *batch = batches + at;
        int64_t newest;
        int code = check_records(rules, batch, batch + BATCH_HEADER_SIZE,
                                 batch_size(batch) - BATCH_HEADER_SIZE, now_ms, &newest);
        if (code != 0)
            return code;
        put_right(batch, newest);
    }
    return 0;
}

/* --- codecs ----------------------------------------------------------------------------------- */

/* Append the batch with its records in the topic's codec. */
static int write_batch(const struct batch_rules *rules, const uint8_t *batch,
                       const struct buffer *opened, struct buffer *out)
{
    size_t start = out->size;
    int code = buffer_copy(out, batch, BATCH_HEADER_SIZE);
    if (code == 0)
        code = compress_bytes(rules->codec, rules->level, opened->bytes, opened->size, out);
    if (code != 0)
        return code;
    size_t size = out->size - start;
    if (size > rules->batch_bytes_max)
        return K_MESSAGE_TOO_LARGE;

    uint8_t *written = out->bytes + start;
    store_u32(written + BATCH_LENGTH, (uint32_t)(size - BATCH_LENGTH_END));
    store_u16(written + BATCH_ATTRIBUTES,
              (uint16_t)((batch_attributes(batch) & ~BATCH_CODEC_MASK) | rules->codec));
    batch_seal_crc(written);
    return 0;
}

/* Most bytes that the records may unfold to. */
static size_t unfolded_max(const struct batch_rules *rules)
{
    size_t most = BATCH_RULES_UNFOLDED_MAX;
    if (rules->codec == CODEC_NONE && rules->batch_bytes_max < most)
        most = rules->batch_bytes_max;
    return most;
}

static int apply_to_batch(const struct batch_rules *rules, uint8_t *batch, int64_t now_ms,
                          struct buffer *opened, struct buffer *out)
{
    int64_t newest;
    bool recoded = recodes(rules, batch);

    if (!recoded && !asks_records(rules))
        return rules->codec < 0 ? 0 : buffer_copy(out, batch, batch_size(batch));
    opened->size = 0;
    int code = decompress_bytes(batch_codec(batch), batch + BATCH_HEADER_SIZE,
                                batch_size(batch) - BATCH_HEADER_SIZE, unfolded_max(rules), opened);
    /* No records at all is an empty piece, which a NULL would not say. */
    if (code == 0)
        code = check_records(rules, batch, opened->size > 0 ? opened->bytes : batch, opened->size,
                             now_ms, &newest);
    if (code != 0)
        return code;
    put_right(batch, newest);
    if (rules->codec < 0)
        return 0;
    return recoded ? write_batch(rules, batch, opened, out)
                   : buffer_copy(out, batch, batch_size(batch));
}

/* Must anything be written anew? */
static bool recodes_any(const struct batch_rules *rules, const uint8_t *batches, size_t size)
{
    for (size_t at = 0; at < size; at += batch_size(batches + at)) {
        if (recodes(rules, batches + at))
            return true;
    }
    return false;
}

int batch_rules_apply(const struct batch_rules *rules, uint8_t *batches, size_t size,
                      int64_t now_ms, struct buffer *out)
{
    struct batch_rules used = *rules;
    struct buffer opened;
    size_t start = out->size;
    int code = 0;

    if (!recodes_any(rules, batches, size))
        used.codec = -1;
    buffer_init(&opened);
    for (size_t at = 0; at < size && code == 0; at += batch_size(batches + at)) {
        code = apply_to_batch(&used, batches + at, now_ms, &opened, out);
        bool several = at > 0 || batch_size(batches) < size;
        if (code == 0 && several && out->size - start > BATCH_RULES_OUT_MAX)
            code = K_RECORD_LIST_TOO_LARGE;
    }
    buffer_fini(&opened);
    return code;
}
