/* storage/log_producers.c - keep the producers of a log, find them again, forget what was cut. */
#include "server/storage/log_producers.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proto/batch.h"
#include "server/storage/batch_file.h"
#include "server/storage/file_name.h"
#include "server/storage/log_internal.h"
#include "server/storage/logdir.h"
#include "server/storage/producer_files.h"
#include "server/storage/txn_index.h"

enum {
    /* Log bytes between snapshots: what a start after a crash reads again, at most. */
    SNAPSHOT_INTERVAL = 16 << 20,
    SNAPSHOT_SHARE = 64,                /* and at least so many times the size of a snapshot */
    MARKER_SIZE_MAX = 4096              /* of a control batch that is looked into */
};

void log_producers_init(struct log *log)
{
    producer_state_init(&log->producers.state);
    log->producers.pending = log->producers.newest = log->producers.loose = -1;
    log->producers.newest_position = 0;
    log->producers.open = log->producers.lost = false;
}

void log_producers_fini(struct log *log)
{
    producer_state_fini(&log->producers.state);
}

/* --- snapshot files --------------------------------------------------------------------------- */

static int read_snapshot(const struct log *log, int64_t offset, struct producer_state *state)
{
    return producer_files_read(log->io, log->path, offset, state);
}

static int remove_snapshot(struct log *log, int64_t offset)
{
    log->names_unsynced = true;
    return producer_files_remove(log->io, log->path, offset);
}

static bool is_base(const struct log *log, int64_t offset)
{
    return log->segments[log_segment_index(log, offset)]->base_offset == offset;
}

/* --- reading the log again -------------------------------------------------------------------- */

/* A walk over the batches of some segments, and what is filled on the way. */
struct replay {
    struct log *log;
    struct producer_state *state;
    int64_t from, to;                   /* offsets; batches in between count */
    const struct segment *only;         /* aborted transactions are noted in this one; NULL: all */
};

static int replay_batch(struct replay *replay, struct segment *segment, struct batch_file *file,
                        const uint8_t *batch)
{
    struct producer_end end;
    size_t available = BATCH_HEADER_SIZE;
    int error = producer_state_reserve(replay->state, 1);
    if (error == 0 && (batch_attributes(batch) & BATCH_CONTROL) != 0 &&
        batch_size(batch) <= MARKER_SIZE_MAX) {
        available = batch_size(batch);
        error = batch_file_batch(file, &batch);
    }
    if (error != 0)
        return error;
    producer_state_note(replay->state, batch, available, &end);
    if (!end.ended || !end.aborted || (replay->only != NULL && replay->only != segment))
        return 0;
    return txn_index_add(&segment->aborted, &(struct aborted_txn){ end.id, end.first_offset,
                                                                   end.last_offset,
                                                                   end.stable_end });
}

static int replay_segment(struct replay *replay, struct segment *segment)
{
    struct segment_place place = { .position = 0 };
    struct batch_file file;
    const uint8_t *header;
    int error = segment_need_file(segment);
    if (error == 0 && replay->from > segment->base_offset)
        error = segment_locate(segment, replay->from, &place);
    if (error != 0)
        return error == K_NOT_FOUND ? 0 : error;
    batch_file_init(&file, replay->log->io, segment->fd, place.position, segment->tail.size, NULL,
                    0);
    while ((error = batch_file_header(&file, &header)) == 0) {
        size_t size = batch_size(header);
        if (batch_base_offset(header) >= replay->to)
            break;
        if (batch_base_offset(header) >= replay->from && batch_producer_id(header) >= 0)
            error = replay_batch(replay, segment, &file, header);
        if (error != 0)
            break;
        file.position += (int64_t)size;
    }
    batch_file_fini(&file);
    return error == K_NOT_FOUND ? 0 : error;
}

static int replay(struct replay *replay)
{
    struct log *log = replay->log;
    int error = 0;
    for (size_t i = log_segment_index(log, replay->from); i < log->segment_count && error == 0;
         i++) {
        struct segment *segment = log->segments[i];
        if (segment->base_offset >= replay->to)
            break;
        bool opened = segment->fd < 0;
        error = replay_segment(replay, segment);
        if (opened && i + 1 < log->segment_count)
            segment_rest(segment);
        if (error == K_CORRUPT) {
            /* Readers are told of it when they come there; what follows is not given up. */
            LOG_WARN("producers-incomplete", "topic=%s partition=%" PRId32 " segment=%020" PRId64
                     " reason=\"a batch is damaged: producers behind it in this segment are not "
                     "known\"", log->topic, log->partition, segment->base_offset);
            error = 0;
        }
    }
    return error;
}

/* Make the indexes of aborted transactions ready for a replay from `offset`: what it will find is
 * taken out. CORRUPT: the index of the segment that `offset` is inside of does not hold. */
