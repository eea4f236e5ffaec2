/* storage/producer_runs.h - what Kafka's *.snapshot has no room for: the runs of batches by which a
 * request that is sent again is known. Kairn's own file beside a snapshot (docs/disk-format.md).
 *
 * Pure: a state in, bytes out, and back. The file speaks for one snapshot alone, which it names by
 * offset and checksum: beside another one it is worth nothing. */
#ifndef STORAGE_PRODUCER_RUNS_H
#define STORAGE_PRODUCER_RUNS_H

#include <stddef.h>
#include <stdint.h>

struct producer_entry;
struct producer_state;

enum {
    PRODUCER_RUNS_VERSION = 1,
    PRODUCER_RUNS_HEAD = 22             /* version, checksum, offset, snapshot's checksum, count */
};

/* `snapshot` is what producer_state_encode() made of the state. Malloc'ed bytes; NULL when all that
 * is to be said stands in the snapshot. NOMEM. */
int producer_runs_encode(const struct producer_state *state, int64_t offset,
                         const uint8_t *snapshot, uint8_t **out, size_t *size);

/* Add the runs to the state that was just made of `snapshot`, the file of `offset`. CORRUPT: it is
 * not of this snapshot, or damaged; the state is as it was. */
int producer_runs_decode(struct producer_state *state, const uint8_t *bytes, size_t size,
                         int64_t offset, const uint8_t *snapshot);

/* Why the file of `offset` can not be believed, or NULL. `snapshot`: the file beside it, that is
 * whole; NULL: do not ask. */
const char *producer_runs_fault(const uint8_t *bytes, size_t size, int64_t offset,
                                const uint8_t *snapshot);

/* The entry at `at` of a file without fault: of *out id and runs are set, oldest first. Returns
 * where the next one is. */
size_t producer_runs_entry(const uint8_t *bytes, size_t at, struct producer_entry *out);

#endif
