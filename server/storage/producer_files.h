/* storage/producer_files.h - the two files that say what was known of producers before an offset:
 * Kafka's "<offset>.snapshot", and "<offset>.kairn-producers" beside it where there is more to say.
 *
 * They come and go together; the second one alone, or beside another snapshot, counts for
 * nothing. */
#ifndef STORAGE_PRODUCER_FILES_H
#define STORAGE_PRODUCER_FILES_H

#include <stdint.h>

struct io;
struct producer_state;

#define PRODUCER_SNAPSHOT_SUFFIX ".snapshot"
#define PRODUCER_RUNS_SUFFIX ".kairn-producers"

/* Replace the state. A damaged second file is logged and removed. NOT_FOUND, CORRUPT (of the
 * snapshot; the state is empty), IO, NOMEM. */
int producer_files_read(const struct io *io, const char *directory, int64_t offset,
                        struct producer_state *state);

/* DISK_FULL, IO, NOMEM. */
int producer_files_write(const struct io *io, const char *directory, int64_t offset,
                         const struct producer_state *state);

/* IO. */
int producer_files_remove(const struct io *io, const char *directory, int64_t offset);

/* fdatasync those that are there. Any thread. 0, IO. */
int producer_files_sync(const struct io *io, const char *directory, int64_t offset);

#endif
