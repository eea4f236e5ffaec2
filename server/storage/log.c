/* storage/log.c - open, close, remove; segments as a list; what is known of a log. */
#include "server/storage/log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "server/storage/clean_job.h"
#include "server/storage/identity.h"
#include "server/storage/log_internal.h"
#include "server/storage/log_move.h"
#include "server/storage/logdir_internal.h"

void log_assert_invariants(const struct log *log)
{
    assert(log->start <= log->end);                                         /* L1 */
    assert(log->segment_count > 0);
    if (log->segment_count > 1) /* L1, where it changes */
        assert(log->segments[log->segment_count - 2]->base_offset < log_active(log)->base_offset);
    assert(log_active(log)->tail.next_offset == log->end);                  /* L2 */
    assert(log->recovery_point <= log->end);
}

/* --- the list of segments ----------------------------------------------------------------- */

size_t log_segment_index(const struct log *log, int64_t offset)
{
    size_t low = 0, high = log->segment_count;
    if (log_active(log)->base_offset <= offset)         /* most readers are at the end */
        return log->segment_count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log->segments[middle]->base_offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? 0 : low - 1;
}

int log_push_segment(struct log *log, struct segment *segment)
{
    if (log->segment_count == log->segment_capacity) {
        size_t capacity = log->segment_capacity == 0 ? 4 : 2 * log->segment_capacity;
        struct segment **segments = realloc(log->segments, capacity * sizeof(struct segment *));
        if (segments == NULL)
            return K_NOMEM;
        log->segments = segments;
        log->segment_capacity = capacity;
    }
    log->segments[log->segment_count++] = segment;
    return 0;
}

int log_pop_segment(struct log *log)
{
    struct segment *segment = log->segments[--log->segment_count];
    int error = segment_remove_files(segment);
    segment_unref(segment);
    log->names_unsynced = true;
    return error;
}

int log_roll(struct log *log, int64_t base)
{
    struct segment *segment;
    bool first = log->segment_count == 0;
    if (!first) {
        int error = segment_save_indexes(log_active(log), true);
        if (error == 0)
            error = log_producers_snapshot(log);
        if (error == 0)
            error = segment_unreserve(log_active(log));
        if (error != 0)
            return error;
    }
    int error =
        segment_create(log->io, log->path, base, log->config.index_interval_bytes, &segment);
    if (error != 0)
        return error;
    log->names_unsynced = true;
    error = log_push_segment(log, segment);
    if (error != 0) {
        (void)segment_remove_files(segment);
        segment_unref(segment);
    }
    if (error == 0 && !first)
        log_producers_rolled(log);
    return error;
}

void log_forget_served(struct log *log)
{
    free(log->served);
    log->served = NULL;
}

int log_failed(struct log *log, int error, const char *what)
{
    if (error == K_DISK_FULL || error == K_NOMEM)
        return error;
    LOG_ERROR("log-failed", "topic=%s partition=%" PRId32 " during=%s error=%s", log->topic,
              log->partition, what, k_error_name(error));
    logdir_fence(log->directory, error, what);
    return K_KAFKA_STORAGE_ERROR;
}

/* --- life --------------------------------------------------------------------------------- */

static void log_free(struct log *log)
{
    if (log->cleaning != NULL)
        clean_detach(log);
    for (size_t i = 0; i < log->segment_count; i++)
        segment_unref(log->segments[i]);
    free(log->segments);
    epoch_file_fini(&log->epochs);
    log_producers_fini(log);
    log_forget_served(log);
    log_forget_opened(log);
    free(log->path);
    free(log->topic);
    free(log);
}

/* Make the partition's directory and say whose it is. */
static int create(struct log *log)
{
    char path[PATH_MAX], text[IDENTITY_TEXT_MAX];
    int error = logdir_begin_new(log->directory, log->topic, log->partition);
    if (error != 0)
        return error;
    if (log->io->mkdir(log->io, log->path, 0755) != 0)
        return io_error();
    snprintf(path, sizeof path, "%s/partition.metadata", log->path);
    size_t size = partition_metadata_format(&log->topic_id, text);
    error = io_replace_file(log->io, path, text, size, IO_DURABLE);
    if (error == 0)
        error = io_sync_names(log->io, logdir_path(log->directory));
    if (error != 0)
        (void)log->io->rmdir(log->io, log->path);
    return error;
}

/* The directory may be that of a deleted topic of the same name (or a copy that strayed here). */
static int check_topic_id(struct log *log, struct k_reason *reason)
{
    char path[PATH_MAX], ours[UUID_TEXT_SIZE], theirs[UUID_TEXT_SIZE], *text;
    char metadata[IDENTITY_TEXT_MAX];
    struct uuid stored;
    size_t size;

    snprintf(path, sizeof path, "%s/partition.metadata", log->path);
    int error = io_read_file(log->io, path, IDENTITY_FILE_MAX, &text, &size);
    if (error == K_NOT_FOUND) {
        /* A crash came between the directory and the file; Kafka adopts it as well. */
        size = partition_metadata_format(&log->topic_id, metadata);
        return io_replace_file(log->io, path, metadata, size, IO_DURABLE);
    }
    if (error != 0)
        return error;
    error = partition_metadata_parse(text, &stored);
    free(text);
    if (error != 0)
        return k_reason_set(reason, error, "%s is damaged", path);
    if (uuid_is_zero(&log->topic_id))
        log->topic_id = stored;
    if (uuid_equal(&stored, &log->topic_id))
        return 0;
    uuid_format(&log->topic_id, ours);
    uuid_format(&stored, theirs);
    return k_reason_set(reason, K_INCONSISTENT_TOPIC_ID,
                        "%s holds topic id %s, but topic %s has id %s", log->path, theirs,
                        log->topic, ours);
}

