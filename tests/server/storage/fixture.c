#include "tests/server/storage/fixture.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "proto/batch.h"
#include "server/storage/logdir_internal.h"
#include "server/storage/producer_state.h"
#include "server/storage/txn_index.h"
#include "tests/lib/scratch.h"

static const char topic[] = "t";

/* --- faults ------------------------------------------------------------------------------- */

static bool is_full(int code)
{
    return code == ENOSPC || code == EDQUOT;
}

/* Count a call; true when it must fail. */
static bool strike(const struct io *io)
{
    struct fault *fault = (struct fault *)io;
    if (fault->code == EMFILE && !fault->opening)
        return false;
    fault->calls++;
    if (fault->fail_at == 0 || fault->calls < fault->fail_at ||
        (fault->calls > fault->fail_at && !fault->lasting))
        return false;
    fault->fired++;
    if (fault->code == 0)
        return true;
    errno = fault->code;
    return true;
}

static bool fails(const struct io *io)
{
    return strike(io) && ((const struct fault *)io)->code != 0;
}

/* A call that needs no space: a full disk does not stop it. */
static bool fails_broken(const struct io *io)
{
    return fails(io) && !is_full(((const struct fault *)io)->code);
}

/* A call that takes a descriptor. */
static bool fails_to_open(const struct io *io, bool creates)
{
    struct fault *fault = (struct fault *)io;
    fault->opening = true;
    bool failed = creates ? fails(io) : fails_broken(io);
    fault->opening = false;
    return failed;
}

static int fault_open(const struct io *io, const char *path, int flags, mode_t mode)
{
    bool failed = fails_to_open(io, (flags & O_CREAT) != 0);
    return failed ? -1 : io_system.open(io, path, flags, mode);
}

static ssize_t fault_pread(const struct io *io, int fd, void *to, size_t size, off_t position)
{
    if (strike(io)) {
        int code = ((const struct fault *)io)->code;
        if (code != 0 && !is_full(code))
            return -1;
        size = size > 1 ? size / 2 : size;
    }
    return io_system.pread(io, fd, to, size, position);
}

static ssize_t fault_pwritev(const struct io *io, int fd, const struct iovec *from, int count,
                             off_t position)
{
    if (strike(io)) {
        const struct fault *fault = (const struct fault *)io;
        struct iovec half = { from[0].iov_base, (from[0].iov_len + 1) / 2 };
        /* A failing disk takes a part first; then the next call fails. */
        ssize_t done = io_system.pwritev(io, fd, &half, 1, position);
        errno = fault->code;
        return fault->code != 0 ? -1 : done;
    }
    return io_system.pwritev(io, fd, from, count, position);
}

static int fault_truncate(const struct io *io, int fd, off_t size)
{
    return fails_broken(io) ? -1 : io_system.truncate(io, fd, size);
}

static int fault_reserve(const struct io *io, int fd, off_t size)
{
    return fails(io) ? -1 : io_system.reserve(io, fd, size);
}

static int fault_sync(const struct io *io, int fd)
{
    return fails_broken(io) ? -1 : io_system.sync(io, fd);
}

static int fault_stat(const struct io *io, int fd, struct stat *out)
{
    return fails_broken(io) ? -1 : io_system.stat(io, fd, out);
}

static int fault_rename(const struct io *io, const char *from, const char *to)
{
    return fails(io) ? -1 : io_system.rename(io, from, to);
}

static int fault_unlink(const struct io *io, const char *path)
{
    return fails_broken(io) ? -1 : io_system.unlink(io, path);
}

static int fault_mkdir(const struct io *io, const char *path, mode_t mode)
{
    return fails(io) ? -1 : io_system.mkdir(io, path, mode);
}

static struct dirent *fault_readdir(const struct io *io, DIR *listing)
{
    bool full = is_full(((const struct fault *)io)->code);     /* then it is not even counted */
    return !full && fails(io) ? NULL : io_system.readdir(io, listing);
}

