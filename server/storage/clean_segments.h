/* storage/clean_segments.h - the heavy part of compaction: read sealed segments, note their keys,
 * write what stays of them into new ones.
 *
 * Works on files alone and knows no log: any thread, one at a time, in steps of bounded work. What
 * it writes is named ".cleaned", which no log takes for its own. Promises:
 *   S1  batches keep their order and offsets; the last batch of a group stays, if only as an empty
 *       one, so that the new segment ends where the old ones did
 *   S2  a group spans at most INT32_MAX offsets and its new segment is never larger than the old
 *       ones together, so that no relative offset and no position overflows
 *   S3  a batch is believed only when its checksum is right; the first bad one ends the work */
#ifndef STORAGE_CLEAN_SEGMENTS_H
#define STORAGE_CLEAN_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/map.h"
#include "server/storage/batch_file.h"
#include "server/storage/clean_batch.h"
#include "server/storage/clean_txn.h"

struct io;
struct segment;

/* A sealed segment, as it was when the work began. */
struct clean_source {
    int64_t base, next, size;           /* next: base of its successor */
    struct segment *segment;            /* reference; only looked at, never touched */
};

/* Several in a row that become one. */
struct clean_group {
    size_t first, end;                  /* of the sources */
    int64_t size;
};

struct clean_tuning {
    size_t buffer_bytes;                /* of reading and of writing, each */
    int64_t segment_bytes, index_bytes, index_interval;
    int64_t producer_expiry_ms;
};

struct clean_counts {
    int64_t read, written;              /* bytes of batches */
    int64_t before, after;              /* bytes of the groups that were finished */
};

struct clean_files {
    const struct io *io;                /* borrowed */
    const char *path;                   /* borrowed; the partition's directory */
    const struct clean_source *sources; /* borrowed */
    size_t source_count;
    struct clean_tuning tuning;
    struct clean_rules rules;           /* map, latest, times: see clean_batch.h */
    struct clean_txn txn;
    struct map producers;               /* id to struct clean_producer; those of the noted part */
    struct clean_counts counts;
    const char *fault;                  /* what is wrong with the batch at fault_offset, or NULL */
    int64_t fault_offset;

    struct batch_file reader;           /* of sources[reading] */
    int fd;                             /* its file; -1: none */
    size_t reading;
    int64_t expected;                   /* the next batch of it begins here, or later */
    struct clean_group group;
    struct segment *target;             /* owned; the new segment; NULL: none */
    struct buffer out;                  /* of it, not yet written */
    struct buffer aborted;              /* entries of its .txnindex */
    int32_t epoch;                      /* of the batch that was met last, in any group */
    int64_t unsynced, ahead;            /* bytes since the last sync; that are still to be read */
    bool changed;                       /* the new segment differs from the old ones */
};

void clean_files_init(struct clean_files *files);
void clean_files_fini(struct clean_files *files);

/* Read the aborted transactions of all sources. CORRUPT, NOMEM, IO. */
int clean_files_begin(struct clean_files *files);

/* Note keys from offset `from` on, in batches that end before `limit`, into `map`, which becomes
 * that of the rules. About `budget` bytes at a time; *more says whether to call again. At the end
 * rules.latest is the last offset that was noted (below `from`: none). NOT_FOUND: a file is gone,
 * the log has changed; CORRUPT (see fault), NOMEM, IO. */
int clean_files_note(struct clean_files *files, struct clean_map *map, int64_t from, int64_t limit,
                     size_t budget, bool *more);

/* The group that begins at source `first`; false when there is none. */
bool clean_files_group(struct clean_files *files, size_t first);

/* Rewrite the group into files->target, as above. At the end it is complete and synced, or gone
 * again when it does not differ (!files->changed). Also DISK_FULL. Write errors are told from read
 * errors by *writing. */
int clean_files_rewrite(struct clean_files *files, size_t budget, bool *more, bool *writing);

/* Give up the new segment and its files. */
void clean_files_drop(struct clean_files *files);

#endif
