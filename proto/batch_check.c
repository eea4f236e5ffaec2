#include "proto/batch.h"

#include "common/crc32c.h"
#include "common/error.h"

enum {
    RECORD_SIZE_MIN = 7             /* a byte each: length, attributes, two deltas, three counts */
};

static uint32_t checksum(const uint8_t *batch, size_t size)
{
    return crc32c(0, batch + BATCH_ATTRIBUTES, size - BATCH_ATTRIBUTES);
}

static bool codec_known(const uint8_t *batch)
{
    return (batch_attributes(batch) & BATCH_CODEC_MASK) < CODEC_COUNT;
}

/* Do the counts agree with each other and with the size? After compaction a batch keeps its last
 * delta while records are missing, maybe all. */
static bool counts_agree(const uint8_t *batch, size_t size, bool from_client)
{
    int64_t count = batch_count(batch);
    int64_t last_delta = batch_last_delta(batch);

    if (last_delta < 0 || count < 0 || count > last_delta + 1)
        return false;
    if (from_client && count != last_delta + 1)
        return false;
    return batch_codec(batch) != CODEC_NONE ||
           count * RECORD_SIZE_MIN <= (int64_t)(size - BATCH_HEADER_SIZE);
}

/* A client's base offset means nothing: the broker stamps its own. */
static bool offsets_fit(const uint8_t *batch, bool from_client)
{
    int64_t base_offset = batch_base_offset(batch);

    return from_client ||
           (base_offset >= 0 && base_offset <= INT64_MAX - batch_last_delta(batch));
}

int batch_check_shape(const uint8_t *bytes, size_t available, bool from_client, size_t *size)
{
    if (available < BATCH_HEADER_SIZE)
        return K_MALFORMED;

    size_t whole = batch_size(bytes);
    if (whole < BATCH_HEADER_SIZE || whole > available || bytes[BATCH_MAGIC] != BATCH_MAGIC_VALUE)
        return K_MALFORMED;

    if (!counts_agree(bytes, whole, from_client) || !offsets_fit(bytes, from_client))
        return K_CORRUPT_MESSAGE;
    if (from_client && (batch_attributes(bytes) & BATCH_CONTROL) != 0)
        return K_CORRUPT_MESSAGE;
    if (!codec_known(bytes))
        return K_UNSUPPORTED_COMPRESSION_TYPE;

    *size = whole;
    return 0;
}

int batch_check(const uint8_t *bytes, size_t available, bool from_client, size_t *size)
{
    size_t whole;
    int error = batch_check_shape(bytes, available, from_client, &whole);

    /* A codec that is unknown because a bit has flipped is a matter of the checksum. */
    if (error == K_UNSUPPORTED_COMPRESSION_TYPE)
        whole = batch_size(bytes);
    if ((error == 0 || error == K_UNSUPPORTED_COMPRESSION_TYPE) &&
        load_u32(bytes + BATCH_CRC) != checksum(bytes, whole))
        error = K_CORRUPT_MESSAGE;
    if (error == 0)
        *size = whole;
    return error;
}

void batch_seal_crc(uint8_t *batch)
{
    store_u32(batch + BATCH_CRC, checksum(batch, batch_size(batch)));
}
