#include "server/storage/clean_job.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/log.h"
#include "common/rand.h"
#include "proto/batch.h"
#include "server/storage/clean_internal.h"
#include "server/storage/log_internal.h"
#include "server/storage/logdir.h"

enum { MAP_SPARE = 64 * 1024 };

/* --- the plan --------------------------------------------------------------------------------- */

static int64_t checkpoint_of(const struct log *log)
{
    return logdir_mark(log->directory, LOGDIR_CLEANED, log->topic, log->partition);
}

int log_clean_range(const struct log *log, int64_t limit, struct clean_range *out)
{
    struct clean_part *parts = malloc(log->segment_count * sizeof *parts);
    if (parts == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < log->segment_count; i++)
        parts[i] = (struct clean_part){ log->segments[i]->base_offset,
                                        log->segments[i]->tail.size };
    *out = clean_plan_range(parts, log->segment_count, log->start, log->end, checkpoint_of(log),
                            limit);
    free(parts);
    return 0;
}

int log_clean_roll(struct log *log)
{
    if (logdir_fenced(log->directory))
        return K_KAFKA_STORAGE_ERROR;
    int error = log_active(log)->tail.size > 0 ? log_roll(log, log->end) : 0;
    return error == 0 ? 0 : log_failed(log, error, "roll");
}

void log_clean_probe(const struct log *log, int64_t from, struct clean_probe *out)
{
    const struct segment *segment = log->segments[log_segment_index(log, from)];
    out->io = log->io;
    snprintf(out->path, sizeof out->path, "%s/%020" PRId64 ".log", log->path,
             segment->base_offset);
}

int clean_probe_run(const struct clean_probe *probe, int64_t *first_ms)
{
    uint8_t header[BATCH_HEADER_SIZE];
    int fd = probe->io->open(probe->io, probe->path, O_RDONLY, 0);
    if (fd < 0)
        return io_error();
    int error = io_read_all(probe->io, fd, header, sizeof header, 0);
    (void)probe->io->close(probe->io, fd);
    if (error == 0)
        *first_ms = batch_max_timestamp(header);
    return error;
}

/* --- life ------------------------------------------------------------------------------------- */

/* The segments below the limit, as they are now. */
static void take_sources(struct clean_job *job, const struct log *log)
{
    for (size_t i = 0; i + 1 < log->segment_count; i++) {
        struct segment *segment = log->segments[i];
        if (segment->base_offset >= job->limit)
            break;
        struct clean_source *source = &job->sources[job->source_count++];
        *source = (struct clean_source){ .base = segment->base_offset,
                                         .next = log->segments[i + 1]->base_offset,
                                         .size = segment->tail.size,
                                         .segment = segment_ref(segment) };
        job->to_read += source->size * (source->next > job->from ? 2 : 1);
    }
}

/* No more memory than the keys of so many bytes can need, were they all small. */
static int make_map(struct clean_job *job, int64_t dirty_bytes)
{
    struct rand rand;
    uint64_t secret[2];
    size_t bytes = job->options.map_bytes;
    if ((int64_t)(bytes / 2) > dirty_bytes + MAP_SPARE)
        bytes = 2 * (size_t)dirty_bytes + 2 * MAP_SPARE;
    rand_seed_from_system(&rand);
    secret[0] = rand_u64(&rand);
    secret[1] = rand_u64(&rand);
    return clean_map_init(&job->map, bytes, job->options.map_load, secret);
}

int clean_begin(struct log *log, const struct clean_options *options, struct clean_job **out)
{
    struct clean_range range;
    if (log->cleaning != NULL)
        return K_BUSY;
    if (logdir_fenced(log->directory))
        return K_KAFKA_STORAGE_ERROR;
    int64_t limit = options->limit < log->recovery_point ? options->limit : log->recovery_point;
    int error = log_clean_range(log, limit, &range);
    if (error != 0)
        return error;
    if (range.from >= range.limit)
        return K_NOT_FOUND;

    struct clean_job *job =
        calloc(1, sizeof *job + log->segment_count * sizeof job->sources[0]);
    if (job == NULL)
        return K_NOMEM;
    clean_files_init(&job->files);
    job->directory = log->directory;
    job->io = log->io;
    job->options = *options;
    job->truncations = log->truncations;
    job->from = range.from;
    job->limit = range.limit;
    job->stage = options->min_lag_ms > 0 ? STAGE_AGES : STAGE_NOTE;
    job->path = strdup(log->path);
    error = job->path == NULL ? K_NOMEM : make_map(job, range.dirty_bytes);
    if (error != 0) {
        clean_free(job);
        return error;
    }
    take_sources(job, log);
    job->files.io = log->io;
    job->files.path = job->path;
    job->files.sources = job->sources;
    job->files.source_count = job->source_count;
    job->files.tuning = (struct clean_tuning){
        .buffer_bytes = options->buffer_bytes,
        .segment_bytes = log->config.segment_bytes, .index_bytes = log->config.index_bytes,
        .index_interval = log->config.index_interval_bytes,
        .producer_expiry_ms = options->producer_expiry_ms };
    job->files.rules.now_ms = options->now_ms;
    job->files.rules.delete_retention_ms = options->delete_retention_ms;
    job->log = log;
    log->cleaning = job;
    *out = job;
    return 0;
}

