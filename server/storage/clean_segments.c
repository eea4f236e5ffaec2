#include "server/storage/clean_segments.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/error.h"
#include "proto/batch.h"
#include "server/storage/index_offset.h"
#include "server/storage/io.h"
#include "server/storage/segment.h"
#include "server/storage/txn_index.h"

enum {
    GROUP_MAX = 64,                     /* segments: what a swap renames in one turn of a loop */
    SYNC_BYTES = 32 << 20,              /* written between two syncs: no burst for the disk */
    OVERFLOW_BYTES = INT32_MAX - (1 << 20)
};

/* Where a producer's last batches are, in the part whose keys were noted. */
struct clean_producer {
    int64_t data, marker;               /* last offsets; -1: none */
};

void clean_files_init(struct clean_files *files)
{
    *files = (struct clean_files){ .fd = -1, .epoch = INT32_MIN };
    clean_txn_init(&files->txn);
    map_init(&files->producers);
}

static void close_source(struct clean_files *files)
{
    if (files->fd < 0)
        return;
    batch_file_fini(&files->reader);
    (void)files->io->close(files->io, files->fd);
    files->fd = -1;
}

void clean_files_fini(struct clean_files *files)
{
    size_t position = 0;
    void *value;
    while (map_next(&files->producers, &position, NULL, NULL, &value))
        free(value);
    map_fini(&files->producers);
    close_source(files);
    segment_unref(files->target);
    clean_txn_fini(&files->txn);
    clean_rules_fini(&files->rules);
    buffer_fini(&files->out);
    buffer_fini(&files->aborted);
}

static const char *source_path(const struct clean_files *files, size_t i, const char *suffix,
                               char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%020" PRId64 "%s", files->path, files->sources[i].base, suffix);
    return path;
}

int clean_files_begin(struct clean_files *files)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < files->source_count; i++) {
        int error = clean_txn_load(&files->txn, files->io, source_path(files, i, ".txnindex", path),
                                   files->sources[i].base, files->sources[i].next);
        if (error == K_CORRUPT)
            files->fault = "the index of aborted transactions is damaged",
            files->fault_offset = files->sources[i].base;
        if (error != 0)
            return error;
    }
    return 0;
}

/* --- reading ---------------------------------------------------------------------------------- */

static int open_source(struct clean_files *files, size_t i)
{
    char path[PATH_MAX];
    close_source(files);
    int fd = files->io->open(files->io, source_path(files, i, ".log", path), O_RDONLY, 0);
    if (fd < 0)
        return io_error();
    size_t size = files->tuning.buffer_bytes;
    if (size < BATCH_FILE_WINDOW)
        size = BATCH_FILE_WINDOW;
    if ((int64_t)size > files->sources[i].size && files->sources[i].size > BATCH_HEADER_SIZE)
        size = (size_t)files->sources[i].size;
    uint8_t *window = malloc(size);
    if (window == NULL) {
        (void)files->io->close(files->io, fd);
        return K_NOMEM;
    }
    batch_file_init(&files->reader, files->io, fd, 0, files->sources[i].size, window, size);
    files->reader.owned = true;
    files->fd = fd;
    files->reading = i;
    files->expected = files->sources[i].base;
    return 0;
}

static int bad_batch(struct clean_files *files, const char *fault)
{
    const struct clean_source *source = &files->sources[files->reading];
    files->fault = fault;
    files->fault_offset = source->base;
    return K_CORRUPT;
}

/* The next whole batch of the source, checked: NOT_FOUND at its end. */
static int next_batch(struct clean_files *files, const uint8_t **batch)
{
    size_t size;
    int error = batch_file_batch(&files->reader, batch);
    if (error == K_CORRUPT)
        return bad_batch(files, "no batch where one should begin");
    if (error != 0)
        return error;
    if (batch_check(*batch, batch_size(*batch), false, &size) != 0) {
        bad_batch(files, "its checksum or counts are wrong");
        files->fault_offset = batch_base_offset(*batch);
        return K_CORRUPT;
    }
    const struct clean_source *source = &files->sources[files->reading];
    int64_t last = batch_last_offset(*batch);
    if (batch_base_offset(*batch) < files->expected || last >= source->next ||
        last - source->base > INT32_MAX)
        return bad_batch(files, "its offsets are not those of its place");
    return 0;
}