static int empty_aborted(struct log *log, int64_t offset)
{
    size_t i = log_segment_index(log, offset);
    int error = 0;
    if (log->segments[i]->base_offset < offset) {
        error = segment_need_aborted(log->segments[i]);
        if (error == 0)
            txn_index_cut(&log->segments[i]->aborted, offset);
        i++;
    }
    for (; i < log->segment_count && error == 0; i++)
        error = segment_clear_aborted(log->segments[i]);
    return error;
}

static int save_aborted(struct log *log, int64_t from)
{
    int error = 0;
    for (size_t i = log_segment_index(log, from); i < log->segment_count && error == 0; i++)
        error = segment_save_aborted(log->segments[i]);
    return error;
}

/* --- finding the state ------------------------------------------------------------------------ */

/* Take the state from the newest good snapshot at or below `limit`; without one the log begins with
 * no producers. `from`: what follows has to be read. */
static int take_newest(struct log *log, const struct file_offsets *offsets, int64_t limit,
                       int64_t *from)
{
    struct log_producers *producers = &log->producers;
    int error = 0;
    for (size_t i = offsets->count; i-- > 0 && error == 0; ) {
        int64_t offset = offsets->at[i];
        if (offset > limit || offset < log->segments[0]->base_offset) {
            error = remove_snapshot(log, offset);
            continue;
        }
        error = read_snapshot(log, offset, &producers->state);
        if (error == K_CORRUPT) {
            LOG_WARN("snapshot-dropped", "topic=%s partition=%" PRId32 " snapshot=%020" PRId64
                     " reason=\"it is damaged: the log is read instead\"", log->topic,
                     log->partition, offset);
            error = remove_snapshot(log, offset);
            continue;
        }
        if (error == 0)
            error = empty_aborted(log, offset);
        if (error == K_CORRUPT) {
            error = 0;
            continue;                   /* an older one, below the segment, makes both anew */
        }
        if (error != 0)
            return error;
        producers->newest = *from = offset;
        return 0;
    }
    producer_state_clear(&producers->state);
    *from = log->segments[0]->base_offset;
    return error == 0 ? empty_aborted(log, *from) : error;
}

/* Only those at a segment's base and the newest of all are of use; and the second file only beside
 * its snapshot. */
static int remove_strays(struct log *log, const struct file_offsets *offsets)
{
    struct file_offsets runs;
    int error = file_offsets_list(log->io, log->path, PRODUCER_RUNS_SUFFIX, &runs);
    for (size_t i = 0, j = 0; i < runs.count && error == 0; i++) {      /* both ascend */
        while (j < offsets->count && offsets->at[j] < runs.at[i])
            j++;
        if (j == offsets->count || offsets->at[j] != runs.at[i])
            error = remove_snapshot(log, runs.at[i]);
    }
    file_offsets_fini(&runs);
    for (size_t i = 0; i < offsets->count && error == 0; i++)
        if (offsets->at[i] != log->producers.newest && !is_base(log, offsets->at[i]))
            error = remove_snapshot(log, offsets->at[i]);
    return error;
}

/* State and indexes at log->end, from the snapshots up to `limit` and the log. */
static int find(struct log *log, int64_t limit)
{
    struct log_producers *producers = &log->producers;
    struct file_offsets offsets;
    int64_t from = 0;

    producers->pending = producers->newest = producers->loose = -1;
    producers->newest_position = 0;
    producers->lost = true;
    int error = file_offsets_list(log->io, log->path, PRODUCER_SNAPSHOT_SUFFIX, &offsets);
    if (error == 0)
        error = take_newest(log, &offsets, limit, &from);
    if (error == 0)
        error = remove_strays(log, &offsets);
    file_offsets_fini(&offsets);
    if (error == 0)
        error = replay(&(struct replay){ .log = log, .state = &producers->state, .from = from,
                                         .to = log->end });
    if (error == 0)
        error = save_aborted(log, from);
    if (error != 0)
        return error;
    if (producers->newest >= 0 && !is_base(log, producers->newest))
        producers->loose = producers->newest;
    producers->lost = false;
    return 0;
}

/* Read the state that waits in its file. */
static int need(struct log *log)
{
    struct log_producers *producers = &log->producers;
    if (producers->lost)
        return find(log, log->end);
    if (producers->pending < 0)
        return 0;
    int error = read_snapshot(log, producers->pending, &producers->state);
    if (error == 0)
        producers->pending = -1;
    if (error == K_NOT_FOUND || error == K_CORRUPT)
        error = find(log, log->end);
    return error;
}

