/* bad_disk.h - the system's files, of which the n-th call of a kind fails, or all from the n-th on.
 *
 * Syncs do nothing but fail. Thread-safe: storage calls it from loops and from the io pool. One per
 * process. */
#ifndef TESTS_TORTURE_BAD_DISK_H
#define TESTS_TORTURE_BAD_DISK_H

#include <stdbool.h>

#include "server/storage/io.h"

enum bad_disk_kind {
    BAD_DISK_READS,                 /* EIO */
    BAD_DISK_WRITES,                /* EIO */
    BAD_DISK_FULL,                  /* writes and new files: ENOSPC */
    BAD_DISK_SYNCS,                 /* EIO */
    BAD_DISK_NAMES,                 /* open, rename, unlink, mkdir, truncate: EIO */
    BAD_DISK_KINDS
};

const struct io *bad_disk(void);

void bad_disk_fail_at(enum bad_disk_kind kind, long n, bool lasting);
void bad_disk_pause(bool paused);
/* All is well again for good. Returns how many failed. */
long bad_disk_heal(void);

#endif