/* Step over a batch that next_batch() gave. */
static void pass_batch(struct clean_files *files, const uint8_t *batch)
{
    files->counts.read += (int64_t)batch_size(batch);
    files->expected = batch_last_offset(batch) + 1;
    batch_file_next(&files->reader, batch);
}

static int bad_records(struct clean_files *files, const uint8_t *batch, int error)
{
    if (error == K_NOMEM)
        return error;
    files->fault = "its records can not be read";
    files->fault_offset = batch_base_offset(batch);
    return K_CORRUPT;
}

static bool is_control(const uint8_t *batch)
{
    return (batch_attributes(batch) & BATCH_CONTROL) != 0;
}

/* What the transactions say about the batch. `index` as in clean_txn_marker(). */
static int ask_txn(struct clean_files *files, const uint8_t *batch, struct buffer *index,
                   bool *discard)
{
    struct batch_reader reader;
    struct record_view record = { .key = NULL };
    if (!is_control(batch))
        return clean_txn_data(&files->txn, batch, discard);
    int error = batch_open(&reader, batch, &files->rules.opened);
    int more = error == 0 ? batch_reader_next(&reader, &record) : error;
    if (more != 0 && more != 1)
        return bad_records(files, batch, more);
    error = clean_txn_marker(&files->txn, batch, record.key, record.key_size, index, discard);
    if (error == K_CORRUPT) {
        files->fault = "it aborts data that the index of aborted transactions does not know";
        files->fault_offset = batch_base_offset(batch);
    }
    return error;
}

/* --- noting keys ------------------------------------------------------------------------------ */

static bool producer_active(const struct clean_files *files, const uint8_t *batch)
{
    return batch_producer_id(batch) >= 0 &&
           batch_max_timestamp(batch) > files->rules.now_ms - files->tuning.producer_expiry_ms;
}

static int note_producer(struct clean_files *files, const uint8_t *batch)
{
    if (!producer_active(files, batch))
        return 0;
    int64_t id = batch_producer_id(batch);
    struct clean_producer *producer = map_get(&files->producers, &id, sizeof id);
    if (producer == NULL) {
        producer = malloc(sizeof *producer);
        if (producer == NULL || map_put(&files->producers, &id, sizeof id, producer, NULL) != 0) {
            free(producer);
            return K_NOMEM;
        }
        *producer = (struct clean_producer){ -1, -1 };
    }
    *(is_control(batch) ? &producer->marker : &producer->data) = batch_last_offset(batch);
    return 0;
}

/* One batch of the dirty part. */
static int note_batch(struct clean_files *files, struct clean_map *map, const uint8_t *batch,
                      int64_t from, bool *full)
{
    bool aborted;
    *full = false;
    int error = ask_txn(files, batch, NULL, &aborted);
    if (error == 0)
        error = note_producer(files, batch);
    if (error != 0)
        return error;
    if (is_control(batch) || aborted || batch_count(batch) == 0) {
        files->rules.latest = batch_last_offset(batch);
        return 0;
    }
    error = clean_batch_note(map, batch, from, &files->rules.opened, &files->rules.latest, full);
    return error == 0 ? 0 : bad_records(files, batch, error);
}

int clean_files_note(struct clean_files *files, struct clean_map *map, int64_t from, int64_t limit,
                     size_t budget, bool *more)
{
    int64_t goal = files->counts.read + (int64_t)budget;
    const uint8_t *batch;

    if (files->rules.map == NULL) {         /* the first step */
        files->rules.map = map;
        files->rules.latest = from - 1;
        clean_txn_start(&files->txn, from);
        files->reading = 0;
        while (files->reading < files->source_count && files->sources[files->reading].next <= from)
            files->reading++;
    }
    *more = true;
    while (files->reading < files->source_count) {
        int error = files->fd < 0 ? open_source(files, files->reading) : 0;
        while (error == 0 && files->counts.read < goal &&
               (error = next_batch(files, &batch)) == 0) {
            bool full = false, before = batch_last_offset(batch) < from;
            if (batch_last_offset(batch) >= limit) {
                full = true;
            } else if (!before) {
                error = note_batch(files, map, batch, from, &full);
                if (error != 0)
                    return error;
            }
            if (full) {
                close_source(files);
                *more = false;
                return 0;
            }
            pass_batch(files, batch);
        }
        if (error == 0)
            return 0;
        if (error != K_NOT_FOUND || files->fd < 0)
            return error;
        close_source(files);
        files->reading++;
    }
    *more = false;
    return 0;
}

