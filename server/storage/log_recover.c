/* storage/log_recover.c - check what a crash may have hurt in the segments that were listed.
 *
 * The trusted offset is the larger of the recovery point (below it all is synced) and, after a stop
 * in the same life of the machine, the written end (below it all is in the page cache; after a
 * clean stop that is the end).
 *
 *   R1  what lies below the trusted offset was promised: it is never cut and never written over.
 *       Damage there is logged as an error and kept; what follows it stays readable
 *   R2  what lies beyond is checked in full, and the log is cut before the first batch that is
 *       torn, wrong or not contiguous; what comes after it, in later segments too, goes: nothing
 *       is resurrected beyond a hole
 *   R3  no offset below the trusted one is given out a second time, even if its record is gone
 *
 * Offsets may leave gaps only below the trusted offset, where compaction has been, and inside of
 * segments where they were copied from a leader whose log has them. */
#include <inttypes.h>

#include "common/log.h"
#include "proto/batch.h"
#include "server/storage/index_offset.h"
#include "server/storage/log_internal.h"
#include "server/storage/logdir_internal.h"

enum { TELL_BYTES = 1 << 20 };

struct check {
    struct log *log;
    int64_t trusted;
    int64_t bytes;                      /* that have to be looked at */
    int64_t seen, told;                 /* so far; as the directory knows it */
};

static void tell_checked(struct check *check, int64_t bytes)
{
    atomic_fetch_add_explicit(&check->log->directory->checked_bytes, bytes - check->told,
                              memory_order_relaxed);
    check->told = bytes;
}

/* For people who wait: how far it is, but never more than there is when a scan begins anew. */
static void count_batch(struct check *check, const uint8_t *header)
{
    check->seen += (int64_t)batch_size(header);
    if (check->seen - check->told >= TELL_BYTES && check->seen <= check->bytes)
        tell_checked(check, check->seen);
}

/* The checksum does not cover the leader epoch, but the file of epochs is written before the first
 * batch of one. Only when the machine stopped may the file be older than the batches. */
static int check_epoch(const struct check *check, const uint8_t *header)
{
    struct epoch_file *epochs = &check->log->epochs;
    int32_t epoch = batch_leader_epoch(header);
    int64_t offset = batch_base_offset(header);

    if (offset < check->trusted || epoch == epoch_file_at(epochs, offset))
        return 0;
    /* Of what lies before the log start, the file may have forgotten. */
    if (epochs->count > 0 && offset < epochs->entries[0].start &&
        epoch <= epochs->entries[0].epoch)
        return 0;
    if (logdir_may_have_lost_data(check->log->directory) && epoch > epoch_file_last(epochs))
        return epoch_file_assign(epochs, epoch, offset);
    return K_CORRUPT;
}

static int visit(void *context, const uint8_t *header)
{
    struct check *check = context;
    count_batch(check, header);
    return check_epoch(check, header);
}

/* Below it segments may end before the next one begins, and batches be missing: compaction may have
 * been there. (A follower's copies of a compacted log have gaps anywhere, but none between two
 * segments: log->gaps.) Its own checkpoint counts beside the trusted offset, and when
 * the file of recovery points is lost, a log that is compacted is not cut at its first hole. Nor
 * while the machine has not stopped, for nothing is lost then; nor where it was Kafka that crashed,
 * and nobody knows about the machine: Kafka puts compacted segments in their place before it writes
 * the checkpoint, and takes any hole itself. */
static int64_t holes_end(const struct log *log)
{
    if (log->config.compacted && (log_mark(log, LOGDIR_RECOVERY_POINT) < 0 ||
                                  !logdir_may_have_lost_data(log->directory) ||
                                  logdir_is_foreign(log->directory)))
        return INT64_MAX;
    return log_mark(log, LOGDIR_CLEANED);
}

