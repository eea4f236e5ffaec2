/* Batches back to back, as a broker, recovery and a consumer meet them. The checksum of each is
 * mended first: mutated bytes would never get past it. */
#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"
#include "common/compress.h"
#include "proto/batch.h"
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
        batch_check(batch, size - at, true, &whole);
        if (batch_check(batch, size - at, false, &whole) != 0)
            break;
        if (whole > size - at)
            abort();
        walk_records(batch, whole);
        at += whole;
    }
    free(bytes);
    return 0;
}
