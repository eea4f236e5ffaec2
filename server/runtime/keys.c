#include "server/runtime/keys.h"

#include "common/buffer.h"
#include "common/error.h"
#include "proto/batch.h"

enum { UNFOLDED_MAX = 256 << 20 };          /* bytes of one decompressed batch */

/* `records`: the batch's records in the clear. */
static int check_records(const uint8_t *batch, const uint8_t *records, size_t size)
{
    struct batch_reader reader;
    struct record_view record;

    int code = batch_reader_init(&reader, batch, records, size);
    if (code != 0)
        return code;
    while ((code = batch_reader_next(&reader, &record)) == 1) {
        if (record.key == NULL)
            return K_INVALID_RECORD;
    }
    return code;
}

static int check_batch(const uint8_t *batch)
{
    const uint8_t *records = batch + BATCH_HEADER_SIZE;
    size_t size = batch_size(batch) - BATCH_HEADER_SIZE;
    if (batch_codec(batch) == CODEC_NONE)
        return check_records(batch, records, size);

    struct buffer unfolded;
    buffer_init(&unfolded);
    int code = decompress_bytes(batch_codec(batch), records, size, UNFOLDED_MAX, &unfolded);
    if (code == 0)
        code = check_records(batch, unfolded.bytes, unfolded.size);
    buffer_fini(&unfolded);
    return code;
}

int keys_check(const uint8_t *batches, size_t size)
{
    for (size_t position = 0; position < size; position += batch_size(batches + position)) {
        int code = check_batch(batches + position);
        if (code != 0)
            return code;
    }
    return 0;
}