static int fault_sync_directory(const struct io *io, const char *path)
{
    return fails_to_open(io, false) ? -1 : io_system.sync_directory(io, path);
}

/* The whole file system is not ours to wait for. */
static int fault_sync_filesystem(const struct io *io, int fd)
{
    (void)fd;
    return fails_broken(io) ? -1 : 0;
}

static void fault_life(const struct io *io, const char *path, char out[IO_LIFE_SIZE])
{
    const struct fault *fault = (const struct fault *)io;
    if (fault->life != NULL)
        snprintf(out, IO_LIFE_SIZE, "%s", fault->life);
    else
        io_system.life(io, path, out);
    size_t size = strlen(out);
    if (size > 0 && fault->ended > 0)
        snprintf(out + size, IO_LIFE_SIZE - size, " ended=%d", fault->ended);
}

static int fault_end_life(const struct io *io, const char *path)
{
    struct fault *fault = (struct fault *)io;
    (void)path;
    if (fault->forgetful)
        return -1;
    fault->ended++;
    return 0;
}

void fault_init(struct fault *fault)
{
    *fault = (struct fault){ .io = io_system };
    fault->io.open = fault_open;
    fault->io.pread = fault_pread;
    fault->io.pwritev = fault_pwritev;
    fault->io.truncate = fault_truncate;
    fault->io.reserve = fault_reserve;
    fault->io.sync = fault_sync;
    fault->io.stat = fault_stat;
    fault->io.rename = fault_rename;
    fault->io.unlink = fault_unlink;
    fault->io.mkdir = fault_mkdir;
    fault->io.readdir = fault_readdir;
    fault->io.sync_directory = fault_sync_directory;
    fault->io.sync_filesystem = fault_sync_filesystem;
    fault->io.life = fault_life;
    fault->io.end_life = fault_end_life;
}

void fault_arm(struct fault *fault, int fail_at, int code, bool lasting)
{
    fault->calls = fault->fired = 0;
    fault->fail_at = fail_at;
    fault->code = code;
    fault->lasting = lasting;
}

/* --- model -------------------------------------------------------------------------------- */

int64_t model_end(const struct model *model)
{
    return model->count == 0 ? 0 : model->batches[model->count - 1].last + 1;
}

static void model_add(struct model *model, const uint8_t *batch)
{
    size_t size = batch_size(batch);
    if (model->size + size > model->capacity) {
        model->capacity = 2 * (model->size + size);
        model->bytes = realloc(model->bytes, model->capacity);
    }
    if (model->count == model->batch_capacity) {
        model->batch_capacity = 2 * model->count + 16;
        model->batches = realloc(model->batches, model->batch_capacity * sizeof *model->batches);
    }
    memcpy(model->bytes + model->size, batch, size);
    model->batches[model->count].base = batch_base_offset(batch);
    model->batches[model->count].last = batch_last_offset(batch);
    model->batches[model->count].max_timestamp = batch_max_timestamp(batch);
    model->batches[model->count].position = model->size;
    model->batches[model->count].size = size;
    model->count++;
    model->size += size;
}

void model_cut(struct model *model, int64_t offset)
{
    while (model->count > 0 && model->batches[model->count - 1].last >= offset)
        model->size = model->batches[--model->count].position;
}

/* --- fixture ------------------------------------------------------------------------------ */

void fixture_init(struct fixture *fixture)
{
    char path[sizeof fixture->path];
    memset(fixture, 0, sizeof *fixture);
    ck_assert_int_eq(scratch_make(path, sizeof path, "storage"), 0);
    fixture_init_on(fixture, path, NULL);
}

void fixture_init_on(struct fixture *fixture, const char *path, const struct io *io)
{
    if (getenv("KAIRN_TEST_LOG") == NULL)
        log_set_level(LOG_LEVEL_OFF);
    snprintf(fixture->path, sizeof fixture->path, "%s", path);
    fixture->io = io;
    fault_init(&fixture->fault);
    fixture->wall_ms = 1700000000000;
    fixture->config = (struct log_config){ .segment_bytes = 1 << 20, .segment_ms = INT64_C(1) << 40,
                                           .index_bytes = 1 << 20, .index_interval_bytes = 4096,
                                           .max_message_bytes = 1 << 20 };
    fixture_open(fixture);
}

