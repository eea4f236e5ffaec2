/* The native protocol: one envelope, one protobuf head, batches behind it. */
#include "server/codec/codec.h"

#include "common/chain.h"
#include "common/endian.h"
#include "common/error.h"
#include "proto/frame.h"
#include "proto/head.h"

static bool native_peek(const uint8_t *bytes, size_t size, uint64_t *out)
{
    *out = 0;
    if (size < FRAME_PREFIX)
        return false;
    size_t head_size = load_u32(bytes + FRAME_PREFIX / 2);
    size_t wanted = head_size < HEAD_CORRELATION_MAX ? head_size : HEAD_CORRELATION_MAX;
    if (size - FRAME_PREFIX < wanted)
        return false;
    if (head_peek_correlation(bytes + FRAME_PREFIX, wanted, out) != 0)
        *out = 0;
    return true;
}

static size_t native_payload_start(const uint8_t *bytes, size_t size)
{
    return size < FRAME_PREFIX ? 0 : FRAME_PREFIX + (size_t)load_u32(bytes + FRAME_PREFIX / 2);
}

static int native_decode(uint8_t *bytes, size_t size, struct arena *arena,
                         struct codec_request *out)
{
    struct frame frame;
    int code = frame_split(bytes, size, &frame);
    if (code != 0)
        return code;

    Kairn__RequestHead *head;
    code = head_unpack_request(frame.head, frame.head_size, arena, &head);
    if (code != 0)
        return code;

    *out = (struct codec_request){
        .head = head,
        .payload = frame.payload,
        .payload_size = frame.payload_size,
    };
    return 0;
}

static int native_encode(const Kairn__ResponseHead *head, struct chain *payload,
                         struct chain *out)
{
    int code = head_pack_response(head, payload->size, out);
    if (code != 0)
        return code;
    chain_move(out, payload);
    return 0;
}

const struct codec codec_native = {
    .name = "native",
    .cut = frame_cut,
    .peek = native_peek,
    .payload_start = native_payload_start,
    .decode = native_decode,
    .encode = native_encode,
};