/* --- groups ----------------------------------------------------------------------------------- */

/* Index bytes that a segment of this size may come to. */
static int64_t index_estimate(const struct clean_files *files, int64_t size)
{
    int64_t interval = files->tuning.index_interval;
    return size / (interval > BATCH_HEADER_SIZE ? interval : BATCH_HEADER_SIZE) *
           INDEX_OFFSET_ENTRY;
}

bool clean_files_group(struct clean_files *files, size_t first)
{
    if (first >= files->source_count || files->sources[first].base > files->rules.latest)
        return false;
    struct clean_group *group = &files->group;
    *group = (struct clean_group){ first, first + 1, files->sources[first].size };
    while (group->end < files->source_count && group->end - first < GROUP_MAX) {
        const struct clean_source *next = &files->sources[group->end];
        int64_t size = group->size + next->size;
        if (next->base > files->rules.latest || size > files->tuning.segment_bytes ||
            size > OVERFLOW_BYTES || index_estimate(files, size) > files->tuning.index_bytes ||
            next->next - 1 - files->sources[first].base > INT32_MAX)
            break;
        group->size = size;
        group->end++;
    }
    if (first == 0)
        clean_txn_start(&files->txn, files->sources[0].base);
    return true;
}

/* --- rewriting -------------------------------------------------------------------------------- */

static int write_out(struct clean_files *files)
{
    struct iovec piece = { files->out.bytes, files->out.size };
    int64_t position = files->target->tail.size - (int64_t)files->out.size;
    if (files->out.size == 0)
        return 0;
    int error = io_write_all(files->io, files->target->fd, &piece, 1, position);
    files->unsynced += (int64_t)files->out.size;
    files->counts.written += (int64_t)files->out.size;
    files->out.size = 0;
    if (error == 0 && files->unsynced >= SYNC_BYTES) {
        files->unsynced = 0;
        if (files->io->sync(files->io, files->target->fd) != 0)
            error = io_error();
    }
    return error;
}

/* Is this the last batch of a producer who may still be there? Then who comes back is recognized
 * by what the batch's header says. Where the keys were not noted, nobody knows: then yes. */
static bool last_of_producer(const struct clean_files *files, const uint8_t *batch)
{
    if (!producer_active(files, batch))
        return false;
    int64_t id = batch_producer_id(batch);
    const struct clean_producer *producer = map_get(&files->producers, &id, sizeof id);
    if (producer == NULL)
        return true;
    return batch_last_offset(batch) >= (is_control(batch) ? producer->marker : producer->data);
}

/* Is it the last batch of the group? */
static bool ends_group(const struct clean_files *files, const uint8_t *batch)
{
    return files->ahead == (int64_t)batch_size(batch);
}

/* Is it the first batch of a leader's epoch? Then it is by its offset that a follower, who only
 * sees what is left, knows where the epoch began; it may have to tell others. */
static bool begins_epoch(struct clean_files *files, const uint8_t *batch)
{
    bool begins = files->epoch != batch_leader_epoch(batch);
    files->epoch = batch_leader_epoch(batch);
#ifdef MUTANT_EPOCH_START_CLEANED
    begins = false;
#endif
    return begins;
}

static int keep(struct clean_files *files, const uint8_t *batch)
{
    bool begins = begins_epoch(files, batch);
    struct clean_verdict verdict = {
        .keep_empty = begins || ends_group(files, batch) || last_of_producer(files, batch) };
    size_t start = files->out.size, size = batch_size(batch);
    bool idle;

    int error = ask_txn(files, batch, &files->aborted, &idle);
    if (error != 0)
        return error;
    if (!is_control(batch)) {
        verdict.discard = idle && batch_last_offset(batch) <= files->rules.latest;
    } else if (idle) {
        bool horizon = (batch_attributes(batch) & BATCH_DELETE_HORIZON) != 0;
        verdict.discard = horizon && batch_base_timestamp(batch) <= files->rules.now_ms &&
                          batch_last_offset(batch) <= files->rules.latest;
        verdict.marker_idle = batch_last_offset(batch) <= files->rules.latest;
    }
    error = clean_batch(&files->rules, batch, &verdict, &files->out);
    if (error != 0)
        return bad_records(files, batch, error);

    /* S2: what would outgrow the old segments (a horizon takes room) stays as it is. */
    int64_t more = (int64_t)(files->out.size - start);
    if (more > (int64_t)size &&
        files->target->tail.size + more + files->ahead - (int64_t)size > OVERFLOW_BYTES) {
        files->out.size = start;
        error = buffer_copy(&files->out, batch, size);
    }
    files->changed = files->changed || files->out.size - start != size ||
                     load_u32(files->out.bytes + start + BATCH_CRC) != load_u32(batch + BATCH_CRC);
    files->ahead -= (int64_t)size;
    if (error == 0 && files->out.size > start)
        error = segment_note(files->target, files->out.bytes + start);
    return error;
}

