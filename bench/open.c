/* open.c - how long a log directory takes to serve again, through the storage alone.
 *
 *   bench/open make DIRECTORY PARTITIONS MEGABYTES clean|killed|cut
 *   bench/open open DIRECTORY THREADS
 *
 * make writes logs with 64 KiB batches and stops: cleanly, as if the process was killed (with the
 * last checkpoint), or as if the machine went down (nothing is trusted, all is checked). open opens
 * the directory and every log of it, prints one JSON line, and closes it cleanly: what is opened
 * next is a clean directory. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "proto/batch.h"
#include "server/storage/io.h"
#include "server/storage/log.h"
#include "server/storage/logdir.h"

enum { BATCH = 64 << 10, RECORD = 1000, THREADS_MAX = 64 };

static const struct log_config config = {
    .segment_bytes = 1 << 30,
    .segment_ms = INT64_MAX,
    .index_bytes = 10 << 20,
    .index_interval_bytes = 4096,
    .max_message_bytes = 1 << 20,
    .retention_bytes = -1,
    .retention_ms = -1,
};

static void die(const char *what, int code)
{
    fprintf(stderr, "%s: %s\n", what, k_error_name(code));
    exit(1);
}

static struct log *open_log(struct logdir *directory, int32_t partition)
{
    const struct log_options options = { .directory = directory, .topic = "bench",
                                         .partition = partition, .topic_id = { { 1 } },
                                         .config = config };
    struct log *log;
    struct k_reason reason;
    int code = log_open(&options, &log, &reason);
    if (code != 0)
        die(reason.text, code);
    return log;
}

static size_t make_batch(uint8_t *bytes)
{
    static char value[RECORD];
    struct batch_builder builder;
    batch_build_start(&builder, bytes, BATCH);
    for (int i = 0; i < (BATCH - BATCH_HEADER_SIZE) / (RECORD + 20); i++) {
        memset(value, i, sizeof value);
        if (batch_build_add(&builder, 1700000000000 + i, NULL, -1, value, sizeof value, NULL, 0))
            break;
    }
    batch_build_finish(&builder);
    return builder.size;
}

static void make(const char *path, int32_t partitions, int64_t megabytes, const char *how)
{
    static uint8_t bytes[BATCH], copy[BATCH];
    struct logdir *directory;
    struct k_reason reason;
    bool clean = strcmp(how, "clean") == 0;
    int code = logdir_open(path, &io_system, &directory, &reason);
    if (code != 0)
        die(reason.text, code);

    size_t size = make_batch(bytes);
    int64_t each = megabytes * (1 << 20) / partitions;
    for (int32_t i = 0; i < partitions; i++) {
        struct log *log = open_log(directory, i);
        do {
            struct log_append append = { .bytes = copy, .size = size };
            memcpy(copy, bytes, size);
            code = log_append(log, &append, 1, 0, 1700000000000);
            if (code != 0)
                die("append", code);
        } while (log_size(log) < each);
        code = strcmp(how, "cut") == 0 ? 0 : log_checkpoint(log);
        if (code == 0)
            code = log_close(log, clean);
        if (code != 0)
            die("close", code);
    }
    logdir_close(directory, clean);
}

struct work {
    struct logdir *directory;
    struct logdir_entry *entries;
    size_t count;
    atomic_size_t next;
    struct log **logs;
};

static void *open_some(void *context)
{
    struct work *work = context;
    for (size_t i = atomic_fetch_add(&work->next, 1); i < work->count;
         i = atomic_fetch_add(&work->next, 1))
        work->logs[i] = open_log(work->directory, work->entries[i].partition);
    return NULL;
}

static void open_all(const char *path, int threads)
{
    struct work work = { .count = 0 };
    struct k_reason reason;
    struct rusage before, after;
    pthread_t ids[THREADS_MAX];
    int64_t bytes = 0, begin = clock_mono_us(&clock_system);

    int code = logdir_open(path, &io_system, &work.directory, &reason);
    if (code != 0)
        die(reason.text, code);
    code = logdir_list(work.directory, &work.entries, &work.count);
    int64_t listed = clock_mono_us(&clock_system);
    work.logs = calloc(work.count + 1, sizeof *work.logs);
    if (code != 0 || work.logs == NULL)
        die("list", code);
    getrusage(RUSAGE_SELF, &before);
    for (int i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, open_some, &work) != 0)
            die("thread", K_NOMEM);
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    int64_t opened = clock_mono_us(&clock_system);
    getrusage(RUSAGE_SELF, &after);

    bool clean = logdir_was_clean(work.directory);
    int64_t checked = logdir_checked_bytes(work.directory);
    for (size_t i = 0; i < work.count; i++) {
        bytes += log_size(work.logs[i]);
        log_close(work.logs[i], true);
    }
    printf("{\"partitions\":%zu,\"bytes\":%" PRId64 ",\"clean\":%s,\"threads\":%d"
           ",\"list_us\":%" PRId64 ",\"open_us\":%" PRId64
           ",\"checked_bytes\":%" PRId64 ",\"checked_bytes_per_s\":%.0f,\"kilobytes\":%ld}\n",
           work.count, bytes, clean ? "true" : "false", threads, listed - begin, opened - listed,
           checked, (double)checked * 1e6 / (double)(opened - listed + 1),
           after.ru_maxrss - before.ru_maxrss);
    logdir_entries_free(work.entries, work.count);
    logdir_close(work.directory, true);
    free(work.logs);
}

int main(int argc, char **argv)
{
    log_set_level(LOG_LEVEL_ERROR);
    if (argc == 6 && strcmp(argv[1], "make") == 0 && atoi(argv[3]) > 0 &&
        (strcmp(argv[5], "clean") == 0 || strcmp(argv[5], "killed") == 0 ||
         strcmp(argv[5], "cut") == 0)) {
        make(argv[2], atoi(argv[3]), atoll(argv[4]), argv[5]);
        return 0;
    }
    int threads = argc == 4 ? atoi(argv[3]) : 0;
    if (argc == 4 && strcmp(argv[1], "open") == 0 && threads > 0 && threads <= THREADS_MAX) {
        open_all(argv[2], threads);
        return 0;
    }
    fprintf(stderr, "usage: open make DIRECTORY PARTITIONS MEGABYTES clean|killed|cut\n"
                    "       open open DIRECTORY THREADS\n");
    return 2;
}
