/* storage/clean_internal.h - what clean_job.c and clean_swap.c share. */
#ifndef STORAGE_CLEAN_INTERNAL_H
#define STORAGE_CLEAN_INTERNAL_H

#include <stdatomic.h>

#include "server/storage/clean_job.h"
#include "server/storage/clean_segments.h"

/* Who works on what; see the steps in clean_job.h. */
enum clean_stage {
    STAGE_AGES, STAGE_NOTE, STAGE_REWRITE, STAGE_SEAL,      /* away */
    STAGE_COMMIT,                                           /* home */
    STAGE_SYNC_COMMIT,                                      /* away */
    STAGE_REPLACE,                                          /* home */
    STAGE_SYNC_REPLACE,                                     /* away */
    STAGE_SETTLE,                                           /* home */
    STAGE_TIDY,                                             /* away */
    STAGE_FINISH,                                           /* home */
    STAGE_OVER
};

struct clean_job {
    struct log *log;                    /* home only; NULL: closed meanwhile */
    struct logdir *directory;           /* borrowed; outlives every log */
    const struct io *io;                /* borrowed */
    char *path;                         /* owned; of the partition's directory */
    struct clean_options options;
    _Atomic enum clean_stage stage;     /* set by whose turn it is; a truncation looks at it */
    atomic_bool cancelled;
    uint64_t truncations;               /* of the log when it began */
    int64_t from, limit;
    int64_t to_read;
    struct clean_map map;
    struct clean_files files;
    size_t group_first;                 /* of the group under way */
    int code;                           /* why it ends */
    bool fatal;                         /* `code` is that of a failed write or sync */
    size_t source_count;
    struct clean_source sources[];
};

/* One step at home, in clean_swap.c. Return 0, CLOSED (the log changed) or what failed. */
int clean_commit(struct clean_job *job);
int clean_replace(struct clean_job *job);
int clean_settle(struct clean_job *job);

/* Away, after clean_replace(): the old segments are gone for good. */
int clean_delete_replaced(struct clean_job *job);

#endif
