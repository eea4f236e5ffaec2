/* storage/segment.h - one file of the log with its two indexes: note what was appended, find
 * offsets, check what a crash left, cut the tail.
 *
 * Not thread-safe: belongs to the loop that owns the partition. Only the reference count and the
 * descriptor of an open segment may be used elsewhere. Positions are bytes in the file. */
#ifndef STORAGE_SEGMENT_H
#define STORAGE_SEGMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/storage/index.h"

struct batch_file;
struct index_page;
struct io;

/* What changes with an append; copied before one, to be put back if it fails. */
struct segment_tail {
    int64_t size;                   /* bytes of whole batches */
    int64_t next_offset;            /* after the last record */
    int64_t first_timestamp;        /* largest of the first batch; -1: none yet */
    int64_t max_timestamp;          /* -1: none yet */
    int64_t max_timestamp_offset;   /* last offset of the batch that first reached it */
    int64_t since_index;            /* bytes appended since the last index entry */
    size_t offset_count, time_count;
};

#define SEGMENT_NEWEST_UNKNOWN INT64_MIN

struct segment {
    atomic_uint references;
    const struct io *io;            /* borrowed; outlives the segment */
    char *path;                     /* owned; without suffix */
    const char *mark;               /* after the suffix: "", or why the files are not live yet */
    int fd;                         /* owned; -1: not open at the moment */
    int64_t base_offset;
    int64_t index_interval;         /* bytes between two index entries */
    struct segment_tail tail;       /* of a sealed segment only size and next_offset are known */
    struct index offsets, times;
    bool indexed;                   /* the indexes are in memory; else segment_lookup.h */
    struct index_page *page;        /* owned; of the offset index file, for who reads on; or NULL */
    struct index aborted;           /* transactions; txn_index.h */
    bool aborted_known;             /* they are in memory */
    bool times_checked;             /* the time index was made, or found good, by this process */
    bool reserved;                  /* there may be room behind the end of the file */
    bool served;                    /* some of its bytes were handed out for sending */
    int64_t created_ms;             /* wall time of the first append since open; -1: none */
    int64_t newest;                 /* of a sealed one: what segment_newest() said, or UNKNOWN */
};

/* Make an empty segment file. Files of the same base offset that are left over from a failed
 * attempt are removed. `directory` is borrowed for the call. DISK_FULL, IO, NOMEM. */
int segment_create(const struct io *io, const char *directory, int64_t base_offset,
                   int64_t index_interval, struct segment **out);

/* The same with file names that end in `mark` (a constant), which no log takes for its own. */
int segment_create_marked(const struct io *io, const char *directory, int64_t base_offset,
                          int64_t index_interval, const char *mark, struct segment **out);

/* Give its files another mark, indexes first, the log file last. Files of the new names are
 * replaced. After an error some may have moved. Durable after a sync of the directory. IO,
 * DISK_FULL. */
int segment_rename(struct segment *segment, const char *mark);

/* Take an existing file as it is; nothing is read. NOT_FOUND, CORRUPT (no file), IO, NOMEM. */
int segment_open(const struct io *io, const char *directory, int64_t base_offset,
                 int64_t index_interval, struct segment **out);

/* Reserve room for `size` bytes in the open file; its size stays what it is. A file system that can
 * not is no error. DISK_FULL, IO. */
int segment_reserve(struct segment *segment, int64_t size);

/* Give back what was reserved and is not used; or, after a crash, look whether there is any. IO. */
int segment_unreserve(struct segment *segment);
int segment_find_reserved(struct segment *segment);

struct segment *segment_ref(struct segment *segment);
void segment_unref(struct segment *segment);        /* any thread; NULL is allowed */

/* Open the file if it is not. 0, IO. */
int segment_need_file(struct segment *segment);

/* Close the file, unless somebody else holds a reference: then false. It is opened again when it is
 * needed. */
bool segment_rest_file(struct segment *segment);

/* Drop the indexes of a sealed segment: what is looked up is read from their files. They stay while
 * those do not hold them. */
void segment_rest_indexes(struct segment *segment);

/* Close the file of a sealed segment as well, if nobody else holds a reference. It comes back when
 * it is needed. */
void segment_rest(struct segment *segment);

/* Load the indexes from their files. CORRUPT when one is missing or does not describe a file like
 * this one; also IO, NOMEM. */
int segment_load_indexes(struct segment *segment);

/* Load the indexes if they are not in memory; rebuild them from the file when they are missing
 * or wrong. 0, IO, NOMEM, DISK_FULL. */
int segment_need_indexes(struct segment *segment);

/* Account for a batch that is (about to be) written at the end of the file. 0 or K_NOMEM. */
int segment_note(struct segment *segment, const uint8_t *header);

/* Make the indexes anew from the file, and save them. The segment's end stays where it is. IO,
 * NOMEM, DISK_FULL. */
int segment_rebuild_indexes(struct segment *segment);

struct segment_tail segment_tail(const struct segment *segment);

/* Undo notes and writes since `tail` was taken. IO: the file may hold more than it should. */
int segment_rewind(struct segment *segment, const struct segment_tail *tail);

