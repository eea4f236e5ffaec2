/* runtime/keys.h - compacted topics: every record needs a key. No state; any thread. */
#ifndef RUNTIME_KEYS_H
#define RUNTIME_KEYS_H

#include <stddef.h>
#include <stdint.h>

/* Do all records of these checked batches have keys? Compressed ones are opened for it. Returns 0,
 * INVALID_RECORD (one has none), CORRUPT_MESSAGE (records can not be read), MESSAGE_TOO_LARGE (a
 * batch unfolds beyond all reason) or NOMEM. */
int keys_check(const uint8_t *batches, size_t size);

#endif
