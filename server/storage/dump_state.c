/* storage/dump_state.c - print what is known of producers: *.snapshot, *.kairn-producers and
 * *.txnindex. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/storage/checkpoint.h"
#include "server/storage/dump_internal.h"
#include "server/storage/io.h"
#include "server/storage/producer_files.h"
#include "server/storage/producer_runs.h"
#include "server/storage/producer_state.h"
#include "server/storage/txn_index.h"

/* The offset that the file's name begins with, before `suffix`. */
static bool named_offset(const char *path, const char *suffix, int64_t *offset)
{
    size_t stem = strlen(path) - strlen(suffix);
    return stem >= 20 && checkpoint_number((struct checkpoint_field){ path + stem - 20, 20 }, 0,
                                           INT64_MAX, offset);
}

static void finish(struct dump *dump, size_t entries)
{
    fprintf(dump->out, dump->options->json ? "{\"entries\":%zu,\"faults\":%zu}\n"
                                           : "summary entries=%zu faults=%zu\n",
            entries, dump->faults);
}

/* --- producers -------------------------------------------------------------------------------- */

static void print_producer(struct dump *dump, const struct producer_entry *entry)
{
    fprintf(dump->out,
            dump->options->json
                ? "{\"producer\":%" PRId64 ",\"epoch\":%d,\"last_sequence\":%" PRId32
                  ",\"last_offset\":%" PRId64 ",\"offset_delta\":%" PRId32 ",\"timestamp\":%" PRId64
                  ",\"coordinator_epoch\":%" PRId32 ",\"transaction_first_offset\":%" PRId64 "}\n"
                : "producer %" PRId64 " epoch %d last sequence %" PRId32 " last offset %" PRId64
                  " offset delta %" PRId32 " timestamp %" PRId64 " coordinator epoch %" PRId32
                  " transaction from offset %" PRId64 "\n",
            entry->id, entry->epoch, entry->last_sequence, entry->last_offset, entry->offset_delta,
            entry->timestamp, entry->coordinator_epoch, entry->txn_first);
}

int dump_snapshot(struct dump *dump, const char *path)
{
    char *text;
    size_t size, count = 0;
    int64_t offset;
    if (!named_offset(path, ".snapshot", &offset))
        return K_INVALID_ARGUMENT;
    int error = io_read_file(&io_system, path, PRODUCER_SNAPSHOT_FILE_MAX, &text, &size);
    if (error != 0)
        return error;
    const uint8_t *bytes = (const uint8_t *)text;
    const char *fault = producer_snapshot_fault(bytes, size);
    if (fault != NULL)
        dump_fault(dump, 0, fault);
    else
        count = (size - PRODUCER_SNAPSHOT_HEAD) / PRODUCER_SNAPSHOT_ENTRY;
    for (size_t i = 0; i < count; i++) {
        size_t at = PRODUCER_SNAPSHOT_HEAD + i * PRODUCER_SNAPSHOT_ENTRY;
        struct producer_entry entry = producer_snapshot_entry(bytes + at);
        if (!dump->options->summary_only)
            print_producer(dump, &entry);
        if (!producer_entry_plausible(&entry, offset))
            dump_fault(dump, (int64_t)at, "the entry is not of a time before the file's offset");
    }
    finish(dump, count);
    free(text);
    return 0;
}

static void print_runs(struct dump *dump, const struct producer_entry *entry)
{
    for (size_t i = 0; i <= entry->newest_run; i++)
        fprintf(dump->out,
                dump->options->json
                    ? "{\"producer\":%" PRId64 ",\"first_sequence\":%" PRId32
                      ",\"records\":%" PRId32 ",\"first_offset\":%" PRId64 "}\n"
                    : "producer %" PRId64 " first sequence %" PRId32 " records %" PRId32
                      " first offset %" PRId64 "\n",
                entry->id, entry->runs[i].first_sequence, entry->runs[i].count,
                entry->runs[i].first_offset);
}

int dump_runs(struct dump *dump, const char *path)
{
    char *text;
    size_t size, count = 0;
    int64_t offset;
    if (!named_offset(path, PRODUCER_RUNS_SUFFIX, &offset))
        return K_INVALID_ARGUMENT;
    int error = io_read_file(&io_system, path, PRODUCER_SNAPSHOT_FILE_MAX, &text, &size);
    if (error != 0)
        return error;
    const uint8_t *bytes = (const uint8_t *)text;
    const char *fault = producer_runs_fault(bytes, size, offset, NULL);
    if (fault != NULL)
        dump_fault(dump, 0, fault);
    for (size_t at = PRODUCER_RUNS_HEAD; fault == NULL && at < size; count++) {
        struct producer_entry entry;
        at = producer_runs_entry(bytes, at, &entry);
        if (!dump->options->summary_only)
            print_runs(dump, &entry);
    }
    finish(dump, count);
    free(text);
    return 0;
}

/* --- aborted transactions --------------------------------------------------------------------- */

int dump_txn_index(struct dump *dump, const char *path)
{
    struct index index;
    int64_t base;
    if (!named_offset(path, ".txnindex", &base))
        return K_INVALID_ARGUMENT;
    index_init(&index, TXN_INDEX_ENTRY);
    int error = index_load(&index, &io_system, path);
    if (error == K_CORRUPT) {
        dump_fault(dump, 0, "the size of the index is not a multiple of its entry");
        return 0;
    }
    for (size_t i = 0; i < index.count && error == 0; i++) {
        struct aborted_txn txn = txn_index_at(&index, i);
        if (!dump->options->summary_only)
            fprintf(dump->out,
                    dump->options->json
                        ? "{\"producer\":%" PRId64 ",\"first\":%" PRId64 ",\"last\":%" PRId64
                          ",\"last_stable\":%" PRId64 "}\n"
                        : "producer %" PRId64 " aborted offsets %" PRId64 " to %" PRId64
                          " last stable offset %" PRId64 "\n",
                    txn.producer_id, txn.first_offset, txn.last_offset, txn.stable_end);
        const char *fault = txn_index_fault(&index, i, base, INT64_MAX);
        if (fault != NULL)
            dump_fault(dump, (int64_t)i * TXN_INDEX_ENTRY, fault);
    }
    if (error == 0)
        finish(dump, index.count);
    index_fini(&index);
    return error;
}
