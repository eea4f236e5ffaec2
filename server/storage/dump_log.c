/* storage/dump_log.c - print the batches and records of a segment file. */
#include <fcntl.h>
#include <inttypes.h>

#include "common/buffer.h"
#include "common/compress.h"
#include "common/crc32c.h"
#include "common/endian.h"
#include "server/storage/batch_file.h"
#include "server/storage/dump_internal.h"
#include "server/storage/io.h"

struct summary {
    int64_t batches, records;
    int64_t first_offset, last_offset;      /* -1: none */
    uint32_t hash;
};

/* --- the hash (dump.h says what it covers) ------------------------------------------------ */

static uint32_t hash_i32(uint32_t hash, int32_t value)
{
    uint8_t bytes[4];
    store_u32(bytes, (uint32_t)value);
    return crc32c(hash, bytes, sizeof bytes);
}

static uint32_t hash_i64(uint32_t hash, int64_t value)
{
    uint8_t bytes[8];
    store_u64(bytes, (uint64_t)value);
    return crc32c(hash, bytes, sizeof bytes);
}

static uint32_t hash_bytes(uint32_t hash, const uint8_t *bytes, int32_t size)
{
    if (bytes == NULL)
        return hash_i32(hash, -1);
    return crc32c(hash_i32(hash, size), bytes, (size_t)size);
}

/* --- records ------------------------------------------------------------------------------ */

/* `how` NULL: as text. */
static void print_bytes(FILE *out, const char *name, const uint8_t *bytes, int32_t size, bool json,
                        log_dump_value *how)
{
    if (bytes == NULL) {
        fprintf(out, json ? ",\"%s\":null" : " %s=null", name);
        return;
    }
    fprintf(out, json ? ",\"%s\":" : " %s=", name);
    if (how != NULL) {
        how(out, bytes, (size_t)size, json);
        return;
    }
    fputc('"', out);
    dump_text(out, bytes, (size_t)size);
    fputc('"', out);
}

/* Hash the headers, and print them if asked to. CORRUPT_MESSAGE. */
static int dump_headers(struct dump *dump, const struct record_view *record, uint32_t *hash,
                        bool print)
{
    const uint8_t *at = record->headers;
    struct record_header header;
    for (int32_t i = 0; i < record->header_count; i++) {
        int error = record_next_header(record, &at, &header);
        if (error != 0)
            return error;
        *hash = hash_bytes(*hash, header.key, header.key_size);
        *hash = hash_bytes(*hash, header.value, header.value_size);
        if (print) {
            fprintf(dump->out, dump->options->json ? "%s{\"key\":\"" : "%s\"", i == 0 ? "" : ",");
            dump_text(dump->out, header.key, (size_t)header.key_size);
            fputc('"', dump->out);
            print_bytes(dump->out, "value", header.value, header.value_size, dump->options->json,
                        NULL);
            fprintf(dump->out, dump->options->json ? "}" : "");
        }
    }
    return 0;
}

static int dump_record(struct dump *dump, const struct record_view *record, struct summary *summary)
{
    bool json = dump->options->json, print = dump->options->records && !dump->options->summary_only;
    uint32_t hash = hash_i64(hash_i64(summary->hash, record->offset), record->timestamp);
    hash = hash_bytes(hash, record->key, record->key_size);
    hash = hash_bytes(hash, record->value, record->value_size);
    hash = hash_i32(hash, record->header_count);
    if (print) {
        fprintf(dump->out, json ? "{\"offset\":%" PRId64 ",\"timestamp\":%" PRId64
                                : "  record %" PRId64 " timestamp=%" PRId64, record->offset,
                record->timestamp);
        print_bytes(dump->out, "key", record->key, record->key_size, json,
                    dump->options->key);
        print_bytes(dump->out, "value", record->value, record->value_size, json,
                    dump->options->value);
        fprintf(dump->out, json ? ",\"headers\":[" : " headers=[");
    }
    int error = dump_headers(dump, record, &hash, print);
    if (print)
        fprintf(dump->out, json ? "]}\n" : "]\n");
    summary->hash = hash;
    summary->records++;
    return error;
}

/* --- batches ------------------------------------------------------------------------------ */