void clean_free(struct clean_job *job)
{
    if (job == NULL)
        return;
    if (job->log != NULL)
        job->log->cleaning = NULL;
    for (size_t i = 0; i < job->source_count; i++)
        segment_unref(job->sources[i].segment);
    clean_files_fini(&job->files);
    clean_map_fini(&job->map);
    free(job->path);
    free(job);
}

void clean_detach(struct log *log)
{
    clean_cancel(log->cleaning);
    log->cleaning->log = NULL;
    log->cleaning = NULL;
}

enum clean_turn clean_turn(const struct clean_job *job)
{
    switch (atomic_load(&job->stage)) {
    case STAGE_COMMIT: case STAGE_REPLACE: case STAGE_SETTLE: case STAGE_FINISH:
        return CLEAN_HOME;
    case STAGE_OVER:
        return CLEAN_OVER;
    default:
        return CLEAN_AWAY;
    }
}

void clean_cancel(struct clean_job *job)
{
    atomic_store(&job->cancelled, true);
}

void clean_outcome(const struct clean_job *job, struct clean_outcome *out)
{
    const struct clean_files *files = &job->files;
    *out = (struct clean_outcome){
        .code = job->code, .set_aside = job->code == K_CORRUPT || job->code == K_IO,
        .fault = files->fault, .fault_offset = files->fault_offset,
        .from = job->from, .upto = files->rules.map == NULL ? job->from : files->rules.latest + 1,
        .bytes_before = files->counts.before, .bytes_after = files->counts.after,
        .bytes_read = files->counts.read, .bytes_to_read = job->to_read };
}

/* --- away ------------------------------------------------------------------------------------- */

/* The dirty part ends before the first segment that is too young. One that does not say how new it
 * is counts as young. */
static void limit_by_age(struct clean_job *job)
{
    for (size_t i = 0; i < job->source_count; i++) {
        const struct clean_source *source = &job->sources[i];
        if (source->next <= job->from)
            continue;
        int64_t newest = segment_newest(source->segment, source->size, source->next);
        if (newest == SEGMENT_NEWEST_UNKNOWN ||
            newest > job->options.now_ms - job->options.min_lag_ms) {
            if (source->base < job->limit)
                job->limit = source->base;
            break;
        }
    }
    job->stage = job->from < job->limit ? STAGE_NOTE : STAGE_FINISH;
}

/* On to the next group, or to the end. */
static void next_group(struct clean_job *job)
{
    job->stage = clean_files_group(&job->files, job->group_first) ? STAGE_REWRITE : STAGE_FINISH;
}

static int note(struct clean_job *job, size_t budget)
{
    bool more;
    int error = job->files.rules.map == NULL ? clean_files_begin(&job->files) : 0;
    if (error == 0)
        error = clean_files_note(&job->files, &job->map, job->from, job->limit, budget, &more);
    if (error != 0 || more)
        return error;
    if (job->files.rules.latest < job->from) {
        job->stage = STAGE_FINISH;
        return 0;
    }
    next_group(job);
    return 0;
}

static int rewrite(struct clean_job *job, size_t budget)
{
    bool more, writing = false;
    int error = clean_files_rewrite(&job->files, budget, &more, &writing);
    if (error != 0) {
        job->fatal = writing;
        return error;
    }
    if (more)
        return 0;
    if (job->files.target == NULL) {            /* as it was: nothing to swap */
        job->group_first = job->files.group.end;
        next_group(job);
    } else {
        job->stage = STAGE_SEAL;
    }
    return 0;
}

/* J3: after a crash, holes are only believed below the recovery point of the file. */
static int seal(struct clean_job *job)
{
    int error = logdir_checkpoint(job->directory);
    job->fatal = error != 0;
    job->stage = STAGE_COMMIT;
    return error;
}

static int sync_names(struct clean_job *job, enum clean_stage next)
{
    job->stage = next;
#ifndef MUTANT_SWAP_WITHOUT_SYNC
    int error = io_sync_names(job->io, job->path);
    job->fatal = job->fatal || error != 0;
    return error;
#else
    return 0;
#endif
}