/* Scan one segment from its last good index entry; *fault is NULL when all of it is good. */
static int scan(struct log *log, struct segment *segment, int64_t trusted, const char **fault)
{
    struct check check = { .log = log, .trusted = trusted };
    struct segment_scan how = { .end = segment->tail.size, .trusted = trusted,
                                .holes = log->gaps ? INT64_MAX : holes_end(log),
                                .visit = visit, .context = &check };
    int error = segment->indexed ? 0 : segment_load_indexes(segment);
    if (error == K_CORRUPT || (error == 0 && trusted < INT64_MAX &&
                               logdir_may_have_lost_data(log->directory)))
        segment_clear_indexes(segment);      /* nothing to go on from */
    else if (error != 0)
        return error;
    if (trusted < INT64_MAX)
        index_offset_cut_from(&segment->offsets, trusted - segment->base_offset);
    int64_t from = segment->offsets.count == 0
                       ? 0
                       : index_offset_at(&segment->offsets, segment->offsets.count - 1).position;
    check.bytes = how.end - from;
    atomic_fetch_add_explicit(&log->directory->found_bytes, check.bytes, memory_order_relaxed);
    error = segment_scan(segment, &how);
    if (error == K_CORRUPT || (error == 0 && how.fault != NULL && segment->offsets.count > 0)) {
        /* The index may be what lies: once more without it. */
        segment_clear_indexes(segment);
        error = segment_scan(segment, &how);
    }
    tell_checked(&check, check.bytes);
    *fault = how.fault;
    return error;
}

/* The last segment's file holds more than good batches: cut it there. */
static int cut_tail(struct log *log, struct segment *segment, int64_t file_size, const char *fault)
{
    LOG_WARN("log-cut", "topic=%s partition=%" PRId32 " end=%" PRId64 " segment=%020" PRId64
             " position=%" PRId64 " bytes=%" PRId64 " reason=\"the next batch is no good: %s\"",
             log->topic, log->partition, segment->tail.next_offset, segment->base_offset,
             segment->tail.size, file_size - segment->tail.size, fault);
    /* Synced, for the log may go on in another file: this one must not grow its tail again. */
    if (log->io->truncate(log->io, segment->fd, segment->tail.size) != 0)
        return io_error();
    return io_sync(log->io, segment->fd);
}

/* Everything after segment `last` is beyond a fault. */
static int drop_after(struct log *log, size_t last)
{
    while (log->segment_count > last + 1) {
        const struct segment *segment = log_active(log);
        LOG_WARN("segment-dropped", "topic=%s partition=%" PRId32 " segment=%020" PRId64 " bytes=%"
                 PRId64 " reason=\"the log ends before it\"", log->topic, log->partition,
                 segment->base_offset, segment->tail.size);
        int error = log_pop_segment(log);
        if (error != 0)
            return error;
    }
    return 0;
}

/* R1: behind its damage nothing in the segment makes sense up to its end. It stays as it is. */
static void keep_damaged(struct log *log, struct segment *segment, int64_t file_size,
                         int64_t next_offset, const char *fault)
{
    LOG_ERROR("log-damaged", "topic=%s partition=%" PRId32 " segment=%020" PRId64 " offset=%" PRId64
              " position=%" PRId64 " bytes=%" PRId64 " reason=\"%s\" action=kept", log->topic,
              log->partition, segment->base_offset, segment->tail.next_offset, segment->tail.size,
              file_size - segment->tail.size, fault);
    segment->tail.size = file_size;
    segment->tail.next_offset = next_offset;
}

/* Check segment `i`. The log ends in it afterwards if anything beyond the trusted offset is bad.
 * *damaged: the last segment is to be left as it is, and the log to go on in another. */
static int check_segment(struct log *log, size_t i, int64_t trusted, bool *damaged)
{
    struct segment *segment = log->segments[i];
    int64_t file_size = segment->tail.size, next_base = segment->tail.next_offset;
    bool last = i + 1 == log->segment_count;
    const char *fault;

    int error = scan(log, segment, trusted, &fault);
    if (error != 0)
        return error;
    if (fault != NULL && segment->tail.next_offset < trusted) {
        *damaged = last;
        keep_damaged(log, segment, file_size, last ? segment->tail.next_offset + 1 : next_base,
                     fault);
        return last ? 0 : segment_save_indexes(segment, true);
    }
    if (fault != NULL) {
        error = cut_tail(log, segment, file_size, fault);
        if (error == 0)
            error = drop_after(log, i);
        return error;
    }
    if (last)
        return 0;
    if (segment->tail.next_offset > next_base ||
        (segment->tail.next_offset < next_base && next_base > trusted &&
         next_base > holes_end(log)))
        return drop_after(log, i);
    segment->tail.next_offset = next_base;
    return segment_save_indexes(segment, true);
}

