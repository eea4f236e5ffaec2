/* runtime/trim_job.h - takes a log through the steps of storage/log_trim.h: on its shard what
 * needs the log, in the io pool what waits for the disk.
 *
 * While a job is under way its partition's directory is not given up (partition.jobs): the files
 * that are renamed are those of this log, not of a successor of the same name. For the files of
 * runtime/ only. */
#ifndef RUNTIME_TRIM_JOB_H
#define RUNTIME_TRIM_JOB_H

struct log_retention;
struct log_trim;
struct partition;

/* Who wants it. On the shard, each once; NULL: does not matter. */
struct trim_owner {
    /* The log start is raised and on the disk (0), or why not. */
    void (*raised)(void *context, int code);
    /* All is done; the last call. */
    void (*ended)(void *context);
    void *context;
};

/* Somebody waits: persist at once. Takes the trim over. NOMEM: nothing is called. */
int trim_job_start(struct partition *partition, struct log_trim *trim,
                   const struct trim_owner *owner);

/* The same, in the background, for whatever `retention` finds due. */
int trim_job_start_retention(struct partition *partition, struct log_retention *retention,
                             const struct trim_owner *owner);

#endif
