/* storage/logdir_internal.h - what the files of logdir and log share. */
#ifndef STORAGE_LOGDIR_INTERNAL_H
#define STORAGE_LOGDIR_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/map.h"
#include "server/storage/io.h"
#include "server/storage/logdir.h"

/* What is known of one partition. */
struct logdir_partition {
    int64_t marks[LOGDIR_MARKS];        /* -1: unknown */
    int32_t partition;
    bool trusted;                       /* closed clean: the next open needs no recovery */
    bool unchecked;                     /* the machine stopped, and nobody has looked at it since */
    bool forgotten;                     /* gone, but a checkpoint file may still name it */
    char topic[];
};

struct logdir {
    char *path;                         /* owned */
    const struct io *io;                /* borrowed */
    char life[IO_LIFE_SIZE];            /* of the directory, as it was when it was opened */
    int lock_fd;
    struct logdir_identity identity;
    bool stored;                        /* meta.properties holds the whole identity */
    bool was_clean, lost, foreign;
    atomic_bool registered;             /* with our incarnation; not yet written */
    bool used;                          /* some log was opened: files may be unsynced; by mutex */
    atomic_bool fenced;
    atomic_bool withdrawn;              /* fenced, and the next start will not trust our files */
    atomic_int full_looks;              /* looks for which it counts as full */
    atomic_llong found_bytes, checked_bytes;
    _Atomic(struct logdir_watch *) watch;

    pthread_mutex_t mutex;              /* the fields below */
    bool loss_told, loss_settled;       /* the next start need not find `lost` out again */
    struct map partitions;              /* "topic-partition" to struct logdir_partition, owned */
    bool changed[LOGDIR_MARKS];         /* since its file was written */
    pthread_mutex_t writing;            /* one checkpoint at a time; taken before `mutex` */
};

/* --- logdir_incarnation.c --------------------------------------------------------------------- */

/* kairn.properties into the identity; damage counts as none. IO, NOMEM. */
int logdir_load_incarnation(struct logdir *directory, struct k_reason *reason);
/* Write that we registered, if it is new. DISK_FULL, IO. */
int logdir_save_registered(struct logdir *directory);

/* Sync the whole file system, by a descriptor as old as the directory's use. IO; blocks. */
int logdir_sync(struct logdir *directory);

/* --- logdir_marks.c ----------------------------------------------------------------------- */

int logdir_marks_init(struct logdir *directory);
void logdir_marks_fini(struct logdir *directory);

/* Read the checkpoint files; damaged ones count as missing. Sets directory->lost. NOMEM, IO. */
int logdir_marks_load(struct logdir *directory);

/* A partition's directory is there, or was made. NOMEM. */
int logdir_marks_add(struct logdir *directory, const char *topic, int32_t partition);

/* A new, empty log: marks of an ancestor of the same name must not speak for it, not even after
 * a crash. May block on the disk. As logdir_checkpoint(), NOMEM. */
int logdir_begin_new(struct logdir *directory, const char *topic, int32_t partition);

/* A copy of a log that was closed clean in `from`, all of it on the disk, is about to get its name:
 * what is known of the log there is known in `directory` as well, durably. As logdir_checkpoint().
 */
int logdir_adopt(struct logdir *directory, struct logdir *from, const char *topic,
                 int32_t partition);

/* The log is opened: true if it was closed clean, so that it needs no recovery. */
bool logdir_begin(struct logdir *directory, const char *topic, int32_t partition);

/* The log is closed. Clean: its files are complete and LOGDIR_WRITTEN_END says so. */
void logdir_end(struct logdir *directory, const char *topic, int32_t partition, bool clean);

/* The log was opened: what the machine may have taken of it is known and put right. */
void logdir_checked(struct logdir *directory, const char *topic, int32_t partition);

/* The cluster knows what the machine may have taken: the next checkpoint may say that this life of
 * the machine is the one its files are of. Any thread. */
void logdir_loss_told(struct logdir *directory);

/* Out of use: what the page cache holds is no longer what the next start, in this life of the
 * machine, may take for written. It finds that data may be lost, as after a stop of the machine.
 * Tried again by every checkpoint until the disk lets us. Any thread. */
void logdir_withdraw(struct logdir *directory);

/* May the next start, in this life of the machine, take it that nothing was lost? */
bool logdir_loss_settled(struct logdir *directory);

/* Are all logs closed clean? If so, sync them and move the recovery points. 0, BUSY (no), IO. */
int logdir_settle(struct logdir *directory);

/* --- logdir_entries.c --------------------------------------------------------------------- */

/* The path of a partition's directory, malloc'ed; NULL when out of memory. */
char *logdir_partition_path(const struct logdir *directory, const char *topic, int32_t partition);

/* A path of the same directory under which it is no log any more, or not yet; malloc'ed; NULL when
 * out of memory. */
char *logdir_away_path(const struct logdir *directory, const char *topic, int32_t partition,
                       const char *why);

/* Copies of logs that never were finished (log_move.h) are to be deleted. IO. */
int logdir_doom_unfinished(struct logdir *directory);

/* Call `each` for every partition directory. NOMEM, IO, or what `each` returned. */
int logdir_each(struct logdir *directory,
                int (*each)(void *context, const char *topic, int32_t partition), void *context);

#endif
