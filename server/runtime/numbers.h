/* runtime/numbers.h - the sequence numbers of idempotent producers, on the way to the log.
 *
 * For the files of runtime/ and for whoever takes batches in. */
#ifndef RUNTIME_NUMBERS_H
#define RUNTIME_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

#include "server/storage/producer_state.h"

struct append_entry;
struct partition;

/* Read the numbers of checked batches back to back into *out. INVALID_RECORD: they are not of one
 * producer, or not numbered without a gap. No state; any thread. */
int numbers_read(const uint8_t *batches, size_t size, struct producer_numbers *out);

/* Who is in the append that is being gathered. */
struct numbers_gathered {
    struct producer_numbers newest[16];         /* per producer, the last that was taken */
    size_t count;
};

enum numbers_verdict {
    NUMBERS_TAKE,
    NUMBERS_STORED,         /* it is in the log: the entry's offsets say where */
    NUMBERS_REFUSE,         /* *code says why */
    NUMBERS_WAIT            /* for what was gathered so far to be in the log */
};

/* May the entry go into the append that is being gathered, as the next? */
enum numbers_verdict numbers_judge(struct numbers_gathered *gathered, struct partition *partition,
                                   struct append_entry *entry, int *code);

#endif
