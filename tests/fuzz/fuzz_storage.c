/* Every file of a log directory holds what the fuzzer likes: opening, reading and dumping it ends
 * in an answer or a typed error. The first byte of the input chooses the file. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "proto/batch.h"
#include "server/storage/dump.h"
#include "server/storage/io.h"
#include "server/storage/log.h"
#include "server/storage/logdir.h"
#include "server/storage/recover_dry.h"
#include "server/storage/verify.h"
#include "tests/fuzz/target.h"
#include "tests/lib/scratch.h"

static const char *const names[] = {
    "t-0/00000000000000000000.log",
    "t-0/00000000000000000000.index",
    "t-0/00000000000000000000.timeindex",
    "t-0/leader-epoch-checkpoint",
    "t-0/partition.metadata",
    "recovery-point-offset-checkpoint",
    "kairn-checkpoint",
    "meta.properties",
    "kairn.properties",
    "t-0/00000000000000000000.txnindex",
    "t-0/00000000000000000009.snapshot",
    "t-0/00000000000000000009.kairn-producers",
    "log-start-offset-checkpoint",
    "replication-offset-checkpoint",
    "cleaner-offset-checkpoint",
    "t-0/kairn-gaps",
    "t-0/00000000000000000009.log",
    "t-0/00000000000000000000.log.swap",
};

/* The disk is not what is tested here. */
static int no_sync(const struct io *io, int fd)
{
    (void)io;
    (void)fd;
    return 0;
}

static int no_sync_path(const struct io *io, const char *path)
{
    (void)io;
    (void)path;
    return 0;
}

static char root[64];
static struct io io;

static void remove_root(void)
{
    if (scratch_remove(root) != 0)
        abort();
}

static void prepare(void)
{
    if (scratch_make(root, sizeof root, "fuzz") != 0)
        abort();
    atexit(remove_root);
    log_set_level(LOG_LEVEL_OFF);
    io = io_system;
    io.sync = no_sync;
    io.sync_directory = no_sync_path;
    io.sync_filesystem = no_sync;
}

static const struct log_config config = { .segment_bytes = 1 << 20, .segment_ms = INT64_C(1) << 40,
                                          .index_bytes = 4096, .index_interval_bytes = 100,
                                          .max_message_bytes = 1 << 20 };

static int open_both(struct logdir **directory, struct log **log)
{
    struct k_reason reason;
    struct log_options options = { .topic = "t", .topic_id = { { 1 } }, .config = config };
    *log = NULL;
    int error = logdir_open(root, &io, directory, &reason);
    if (error != 0) {
        assert(reason.text[0] != '\0');
        return error;
    }
    options.directory = *directory;
    error = log_open(&options, log, &reason);
    assert(error == 0 || reason.text[0] != '\0');
    if (error != 0)
        logdir_close(*directory, false);
    return error;
}

/* One record, of a producer with this id (-1: none) and these attributes; numbered by its time. */
static void append(struct log *log, int64_t timestamp, const char *key, int32_t key_size,
                   const char *value, int32_t value_size, int64_t producer_id, uint16_t attributes)
{
    struct batch_builder builder;
    uint8_t bytes[512];
    batch_build_start(&builder, bytes, sizeof bytes);
    batch_build_add(&builder, timestamp, key, key_size, value, value_size, NULL, 0);
    batch_build_finish(&builder);
    store_u64(bytes + BATCH_PRODUCER_ID, (uint64_t)producer_id);
    if (producer_id >= 0 && (attributes & BATCH_CONTROL) == 0)
        store_u32(bytes + BATCH_BASE_SEQUENCE, (uint32_t)timestamp);
    store_u16(bytes + BATCH_ATTRIBUTES, attributes);
    batch_seal_crc(bytes);
    struct log_append append = { .bytes = bytes, .size = builder.size };
    (void)log_append(log, &append, 1, 0, 1);
}

/* The end of producer 7's transaction. */
static void append_abort(struct log *log)
{
    append(log, 200, "\0\0\0\0", 4, "\0\0\0\0\0\1", 6, 7, BATCH_TRANSACTIONAL | BATCH_CONTROL);
}

/* A log of a few batches, the last of them an aborted transaction, stopped clean or not. */
static void make_files(bool clean)
{
    struct logdir *directory;
    struct log *log;
    if (open_both(&directory, &log) != 0)
        abort();
    for (int i = 0; i < 8; i++)
        append(log, 100 + i, "key", 3, "some value", 10, i < 4 ? -1 : 7,
               i < 4 ? 0 : BATCH_TRANSACTIONAL);
    append_abort(log);
    if (log_end(log) != 9)
        abort();
    log_close(log, clean);
    logdir_close(directory, clean);
}

static void use(struct log *log)
{
    struct log_span span;
    struct aborted_txn *aborted;
    size_t count;
    int64_t offset, found;
    if (log_find_aborted(log, log_start(log), log_end(log), &aborted, &count) == 0)
        free(aborted);
    (void)log_stable_end(log, log_end(log), &offset);
    append_abort(log);
    for (int64_t at = log_start(log); at < log_end(log) && at < 20; at++)
        if (log_read(log, at, INT64_MAX, 150, &span) == 0 && span.size > 0)
            log_span_release(span.segment);
    (void)log_find_timestamp(log, 104, &offset, &found);
    (void)log_find_max_timestamp(log, &offset, &found);
    (void)log_truncate(log, 5);
}

static void found(void *context, const struct log_finding *finding)
{
    (void)context;
    assert(finding->path[0] != '\0' && finding->what[0] != '\0');
}

static void told(void *context, const char *line)
{
    (void)context;
    assert(line[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (root[0] == '\0')
        prepare();
    make_files((data[0] & 128) == 0);

    char path[160];
    struct k_reason reason;
    snprintf(path, sizeof path, "%s/%s", root,
             names[(data[0] & 127) % (sizeof names / sizeof *names)]);
    FILE *file = fopen(path, "w");
    if (file == NULL || fwrite(data + 1, 1, size - 1, file) != size - 1 || fclose(file) != 0)
        abort();

    struct log_verify_summary verified;
    struct log_recover_summary rehearsed;
    if (log_verify(root, &(struct log_verify_options){ .found = found }, &verified, &reason) != 0)
        assert(reason.text[0] != '\0');
    if (log_recover_dry(root, told, NULL, &rehearsed, &reason) != 0)
        assert(reason.text[0] != '\0');

    FILE *out = fopen("/dev/null", "w");
    (void)log_dump(path, &(struct log_dump_options){ .records = true, .json = size % 2 == 0 }, out,
                   &reason);
    fclose(out);

    struct logdir *directory;
    struct log *log;
    if (open_both(&directory, &log) == 0) {
        use(log);
        log_close(log, true);
        logdir_close(directory, true);
    }
    remove_root();
    if (mkdir(root, 0755) != 0)
        abort();
    return 0;
}
