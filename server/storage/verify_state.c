/* storage/verify_state.c - what is remembered of producers: *.snapshot, *.kairn-producers and
 * *.txnindex.
 *
 * An entry of a .txnindex is true when its last offset is that of an abort marker of its producer.
 * The other way round an abort marker needs an entry when records of its transaction are in the
 * segment; without any here, the transaction may be empty, or compaction has taken them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/batch.h"
#include "server/storage/io.h"
#include "server/storage/producer_files.h"
#include "server/storage/producer_runs.h"
#include "server/storage/producer_state.h"
#include "server/storage/txn_index.h"
#include "server/storage/verify_internal.h"

static const char anew[] = "delete it while the broker is stopped: the next start makes it anew by "
                           "reading the log";
/* One that is not there means that nothing was aborted. */
static const char whole_anew[] = "cut or append a byte while the broker is stopped: an index that "
                                 "is not whole is made anew at its first use";

/* --- aborted transactions --------------------------------------------------------------------- */

static void say(struct verify_segment *segment, const char *what)
{
    struct verify_index *index = &segment->aborted;
    struct aborted_txn txn = txn_index_at(&index->index, index->next);

    verify_say(segment->partition->verify, LOG_FINDING_FAULT, index->path,
               (int64_t)index->next * TXN_INDEX_ENTRY, txn.last_offset, whole_anew,
               "entry %zu: %s", index->next, what);
}

int verify_aborted_open(struct verify_segment *segment)
{
    struct verify_index *index = &segment->aborted;
    struct verify *verify = segment->partition->verify;

    index_init(&index->index, TXN_INDEX_ENTRY);
    producer_state_init(&segment->producers);
    snprintf(index->path, sizeof index->path, "%.*s.txnindex", (int)(strlen(segment->path) - 4),
             segment->path);
    int error = index_load(&index->index, verify->io, index->path);
    index->loaded = error == 0 || error == K_NOT_FOUND;
    if (error == K_CORRUPT)
        verify_say(verify, LOG_FINDING_FAULT, index->path, -1, -1,
                   "nothing: it is made anew at its first use",
                   "the size of the index is not a multiple of its entry");
    return error == K_CORRUPT || error == K_NOT_FOUND ? 0 : error;
}

static bool is_abort(const uint8_t *batch)
{
    struct batch_reader reader;
    struct record_view record;

    return (batch_attributes(batch) & BATCH_CONTROL) != 0 &&
           batch_reader_init(&reader, batch, NULL, 0) == 0 &&
           batch_reader_next(&reader, &record) == 1 &&
           record_marker(record.key, record.key_size) == MARKER_ABORT;
}

/* Entries of markers before `offset` have had their chance. */
static void pass_entries(struct verify_segment *segment, int64_t offset)
{
    struct verify_index *index = &segment->aborted;

    for (; index->next < index->index.count; index->next++) {
        const char *fault = txn_index_fault(&index->index, index->next, segment->base, INT64_MAX);
        if (fault != NULL)
            say(segment, fault);
        else if (txn_index_at(&index->index, index->next).last_offset >= offset)
            return;
        else
            say(segment, "no abort marker is at its last offset");
    }
}

void verify_aborted_close(struct verify_segment *segment)
{
    index_fini(&segment->aborted.index);
    producer_state_fini(&segment->producers);
}

/* Does the batch end a transaction with records that were seen here by aborting it? */
static bool ends_aborted(struct verify_segment *segment, const uint8_t *batch)
{
    struct producer_end end = { .ended = false };

    if (batch_producer_id(batch) >= 0 && producer_state_reserve(&segment->producers, 1) == 0)
        producer_state_note(&segment->producers, batch, batch_size(batch), &end);
    return end.ended && end.aborted;
}

void verify_aborted_batch(struct verify_segment *segment, const uint8_t *batch)
{
    struct verify_index *index = &segment->aborted;

    if (batch == NULL)
        index->loaded = false;          /* it may have been a marker */
    if (!index->loaded)
        return;
    pass_entries(segment, batch_base_offset(batch));
    bool needed = ends_aborted(segment, batch) && !segment->last; /* its entries may be in memory */
    struct aborted_txn txn = { .last_offset = -1 };
    if (index->next < index->index.count && is_abort(batch))
        txn = txn_index_at(&index->index, index->next);
    if (txn.last_offset != batch_last_offset(batch)) {
        if (needed)
            verify_say(segment->partition->verify, LOG_FINDING_FAULT, index->path, -1,
                       batch_last_offset(batch), whole_anew,
                       "the transaction that is aborted here is missing: readers of committed "
                       "data get its records");
        return;
    }
    if (txn.producer_id != batch_producer_id(batch))
        say(segment, "the marker there is of another producer");
    index->next++;
}