void fixture_fini(struct fixture *fixture)
{
    if (fixture->directory != NULL)
        fixture_close(fixture, false);
    scratch_remove(fixture->path);
    free(fixture->model.bytes);
    free(fixture->model.batches);
}

int fixture_try_open(struct fixture *fixture)
{
    struct k_reason reason;
    struct log_options options = { .topic = topic, .topic_id = { { 1 } },
                                   .config = fixture->config };
    int error = logdir_open(fixture->path,
                            fixture->io != NULL ? fixture->io : &fixture->fault.io,
                            &fixture->directory, &reason);
    if (error != 0)
        return error;
    options.directory = fixture->directory;
    logdir_loss_told(fixture->directory);
    return log_open(&options, &fixture->log, &reason);
}

void fixture_open(struct fixture *fixture)
{
    ck_assert_int_eq(fixture_try_open(fixture), 0);
}

void fixture_close(struct fixture *fixture, bool clean)
{
    log_close(fixture->log, clean);
    logdir_close(fixture->directory, clean);
    fixture->log = NULL;
    fixture->directory = NULL;
}

void fixture_forget_machine(struct fixture *fixture)
{
    static const char *const names[] = { "kairn-checkpoint", "recovery-point-offset-checkpoint",
                                         ".kafka_cleanshutdown" };
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", fixture->path, names[i]);
        (void)unlink(path);
    }
}

size_t make_batch(uint8_t *to, size_t room, int records, size_t value_size, int64_t timestamp)
{
    struct batch_builder builder;
    char value[4096], key[32];
    ck_assert_uint_le(value_size, sizeof value);
    batch_build_start(&builder, to, room);
    for (int i = 0; i < records; i++) {
        int key_size = snprintf(key, sizeof key, "k%d", i);
        memset(value, 'a' + (int)(timestamp + i) % 26, value_size);
        ck_assert_int_eq(batch_build_add(&builder, timestamp + i, key, key_size, value,
                                         (int32_t)value_size, NULL, 0), 0);
    }
    batch_build_finish(&builder);
    return builder.size;
}

int fixture_append_batch(struct fixture *fixture, uint8_t *bytes, size_t size)
{
    struct log_append append = { .bytes = bytes, .size = size };
    int64_t end = log_end(fixture->log);
    int error = log_append(fixture->log, &append, 1, 0, fixture->wall_ms);
    if (error == 0) {
        ck_assert_int_eq(append.base_offset, end);
        ck_assert_int_eq(append.records, batch_count(bytes));
        model_add(&fixture->model, bytes);
    }
    return error;
}

int fixture_append(struct fixture *fixture, int records, size_t value_size, int64_t timestamp)
{
    static uint8_t bytes[1 << 16];
    size_t size = make_batch(bytes, sizeof bytes, records, value_size, timestamp);
    return fixture_append_batch(fixture, bytes, size);
}

int fixture_produce(struct fixture *fixture, int64_t id, int16_t epoch, int32_t sequence,
                    int records, bool transactional)
{
    uint8_t bytes[4096];
    size_t size = make_batch(bytes, sizeof bytes, records, 20, INT64_C(5000) + sequence);
    store_u64(bytes + BATCH_PRODUCER_ID, (uint64_t)id);
    store_u16(bytes + BATCH_PRODUCER_EPOCH, (uint16_t)epoch);
    store_u32(bytes + BATCH_BASE_SEQUENCE, (uint32_t)sequence);
    if (transactional)
        store_u16(bytes + BATCH_ATTRIBUTES, BATCH_TRANSACTIONAL);
    batch_seal_crc(bytes);
    return fixture_append_batch(fixture, bytes, size);
}

