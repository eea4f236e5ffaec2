/* runtime/cleaner.h - when which log is compacted; for the files of runtime/ only.
 *
 * Each shard looks at its compacted logs now and then, and says how dirty the dirtiest of them is
 * that is due; the shard with the dirtiest of all takes one of the broker's few places
 * (log.cleaner.threads) and cleans it (storage/clean_job.h), the heavy part in the background of
 * the io pool. A log that can not be cleaned is set aside: it is shown and counted, and tried
 * again when somebody asks for it. */
#ifndef RUNTIME_CLEANER_H
#define RUNTIME_CLEANER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct partition;
struct shard;
struct shards;

struct cleaner_options {
    bool enabled;
    int threads;                        /* 0: none */
    int64_t dedupe_bytes;               /* of all threads together, as the next two */
    int64_t io_bytes;
    double io_bytes_per_second;
    double load_factor;
    int64_t backoff_ms;
};

/* What all shards share. 0 or K_NOMEM. NULL is allowed in free. */
struct cleaner;
int cleaner_new(const struct cleaner_options *options, int shards, struct cleaner **out);
void cleaner_free(struct cleaner *cleaner);

/* A shard's part of it. */
int cleaner_init(struct shard *shard);
void cleaner_fini(struct shard *shard);

/* The partition is open, or its configuration is another. */
void cleaner_look_soon(struct partition *partition);

/* The shard's settings are others: the next look is due when they say. What is under way goes on as
 * it began. */
void cleaner_options_changed(struct shard *shard);

/* The partition's log goes away: end what is under way, forget what is known. */
void cleaner_forget(struct partition *partition);

/* Is its log being cleaned, or about to be? */
bool cleaner_busy(const struct partition *partition);

/* Is a job of it under way? It can be ended early; none begins while the log is to be moved. */
bool cleaner_running(const struct partition *partition);
void cleaner_cancel(struct partition *partition);

/* Compact it now, whatever its ratio: the active segment is closed first, and a partition that was
 * set aside is tried again. INVALID_TOPIC_EXCEPTION (it is not compacted), INVALID_REQUEST (this
 * broker compacts nothing), KAFKA_STORAGE_ERROR, NOMEM, DISK_FULL. */
int cleaner_ask(struct partition *partition);

enum cleaner_state { CLEANER_NEVER, CLEANER_IDLE, CLEANER_RUNNING, CLEANER_FAILED };

struct cleaner_report {
    enum cleaner_state state;
    int64_t bytes_done, bytes_to_do;    /* RUNNING */
    int64_t last_ms;                    /* wall time of the end of the last; -1: none */
    int64_t upto, bytes_before, bytes_after, took_ms;       /* of the last that succeeded */
    char error[160];                    /* FAILED; else "" */
};
void cleaner_report(const struct partition *partition, struct cleaner_report *out);

#endif
