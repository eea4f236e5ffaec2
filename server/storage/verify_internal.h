/* storage/verify_internal.h - what the files of the verifier share. */
#ifndef STORAGE_VERIFY_INTERNAL_H
#define STORAGE_VERIFY_INTERNAL_H

#include <limits.h>

#include "common/buffer.h"
#include "server/storage/epoch_file.h"
#include "server/storage/index.h"
#include "server/storage/producer_state.h"
#include "server/storage/verify.h"

struct verify {
    const struct io *io;
    const struct log_verify_options *options;
    struct log_verify_summary *summary;
    int64_t bytes_all;                  /* of all segments */
    struct buffer opened;               /* a decompressed batch */
};

/* One partition, its segments looked at in order. */
struct verify_partition {
    struct verify *verify;
    const char *path;                   /* of its directory */
    struct epoch_file epochs;
    bool epochs_known;                  /* the file was there and could be read */
    bool gaps;                          /* offsets may be missing anywhere */
    bool in_directory;                  /* of a log directory, so that its checkpoints are known: */
    int64_t cleaned;                    /* ... below it compaction has been; -1: nowhere */
    int64_t log_start;                  /* ... before it nothing is read any more; -1: not known */
    int64_t next_offset;                /* after the last batch; -1: unknown */
    int64_t end;                        /* largest offset seen, plus one; -1: none */
    int32_t last_epoch;                 /* of the batch before; -1: none */
};

/* An index, walked beside the batches of its segment. */
struct verify_index {
    struct index index;
    char path[PATH_MAX];
    bool loaded;                        /* the file was there, and can be judged */
    size_t next;                        /* entry that is not yet accounted for */
    int64_t awaited;                    /* relative offset that a batch must end with; -1: none */
};

struct verify_segment {
    struct verify_partition *partition;
    char path[PATH_MAX];                /* of the .log */
    int64_t base;
    bool last;                          /* the active one */
    struct verify_index offsets, times, aborted;
    struct producer_state producers;    /* as the batches of this segment tell */
    int64_t max_timestamp;              /* of the records so far */
};

void verify_say(struct verify *verify, enum log_finding_kind kind, const char *path,
                int64_t position, int64_t offset, const char *action, const char *format, ...)
    __attribute__((format(printf, 7, 8)));

/* --- verify_segment.c --------------------------------------------------------------------- */

/* Verify "<directory>/<base>.log" with its indexes. NOMEM, IO. */
int verify_segment(struct verify_partition *partition, int64_t base, bool last);

/* --- verify_index.c ----------------------------------------------------------------------- */

/* Load both; what is missing or has no form is told. NOMEM, IO. */
int verify_indexes_open(struct verify_segment *segment);
/* The next batch is sound, and lies at `position`; `batch` NULL: it is not. */
void verify_indexes_batch(struct verify_segment *segment, const uint8_t *batch, int64_t position);
/* All batches were seen; `whole`: up to the end of the file. */
void verify_indexes_end(struct verify_segment *segment, bool whole);
void verify_indexes_close(struct verify_segment *segment);

/* --- verify_state.c ------------------------------------------------------------------------- */

/* The index of aborted transactions, in the same way; most segments have none. */
int verify_aborted_open(struct verify_segment *segment);
void verify_aborted_batch(struct verify_segment *segment, const uint8_t *batch);
void verify_aborted_end(struct verify_segment *segment, bool whole);
void verify_aborted_close(struct verify_segment *segment);

/* A snapshot of `offset`, of a log that ends at `end` (-1: not known). NOT_FOUND, IO, NOMEM. */
int verify_snapshot(struct verify *verify, const char *path, int64_t offset, int64_t end);
/* The file of ours beside the snapshot of `offset`. */
int verify_runs(struct verify *verify, const char *directory, int64_t offset);

/* --- verify_directory.c ------------------------------------------------------------------- */

/* Offsets that a checkpoint of the directory names for a partition; -1: it does not. */
struct verify_marks {
    int64_t recovery_point, log_start, high_watermark, written_end, cleaned;
};

/* The directory's own files, then every partition. NOMEM, IO. */
int verify_log_directory(struct verify *verify, const char *path);
/* Just a checkpoint file: its form. INVALID_ARGUMENT: no such file is known. */
int verify_text_file(struct verify *verify, const char *path, const char *name);

/* --- verify.c ----------------------------------------------------------------------------- */

/* `marks` NULL: not known. NOMEM, IO. */
int verify_partition_directory(struct verify *verify, const char *path,
                               const struct verify_marks *marks);

/* Bytes of its segments, to tell progress by. */
int64_t verify_partition_bytes(struct verify *verify, const char *path);

#endif
