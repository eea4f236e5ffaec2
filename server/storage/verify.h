/* storage/verify.h - read everything in a log directory, a partition's directory or one file, and
 * say what is wrong where.
 *
 * Needs no broker and changes nothing, so it may look at a directory that a broker uses; what is
 * written meanwhile may then look torn, and is told as a note. Reads through the io table. Not for
 * loops: it blocks on the disk. */
#ifndef STORAGE_VERIFY_H
#define STORAGE_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

struct io;

enum log_finding_kind {
    LOG_FINDING_FAULT,              /* something is damaged, lost, or contradicts itself */
    LOG_FINDING_NOTE                /* worth knowing; nothing is lost */
};

struct log_finding {
    enum log_finding_kind kind;
    const char *path;
    int64_t position;               /* bytes into the file; -1: the file as a whole */
    int64_t offset;                 /* of the log; -1: none in particular */
    const char *what;               /* a sentence */
    const char *action;             /* what to do about it; NULL: nothing */
};

struct log_verify_options {
    const struct io *io;            /* borrowed; NULL: the system's files */
    void (*found)(void *context, const struct log_finding *finding);
    void (*progress)(void *context, int64_t bytes, int64_t of_bytes);   /* now and then; or NULL */
    void *context;
};

struct log_verify_summary {
    int64_t partitions, segments, batches, records, bytes;
    int64_t faults, notes;
    bool live;                      /* a broker uses the directory */
};

/* Verify what `path` is: a log directory, a partition's directory, or a file of one (a .log is held
 * against the indexes beside it, an index against its .log).
 *
 * Every batch: whole, checksum, counts, codec, offsets ascending, without a gap but where
 * compaction has been, leader epochs as leader-epoch-checkpoint has them; every record in it, also
 * of compressed ones. Every entry of an index: in order, and true. Every snapshot of producers and
 * every checkpoint: its form, and that it does not point beyond the log.
 *
 * Returns 0 when all of it was read, whatever was found; NOT_FOUND, IO, NOMEM, INVALID_ARGUMENT
 * (nothing of a log directory) with the reason. */
int log_verify(const char *path, const struct log_verify_options *options,
               struct log_verify_summary *summary, struct k_reason *reason);

#endif
