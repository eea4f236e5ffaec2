/* runtime/cleaner_private.h - what cleaner.c, which chooses, and cleaner_job.c, which compacts,
 * share. All of it belongs to the partition's shard. */
#ifndef RUNTIME_CLEANER_PRIVATE_H
#define RUNTIME_CLEANER_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/storage/clean_job.h"

struct cleaning_job;
struct cleaning_probe;
struct partition;
struct shard;

/* What is known of one partition's compaction. */
struct cleaning {
    struct cleaning_job *job;           /* under way, or NULL */
    bool asked;                         /* somebody wants it now */
    bool ran, failed;
    int64_t rest_until_ms;              /* the last job did nothing: not before */
    int64_t last_ms, upto, bytes_before, bytes_after, took_ms;
    int64_t probed_from, first_dirty_ms;        /* age of the dirty part from that offset on */
    struct cleaning_probe *probe;       /* under way, or NULL */
    char error[160];
};

/* --- cleaner.c -------------------------------------------------------------------------------- */

/* A job is over: whoever has the dirtiest log takes its place. Any shard may be woken. */
void cleaner_give_place(struct shard *shard);

/* What may be compacted ends here (R2). 0, or why that is not known. */
int cleaner_limit(const struct partition *partition, int64_t *limit);

/* Has the last attempt at this log failed? Keeps the gauge. */
void cleaning_set_failed(struct cleaning *cleaning, const struct shard *shard, bool failed);

/* --- cleaner_job.c ---------------------------------------------------------------------------- */

/* Begin; `partition->cleaning` is there and has no job. 0; or NOT_FOUND (nothing is dirty), NOMEM,
 * or what the log says: the place is the caller's then. */
int cleaning_job_start(struct partition *partition);

void cleaning_job_cancel(struct cleaning_job *job);

/* As of its last turn at home. Lives as long as the job. */
const struct clean_outcome *cleaning_job_progress(const struct cleaning_job *job);

/* The partition goes away (R3). */
void cleaning_job_forget(struct cleaning_job *job);

#endif
