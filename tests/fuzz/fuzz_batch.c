/* Batches back to back, as a broker, recovery and a consumer meet them. The checksum of each is
 * mended first: mutated bytes would never get past it. */
#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"
#include "common/compress.h"
#include "proto/batch.h"
#include "server/runtime/batch_rules.h"
#include "server/storage/clean_batch.h"
#include "tests/fuzz/target.h"

enum { EXPANDED_SIZE_MAX = 1 << 20 };

static void walk_headers(const struct record_view *record)
{
    const uint8_t *at = record->headers;
    struct record_header header;

    for (int32_t i = 0; i < record->header_count; i++)
        if (record_next_header(record, &at, &header) != 0)
            return;
    if (at > record->end)
        abort();
}

static void walk_records(const uint8_t *batch, size_t size)
{
    struct buffer records;
    struct batch_reader reader;
    struct record_view record;

    buffer_init(&records);
    if (decompress_bytes((int)batch_codec(batch), batch + BATCH_HEADER_SIZE,
                         size - BATCH_HEADER_SIZE, EXPANDED_SIZE_MAX, &records) == 0 &&
        records.bytes != NULL &&
        batch_reader_init(&reader, batch, records.bytes, records.size) == 0)
        while (batch_reader_next(&reader, &record) == 1) {
            if (record.end > records.bytes + records.size)
                abort();
            walk_headers(&record);
        }
    buffer_fini(&records);
}

/* As a topic with a codec and rules for records takes it: what comes out is a sound batch again. */
static void apply_rules(uint8_t *batch, size_t size)
{
    struct buffer out;
    size_t whole;
    int codec = size % (CODEC_COUNT + 1);
    struct batch_rules rules = {
        .codec = codec == CODEC_COUNT ? -1 : codec, .level = 1, .keys = size % 2 == 0,
        .bounded = size % 3 == 0, .before_max_ms = INT64_MAX, .after_max_ms = 1000,
        .batch_bytes_max = EXPANDED_SIZE_MAX,
    };

    buffer_init(&out);
    if (batch_rules_need_work(&rules, batch, size)) {
        if (batch_rules_apply(&rules, batch, size, 1000000, &out) == 0 && out.size > 0 &&
            (batch_check(out.bytes, out.size, true, &whole) != 0 || whole != out.size ||
             (int)batch_codec(out.bytes) != rules.codec))
            abort();
    } else {
        (void)batch_rules_check(&rules, batch, size, 1000000);
    }
    buffer_fini(&out);
    if (batch_check(batch, size, true, &whole) != 0)
        abort();
}

/* As compaction takes it, with every other record out of date: what is left is a sound batch in the
 * same place. */
static void compact(const uint8_t *batch, size_t size)
{
    const uint64_t secret[2] = { 1, 2 };
    struct clean_map map;
    struct buffer opened = { 0 }, out = { 0 };
    int64_t latest = batch_base_offset(batch) - 1;
    size_t whole;
    bool full;
    struct clean_verdict verdict = { .discard = size % 7 == 0, .marker_idle = size % 5 == 0,
                                     .keep_empty = size % 3 == 0 };

    /* A log ends below the highest offset, and cleaning begins before its end: up to 3 beyond the
     * batch's first here. */
    if (batch_last_offset(batch) > INT64_MAX - 4 || (batch_codec(batch) != CODEC_NONE &&
        decompress_bytes((int)batch_codec(batch), batch + BATCH_HEADER_SIZE,
                         size - BATCH_HEADER_SIZE, EXPANDED_SIZE_MAX, &opened) != 0) ||
        clean_map_init(&map, 24 * (1 + size % 64), 0.9, secret) != 0) {
        buffer_fini(&opened);
        return;
    }
    struct clean_rules rules = { .map = &map, .now_ms = (int64_t)size * 1000,
                                 .delete_retention_ms = size % 2 == 0 ? INT64_MAX : 5 };
    if (clean_batch_note(&map, batch, batch_base_offset(batch) + (int64_t)(size % 4), &opened,
                         &latest, &full) == 0) {
        rules.latest = latest;
        if (clean_batch(&rules, batch, &verdict, &out) == 0 && out.size > 0 &&
            (batch_check(out.bytes, out.size, false, &whole) != 0 || whole != out.size ||
             batch_base_offset(out.bytes) != batch_base_offset(batch) ||
             batch_last_offset(out.bytes) != batch_last_offset(batch)))
            abort();
    }
    clean_rules_fini(&rules);
    clean_map_fini(&map);
    buffer_fini(&opened);
    buffer_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    if (bytes == NULL)
        return 0;
    memcpy(bytes, data, size);

    size_t at = 0, whole = 0;
    while (size - at >= BATCH_HEADER_SIZE) {
        uint8_t *batch = bytes + at;
        size_t declared = batch_size(batch);
        if (declared >= BATCH_HEADER_SIZE && declared <= size - at)
            batch_seal_crc(batch);
        if (batch_check(batch, size - at, true, &whole) == 0)
            apply_rules(batch, whole);
        if (batch_check(batch, size - at, false, &whole) != 0)
            break;
        if (whole > size - at)
            abort();
        walk_records(batch, whole);
        compact(batch, whole);
        at += whole;
    }
    free(bytes);
    return 0;
}