int log_producers_open(struct log *log, bool clean)
{
    struct log_producers *producers = &log->producers;
    char path[PATH_MAX];
    struct stat status;
    int64_t limit = log->end;
    producers->open = true;
    snprintf(path, sizeof path, "%s/%020" PRId64 PRODUCER_SNAPSHOT_SUFFIX, log->path, log->end);
    if (clean && log->io->stat_path(log->io, path, &status) == 0) {
        producers->pending = producers->newest = log->end;
        producers->newest_position = log_active(log)->tail.size;
        if (log_active(log)->base_offset != log->end)
            producers->loose = log->end;
        return 0;
    }
    if (logdir_may_have_lost_data(log->directory)) {                        /* P2 */
        int64_t synced = logdir_mark(log->directory, LOGDIR_RECOVERY_POINT, log->topic,
                                     log->partition);
        if (synced < limit)
            limit = synced;
    }
    int error = find(log, limit);
    if (error == 0)
        error = log_producers_snapshot(log);
    return error == K_DISK_FULL ? 0 : error;    /* it only spares the next start some reading */
}

/* --- while it grows --------------------------------------------------------------------------- */

/* The index of a segment does not hold: find its transactions again, from the newest snapshot at or
 * below its base. */
static int rebuild_aborted(struct log *log, struct segment *segment)
{
    struct producer_state state;
    struct file_offsets offsets;
    int64_t from = log->segments[0]->base_offset;
    LOG_WARN("index-rebuilt", "segment=%s.txnindex", segment->path);
    producer_state_init(&state);
    int error = file_offsets_list(log->io, log->path, PRODUCER_SNAPSHOT_SUFFIX, &offsets);
    for (size_t i = offsets.count; i-- > 0 && error == 0; ) {
        if (offsets.at[i] > segment->base_offset || offsets.at[i] < from)
            continue;
        error = read_snapshot(log, offsets.at[i], &state);
        if (error == 0) {
            from = offsets.at[i];
            break;
        }
        if (error == K_CORRUPT)
            error = 0;
    }
    file_offsets_fini(&offsets);
    if (error == 0)
        error = segment_clear_aborted(segment);
    if (error == 0)
        error = replay(&(struct replay){ .log = log, .state = &state, .from = from,
                                         .to = segment->tail.next_offset, .only = segment });
    if (error == 0)
        error = segment_save_aborted(segment);
    if (error != 0)
        segment_forget_aborted(segment);
    producer_state_fini(&state);
    return error;
}

static int need_aborted(struct log *log, struct segment *segment)
{
    int error = segment_need_aborted(segment);
    return error == K_CORRUPT ? rebuild_aborted(log, segment) : error;
}

int log_producers_reserve(struct log *log, const uint8_t *batch, size_t count)
{
    struct segment *segment = log_active(log);
    int error = need(log);
    if (error == 0)
        error = producer_state_reserve(&log->producers.state, count);
    if (error != 0 || (batch_attributes(batch) & BATCH_CONTROL) == 0)
        return error;
    error = need_aborted(log, segment);
    return error == 0 ? index_reserve(&segment->aborted, count) : error;
}

void log_producers_note(struct log *log, const uint8_t *batch)
{
    struct producer_end end;
    producer_state_note(&log->producers.state, batch, batch_size(batch), &end);
    if (!end.ended || !end.aborted)
        return;
    int error = txn_index_add(&log_active(log)->aborted,
                              &(struct aborted_txn){ end.id, end.first_offset, end.last_offset,
                                                     end.stable_end });
    assert(error == 0);                 /* room was reserved */
    log->names_unsynced = true;         /* the index may be new: what a sync covers with it */
}

int log_producers_snapshot(struct log *log)
{
    struct log_producers *producers = &log->producers;
    bool nothing = log->segment_count == 1 && log_active(log)->tail.size == 0;
    if (!producers->open || producers->newest == log->end || (producers->newest < 0 && nothing))
        return 0;
    int error = need(log);
    if (error == 0)
        error = segment_save_aborted(log_active(log));                      /* P3 */
    if (error == 0)
        error = producer_files_write(log->io, log->path, log->end, &producers->state);
    if (error != 0)
        return error;
    log->names_unsynced = true;
    int64_t former = producers->loose;
    producers->newest = log->end;
    producers->newest_position = log_active(log)->tail.size;
    producers->loose = log_active(log)->base_offset == log->end ? -1 : log->end;
    return former >= 0 && former != log->end ? remove_snapshot(log, former) : 0;
}

void log_producers_rolled(struct log *log)
{
    if (!log->producers.open)
        return;
    assert(log_active(log)->base_offset == log->end);
    if (log->producers.loose == log->end)
        log->producers.loose = -1;
    log->producers.newest_position = 0;
}

