/* A partition that was gained is read from the start of its log to the end, piece by piece: a piece
 * is found on the loop, read, checked and taken apart in the io pool, and replayed on the loop. One
 * piece is under way at a time, so what a load holds is bounded, and so is what it does at once.
 *
 * Offsets that Kafka stored within transactions count when those were committed: of one that is
 * open nobody here can say how it ends. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/buffer.h"
#include "common/error.h"
#include "common/log.h"
#include "common/metric.h"
#include "proto/batch.h"
#include "server/runtime/batch_rules.h"
#include "server/runtime/drive_groups_private.h"
#include "server/runtime/drive_replica.h"
#include "server/runtime/group_mirror.h"
#include "server/runtime/group_records.h"
#include "server/runtime/io_pool.h"
#include "server/runtime/shard_state.h"
#include "server/storage/txn_index.h"

enum {
    PIECE_BYTES = 128 << 10,      /* of the log; one batch is read even if larger */
    PIECE_MEMORY_MAX = 256 << 20  /* of what a piece is taken apart into */
};

/* A piece. */
struct load_job {
    struct mail mail;
    struct shard *shard;
    struct coordinator *coordinator;        /* NULL: it is not wanted any more */
    struct log_span span;
    int64_t from;                 /* records before this offset do not count */
    int64_t stable;               /* transactions that reach beyond it are open */
    struct aborted_txn *aborted;  /* owned; or NULL */
    size_t aborted_count;

    /* what the pool makes of it */
    struct arena arena;
    struct buffer records;        /* struct groups_record */
    int64_t broken;               /* records that are none */
    int code;
};

static void free_job(struct load_job *job)
{
    if (job->span.segment != NULL)
        log_span_release(job->span.segment);
    free(job->aborted);
    buffer_fini(&job->records);
    arena_fini(&job->arena);
    free(job);
}

/* --- in the io pool --------------------------------------------------------------------------- */