/* Write the indexes. `final` adds the last timestamp, as at roll and stop. DISK_FULL, IO. */
int segment_save_indexes(struct segment *segment, bool final);

/* A batch in the file. */
struct segment_place {
    int64_t position, size;
    int64_t base_offset, last_offset, max_timestamp;
};

/* The first batch whose last offset is at least `offset`. NOT_FOUND, CORRUPT, IO, NOMEM. */
int segment_locate(struct segment *segment, int64_t offset, struct segment_place *out);

/* The first batch that ends after `limit`, and the last offset before it; the search starts at
 * `from`, the start of a batch. NOT_FOUND when all end before. *before is -1 when the first
 * batch at `from` ends after `limit` already. Where the batches before the limit are damaged, the
 * place of the damage, of size 0. */
int segment_locate_position(struct segment *segment, int64_t from, int64_t limit,
                            struct segment_place *out, int64_t *before);

/* How far a scan went, and why it stopped early. */
struct segment_scan {
    int64_t end;                    /* scan up to here; in */
    int64_t trusted;                /* batches from this offset on are checked in full; those
                                       before were promised: damage is stepped over; in */
    int64_t holes;                  /* offsets may be missing up to here, or to `trusted`; in */
    int (*visit)(void *context, const uint8_t *header);    /* every batch; CORRUPT: it is no good;
                                       other errors end the scan; may be NULL */
    void *context;
    const char *fault;              /* NULL, or what is wrong with the batch at the new end */
};

/* Set the tail from the file: go on from the last index entry in memory (from the start without
 * one), check each batch, fill the indexes. Damage below the trusted offset is logged and stepped
 * over, to the next batch that is whole. Stops at the first batch that is no good otherwise: the
 * tail then ends before it, and scan->fault says why. Returns 0, CORRUPT (the last index entry does
 * not match the file: clear the indexes and scan again), IO, NOMEM, or what visit() returned. */
int segment_scan(struct segment *segment, struct segment_scan *scan);

/* The first whole batch of the file at `from` or behind, with a base offset of `expected` or a
 * little more. NOT_FOUND, IO, NOMEM. */
int segment_resync(const struct batch_file *file, int64_t from, int64_t expected, int64_t *found);

/* Forget the index entries in memory. */
void segment_clear_indexes(struct segment *segment);

/* Cut from the batch that contains `offset` on. Durable only after a sync. */
int segment_cut(struct segment *segment, int64_t offset);

/* Do the batches up to `size` bear out the end of the time index? The file is open. Then the tail
 * knows the largest timestamp. 0, CORRUPT (no), IO, NOMEM. */
int segment_check_times(struct segment *segment, int64_t size);

/* The time index checked, once; what is wrong is rebuilt. 0, IO, NOMEM, DISK_FULL. */
int segment_need_times(struct segment *segment);

/* Largest timestamp in it; -1: none. As segment_need_times(). */
int segment_max_timestamp(struct segment *segment, int64_t *out);

/* The same for a sealed segment of `size` bytes that ends at `next_offset`, as they were on its
 * loop: read from the files alone, on any thread. The time index is believed only as far as the
 * batches bear it out; else all of them are looked at. -1 also for a damaged segment; UNKNOWN when
 * a file can not be read. Blocks. */
int64_t segment_newest(const struct segment *segment, int64_t size, int64_t next_offset);

/* The aborted transactions whose markers are here, into memory; no file means none. CORRUPT: the
 * file does not describe a segment like this one; IO, NOMEM. */
int segment_need_aborted(struct segment *segment);
/* There are none (any more). IO. */
int segment_clear_aborted(struct segment *segment);
/* They are not in memory any more. */
void segment_forget_aborted(struct segment *segment);
/* Write those in memory. DISK_FULL, IO. */
int segment_save_aborted(struct segment *segment);
/* fdatasync their file. Any thread. 0, IO. */
int segment_sync_aborted(const struct segment *segment);

/* fdatasync the indexes' files (the log file: io->sync on fd). 0, IO. */
int segment_sync_indexes(const struct segment *segment);

/* Delete its files. The descriptor stays open while there are references. */
int segment_remove_files(const struct segment *segment);

/* Delete the files of its base that have this mark, whichever it has itself. Any thread. */
int segment_remove_marked(const struct segment *segment, const char *mark);

/* Take its files out of the log for good: rename them to "<name>.deleted", which the next open
 * deletes (doomed.h does so earlier). Whoever has the file open reads on; whoever has not gets
 * NOT_FOUND. `snapshot_too`: the producer snapshot of its base goes as well; not when another
 * segment with this base takes its place. Durable after a sync of the directory; may be repeated.
 * Any thread, but nobody else may rename its files. Blocks. 0, IO. */
int segment_doom(const struct segment *segment, bool snapshot_too);

/* Delete what segment_doom() renamed; `path` is that of the segment, without suffix. Files that
 * are not there are fine. Any thread. Blocks. 0, IO. */
int segment_delete_doomed(const struct io *io, const char *path);

#endif
