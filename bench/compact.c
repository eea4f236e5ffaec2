/* compact.c - how fast is compaction? Writes a log of records with values of 100 bytes, cleans it
 * on this thread, prints one line.
 *
 *   bench/compact [--json] [DIRECTORY [MEGABYTES [KEYS]]]      default: . 400 1000000
 *
 * Input is what lies in the segments that are cleaned, once; the log is synced before. It lies in
 * a directory of its own below DIRECTORY, which is removed at the end. */
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "common/rand.h"
#include "proto/batch.h"
#include "server/storage/clean_job.h"
#include "server/storage/io.h"
#include "server/storage/log.h"
#include "server/storage/logdir.h"

enum { VALUE_SIZE = 100, BATCH_BYTES = 64 * 1024, STEP = 4 << 20 };

static int fill(struct log *log, int64_t bytes, int64_t keys)
{
    static uint8_t batch[BATCH_BYTES + 4096];
    uint8_t value[VALUE_SIZE];
    struct rand rand;
    rand_seed(&rand, 1);
    for (int64_t done = 0; done < bytes;) {
        struct batch_builder builder;
        batch_build_start(&builder, batch, sizeof batch);
        while (builder.size < BATCH_BYTES) {
            char key[24];
            int size = snprintf(key, sizeof key, "key-%010llu",
                                (unsigned long long)rand_below(&rand, (uint64_t)keys));
            for (size_t i = 0; i < sizeof value; i += 4) {
                uint32_t word = (uint32_t)rand_u64(&rand);
                memcpy(value + i, &word, 4);
            }
            (void)batch_build_add(&builder, 1700000000000 + done, key, size, value, VALUE_SIZE,
                                  NULL, 0);
        }
        batch_build_finish(&builder);
        struct log_append append = { .bytes = batch, .size = builder.size };
        int error = log_append(log, &append, 1, 0, 1700000000000);
        if (error != 0)
            return error;
        done += (int64_t)builder.size;
    }
    int error = log_clean_roll(log);
    return error != 0 ? error : log_flush(log);
}

static int clean(struct log *log, struct clean_outcome *outcome)
{
    const struct clean_options options = {
        .limit = INT64_MAX, .now_ms = 1700000000000, .delete_retention_ms = 86400000,
        .map_bytes = 128 << 20, .map_load = 0.9, .buffer_bytes = 256 * 1024 };
    struct clean_job *job;
    int error = clean_begin(log, &options, &job);
    while (error == 0 && clean_turn(job) != CLEAN_OVER) {
        if (clean_turn(job) == CLEAN_AWAY)
            clean_away(job, STEP);
        else
            error = clean_home(job);
    }
    if (error == 0) {
        clean_outcome(job, outcome);
        error = outcome->code;
        clean_free(job);
    }
    return error;
}

static void print(const struct clean_outcome *outcome, double seconds, double cpu, bool json)
{
    double input = (double)outcome->bytes_before / 1e6, output = (double)outcome->bytes_after / 1e6;

    if (json)
        printf("{\"mb_per_second\": %.1f, \"mb_per_processor_second\": %.1f, \"input_mb\": %.0f, "
               "\"output_mb\": %.0f}\n", input / seconds, input / cpu, input, output);
    else
        printf("compact: input %.0f MB in %.2f s (%.0f MB/s), %.2f s of processor time "
               "(%.0f MB/s), output %.0f MB\n", input, seconds, input / seconds, cpu, input / cpu,
               output);
}

static int run(const char *path, int64_t bytes, int64_t keys, bool json)
{
    struct logdir *directory;
    struct log *log;
    struct k_reason reason = { .text = "" };
    struct log_options options = {
        .topic = "bench", .topic_id = { { 1 } },
        .config = { .segment_bytes = 64 << 20, .segment_ms = INT64_MAX, .index_bytes = 10 << 20,
                    .index_interval_bytes = 4096, .max_message_bytes = 1 << 20,
                    .compacted = true } };
    struct clean_outcome outcome = { .code = 0 };

    log_set_level(LOG_LEVEL_ERROR);
    int error = logdir_open(path, &io_system, &directory, &reason);
    options.directory = directory;
    if (error == 0)
        error = log_open(&options, &log, &reason);
    if (error == 0)
        error = fill(log, bytes, keys);
    int64_t began = clock_mono_us(&clock_system);
    double cpu_began = (double)clock() / CLOCKS_PER_SEC;
    if (error == 0)
        error = clean(log, &outcome);
    double seconds = (double)(clock_mono_us(&clock_system) - began) / 1e6;
    double cpu = (double)clock() / CLOCKS_PER_SEC - cpu_began;
    if (error != 0) {
        fprintf(stderr, "compact: %s %s\n", k_error_text(error), reason.text);
        return EXIT_FAILURE;
    }
    print(&outcome, seconds, cpu, json);
    return EXIT_SUCCESS;
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)about;
    (void)type;
    (void)where;
    return remove(path);
}

/* The work has a process of its own, so that the log goes however that ends. */
int main(int argc, char **argv)
{
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    argc -= json;
    argv += json;
    int64_t megabytes = argc > 2 ? atoll(argv[2]) : 400, keys = argc > 3 ? atoll(argv[3]) : 1000000;
    char path[512];
    int status = EXIT_FAILURE;

    if (argc > 4 || (argc > 1 && argv[1][0] == '-') || megabytes < 1 || keys < 1) {
        fputs("usage: compact [--json] [DIRECTORY [MEGABYTES [KEYS]]]\n", stderr);
        return 2;
    }
    snprintf(path, sizeof path, "%s/compact-XXXXXX", argc > 1 ? argv[1] : ".");
    if (mkdtemp(path) == NULL) {
        perror(path);
        return EXIT_FAILURE;
    }
    pid_t child = fork();
    if (child == 0)
        return run(path, megabytes << 20, keys, json);
    signal(SIGINT, SIG_IGN);
    if (child < 0 || waitpid(child, &status, 0) != child)
        perror("compact");
    nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