int fixture_end_txn(struct fixture *fixture, int64_t id, int16_t epoch, bool abort,
                    int32_t coordinator_epoch)
{
    uint8_t bytes[128], key[4] = { 0, 0, 0, abort ? 0 : 1 }, value[6] = { 0 };
    struct batch_builder builder;
    store_u32(value + 2, (uint32_t)coordinator_epoch);
    batch_build_start(&builder, bytes, sizeof bytes);
    ck_assert_int_eq(batch_build_add(&builder, 7000, key, 4, value, 6, NULL, 0), 0);
    batch_build_finish(&builder);
    ck_assert_uint_eq(builder.size, 78);
    store_u64(bytes + BATCH_PRODUCER_ID, (uint64_t)id);
    store_u16(bytes + BATCH_PRODUCER_EPOCH, (uint16_t)epoch);
    store_u16(bytes + BATCH_ATTRIBUTES, BATCH_TRANSACTIONAL | BATCH_CONTROL);
    batch_seal_crc(bytes);
    return fixture_append_batch(fixture, bytes, builder.size);
}

int fixture_copy(struct fixture *fixture, const uint8_t *bytes, size_t size, int32_t leader_epoch)
{
    int error = log_append_copies(fixture->log, bytes, size, leader_epoch, fixture->wall_ms);
    for (size_t at = 0; error == 0 && at < size; at += batch_size(bytes + at))
        model_add(&fixture->model, bytes + at);
    return error;
}

void fixture_replay(const struct fixture *fixture, struct producer_state *state,
                    struct index *aborted)
{
    producer_state_init(state);
    index_init(aborted, TXN_INDEX_ENTRY);
    for (size_t i = 0; i < fixture->model.count; i++) {
        const uint8_t *batch = fixture->model.bytes + fixture->model.batches[i].position;
        struct producer_end end;
        if (batch_producer_id(batch) < 0)
            continue;
        ck_assert_int_eq(producer_state_reserve(state, 1), 0);
        producer_state_note(state, batch, batch_size(batch), &end);
        if (end.ended && end.aborted)
            ck_assert_int_eq(txn_index_add(aborted, &(struct aborted_txn){
                                 end.id, end.first_offset, end.last_offset, end.stable_end }), 0);
    }
}

void fixture_verify(struct fixture *fixture)
{
    const struct model *model = &fixture->model;
    int64_t offset = log_start(fixture->log);
    size_t at = 0;

    ck_assert_int_eq(log_end(fixture->log), model_end(model));
    for (size_t i = 0; i < model->count && model->batches[i].last < offset; i++)
        at = model->batches[i].position + model->batches[i].size;
    while (offset < log_end(fixture->log)) {
        struct log_span span;
        ck_assert_int_eq(log_read(fixture->log, offset, INT64_MAX, 1 << 14, &span), 0);
        ck_assert_uint_gt(span.size, 0);
        ck_assert_uint_le(at + span.size, model->size);
        uint8_t *bytes = malloc(span.size);
        ck_assert_int_eq(pread(span.fd, bytes, span.size, span.position), span.size);
        ck_assert_mem_eq(bytes, model->bytes + at, span.size);
        for (size_t into = 0; into < span.size; into += batch_size(bytes + into))
            offset = batch_last_offset(bytes + into) + 1;
        at += span.size;
        free(bytes);
        log_span_release(span.segment);
    }
    ck_assert_uint_eq(at, model->size);
}

char *fixture_file(const struct fixture *fixture, const char *name)
{
    char *path;
    ck_assert_int_gt(asprintf(&path, "%s/%s-0/%s", fixture->path, topic, name), 0);
    return path;
}

void damage_byte(const char *path, int64_t position, uint8_t mask)
{
    uint8_t byte;
    int fd = open(path, O_RDWR);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pread(fd, &byte, 1, position), 1);
    byte ^= mask;
    ck_assert_int_eq(pwrite(fd, &byte, 1, position), 1);
    close(fd);
}

int64_t file_size(const char *path)
{
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    return status.st_size;
}
