/* storage/logdir.h - one of a broker's log directories: lock, identity, checkpoints.
 *
 * Thread-safe: checkpoints and the fence are used from every loop. */
#ifndef STORAGE_LOGDIR_H
#define STORAGE_LOGDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/uuid.h"

struct io;
struct logdir;

enum { LOGDIR_INCARNATIONS = 8 };

/* meta.properties. */
struct logdir_identity {
    int32_t broker_id;                /* -1: the file is not there yet */
    char cluster_id[25];              /* "": not there yet */
    struct uuid directory_id;         /* made up at first open */
    struct uuid incarnation;          /* of the last start; zero: none */
    /* Those before it that may be the one that registered last, newest first: after a start of
     * which nobody knows whether it came to that. */
    struct uuid earlier[LOGDIR_INCARNATIONS];
    size_t earlier_count;
};

/* Create the directory if missing, lock it, read its identity, consume the clean-shutdown mark.
 * Returns 0, BUSY (locked by another process; the reason says which), CORRUPT, IO, NOMEM. */
int logdir_open(const char *path, const struct io *io, struct logdir **out,
                struct k_reason *reason);

const struct logdir_identity *logdir_identity(const struct logdir *directory);

/* Claim the directory for a broker of a cluster, at first start; later starts must name the same.
 * WRONG_CLUSTER, WRONG_BROKER (the reason says what to do), IO. */
int logdir_claim(struct logdir *directory, int32_t broker_id, const char *cluster_id,
                 struct k_reason *reason);
/* Remember the incarnation before registering with it. DISK_FULL, IO. */
int logdir_set_incarnation(struct logdir *directory, const struct uuid *incarnation);
/* It is registered: the next checkpoint forgets the earlier ones. Any thread. */
void logdir_incarnation_registered(struct logdir *directory);

/* The incarnations of which one must be the last that registered, if the disks are those that the
 * cluster knows: all directories that were in use before agree on them. Before the next one is
 * set. Returns how many. */
size_t logdir_known_incarnations(struct logdir *const *directories, size_t count,
                                 struct uuid known[LOGDIR_INCARNATIONS + 1]);

/* Is the log of this partition closed, its files complete, so that opening needs no recovery? */
bool logdir_rests(struct logdir *directory, const char *topic, int32_t partition);

/* Was the last stop clean? Known from logdir_open() on. */
bool logdir_was_clean(const struct logdir *directory);
/* Unclean, and the machine or mount changed since, or the directory was fenced: unsynced data may
 * be gone. */
bool logdir_may_have_lost_data(const struct logdir *directory);
/* Kafka's until now: we have left no checkpoint of our own in it. */
bool logdir_is_foreign(const struct logdir *directory);

/* Bytes of logs since the start: that had to be checked, as far as logs were opened; and of those
 * that were. Any thread. */
int64_t logdir_found_bytes(const struct logdir *directory);
int64_t logdir_checked_bytes(const struct logdir *directory);

const char *logdir_path(const struct logdir *directory);
const struct io *logdir_io(const struct logdir *directory);

/* One topic partition directory found in it. */
struct logdir_entry { char *topic; int32_t partition; struct uuid topic_id; };
/* List; free with logdir_entries_free(). Doomed and stray directories are not listed. */
int logdir_list(struct logdir *directory, struct logdir_entry **entries, size_t *count);
void logdir_entries_free(struct logdir_entry *entries, size_t count);

/* Checkpoints: remembered per partition, written by logdir_checkpoint() (called every second and
 * at stop). -1: unknown. */
enum logdir_mark {
    LOGDIR_RECOVERY_POINT, /* below it everything is on the disk */
    LOGDIR_LOG_START,      /* first offset that may be read */
    LOGDIR_HIGH_WATERMARK,
    LOGDIR_WRITTEN_END, /* below it everything is in the page cache: good until the machine stops */
    LOGDIR_CLEANED,     /* below it every key is there once: compaction goes on from here */
    LOGDIR_MARKS
};
int64_t logdir_mark(struct logdir *directory, enum logdir_mark mark, const char *topic,
                    int32_t partition);
int logdir_set_mark(struct logdir *directory, enum logdir_mark mark, const char *topic,
                    int32_t partition, int64_t offset);
void logdir_forget(struct logdir *directory, const char *topic, int32_t partition);
/* Write what changed. Blocks on the disk. DISK_FULL and NOMEM leave the old files; any other
 * failure fences the directory. */
int logdir_checkpoint(struct logdir *directory);

/* Whoever has to hear that a directory was taken out of use. */
struct logdir_watch {
    /* Once, on the thread that saw the error. */
    void (*fenced)(struct logdir_watch *watch);
};
/* Borrowed until it is replaced, or the directory closed; NULL: nobody. Any thread. */
void logdir_set_watch(struct logdir *directory, struct logdir_watch *watch);

/* Take it out of use for this process's life after an I/O error: what is in the page cache may
 * not be what is on the disk any more, so nothing is written, confirmed or read, and the next start
 * finds that data may be lost. Logged once. */
void logdir_fence(struct logdir *directory, int code, const char *what);
bool logdir_fenced(const struct logdir *directory);

/* An append was refused because the disk is full. Any thread. */
void logdir_refused(struct logdir *directory);
/* Did that happen lately? One thread looks, every second. */
bool logdir_full(struct logdir *directory);

/* Is there a directory of that partition, and is it of this topic? */
bool logdir_holds(struct logdir *directory, const char *topic, int32_t partition,
                  const struct uuid *topic_id);

/* Rename the partition's directory so that it is deleted by logdir_delete_doomed(). *path (unless
 * NULL) receives the new path, malloc'ed; NULL when it failed or there is no memory. IO. */
int logdir_doom(struct logdir *directory, const char *topic, int32_t partition, char **path);

/* Rename a partition's directory out of the way ("-stray") and keep it. */
int logdir_set_aside(struct logdir *directory, const char *topic, int32_t partition);
/* Delete the doomed, until stop(), asked between files, says to leave the rest to another time;
 * NULL: never. */
void logdir_delete_doomed(struct logdir *directory, bool (*stop)(const void *context),
                          const void *context);

/* Write checkpoints and, when `clean`, the clean-shutdown mark: only if the directory is not
 * fenced, every log in it was closed clean (or never opened since a clean start), and all of it
 * is synced. Unlock; free. NULL is allowed. False: there was to be a mark, and is none; why was
 * logged. */
bool logdir_close(struct logdir *directory, bool clean);

#endif