/* The target's aborted transactions: in its file, and in memory as if they were read from there,
 * because the file has another name for a while. */
static int write_aborted(struct clean_files *files)
{
    char path[PATH_MAX];
    struct index *index = &files->target->aborted;
    for (size_t at = 0; at < files->aborted.size; at += TXN_INDEX_ENTRY) {
        struct aborted_txn txn = txn_index_decode(files->aborted.bytes + at);
        int error = txn_index_add(index, &txn);
        if (error != 0)
            return error;
    }
    index->written = index->count;
    index->saved = true;
    if (files->aborted.size == 0)
        return 0;
    snprintf(path, sizeof path, "%s.txnindex%s", files->target->path, files->target->mark);
    int fd = files->io->open(files->io, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0)
        return io_error();
    struct iovec piece = { files->aborted.bytes, files->aborted.size };
    int error = io_write_all(files->io, fd, &piece, 1, 0);
    if (error == 0 && files->io->sync(files->io, fd) != 0)
        error = io_error();
    (void)files->io->close(files->io, fd);
    return error;
}

/* Everything is written: make it durable. */
static int seal(struct clean_files *files)
{
    int error = write_out(files);
    if (error == 0 && !files->changed) {
        clean_files_drop(files);
        return 0;
    }
    if (error == 0)
        error = segment_save_indexes(files->target, true);
    if (error == 0)
        error = write_aborted(files);
#ifndef MUTANT_SWAP_WITHOUT_SYNC
    if (error == 0 && files->io->sync(files->io, files->target->fd) != 0)
        error = io_error();
    if (error == 0)
        error = segment_sync_indexes(files->target);
    if (error == 0)
        error = io_sync_names(files->io, files->path);
#endif
    return error;
}

static int start_target(struct clean_files *files)
{
    const struct clean_group *group = &files->group;
    files->out.size = files->aborted.size = 0;
    files->unsynced = 0;
    files->ahead = group->size;
    files->changed = group->end - group->first > 1;
    int error = segment_create_marked(files->io, files->path, files->sources[group->first].base,
                                      files->tuning.index_interval, ".cleaned", &files->target);
    if (error == 0)
        files->reading = group->first;
    return error;
}

int clean_files_rewrite(struct clean_files *files, size_t budget, bool *more, bool *writing)
{
    int64_t goal = files->counts.read + (int64_t)budget;
    const uint8_t *batch;
    int error = 0;

    *more = true;
    *writing = true;
    if (files->target == NULL) {
        error = start_target(files);
        if (error != 0)
            return error;
    }
    while (files->reading < files->group.end) {
        *writing = false;
        error = files->fd < 0 ? open_source(files, files->reading) : 0;
        while (error == 0 && files->counts.read < goal &&
               (error = next_batch(files, &batch)) == 0) {
            error = keep(files, batch);
            if (error != 0)
                return error;
            pass_batch(files, batch);
            if (files->out.size >= files->tuning.buffer_bytes) {
                *writing = true;
                error = write_out(files);
                if (error != 0)
                    return error;
                *writing = false;
            }
        }
        if (error == 0)
            return 0;
        if (error != K_NOT_FOUND || files->fd < 0)
            return error;
        close_source(files);
        files->reading++;
    }
    *writing = true;
    *more = false;
    files->counts.before += files->group.size;
    files->counts.after += files->target->tail.size;
    return seal(files);
}

void clean_files_drop(struct clean_files *files)
{
    close_source(files);
    if (files->target == NULL)
        return;
    /* A commit that failed may have renamed some. The log may hold it as well, and be trimmed. */
    (void)segment_remove_marked(files->target, ".swap");
    (void)segment_remove_marked(files->target, ".cleaned");
    segment_unref(files->target);
    files->target = NULL;
}
