/* codec/codec.h - a wire protocol: frames to requests, responses to frames.
 *
 * The structs that protobuf-c generates are the vocabulary of the whole broker; a codec fills and
 * reads them. One per listener; constant, thread-safe. */
#ifndef CODEC_CODEC_H
#define CODEC_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/kairn.pb-c.h"

struct arena;
struct chain;

struct codec_request {
    const Kairn__RequestHead *head;      /* in the arena */
    uint8_t *payload;                    /* in the frame; writable: batches are stamped in place */
    size_t payload_size;
};

struct codec {
    const char *name;                    /* for logs */

    /* Size of the frame at the start of `bytes`, 0 while more are needed to tell, below 0
     * (K_FRAME_TOO_LARGE over `limit`, K_MALFORMED) when there is none. Consumes nothing. */
    ssize_t (*cut)(const uint8_t *bytes, size_t size, size_t limit);

    /* The correlation id of the frame at the start of `bytes`, of which the end may be missing: for
     * answering one that is refused. Returns false while more are needed to tell; *out is 0 when it
     * has none. */
    bool (*peek)(const uint8_t *bytes, size_t size, uint64_t *out);

    /* How many bytes of the frame at the start of `bytes` come before its payload; 0 while more are
     * needed to tell. */
    size_t (*payload_start)(const uint8_t *bytes, size_t size);

    /* Read one frame of `size` bytes; its payload is not looked at. Returns 0, K_MALFORMED, K_NOMEM
     * or K_FRAME_TOO_LARGE (its head, as it stands there or as it would be in the arena). */
    int (*decode)(uint8_t *bytes, size_t size, struct arena *arena, struct codec_request *out);

    /* Append the frame that carries `head` and `payload` to `out`; the payload is empty
     * afterwards. Returns 0, K_NOMEM or K_FRAME_TOO_LARGE (nothing was appended). */
    int (*encode)(const Kairn__ResponseHead *head, struct chain *payload, struct chain *out);
};

extern const struct codec codec_native;

#endif