/* After the machine stopped: the next start reads what is new since, and nothing else again. */
static int note_checked(struct log *log)
{
    if (!logdir_may_have_lost_data(log->directory))
        return 0;
    int error = log_checkpoint(log);
    if (error != 0 && error != K_DISK_FULL && error != K_NOMEM)
        return error;
    logdir_checked(log->directory, log->topic, log->partition);
    return 0;
}

int log_open(const struct log_options *options, struct log **out, struct k_reason *reason)
{
    if (logdir_fenced(options->directory))
        return k_reason_set(reason, K_KAFKA_STORAGE_ERROR, "log directory %s is out of use",
                            logdir_path(options->directory));
    struct log *log = calloc(1, sizeof *log);
    if (log == NULL)
        return k_reason_set(reason, K_NOMEM, "out of memory");
    log->directory = options->directory;
    log->io = logdir_io(options->directory);
    log->partition = options->partition;
    log->topic_id = options->topic_id;
    log->config = options->config;
    epoch_file_init(&log->epochs);
    log_producers_init(log);

    struct stat status;
    int error = K_NOMEM;
    log->topic = strdup(options->topic);
    log->path = logdir_partition_path(options->directory, options->topic, options->partition);
    if (log->topic == NULL || log->path == NULL)
        goto free_log;
    if (reason != NULL)
        reason->text[0] = '\0';
    bool there = log->io->stat_path(log->io, log->path, &status) == 0;
    if (there)
        error = check_topic_id(log, reason);
    else
        error = errno == ENOENT ? create(log) : io_error();
    if (there && error == 0)
        error = log_move_claim(log->io, log->path);
    if (error == 0)
        error = log_load(log, logdir_begin(log->directory, log->topic, log->partition), reason);
    if (error == 0)
        error = note_checked(log);
    if (error != 0)
        goto free_log;

    /* Nobody knows what an earlier life left unsynced. */
    log->names_unsynced = true;
    log->epochs_unsynced = log->epochs.count > 0;
    /* Of many that are opened, most wait for their first use. */
    segment_rest_file(log_active(log));
    log_assert_invariants(log);
    *out = log;
    return 0;

free_log:
    if (error == K_IO)
        error = log_failed(log, error, "open");
    if (reason != NULL && reason->text[0] == '\0')
        k_reason_set(reason, error, "cannot open the log of %s-%" PRId32 ": %s", options->topic,
                     options->partition, k_error_text(error));
    log_free(log);
    return error;
}

int log_close(struct log *log, bool clean)
{
    if (log == NULL)
        return 0;
    int error = 0;
    if (logdir_fenced(log->directory)) {
        error = K_KAFKA_STORAGE_ERROR;
    } else if (clean) {
        error = segment_save_indexes(log_active(log), true);
        if (error == 0)
            error = log_producers_snapshot(log);
        if (error == 0)
            error = log_save_epochs(log);
        if (error == 0)
            error = segment_unreserve(log_active(log));
        if (error == 0)
            error = logdir_set_mark(log->directory, LOGDIR_WRITTEN_END, log->topic,
                                    log->partition, log->end);
        if (error != 0)
            error = log_failed(log, error, "close");
        logdir_end(log->directory, log->topic, log->partition, error == 0);
    }
    log_free(log);
    return error;
}

int log_remove(struct log *log, char **doomed)
{
    int error = logdir_doom(log->directory, log->topic, log->partition, doomed);
    if (error != 0)
        error = log_failed(log, error, "remove");
    log_free(log);
    return error;
}

void log_set_config(struct log *log, const struct log_config *config)
{
    log->config = *config;
    log_active(log)->index_interval = config->index_interval_bytes;
}

/* --- what is known ------------------------------------------------------------------------ */

int64_t log_start(const struct log *log)
{
    return log->start;
}

int64_t log_end(const struct log *log)
{
    return log->end;
}

size_t log_segments(const struct log *log)
{
    return log->segment_count;
}

int64_t log_size(const struct log *log)
{
    int64_t size = 0;
    for (size_t i = 0; i < log->segment_count; i++)
        size += log->segments[i]->tail.size;
    return size;
}

const struct uuid *log_topic_id(const struct log *log)
{
    return &log->topic_id;
}

int64_t log_mark(const struct log *log, enum logdir_mark mark)
{
    return logdir_mark(log->directory, mark, log->topic, log->partition);
}

int64_t log_recovery_point(const struct log *log)
{
    return log->recovery_point;
}