int log_producers_unrolled(struct log *log, int64_t end)
{
    struct log_producers *producers = &log->producers;
    int error = 0;
    for (size_t i = log->segment_count; i-- > 0 && error == 0; ) {
        if (log->segments[i]->base_offset <= end)
            break;                      /* as true as before */
        error = remove_snapshot(log, log->segments[i]->base_offset);
    }
    if (error != 0 || producers->newest <= end)
        return error;
    error = remove_snapshot(log, producers->newest);
    producers->newest = producers->loose = -1;
    producers->newest_position = 0;
    return error;
}

int log_producers_checkpoint(struct log *log)
{
    const struct log_producers *producers = &log->producers;
    int64_t since = log_active(log)->tail.size - producers->newest_position;
    int64_t size = PRODUCER_SNAPSHOT_ENTRY * (int64_t)producers->state.count;
    return since < SNAPSHOT_INTERVAL || since < SNAPSHOT_SHARE * size ? 0
                                                                      : log_producers_snapshot(log);
}

int log_producers_truncate(struct log *log)
{
    const struct log_producers *producers = &log->producers;
#ifdef MUTANT_PRODUCERS_NOT_ROLLED_BACK
    if (producers->newest <= log->end)
        return 0;
#endif
    if (!producers->lost && producers->newest <= log->end &&
        (producers->pending >= 0 || producers->state.count == 0))
        return 0;                       /* no producer wrote to what was cut */
    return find(log, log->end);
}

int log_producers_forget(struct log *log)
{
    struct file_offsets offsets;
    int error = file_offsets_list(log->io, log->path, PRODUCER_SNAPSHOT_SUFFIX, &offsets);
    for (size_t i = offsets.count; i-- > 0 && error == 0; )
        error = remove_snapshot(log, offsets.at[i]);
    file_offsets_fini(&offsets);
    if (error != 0)
        return error;
    producer_state_clear(&log->producers.state);
    log->producers.pending = log->producers.newest = log->producers.loose = -1;
    log->producers.newest_position = 0;
    log->producers.lost = false;
    return 0;
}

int log_producers_sync_begin(struct log *log)
{
    return segment_save_aborted(log_active(log));
}

int log_producers_sync(const struct io *io, const char *path, struct segment *const *segments,
                       size_t count, int64_t loose)
{
    /* One that is not there: the log was cut, or there is a newer one. */
    int error = loose < 0 ? 0 : producer_files_sync(io, path, loose);
    for (size_t i = 0; i < count && error == 0; i++) {
        error = segment_sync_aborted(segments[i]);
        if (error == 0)
            error = producer_files_sync(io, path, segments[i]->base_offset);
    }
    return error;
}

/* --- idempotent producers --------------------------------------------------------------------- */

int log_check_numbers(struct log *log, const struct producer_numbers *numbers, int64_t *stored)
{
    *stored = -1;
    int error = numbers->id < 0 ? 0 : need(log);
    if (error != 0)
        return log_failed(log, error, "reading producers");
    return producer_state_check(&log->producers.state, numbers, stored);
}

void log_expire_producers(struct log *log, uint32_t rounds)
{
    /* A state that is not in memory costs nothing. Without memory now: another time. */
    if (log->producers.pending < 0 && !log->producers.lost)
        (void)producer_state_expire(&log->producers.state, rounds);
}

/* --- what is known ---------------------------------------------------------------------------- */

int log_stable_end(struct log *log, int64_t end, int64_t *out)
{
    int error = need(log);
    if (error != 0)
        return error;
    int64_t open = producer_state_first_open(&log->producers.state);
    if (open >= 0 && open < log->start)
        open = log->start;
    *out = open >= 0 && open < end ? open : end;
    return 0;
}

int log_find_aborted(struct log *log, int64_t from, int64_t to, struct aborted_txn **out,
                     size_t *count)
{
    struct index found;
    bool more = from < to;
    int error = 0;
    index_init(&found, sizeof(struct aborted_txn));
    for (size_t i = log_segment_index(log, from); more && i < log->segment_count; i++) {
        struct segment *segment = log->segments[i];
        error = need_aborted(log, segment);
        for (size_t j = 0; more && error == 0 && j < segment->aborted.count; j++) {
            struct aborted_txn txn = txn_index_at(&segment->aborted, j);
            uint8_t *at = NULL;
            if (txn.last_offset >= from && txn.first_offset < to) {
                at = index_add(&found);
                if (at == NULL)
                    error = K_NOMEM;
                else
                    memcpy(at, &txn, sizeof txn);
            }
            /* All that was open below `to` has ended when it became stable. */
            more = txn.stable_end < to;
        }
        more = more && error == 0;
    }
    if (error != 0) {
        index_fini(&found);
        return error;
    }
    *out = (struct aborted_txn *)(void *)found.bytes;
    *count = found.count;
    return 0;
}
