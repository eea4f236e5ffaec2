/* storage/recover_dry.h - what would the next start do to a log directory?
 *
 * It is done, by the code of a start itself, but to nothing: in front of the files stands a table
 * whose writes are only told. Not for a directory that a broker uses. Blocks on the disk; one
 * thread, whose log lines it takes (log_divert). */
#ifndef STORAGE_RECOVER_DRY_H
#define STORAGE_RECOVER_DRY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

struct log_recover_summary {
    bool clean;                     /* the last stop was: nothing but the ends is looked at */
    bool lost;                      /* the machine stopped: what was not synced may be gone */
    int64_t partitions, failed;     /* that would be opened, and would not */
    int64_t bytes_read;
    int64_t cuts, cut_bytes;        /* of segments */
    int64_t writes, removals;       /* other files that would be written, or deleted */
};

/* `tell`: one line, "event key=value key=value", for each thing that a start would do or log.
 * Returns 0, BUSY (a broker uses it), NOT_FOUND, CORRUPT (a start would refuse it), IO, NOMEM. */
int log_recover_dry(const char *path, void (*tell)(void *context, const char *line), void *context,
                    struct log_recover_summary *summary, struct k_reason *reason);

#endif
