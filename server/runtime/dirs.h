/* runtime/dirs.h - which log directory holds which partition; opens and retires their logs.
 *
 * Keeps one entry per partition directory, lent to at most one order at a time: a topic that was
 * deleted and created again gets its new log only after the old one is out of the way. The
 * bookkeeping belongs to the control loop, the disk work to the io pool. */
#ifndef RUNTIME_DIRS_H
#define RUNTIME_DIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/list.h"
#include "common/mail.h"
#include "common/uuid.h"
#include "server/storage/log.h"

struct dirs;
struct dirs_entry;
struct flush_cycle;
struct io_pool;
struct log_move;
struct logdir;
struct loop;
struct metadata;
struct metrics;

struct dirs_options {
    struct logdir *const *directories;      /* borrowed; the array is copied */
    size_t count;
    struct metrics *metrics;                /* borrowed */
    bool incomplete;                        /* there are others that can not be used */
    struct loop *control;                   /* borrowed */
    struct io_pool *pool;                   /* borrowed */
    int64_t delete_delay_ms;                /* from a log's removal to that of its files */
    void (*fenced)(void *context);          /* a directory went out of use; control loop; or NULL */
    void *context;
};

/* Lists what is in the directories: blocks. Returns 0, NOMEM or IO. */
int dirs_new(const struct dirs_options *options, struct dirs **out);
/* After the pool and the control loop have ended. NULL is allowed. */
void dirs_free(struct dirs *dirs);

enum dirs_order_kind {
    DIRS_OPEN,          /* open or create; a directory of another topic of that name is set aside */
    DIRS_OPEN_IF_HURT,  /* the same, unless the log was closed clean, or holds nothing and is closed
                           again: then the log stays NULL */
    DIRS_CLOSE,         /* close it clean; it can be opened again */
    DIRS_MOVE,          /* the same, and finish `move`, which takes it to the directory `to` */
    DIRS_REMOVE,           /* the topic was deleted: remove the data */
    DIRS_SET_ASIDE         /* nobody knows the topic: keep the data under another name */
};

struct dirs_order {
    struct mail mail;
    struct list node;
    struct dirs *dirs;
    struct dirs_entry *entry;
    struct logdir *directory;

    /* filled by the caller */
    enum dirs_order_kind kind;
    char topic[250];
    int32_t partition;
    struct uuid topic_id;
    struct log_config config;               /* to open with */
    bool must_exist;                        /* OPEN: the cluster counts on what was in the log. If
                                               that may lie in a directory that is missing, there is
                                               no empty one: LOG_DIR_NOT_FOUND */
    struct mail_target *answer_to;          /* where done() runs */
    void (*done)(struct dirs_order *order);
    void *context;

    struct log_move *move;                  /* MOVE: borrowed, as `to` */
    struct logdir *to;
    struct log *log;                        /* OPEN*: the result; else what to close (NULL: none) */
    char *doomed;                           /* REMOVE, MOVE: what its directory is called now */
    int code;                               /* the result; its reason was logged */
};

/* The group commit of a directory: what confirms records, or (`background`) what can wait. Any
 * thread. */
struct flush_cycle *dirs_flush_cycle(struct dirs *dirs, const struct logdir *directory,
                                     bool background);

/* The directory of that path; NULL: none. Any thread. */
struct logdir *dirs_find(const struct dirs *dirs, const char *path);

/* Any thread. done() runs once; the order is the caller's again then. */
void dirs_order(struct dirs *dirs, struct dirs_order *order);

/* The directories turned out to be incomplete. Control loop, before dirs_expect(). */
void dirs_miss(struct dirs *dirs);

/* When the directories are incomplete, what the picture gives to `broker_id` and none of them holds
 * is where nobody can look: it is offline, and not made anew, empty, in another directory, before
 * an order says that nobody relies on it (must_exist). What is created later is new. Control loop,
 * once, with the first whole picture, before any order. */
void dirs_expect(struct dirs *dirs, const struct metadata *metadata, int32_t broker_id);

/* What the picture does not give to `broker_id` is directories from before the start that nobody
 * asked for: those of topics that are known to be deleted go, others are set aside. Control loop,
 * once, with the first whole picture. */
void dirs_sweep(struct dirs *dirs, const struct metadata *metadata, int32_t broker_id);

/* No disk work is begun any more: orders are answered CLOSED. Control loop. */
void dirs_close(struct dirs *dirs);

/* Every second: write every directory's checkpoints, in the io pool, skipped where the last one
 * still runs; tell how far the checking of logs has come after a crash. Control loop. */
void dirs_checkpoint(struct dirs *dirs);

#endif
