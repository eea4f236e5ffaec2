/* runtime/dirs_internal.h - what the files of dirs share. */
#ifndef RUNTIME_DIRS_INTERNAL_H
#define RUNTIME_DIRS_INTERNAL_H

#include "common/map.h"
#include "server/runtime/dirs.h"
#include "server/runtime/purge.h"
#include "server/storage/logdir.h"

struct flush_cycle;
struct metrics;

/* Chores of one directory: at most one of each kind at a time. */
struct dirs_chore {
    struct mail mail;
    struct dirs *dirs;
    struct logdir *directory;
    bool busy;
};

struct dirs_entry {
    struct dirs *dirs;
    size_t directory;               /* index */
    bool lent;
    bool offline;                   /* in a directory that can not be used */
    bool exists;                    /* there is, or was, a directory of this name */
    struct uuid topic_id;           /* as listed at the start; zero: made since */
    struct list waiting;            /* struct dirs_order.node */
    int32_t partition;
    char topic[];
};

/* Of the opening of logs after a crash; see dirs_progress.c. */
struct dirs_progress {
    size_t opening, opened;         /* logs */
    int64_t began_ms, said_ms;
    bool over;                      /* all are checked, or none had to be */
};

struct dirs {
    struct loop *control;
    struct metrics *metrics;
    struct dirs_progress progress;
    struct io_pool *pool;
    void (*fenced)(void *context);
    void *context;
    struct logdir_watch watch;      /* of every directory */
    struct mail fenced_mail;        /* in transit while fenced_posted */
    _Atomic bool fenced_posted;
    bool closed, incomplete;
    size_t count;
    struct logdir **directories;    /* array owned */
    size_t *used;                   /* partitions per directory; owned */
    struct dirs_chore *checkpoints, *deletions;      /* one per directory; owned */
    struct dirs_chore trimming;
    size_t rested, rested_before;   /* logs since the last trimming; a second ago */
    struct flush_cycle *urgent_cycles, *background_cycles;      /* one per directory; owned */
    struct purge purge;             /* directories of removed logs */
    int64_t delete_delay_ms;
    struct map entries;             /* "topic-partition" to struct dirs_entry; owned */
};

enum { DIRS_NAME_SIZE = 272 };

/* "topic-partition"; returns its size. */
size_t dirs_entry_name(char name[DIRS_NAME_SIZE], const char *topic, int32_t partition);

/* A new entry in the directory with this index; NULL: no memory. */
struct dirs_entry *dirs_add_entry(struct dirs *dirs, const char *topic, int32_t partition,
                                  size_t directory);

/* It is out of the map. */
void dirs_free_entry(struct dirs_entry *entry);

/* Start on the order; the entry is lent to it. */
void dirs_lend(struct dirs_entry *entry, struct dirs_order *order);

/* A log is being opened; it was, or could not be. */
void dirs_opening(struct dirs *dirs);
void dirs_opened(struct dirs *dirs);
/* Time has passed: a single log may take long. */
void dirs_tell_progress(struct dirs *dirs);

#endif
