/* frame.h - the envelope of the native protocol: u32 length | u32 head length | head | payload.
 *
 * Knows sizes, not meanings. Thread-safe: no state. */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    FRAME_PREFIX = 8,                    /* the two lengths */
    FRAME_HEAD_MAX = 16 << 20,           /* bytes of a head: one names all members of a group */
    FRAME_PAYLOAD_MAX = INT32_MAX - FRAME_HEAD_MAX - FRAME_PREFIX
};

struct frame {
    const uint8_t *head;
    size_t head_size;
    uint8_t *payload;                    /* writable: the broker stamps batches in place */
    size_t payload_size;
};

/* Total size of the frame that starts at `bytes`, 0 while fewer than 4 bytes are there to tell,
 * K_FRAME_TOO_LARGE (over `limit` bytes in all) or K_MALFORMED. Consumes nothing. */
ssize_t frame_cut(const uint8_t *bytes, size_t size, size_t limit);

/* Split one whole frame. Returns 0, K_MALFORMED or K_FRAME_TOO_LARGE (head over FRAME_HEAD_MAX). */
int frame_split(uint8_t *bytes, size_t size, struct frame *out);

/* Write the two lengths at `at` (FRAME_PREFIX bytes of room). The sizes are within the limits
 * above. */
void frame_prefix(uint8_t *at, size_t head_size, size_t payload_size);

#endif
