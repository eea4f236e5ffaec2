/* runtime/keys.h - compacted topics: every record needs a key. No state; any thread. */
#ifndef RUNTIME_KEYS_H
#define RUNTIME_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Do all records of these checked batches have keys? Returns 0, INVALID_RECORD (one has none),
 * CORRUPT_MESSAGE (records can not be read) or UNSUPPORTED_COMPRESSION_TYPE (a compressed batch,
 * which the broker does not open yet). */
int keys_check(const uint8_t *batches, size_t size);

#endif