static void print_batch(const struct dump *dump, const uint8_t *batch, int64_t position)
{
    const struct compress_row *codec = compress_row(batch_codec(batch));
    unsigned attributes = batch_attributes(batch);
    if (dump->options->summary_only)
        return;
    fprintf(dump->out,
            dump->options->json
                ? "{\"position\":%" PRId64 ",\"size\":%zu,\"base_offset\":%" PRId64
                  ",\"last_offset\":%" PRId64 ",\"count\":%" PRId32 ",\"leader_epoch\":%" PRId32
                  ",\"codec\":\"%s\",\"time\":\"%s\",\"transactional\":%s,\"control\":%s"
                  ",\"max_timestamp\":%" PRId64 ",\"producer_id\":%" PRId64
                  ",\"producer_epoch\":%d,\"base_sequence\":%" PRId32 "}\n"
                : "batch position=%" PRId64 " size=%zu base=%" PRId64 " last=%" PRId64
                  " count=%" PRId32 " epoch=%" PRId32
                  " codec=%s time=%s transactional=%s control=%s"
                  " maxtimestamp=%" PRId64 " producer=%" PRId64
                  " producerepoch=%d sequence=%" PRId32 "\n",
            position, batch_size(batch), batch_base_offset(batch), batch_last_offset(batch),
            batch_count(batch), batch_leader_epoch(batch), codec == NULL ? "unknown" : codec->name,
            (attributes & BATCH_APPEND_TIME) != 0 ? "append" : "create",
            (attributes & BATCH_TRANSACTIONAL) != 0 ? "true" : "false",
            (attributes & BATCH_CONTROL) != 0 ? "true" : "false", batch_max_timestamp(batch),
            batch_producer_id(batch), batch_producer_epoch(batch), batch_base_sequence(batch));
}

/* One whole batch: check, print, open. */
static int dump_batch(struct dump *dump, const uint8_t *batch, int64_t position,
                      struct buffer *opened, struct summary *summary)
{
    struct batch_reader reader;
    struct record_view record;
    size_t size;

    print_batch(dump, batch, position);
    if (batch_base_offset(batch) <= summary->last_offset)
        dump_fault(dump, position, "the offsets of the batch go back");
    if (batch_check(batch, batch_size(batch), false, &size) != 0) {
        dump_fault(dump, position, "the checksum or the counts of the batch are wrong");
        return 0;
    }
    summary->batches++;
    if (summary->first_offset < 0)
        summary->first_offset = batch_base_offset(batch);
    summary->last_offset = batch_last_offset(batch);

    int more = batch_open(&reader, batch, opened);
    if (more == 0) {
        while ((more = batch_reader_next(&reader, &record)) == 1) {
            if (!dump_in_range(dump, record.offset))
                continue;
            more = dump_record(dump, &record, summary);
            if (more != 0)
                break;
        }
    }
    if (more == K_NOMEM)
        return more;
    if (more != 0)
        dump_fault(dump, position, "the records of the batch can not be read");
    return 0;
}

static int dump_batches(struct dump *dump, struct batch_file *file, struct summary *summary)
{
    struct buffer opened;
    const uint8_t *batch;
    int error;
    buffer_init(&opened);
    while ((error = batch_file_batch(file, &batch)) == 0) {
        int64_t next = file->position + (int64_t)batch_size(batch);
        bool asked = batch_last_offset(batch) >= dump->options->from &&
                     (dump->options->end == 0 || batch_base_offset(batch) < dump->options->end);
        error = asked ? dump_batch(dump, batch, file->position, &opened, summary) : 0;
        if (error != 0)
            break;
        file->position = next;
    }
    buffer_fini(&opened);
    if (error == K_CORRUPT)
        dump_fault(dump, file->position,
                   "here is no whole batch, and nothing after it can be found");
    return error == K_NOT_FOUND || error == K_CORRUPT ? 0 : error;
}

int dump_log(struct dump *dump, const char *path)
{
    struct summary summary = { .first_offset = -1, .last_offset = -1 };
    struct batch_file file;
    struct stat status;
    const struct io *io = &io_system;
    int fd = io->open(io, path, O_RDONLY, 0);
    if (fd < 0)
        return io_error();
    int error = io->stat(io, fd, &status) != 0 ? io_error() : 0;
    if (error != 0)
        goto close_file;
    batch_file_init(&file, io, fd, 0, status.st_size, NULL, 0);
    error = dump_batches(dump, &file, &summary);
    batch_file_fini(&file);
    if (error == 0)
        fprintf(dump->out,
                dump->options->json
                    ? "{\"batches\":%" PRId64 ",\"records\":%" PRId64 ",\"first_offset\":%" PRId64
                      ",\"last_offset\":%" PRId64 ",\"hash\":\"%08" PRIx32 "\",\"faults\":%zu}\n"
                    : "summary batches=%" PRId64 " records=%" PRId64 " first=%" PRId64
                      " last=%" PRId64 " hash=%08" PRIx32 " faults=%zu\n",
                summary.batches, summary.records, summary.first_offset, summary.last_offset,
                summary.hash, dump->faults);

close_file:
    (void)io->close(io, fd);
    return error;
}
