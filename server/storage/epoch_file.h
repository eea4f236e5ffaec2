/* storage/epoch_file.h - which leader epoch wrote which offsets: leader-epoch-checkpoint.
 *
 * Entries ascend strictly by epoch and by start offset. Belongs to its log's loop. */
#ifndef STORAGE_EPOCH_FILE_H
#define STORAGE_EPOCH_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct io;

struct epoch_entry {
    int32_t epoch;
    int64_t start;              /* first offset written in this epoch */
};

struct epoch_file {
    struct epoch_entry *entries;    /* owned */
    size_t count, capacity;
    bool saved;                     /* the file holds these entries */
};

void epoch_file_init(struct epoch_file *epochs);
void epoch_file_fini(struct epoch_file *epochs);

/* Text of the file into entries; replaces what is there. CORRUPT, NOMEM. */
int epoch_file_parse(struct epoch_file *epochs, const char *text, size_t size);

/* NOT_FOUND, CORRUPT, IO, NOMEM. */
int epoch_file_load(struct epoch_file *epochs, const struct io *io, const char *path);

/* Write the file if it differs. It is durable after the next sync of it, not before: recovery
 * reads the epochs of what lies beyond the recovery point from the batches. */
int epoch_file_save(struct epoch_file *epochs, const struct io *io, const char *path);

/* `epoch` begins at `start`; ignored unless it is larger than the last. Entries that would begin
 * at or after `start` had no records and go. 0 or K_NOMEM. */
int epoch_file_assign(struct epoch_file *epochs, int32_t epoch, int64_t start);

/* Drop the entries that begin at `end` or later. */
void epoch_file_cut(struct epoch_file *epochs, int64_t end);

/* The log begins at `start` now: drop the entries of epochs that end at or before it; the one that
 * wrote `start` begins there. */
void epoch_file_raise(struct epoch_file *epochs, int64_t start);

int32_t epoch_file_last(const struct epoch_file *epochs);       /* -1: none */

/* The epoch that wrote `offset`; -1: before the first entry. */
int32_t epoch_file_at(const struct epoch_file *epochs, int64_t offset);

/* Where `epoch` and all before it end when the log ends at `log_end`: the start of the first larger
 * epoch, or the log end. *found receives the largest known epoch that is not larger, or `epoch`
 * itself when all are. -1 and -1 when none is known, or epoch is -1. */
int64_t epoch_file_end(const struct epoch_file *epochs, int32_t epoch, int64_t log_end,
                       int32_t *found);

#endif
