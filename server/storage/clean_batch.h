/* storage/clean_batch.h - what compaction leaves of one batch: bytes in, bytes out.
 *
 * Pure but for its own scratch memory. Promises, for every batch that is checked:
 *   C1  a record stays iff the map knows no later one of its key, and it is no tombstone whose
 *       horizon has passed; records beyond `latest` all stay, records without a key all go
 *   C2  offsets, timestamps, keys, values and headers of what stays are unchanged, and so are base
 *       offset, last offset, leader epoch, producer and sequence of the batch
 *   C3  what nothing is removed from is copied as it is, byte by byte */
#ifndef STORAGE_CLEAN_BATCH_H
#define STORAGE_CLEAN_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "server/storage/clean_map.h"

struct clean_rules {
    const struct clean_map *map;        /* borrowed */
    int64_t latest;                     /* the map covers records up to here */
    int64_t now_ms;                     /* wall time of this cleaning */
    int64_t delete_retention_ms;
    struct buffer opened, built;        /* scratch; see clean_rules_fini() */
};

void clean_rules_fini(struct clean_rules *rules);

/* What is known about a batch beside its bytes. */
struct clean_verdict {
    bool discard;                       /* all its records go: aborted, or a marker that is due */
    bool marker_idle;                   /* a marker without data left: its horizon is set */
    bool keep_empty;                    /* its header stays even when no record does */
};

/* Append what stays of `batch` (checked) to `out`. Returns 0, NOMEM, or CORRUPT_MESSAGE,
 * UNSUPPORTED_COMPRESSION_TYPE, MESSAGE_TOO_LARGE (can not be read); `out` is as before then. */
int clean_batch(struct clean_rules *rules, const uint8_t *batch,
                const struct clean_verdict *verdict, struct buffer *out);

/* Note the keys of a batch from offset `from` on in the map. *latest becomes the last offset that
 * the map covers: that of the batch, or of the last record that fit into it (then *full). Errors
 * as above. */
int clean_batch_note(struct clean_map *map, const uint8_t *batch, int64_t from,
                     struct buffer *opened, int64_t *latest, bool *full);

#endif
