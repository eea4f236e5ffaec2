/* runtime/offsets.h - list-offsets: where a partition starts, ends, or passes a moment in time. */
#ifndef RUNTIME_OFFSETS_H
#define RUNTIME_OFFSETS_H

#include <stdbool.h>
#include <stdint.h>

#include "server/runtime/question.h"

enum {
    OFFSETS_LATEST = -1,
    OFFSETS_EARLIEST = -2,
    OFFSETS_MAX_TIMESTAMP = -3,
    OFFSETS_EARLIEST_LOCAL = -4         /* on this broker's disks: all there is */
};

struct offsets_entry {
    struct question question;
    int64_t timestamp;                  /* ms, or one of the above */
    bool committed;                     /* the latest is the last stable offset */

    /* the answer */
    int64_t offset, found_timestamp;    /* -1: none */
    int32_t epoch;                      /* the leader's */
};

/* For scatter.run: every entry of the part is a struct offsets_entry. Looking for a timestamp
 * reads the index and at most one index interval of the log, on the owner's loop. */
void offsets_run(struct scatter_part *part);

#endif
