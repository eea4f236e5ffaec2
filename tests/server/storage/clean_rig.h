/* clean_rig.h - a keyed log, its cleanings, and a model that says what must be left of it.
 *
 * Everything asserts by Check. The model knows every record that was ever acknowledged and is not
 * truncated; what a log may have lost of them is what compaction may take, and nothing else. */
#ifndef TESTS_SERVER_STORAGE_CLEAN_RIG_H
#define TESTS_SERVER_STORAGE_CLEAN_RIG_H

#include "common/buffer.h"
#include "common/rand.h"
#include "server/storage/clean_job.h"
#include "tests/server/storage/fixture.h"

enum { RIG_KEYS = 40 };

struct rig_record {
    int key;                        /* -1: none */
    int value;                      /* -1: tombstone; else it says which bytes */
    int64_t timestamp;
    int64_t base;                   /* of its batch */
    int64_t due_ms;                 /* a tombstone may go; -1: no cleaning covered it yet */
};

struct rig {
    struct fixture f;
    struct rig_record *records;     /* by offset */
    int64_t count, capacity;
    int64_t retention_ms;           /* delete.retention.ms of all cleanings */
    int64_t cleaned_ms;             /* when the last one ran */
    int64_t committed;              /* the largest limit so far: nothing below is truncated */
    int64_t upto;                   /* the largest checkpoint that was reached */
    int next_value;
    int32_t epoch;                  /* of what is appended */
};

void rig_init(struct rig *rig);
/* In a directory of the caller's, through his io table. */
void rig_init_on(struct rig *rig, const char *path, const struct io *io);
void rig_fini(struct rig *rig);
void rig_close(struct rig *rig, bool clean);

/* Append a batch of random records; keys from `first_key` on. 0, or how it failed. */
int rig_append(struct rig *rig, struct rand *rand);
/* One record. */
int rig_put(struct rig *rig, int key, bool tombstone, int codec);
/* Does nothing if that would take what is committed. */
void rig_truncate(struct rig *rig, int64_t offset);
/* Close the active segment, so that it may be cleaned. */
void rig_roll(struct rig *rig);

struct clean_options rig_options(const struct rig *rig);

/* Clean to the end with steps of `budget` bytes; `meanwhile` (may be NULL) runs between turns.
 * Returns what clean_begin() or the outcome says. */
int rig_clean(struct rig *rig, const struct clean_options *options, size_t budget,
              void (*meanwhile)(void *context), void *context);

/* The log is what the model allows. */
void rig_verify(struct rig *rig);

/* How many records of any key are in the log; how many bytes of batches. */
int64_t rig_records(struct rig *rig);

/* Names in the partition's directory that contain `part`. */
int rig_files(const struct rig *rig, const char *part);

#endif
