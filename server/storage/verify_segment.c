/* storage/verify_segment.c - read a segment from its first byte to its last. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "proto/batch.h"
#include "server/storage/batch_file.h"
#include "server/storage/io.h"
#include "server/storage/verify_internal.h"

enum { PROGRESS_BYTES = 8 << 20 };

static const char lost[] = "readers get CORRUPT_MESSAGE here and can skip it; the records may be "
                           "in another replica or in a backup";
static const char epochs_anew[] = "if the batches are right, delete leader-epoch-checkpoint while "
                                  "the broker is stopped: the next start makes it anew";

/* --- offsets and epochs ------------------------------------------------------------------- */

/* Offsets [from, to) are in no batch. Compaction does that, also a leader's, and a crash while what
 * lies before the log's start is deleted; nothing else. */
static void missing(struct verify_segment *segment, int64_t position, int64_t from, int64_t to)
{
    struct verify_partition *partition = segment->partition;

    if (partition->gaps ||
        (partition->in_directory && (to <= partition->cleaned || to <= partition->log_start)))
        return;
    verify_say(partition->verify,
               partition->in_directory ? LOG_FINDING_FAULT : LOG_FINDING_NOTE, segment->path,
               position, from,
               partition->in_directory
                   ? "another replica or a backup may have them; nothing is wrong if the topic was "
                     "compacted, and cleaner-offset-checkpoint was lost"
                   : "nothing, if the topic was compacted",
               "offsets %" PRId64 " to %" PRId64 " are missing", from, to - 1);
}

static void check_offsets(struct verify_segment *segment, const uint8_t *batch, int64_t position)
{
    struct verify_partition *partition = segment->partition;
    int64_t base = batch_base_offset(batch), last = batch_last_offset(batch);

    if (base < segment->base)
        verify_say(partition->verify, LOG_FINDING_FAULT, segment->path, position, base, lost,
                   "the batch begins with offset %" PRId64 ", before the segment's own", base);
    else if (partition->next_offset >= 0 && base < partition->next_offset)
        verify_say(partition->verify, LOG_FINDING_FAULT, segment->path, position, base, lost,
                   "offsets go back from %" PRId64 " to %" PRId64, partition->next_offset, base);
    else if (partition->next_offset >= 0 && base > partition->next_offset)
        missing(segment, position, partition->next_offset, base);
    if (last - segment->base > INT32_MAX || position > INT32_MAX)
        verify_say(partition->verify, LOG_FINDING_FAULT, segment->path, position, base, NULL,
                   "the batch does not fit into a segment: 31 bits beside its base");
    if (batch_count(batch) != batch_last_delta(batch) + 1)
        missing(segment, position, base, last + 1);
    partition->next_offset = last + 1;
    if (last + 1 > partition->end)
        partition->end = last + 1;
}

/* The epoch is not covered by the checksum. */
static void check_epoch(struct verify_segment *segment, const uint8_t *batch, int64_t position)
{
    struct verify_partition *partition = segment->partition;
    const struct epoch_file *epochs = &partition->epochs;
    int32_t epoch = batch_leader_epoch(batch);
    int64_t base = batch_base_offset(batch);

    if (epoch < partition->last_epoch)
        verify_say(partition->verify, LOG_FINDING_FAULT, segment->path, position, base, lost,
                   "leader epochs go back from %" PRId32 " to %" PRId32, partition->last_epoch,
                   epoch);
    else if (partition->epochs_known && epochs->count > 0 && base >= epochs->entries[0].start &&
             epoch != epoch_file_at(epochs, base))
        verify_say(partition->verify, LOG_FINDING_FAULT, segment->path, position, base, epochs_anew,
                   "leader epoch %" PRId32 ", but leader-epoch-checkpoint says %" PRId32, epoch,
                   epoch_file_at(epochs, base));
    partition->last_epoch = epoch;
}

/* --- records ------------------------------------------------------------------------------ */

static int walk_headers(const struct record_view *record)
{
    const uint8_t *at = record->headers;
    struct record_header header;

    for (int32_t i = 0; i < record->header_count; i++) {
        if (record_next_header(record, &at, &header) != 0)
            return K_CORRUPT_MESSAGE;
    }
    return record->header_count > 0 && at != record->end ? K_CORRUPT_MESSAGE : 0;
}

/* Open the batch, read every record. K_CORRUPT_MESSAGE and other codes of batch_open(). */
static int read_records(struct verify *verify, const uint8_t *batch, int64_t *newest)
{
    struct batch_reader reader;
    struct record_view record;
    int64_t before = batch_base_offset(batch) - 1;
    int code = batch_open(&reader, batch, &verify->opened);

    *newest = -1;
    while (code == 0 && (code = batch_reader_next(&reader, &record)) == 1) {
        code = record.offset > before ? walk_headers(&record) : K_CORRUPT_MESSAGE;
        before = record.offset;
        if (record.timestamp > *newest)
            *newest = record.timestamp;
        verify->summary->records++;
    }
    return code;
}

