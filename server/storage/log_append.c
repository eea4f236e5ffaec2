/* storage/log_append.c - append batches at the end: stamp, account, write; all or nothing. */
#include <assert.h>
#include <inttypes.h>

#include "common/log.h"
#include "proto/batch.h"
#include "server/storage/index_offset.h"
#include "server/storage/index_time.h"
#include "server/storage/log_internal.h"
#include "server/storage/logdir.h"

enum {
    RUN_PIECES = 256,                   /* buffers of one pwritev */
    FULL_SAY_MS = 1000
};

/* The append in progress, and how things were before. */
struct appending {
    struct log *log;
    struct iovec run[RUN_PIECES];       /* waits to be written */
    int pieces;                         /* of the run */
    int64_t run_position;               /* where they go in the active segment */
    struct log_append *appends;
    size_t count;
    size_t noted_i, noted_at;           /* those before it are known to the producer state */
    size_t unnoted;                     /* batches with producer id since */
    bool noted;                         /* the state has changed */
    size_t segment_count;               /* before */
    struct segment_tail tail;           /* of the then active segment */
};

static int write_run(struct appending *appending)
{
    struct log *log = appending->log;
    if (appending->pieces == 0)
        return 0;
    int error = segment_need_file(log_active(log));
    if (error == 0)
        error = io_write_all(log->io, log_active(log)->fd, appending->run, appending->pieces,
                             appending->run_position);
    appending->pieces = 0;
    appending->run_position = log_active(log)->tail.size;
    return error;
}

/* Add a batch to the run; neighbours in memory become one piece. */
static int add_to_run(struct appending *appending, uint8_t *batch, size_t size)
{
    if (appending->pieces > 0) {
        struct iovec *last = &appending->run[appending->pieces - 1];
        if ((uint8_t *)last->iov_base + last->iov_len == batch) {
            last->iov_len += size;
            return 0;
        }
    }
    appending->run[appending->pieces++] = (struct iovec){ .iov_base = batch, .iov_len = size };
    return appending->pieces == RUN_PIECES ? write_run(appending) : 0;
}

/* How old is the segment, measured as Kafka does: by the time of the new batch against that of
 * the first one; only without timestamps by the wall clock. */
static int64_t segment_age_ms(const struct segment *segment, const uint8_t *batch, int64_t wall_ms)
{
    int64_t timestamp = batch_max_timestamp(batch);
    if (segment->tail.first_timestamp >= 0 && timestamp >= 0)
        return timestamp - segment->tail.first_timestamp;
    return segment->created_ms >= 0 ? wall_ms - segment->created_ms : 0;
}

/* Partitions that began together are not to roll together: each segment has its own share of the
 * jitter, which a restart does not change. */
static int64_t roll_age_ms(const struct log *log)
{
    int64_t jitter = log->config.segment_jitter_ms;
    if (jitter > log->config.segment_ms)
        jitter = log->config.segment_ms;
    if (jitter <= 0)
        return log->config.segment_ms;
    uint64_t mixed = load_u64(log->topic_id.bytes) ^ load_u64(log->topic_id.bytes + 8) ^
                     ((uint64_t)log->partition << 40) ^ (uint64_t)log_active(log)->base_offset;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    mixed ^= mixed >> 31;
    return log->config.segment_ms - (int64_t)(mixed % (uint64_t)jitter);
}

static bool should_roll(const struct log *log, const uint8_t *batch, int64_t last_offset,
                        int64_t wall_ms)
{
    const struct segment *segment = log_active(log);
    const struct log_config *config = &log->config;
    if (segment->tail.size == 0)
        return false;
    return segment->tail.size > (int64_t)config->segment_bytes - (int64_t)batch_size(batch) ||
           segment_age_ms(segment, batch, wall_ms) > roll_age_ms(log) ||
           segment->offsets.count >= (size_t)(config->index_bytes / INDEX_OFFSET_ENTRY) ||
           segment->times.count + 1 >= (size_t)(config->index_bytes / INDEX_TIME_ENTRY) ||
           last_offset - segment->base_offset > INT32_MAX;
}

/* Tell the producer state of the batches that are written. */
static void note_producers(struct appending *appending)
{
    while (appending->unnoted > 0) {
        const struct log_append *append = &appending->appends[appending->noted_i];
        if (appending->noted_at == append->size) {
            appending->noted_i++;
            appending->noted_at = 0;
            continue;
        }
        const uint8_t *batch = append->bytes + appending->noted_at;
        if (batch_producer_id(batch) >= 0) {
            log_producers_note(appending->log, batch);
            appending->unnoted--;
            appending->noted = true;
        }
        appending->noted_at += batch_size(batch);
    }
}

static void stamp(const struct log *log, uint8_t *batch, int32_t leader_epoch, int64_t wall_ms)
{
    batch_stamp(batch, log->end, leader_epoch);
    if (log->config.append_time) {
        store_u16(batch + BATCH_ATTRIBUTES, batch_attributes(batch) | BATCH_APPEND_TIME);
        store_u64(batch + BATCH_MAX_TIMESTAMP, (uint64_t)wall_ms);
        batch_seal_crc(batch);
    }
}

