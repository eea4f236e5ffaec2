#include "server/runtime/keys.h"

#include "common/error.h"
#include "proto/batch.h"

static int check_batch(const uint8_t *batch)
{
    struct batch_reader reader;
    struct record_view record;

    if (batch_codec(batch) != CODEC_NONE)
        return K_UNSUPPORTED_COMPRESSION_TYPE;
    int code = batch_reader_init(&reader, batch, NULL, 0);
    if (code != 0)
        return code;
    int more;
    while ((more = batch_reader_next(&reader, &record)) == 1) {
        if (record.key == NULL)
            return K_INVALID_RECORD;
    }
    return more;
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