/* Returns NOMEM only. */
static int check_records(struct verify_segment *segment, const uint8_t *batch, int64_t position)
{
    struct verify *verify = segment->partition->verify;
    int64_t newest;
    int code = read_records(verify, batch, &newest);

    if (code == K_NOMEM)
        return code;
    if (code != 0)
        verify_say(verify, LOG_FINDING_FAULT, segment->path, position, batch_base_offset(batch),
                   lost, "the checksum is right, but the records can not be read: %s",
                   k_error_text(code));
    else if (newest > batch_max_timestamp(batch))
        verify_say(verify, LOG_FINDING_NOTE, segment->path, position, batch_base_offset(batch),
                   "searches by time may miss it; the producer wrote it so",
                   "a record has timestamp %" PRId64 ", the header says %" PRId64 " at most",
                   newest, batch_max_timestamp(batch));
    return 0;
}

/* --- batches ------------------------------------------------------------------------------ */

static int check_batch(struct verify_segment *segment, const uint8_t *batch, int64_t position)
{
    struct verify *verify = segment->partition->verify;
    size_t size;
    int code = batch_check(batch, batch_size(batch), false, &size);

    verify->summary->batches++;
    if (code != 0) {
        verify_say(verify, LOG_FINDING_FAULT, segment->path, position, batch_base_offset(batch),
                   segment->last ? "a start after a crash cuts the log here, if it lies past the "
                                   "recovery point; else readers can skip it"
                                 : lost,
                   code == K_UNSUPPORTED_COMPRESSION_TYPE
                       ? "the codec of the batch is not known"
                       : "the checksum or the counts of the batch are wrong");
        verify_indexes_batch(segment, NULL, position);
        segment->partition->next_offset = -1;
        return 0;
    }
    check_offsets(segment, batch, position);
    check_epoch(segment, batch, position);
    verify_indexes_batch(segment, batch, position);
    return check_records(segment, batch, position);
}

/* Nothing that could be a batch: what follows can not be found. */
static void broken(struct verify_segment *segment, const struct batch_file *file)
{
    struct verify *verify = segment->partition->verify;
    bool growing = segment->last && verify->summary->live;

    verify_say(verify, growing ? LOG_FINDING_NOTE : LOG_FINDING_FAULT, segment->path,
               file->position, segment->partition->next_offset,
               growing         ? "look again: the broker may have been writing it"
               : segment->last ? "a start after a crash cuts the log here"
                               : lost,
               "here is no whole batch, and nothing after it can be found: %" PRId64
               " bytes up to the end of the file", file->end - file->position);
    segment->partition->next_offset = -1;
}

static void tell_progress(struct verify *verify, int64_t bytes, int64_t *told)
{
    if (verify->options->progress == NULL || bytes - *told < PROGRESS_BYTES)
        return;
    verify->options->progress(verify->options->context, bytes, verify->bytes_all);
    *told = bytes;
}

static int read_batches(struct verify_segment *segment, struct batch_file *file)
{
    struct verify *verify = segment->partition->verify;
    const uint8_t *batch;
    int64_t before = verify->summary->bytes, told = before;
    int error;

    while ((error = batch_file_batch(file, &batch)) == 0) {
        int64_t next = file->position + (int64_t)batch_size(batch);
        error = check_batch(segment, batch, file->position);
        if (error != 0)
            break;
        file->position = next;
        tell_progress(verify, before + next, &told);
    }
    verify->summary->bytes = before + file->end;
    if (error == K_CORRUPT)
        broken(segment, file);
    verify_indexes_end(segment, error == K_NOT_FOUND);
    return error == K_NOT_FOUND || error == K_CORRUPT ? 0 : error;
}

int verify_segment(struct verify_partition *partition, int64_t base, bool last)
{
    const struct io *io = partition->verify->io;
    struct verify_segment segment = { .partition = partition, .base = base, .last = last,
                                      .max_timestamp = -1 };
    struct batch_file file;
    struct stat status;

    if (snprintf(segment.path, sizeof segment.path, "%s/%020" PRId64 ".log", partition->path,
                 base) >= (int)sizeof segment.path)
        return K_INVALID_ARGUMENT;
    int fd = io->open(io, segment.path, O_RDONLY, 0);
    if (fd < 0)
        return io_error();
    /* The indexes first: a broker that goes on writing is then ahead of them. */
    int error = verify_indexes_open(&segment);
    if (error == 0)
        error = io->stat(io, fd, &status) != 0 ? io_error() : 0;
    if (error == 0) {
        batch_file_init(&file, io, fd, 0, status.st_size, NULL, 0);
        partition->verify->summary->segments++;
        if (base > partition->end)
            partition->end = base;
        error = read_batches(&segment, &file);
        batch_file_fini(&file);
    }
    verify_indexes_close(&segment);
    (void)io->close(io, fd);
    return error;
}