/* Put one batch at the end, in memory and in the run. A new segment begins where the last one ends,
 * also before a gap: so a segment that is missing after a crash can be told from one. */
static int append_batch(struct appending *appending, uint8_t *batch, int64_t wall_ms)
{
    struct log *log = appending->log;
    size_t size = batch_size(batch);
    int error = 0;
    if (should_roll(log, batch, batch_last_offset(batch), wall_ms)) {
        error = write_run(appending);
        if (error == 0) {
            note_producers(appending);
            error = log_roll(log, log->end);
        }
        appending->run_position = 0;
    }
    /* Not when the segment is made: of ten thousand logs, most may never be written to. */
    if (error == 0 && log->config.preallocate && log_active(log)->tail.size == 0)
        error = segment_reserve(log_active(log), log->config.segment_bytes);
    if (error == 0 && batch_producer_id(batch) >= 0)
        error = log_producers_reserve(log, batch, ++appending->unnoted);
    if (error == 0)
        error = segment_note(log_active(log), batch);
    if (error != 0)
        return error;
    if (log_active(log)->created_ms < 0)
        log_active(log)->created_ms = wall_ms;
    log->end = batch_last_offset(batch) + 1;
    return add_to_run(appending, batch, size);
}

/* L4: put everything back as it was before. */
static int undo(struct appending *appending)
{
    struct log *log = appending->log;
    int error = log_producers_unrolled(log, appending->tail.next_offset);
    while (error == 0 && log->segment_count > appending->segment_count)
        error = log_pop_segment(log);
    if (error == 0)
        error = segment_rewind(log_active(log), &appending->tail);
    log->end = appending->tail.next_offset;
    if (error == 0 && appending->noted)
        error = log_producers_truncate(log);
    return error;
}

static int append_all(struct appending *appending, bool copies, int32_t leader_epoch,
                      int64_t wall_ms)
{
    struct log *log = appending->log;
    for (size_t i = 0; i < appending->count; i++) {
        struct log_append *append = &appending->appends[i];
        append->base_offset = log->end;
        append->append_time_ms = log->config.append_time ? wall_ms : -1;
        append->records = 0;
        for (size_t at = 0; at < append->size; ) {
            uint8_t *batch = append->bytes + at;
            assert(append->size - at >= BATCH_HEADER_SIZE &&
                   append->size - at >= batch_size(batch));
            if (!copies)
                stamp(log, batch, leader_epoch, wall_ms);
            int error = append_batch(appending, batch, wall_ms);
            if (error != 0)
                return error;
            append->records += batch_count(batch);
            at += batch_size(batch);
        }
    }
    int error = write_run(appending);
    if (error == 0)
        note_producers(appending);
    return error;
}

/* Every append to the directory fails now, on every loop: once a second is enough to say. */
static int refused_as_full(const struct log *log)
{
    logdir_refused(log->directory);
    if (log_rarely("disk-full", logdir_path(log->directory), FULL_SAY_MS))
        LOG_WARN("disk-full",
                 "directory=%s topic=%s partition=%" PRId32 " end=%" PRId64
                 " action=\"refusing appends until there is space\"",
                 logdir_path(log->directory), log->topic, log->partition, log->end);
    return K_DISK_FULL;
}

int log_append(struct log *log, struct log_append *appends, size_t count, int32_t leader_epoch,
               int64_t wall_ms)
{
    if (logdir_fenced(log->directory))
        return K_KAFKA_STORAGE_ERROR;

    if (leader_epoch < epoch_file_last(&log->epochs))
        return K_FENCED_LEADER_EPOCH;

    /* The epoch first: an epoch without records is no harm, records without their epoch are. */
    int error = epoch_file_assign(&log->epochs, leader_epoch, log->end);
    if (error == 0)
        error = log_save_epochs(log);
    if (error != 0)
        return error == K_DISK_FULL ? refused_as_full(log) : log_failed(log, error, "epoch");
    return log_place(log, appends, count, false, leader_epoch, wall_ms);
}

int log_place(struct log *log, struct log_append *appends, size_t count, bool copies,
              int32_t leader_epoch, int64_t wall_ms)
{
    struct appending appending;         /* field by field: the run need not be cleared */
    appending.log = log;
    appending.appends = appends;
    appending.count = count;
    appending.noted_i = appending.noted_at = appending.unnoted = 0;
    appending.noted = false;
    appending.pieces = 0;
    appending.run_position = log_active(log)->tail.size;
    appending.segment_count = log->segment_count;
    appending.tail = segment_tail(log_active(log));
    int error = append_all(&appending, copies, leader_epoch, wall_ms);
    if (error != 0) {
        int undone = undo(&appending);
        if (undone != 0)
            return log_failed(log, undone == K_NOMEM || undone == K_DISK_FULL ? K_IO : undone,
                              "undoing an append");
        return error == K_DISK_FULL ? refused_as_full(log) : log_failed(log, error, "append");
    }
    for (size_t i = appending.segment_count; i < log->segment_count; i++) {
        segment_rest_indexes(log->segments[i - 1]);
        log_segment_opened(log, log->segments[i - 1]);
    }
    log_assert_invariants(log);
    return 0;
}