void verify_aborted_end(struct verify_segment *segment, bool whole)
{
    if (whole && segment->aborted.loaded)
        pass_entries(segment, INT64_MAX);
}

/* --- snapshots -------------------------------------------------------------------------------- */

/* `end` of the log, -1: not known. */
int verify_snapshot(struct verify *verify, const char *path, int64_t offset, int64_t end)
{
    char *text;
    size_t size;
    int error = io_read_file(verify->io, path, PRODUCER_SNAPSHOT_FILE_MAX, &text, &size);
    if (error != 0)
        return error;

    const uint8_t *bytes = (const uint8_t *)text;
    const char *fault = producer_snapshot_fault(bytes, size);
    if (fault != NULL)
        verify_say(verify, LOG_FINDING_FAULT, path, -1, offset, anew, "%s", fault);
    else if (end >= 0 && offset > end)
        verify_say(verify, LOG_FINDING_FAULT, path, -1, offset,
                   "records were lost at the end; the next start removes it",
                   "it is of offset %lld, but the log ends at %lld", (long long)offset,
                   (long long)end);
    for (size_t at = PRODUCER_SNAPSHOT_HEAD; fault == NULL && at < size;
         at += PRODUCER_SNAPSHOT_ENTRY) {
        struct producer_entry entry = producer_snapshot_entry(bytes + at);
        if (!producer_entry_plausible(&entry, offset))
            verify_say(verify, LOG_FINDING_FAULT, path, (int64_t)at, offset, anew,
                       "the entry is not of a time before the file's offset");
    }
    free(text);
    return 0;
}

/* The snapshot beside it, if it is whole; else NULL. The caller frees. */
static char *whole_snapshot(struct verify *verify, const char *directory, int64_t offset,
                            bool *missing)
{
    char path[PATH_MAX], *text;
    size_t size;
    int error = K_NOT_FOUND;
    if (snprintf(path, sizeof path, "%s/%020" PRId64 PRODUCER_SNAPSHOT_SUFFIX, directory, offset) <
        (int)sizeof path)
        error = io_read_file(verify->io, path, PRODUCER_SNAPSHOT_FILE_MAX, &text, &size);
    *missing = error == K_NOT_FOUND;
    if (error != 0)
        return NULL;
    if (producer_snapshot_fault((const uint8_t *)text, size) == NULL)
        return text;
    free(text);
    return NULL;
}

int verify_runs(struct verify *verify, const char *directory, int64_t offset)
{
    static const char action[] = "nothing: it is removed where it does not fit, and of each "
                                 "producer only the last batch is known then";
    char path[PATH_MAX], *text;
    size_t size;
    if (snprintf(path, sizeof path, "%s/%020" PRId64 PRODUCER_RUNS_SUFFIX, directory, offset) >=
        (int)sizeof path)
        return K_INVALID_ARGUMENT;
    int error = io_read_file(verify->io, path, PRODUCER_SNAPSHOT_FILE_MAX, &text, &size);
    if (error != 0)
        return error;

    struct producer_state state;
    producer_state_init(&state);
    bool missing;
    char *beside = whole_snapshot(verify, directory, offset, &missing);
    const uint8_t *bytes = (const uint8_t *)text, *snapshot = (const uint8_t *)beside;
    const char *fault = producer_runs_fault(bytes, size, offset, snapshot);
    if (fault == NULL && snapshot != NULL) {
        error = producer_state_decode(&state, snapshot,
                                      PRODUCER_SNAPSHOT_HEAD +
                                          load_u32(snapshot + 6) * (size_t)PRODUCER_SNAPSHOT_ENTRY,
                                      offset);
        if (error == 0 && producer_runs_decode(&state, bytes, size, offset, snapshot) != 0)
            fault = "its batches do not end with those of the snapshot beside it";
    }
    if (fault != NULL)
        verify_say(verify, LOG_FINDING_FAULT, path, -1, offset, action, "%s", fault);
    else if (missing)
        verify_say(verify, LOG_FINDING_NOTE, path, -1, offset, action,
                   "the snapshot beside it is missing");
    producer_state_fini(&state);
    free(beside);
    free(text);
    return error == K_CORRUPT ? 0 : error;      /* the snapshot's damage is told with it */
}