static int away(struct clean_job *job, size_t budget)
{
    int error;
    switch (atomic_load(&job->stage)) {
    case STAGE_AGES:
        limit_by_age(job);
        return 0;
    case STAGE_NOTE:
        return note(job, budget);
    case STAGE_REWRITE:
        return rewrite(job, budget);
    case STAGE_SEAL:
        return seal(job);
    case STAGE_SYNC_COMMIT:
        return sync_names(job, STAGE_REPLACE);
    case STAGE_SYNC_REPLACE:
        error = sync_names(job, STAGE_SETTLE);
        return error == 0 ? clean_delete_replaced(job) : error;
    default:
        assert(job->stage == STAGE_TIDY);
        clean_files_drop(&job->files);
        job->stage = STAGE_FINISH;
        return 0;
    }
}

int64_t clean_away(struct clean_job *job, size_t budget)
{
    assert(clean_turn(job) == CLEAN_AWAY);
    const struct clean_counts *counts = &job->files.counts;
    int64_t before = counts->read + counts->written;
    bool early = job->stage <= STAGE_SEAL;
    int error = early && atomic_load(&job->cancelled) ? K_CLOSED : away(job, budget);

    if (error == K_NOT_FOUND && !job->fatal)    /* a file is gone: the log went on without us */
        error = K_CLOSED;
    if (error != 0) {
        job->code = error;
        job->stage = early ? STAGE_TIDY : STAGE_FINISH;
    }
    return counts->read + counts->written - before;
}

/* --- home ------------------------------------------------------------------------------------- */

static void log_result(const struct clean_job *job)
{
    struct clean_outcome outcome;
    clean_outcome(job, &outcome);
    if (outcome.set_aside)
        LOG_ERROR("log-not-compacted", "topic=%s partition=%" PRId32 " error=%s offset=%" PRId64
                  " reason=\"%s\"", job->log->topic, job->log->partition, k_error_name(job->code),
                  outcome.fault == NULL ? job->from : outcome.fault_offset,
                  outcome.fault == NULL ? "a file can not be read" : outcome.fault);
    else if (job->code != 0 && job->code != K_CLOSED)
        LOG_WARN("log-not-compacted", "topic=%s partition=%" PRId32 " error=%s", job->log->topic,
                 job->log->partition, k_error_name(job->code));
}

static int finish(struct clean_job *job)
{
    struct log *log = job->log;
    int error = 0;
    job->stage = STAGE_OVER;
    if (job->truncations != log->truncations)
        job->code = K_CLOSED;
    if (job->fatal && job->code != 0 && job->code != K_CLOSED) {
        job->code = log_failed(log, job->code, "compaction");
        error = job->code == K_KAFKA_STORAGE_ERROR ? job->code : 0;
    }
    if (job->code == 0 && job->files.rules.map != NULL && job->files.rules.latest >= job->from)
        job->code = logdir_set_mark(log->directory, LOGDIR_CLEANED, log->topic, log->partition,
                                    job->files.rules.latest + 1);
    log_result(job);
    return error;
}

static int home(struct clean_job *job)
{
    int error;
    switch (atomic_load(&job->stage)) {
    case STAGE_COMMIT:
        error = clean_commit(job);
        job->stage = error == 0 ? STAGE_SYNC_COMMIT : STAGE_TIDY;
        return error;                   /* nothing is decided while the log file has its name */
    case STAGE_REPLACE:
        error = clean_replace(job);
        job->stage = error == 0 ? STAGE_SYNC_REPLACE : STAGE_TIDY;
        return error;
    default:
        assert(job->stage == STAGE_SETTLE);
        error = clean_settle(job);
        job->group_first = job->files.group.end;
        if (error == 0)
            next_group(job);
        else
            job->stage = STAGE_TIDY;
        return error;
    }
}

int clean_home(struct clean_job *job)
{
    assert(clean_turn(job) == CLEAN_HOME);
    if (job->log == NULL) {                     /* closed: the next load goes on */
        job->code = K_CLOSED;
        job->stage = STAGE_OVER;
        return 0;
    }
    if (logdir_fenced(job->directory)) {        /* nothing is touched any more */
        job->code = K_KAFKA_STORAGE_ERROR;
        job->stage = STAGE_OVER;
        return 0;
    }
    if (job->stage == STAGE_FINISH)
        return finish(job);
    bool undecided = job->stage == STAGE_COMMIT;
    int error = home(job);
    if (error == 0)
        return 0;
    if (error != K_CLOSED && !(undecided && (error == K_DISK_FULL || error == K_NOMEM))) {
        /* Half a swap can not be taken back in memory alone: the next start goes by J2. */
        error = log_failed(job->log, error == K_NOMEM || error == K_DISK_FULL ? K_IO : error,
                           "compaction");
        job->stage = STAGE_OVER;
    }
    job->code = error;
    return error == K_KAFKA_STORAGE_ERROR ? error : 0;
}