static int read_bytes(const struct log_span *span, uint8_t *to)
{
    for (size_t done = 0; done < span->size;) {
        ssize_t got = pread(span->fd, to + done, span->size - done, span->position + (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return K_IO;
        done += (size_t)got;
    }
    return 0;
}

/* Is it data that counts? */
static bool counts(const struct load_job *job, const uint8_t *batch)
{
    int64_t offset = batch_base_offset(batch);

    if (batch_attributes(batch) & BATCH_CONTROL)
        return false;
    if (!(batch_attributes(batch) & BATCH_TRANSACTIONAL))
        return true;
    for (size_t i = 0; i < job->aborted_count; i++) {
        const struct aborted_txn *txn = &job->aborted[i];
        if (txn->producer_id == batch_producer_id(batch) && offset >= txn->first_offset &&
            offset <= txn->last_offset)
            return false;
    }
    return offset < job->stable;
}

static int take_record(struct load_job *job, const struct record_view *view)
{
    struct groups_record record;
    int found = group_records_decode(view, &job->arena, &record);

    if (found == 1)
        return buffer_copy(&job->records, &record, sizeof record);
    job->broken += found == K_CORRUPT;
    return found == K_NOMEM ? K_NOMEM : 0;
}

static int take_batch(struct load_job *job, const uint8_t *batch, struct buffer *opened)
{
    struct batch_reader reader;
    struct record_view view;
    const uint8_t *records = NULL;
    int code = 0;

    opened->size = 0;
    if (batch_codec(batch) != CODEC_NONE) {
        code = decompress_bytes(batch_codec(batch), batch + BATCH_HEADER_SIZE,
                                batch_size(batch) - BATCH_HEADER_SIZE, BATCH_RULES_UNFOLDED_MAX,
                                opened);
        records = opened->size > 0 ? opened->bytes : batch;
    }
    if (code == 0)
        code = batch_reader_init(&reader, batch, records, opened->size);
    while (code == 0 && (code = batch_reader_next(&reader, &view)) == 1)
        code = view.offset < job->from ? 0 : take_record(job, &view);
    return code;
}

static int take_apart(struct load_job *job, const uint8_t *bytes)
{
    struct buffer opened;
    int code = 0;

    buffer_init(&opened);
    for (size_t at = 0, size = 0; at < job->span.size && code == 0; at += size) {
        code = batch_check(bytes + at, job->span.size - at, false, &size);
        if (code == 0 && counts(job, bytes + at))
            code = take_batch(job, bytes + at, &opened);
    }
    buffer_fini(&opened);
    return code;
}

static void came_back(struct mail *mail);

static void read_piece(struct mail *mail)
{
    struct load_job *job = LIST_OWNER(mail, struct load_job, mail);
    uint8_t *bytes = malloc(job->span.size);

    job->code = bytes == NULL ? K_NOMEM : read_bytes(&job->span, bytes);
    if (job->code == 0)
        job->code = take_apart(job, bytes);
    free(bytes);
    job->mail.deliver = came_back;
    loop_post(job->shard->loop, &job->mail);
}

/* --- on the loop ------------------------------------------------------------------------------ */

/* C2. */
static bool may_begin(const struct coordinator *coordinator)
{
    const struct replica *replica = &coordinator->partition->replica;
    int64_t latest;

#ifdef MUTANT_GROUPS_LOADED_EARLY
    return replica->role == REPLICA_LEADING;
#endif
    return replica->role == REPLICA_LEADING && !group_store_under_way(coordinator) &&
           replica_latest(replica, &latest) == 0 && replica->high_watermark >= replica->end;
}

static void begin(struct coordinator *coordinator)
{
    struct partition *partition = coordinator->partition;

    coordinator->phase = COORDINATOR_LOADING;
    coordinator->load = (struct group_load){.next = log_start(partition->log),
                                            .end = partition->replica.end,
                                            .started_us = shard_now_us(coordinator->shard)};
    metric_add(shard_options(coordinator->shard)->metrics, METRIC_GROUPS_LOADING, 1);
}

static void finish(struct coordinator *coordinator)
{
    const struct partition *partition = coordinator->partition;
    struct metrics *metrics = shard_options(coordinator->shard)->metrics;
    const struct group_load *load = &coordinator->load;
    int64_t took_us = shard_now_us(coordinator->shard) - load->started_us;
    struct groups_event event = {.type = GROUPS_LOADED};

    if (load->broken > 0)
        LOG_ERROR("groups-records-skipped",
                  "topic=%s partition=%" PRId32 " count=%" PRId64
                  " reason=\"they are not what the offsets topic holds\"",
                  partition->topic, partition->key.index, load->broken);
    if (load->records > 0)
        LOG_INFO("groups-loaded",
                 "topic=%s partition=%" PRId32 " epoch=%" PRId32 " end=%" PRId64
                 " records=%" PRId64 " took_us=%" PRId64,
                 partition->topic, partition->key.index, coordinator->epoch, load->end,
                 load->records, took_us);
    metric_add(metrics, METRIC_GROUPS_LOADING, -1);
    metric_observe(metrics, METRIC_GROUP_LOAD_US, took_us);
    coordinator->phase = COORDINATOR_SERVING;
    event.loaded.epoch = coordinator->epoch;
    coordinator_step(coordinator, &event);
    group_gone_begin(coordinator);
    group_mirror_loaded(coordinator->mirror, coordinator->groups);
}

/* Where the next piece lies; size 0: there is none. */
static int find_piece(struct coordinator *coordinator, struct load_job *job)
{
    struct group_load *load = &coordinator->load;
    struct log *log = coordinator->partition->log;

    if (load->next < log_start(log))
        load->next = log_start(log);
    job->from = load->next;
    if (load->next >= load->end)
        return 0;
    int code = log_read(log, load->next, load->end, PIECE_BYTES, &job->span);
    if (code != 0 || job->span.size == 0)
        return code;
    code = log_stable_end(log, load->end, &job->stable);
    if (code == 0)
        code = log_find_aborted(log, load->next, job->span.next, &job->aborted,
                                &job->aborted_count);
    load->next = job->span.next;
    return code;
}

static void read_next(struct coordinator *coordinator)
{
    struct shard *shard = coordinator->shard;
    struct load_job *job = calloc(1, sizeof *job);
    int code = K_NOMEM;

    if (job != NULL) {
        job->shard = shard;
        job->coordinator = coordinator;
        buffer_init(&job->records);
        arena_init(&job->arena, NULL, 0, PIECE_MEMORY_MAX);
        code = find_piece(coordinator, job);
    }
    if (code == 0 && job->span.size > 0) {
        coordinator->load.job = job;
        job->mail.deliver = read_piece;
        mail_post(io_pool_target(shard_options(shard)->pool), &job->mail);
        return;
    }
    if (job != NULL)
        free_job(job);
    if (code != 0)
        coordinator_fail(coordinator, code);
    else
        finish(coordinator);
}

void group_load_go_on(struct coordinator *coordinator)
{
    struct partition *partition = coordinator->partition;

    if (partition->state != PARTITION_OPEN) {
        partition_wake(partition);
        list_remove(&coordinator->opening.node);
        if (partition->state == PARTITION_OPENING)
            list_append(&partition->waiting, &coordinator->opening.node);
        return;
    }
    if (coordinator->phase == COORDINATOR_GAINED && may_begin(coordinator))
        begin(coordinator);
    if (coordinator->phase == COORDINATOR_LOADING && coordinator->load.job == NULL)
        read_next(coordinator);
}

static int replay(struct coordinator *coordinator, const struct load_job *job)
{
    const struct groups_record *records = (const struct groups_record *)job->records.bytes;
    size_t count = job->records.size / sizeof *records;

    for (size_t i = 0; i < count; i++) {
        int code = groups_replay(coordinator->groups, &records[i]);
        if (code == K_NOMEM)
            return code;
        coordinator->load.broken += code != 0;
        if (code == 0 && records[i].type == GROUPS_RECORD_OFFSET && !records[i].tombstone)
            group_gone_add(coordinator, &records[i].offset);
    }
    coordinator->load.records += (int64_t)count;
    coordinator->load.broken += job->broken;
    return 0;
}

static void came_back(struct mail *mail)
{
    struct load_job *job = LIST_OWNER(mail, struct load_job, mail);
    struct coordinator *coordinator = job->coordinator;
    int code = job->code;

    if (coordinator != NULL) {
        assert(coordinator->phase == COORDINATOR_LOADING && coordinator->load.job == job);
        coordinator->load.job = NULL;
        if (code == 0)
            code = replay(coordinator, job);
        if (code != 0)
            coordinator_fail(coordinator, code);
        else
            coordinator_look_soon(coordinator);
    }
    free_job(job);
}

void group_load_stop(struct coordinator *coordinator)
{
    list_remove(&coordinator->opening.node);
    if (coordinator->phase != COORDINATOR_LOADING)
        return;
    metric_add(shard_options(coordinator->shard)->metrics, METRIC_GROUPS_LOADING, -1);
    if (coordinator->load.job != NULL)
        coordinator->load.job->coordinator = NULL;
    coordinator->load.job = NULL;
}
