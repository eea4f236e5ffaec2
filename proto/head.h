/* head.h - pack and unpack the protobuf heads of frames within an arena.
 *
 * A hostile head makes protobuf-c allocate up to 75 times its size, so unpacking is capped at a
 * multiple of the head's size. Messages point into the arena and, for empty strings and the texts
 * of errors, at constants. Thread-safe: no state besides the arena. */
#ifndef PROTO_HEAD_H
#define PROTO_HEAD_H

#include <stddef.h>
#include <stdint.h>

#include "proto/kairn.pb-c.h"

struct arena;
struct chain;

/* Bytes that unpacking a head may take from the arena: HEAD_UNPACK_BASE plus a factor times its
 * size. Rows of commits with short names of topics honestly take up to 22 times their size, their
 * answers, two bytes each where nothing went wrong, up to 45 times. */
enum {
    HEAD_UNPACK_BASE = 64 * 1024,
    HEAD_UNPACK_REQUEST_FACTOR = 24,
    HEAD_UNPACK_RESPONSE_FACTOR = 48
};

/* Unpack. Returns 0, K_MALFORMED, K_NOMEM, or K_FRAME_TOO_LARGE when the cap or the arena's limit
 * is hit. The result lives until arena_reset(); do not free it. */
int head_unpack_request(const uint8_t *bytes, size_t size, struct arena *arena,
                        Kairn__RequestHead **out);
int head_unpack_response(const uint8_t *bytes, size_t size, struct arena *arena,
                         Kairn__ResponseHead **out);

enum { HEAD_CORRELATION_MAX = 11 };      /* bytes at a head's start that hold its correlation id */

/* The correlation id of a packed head (request or response), without unpacking it: the first field
 * when it is not zero. Returns 0 or K_MALFORMED. */
int head_peek_correlation(const uint8_t *head, size_t size, uint64_t *out);

/* Append prefix and packed head to `out`; the caller then appends `payload_size` bytes of payload.
 * Returns 0, K_NOMEM or K_FRAME_TOO_LARGE (head over FRAME_HEAD_MAX). */
int head_pack_request(const Kairn__RequestHead *head, size_t payload_size, struct chain *out);
int head_pack_response(const Kairn__ResponseHead *head, size_t payload_size, struct chain *out);

/* An Error message in the arena: `code` with the given text, or the table's when NULL. NULL only
 * when out of memory. */
Kairn__Error *head_error(struct arena *arena, int code, const char *text);

/* 0 for NULL. */
static inline int head_error_code(const Kairn__Error *error)
{
    return error == NULL ? 0 : error->code;
}

struct uuid;
/* A bytes field of 16 bytes as a uuid. False when its size is wrong. */
int head_uuid(ProtobufCBinaryData data, struct uuid *out);      /* 0 or K_MALFORMED */
ProtobufCBinaryData head_bytes_of_uuid(const struct uuid *uuid); /* borrows */

#endif