/* From here on the recovery point speaks for what was found, or the next check would take the gap
 * for a hole and cut what comes after it. So it must be on the disk, as far as it can be. */
static int make_promise(struct log *log, int64_t end)
{
    const struct io *io = log->io;
    size_t first = log_segment_index(log, log_mark(log, LOGDIR_RECOVERY_POINT));
    int error = 0;
    for (size_t i = first; i < log->segment_count && error == 0; i++) {
        error = segment_need_file(log->segments[i]);
        if (error == 0)
            error = io_sync(io, log->segments[i]->fd);
        if (i + 1 < log->segment_count)
            segment_rest(log->segments[i]);
    }
    if (error == 0)
        error = io_sync_names(io, log->path);
    if (error == 0)
        error = logdir_set_mark(log->directory, LOGDIR_RECOVERY_POINT, log->topic, log->partition,
                                end);
    return error == 0 ? logdir_checkpoint(log->directory) : error;
}

/* R2, behind the end of the file: when the power went, bytes of the next batches may have reached
 * the rest of its last block without the length that would show them. The length of what is written
 * there next could then come to the disk without its bytes, and show them after all, checksum and
 * offset good. Shrinking a file clears that rest. */
static int clear_behind_end(struct log *log)
{
    if (log->segment_count == 0 || !logdir_may_have_lost_data(log->directory))
        return 0;
    struct segment *segment = log_active(log);
    int error = segment_need_file(segment);
    if (error != 0)
        return error;
    /* Synced, as in cut_tail(). */
    if (log->io->truncate(log->io, segment->fd, segment->tail.size + 1) != 0 ||
        log->io->truncate(log->io, segment->fd, segment->tail.size) != 0)
        return io_error();
    return io_sync(log->io, segment->fd);
}

/* R3: go on at the trusted offset, or behind the damage. A checkpoint that is too far off is no
 * promise but damaged itself. */
static int go_on(struct log *log, int64_t trusted, bool damaged)
{
    int64_t end = log->segment_count == 0 ? 0 : log_active(log)->tail.next_offset;
    bool missing = trusted > end && trusted != INT64_MAX && trusted - end <= INT32_MAX;

    if (!missing && !damaged)
        return 0;
    if (missing)
        LOG_ERROR("log-shorter-than-promised", "topic=%s partition=%" PRId32 " end=%" PRId64
                  " promised=%" PRId64 " action=\"going on at the promised offset\"", log->topic,
                  log->partition, end, trusted);
    end = missing ? trusted : end;
    int error = log_roll(log, end);
    return error == 0 ? make_promise(log, end) : error;
}

int log_check(struct log *log, bool clean)
{
    int64_t trusted = log_mark(log, LOGDIR_RECOVERY_POINT);
    int64_t written = log_mark(log, LOGDIR_WRITTEN_END);
    if (written > trusted)
        trusted = written;
    if (clean && trusted < 0)
        trusted = INT64_MAX;            /* of a broker that keeps no such checkpoints */

    /* What lies before the start is only waiting to be deleted, and may have holes. */
    int error = 0;
    bool damaged = false;
    int64_t start = log_mark(log, LOGDIR_LOG_START);
    size_t first = log->segment_count == 0 ? 0 : log_segment_index(log, start);
    for (size_t i = first; i < log->segment_count && error == 0; i++) {
        bool last = i + 1 == log->segment_count;
        if (last || log->segments[i]->tail.next_offset > trusted)
            error = check_segment(log, i, trusted, &damaged);
        if (i + 1 < log->segment_count)
            segment_rest(log->segments[i]);
    }
    if (error == 0 && !damaged)
        error = clear_behind_end(log);
    return error == 0 ? go_on(log, trusted, damaged) : error;
}
