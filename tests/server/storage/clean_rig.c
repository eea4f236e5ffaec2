#include "tests/server/storage/clean_rig.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "proto/batch.h"
#include "server/storage/batch_file.h"
#include "server/storage/log_internal.h"

enum { BATCH_ROOM = 1 << 16, KEY_SIZE = 64, VALUE_ROOM = 400 };

static void configure(struct rig *rig)
{
    rig->f.config.segment_bytes = 2000;
    rig->f.config.index_interval_bytes = 300;
    rig->f.config.compacted = true;
    log_set_config(rig->f.log, &rig->f.config);
    rig->retention_ms = 1000;
}

void rig_init(struct rig *rig)
{
    memset(rig, 0, sizeof *rig);
    fixture_init(&rig->f);
    configure(rig);
}

void rig_init_on(struct rig *rig, const char *path, const struct io *io)
{
    memset(rig, 0, sizeof *rig);
    fixture_init_on(&rig->f, path, io);
    configure(rig);
}

void rig_fini(struct rig *rig)
{
    fixture_fini(&rig->f);
    free(rig->records);
}

void rig_close(struct rig *rig, bool clean)
{
    fixture_close(&rig->f, clean);
}

/* --- what goes in ----------------------------------------------------------------------------- */

static int key_text(int key, char text[KEY_SIZE])
{
    /* Of many sizes, some of them equal but for the last byte. */
    return snprintf(text, KEY_SIZE, "%.*s%d", key % 23, "kkkkkkkkkkkkkkkkkkkkkkkkkk", key);
}

static int value_bytes(int value, char bytes[VALUE_ROOM])
{
    int size = (value * 7) % 300;
    memset(bytes, 'a' + value % 26, (size_t)size);
    int named = snprintf(bytes + size, 32, "%d", value);
    return size + named;
}

static void compress(uint8_t *batch, struct batch_builder *builder, int codec)
{
    struct buffer packed = { 0 };
    if (codec == CODEC_NONE)
        return;
    ck_assert_int_eq(compress_bytes(codec, COMPRESS_LEVEL_DEFAULT, batch + BATCH_HEADER_SIZE,
                                    builder->size - BATCH_HEADER_SIZE, &packed), 0);
    ck_assert_uint_lt(packed.size, BATCH_ROOM - BATCH_HEADER_SIZE);
    memcpy(batch + BATCH_HEADER_SIZE, packed.bytes, packed.size);
    builder->size = BATCH_HEADER_SIZE + packed.size;
    buffer_fini(&packed);
    store_u32(batch + BATCH_LENGTH, (uint32_t)(builder->size - BATCH_LENGTH_END));
    store_u16(batch + BATCH_ATTRIBUTES, (uint16_t)codec);
    batch_seal_crc(batch);
}

static int append(struct rig *rig, const struct rig_record *records, int count, int codec)
{
    static uint8_t bytes[BATCH_ROOM];
    struct batch_builder builder;
    char key[KEY_SIZE], value[VALUE_ROOM];
    batch_build_start(&builder, bytes, sizeof bytes);
    for (int i = 0; i < count; i++) {
        int key_size = records[i].key < 0 ? 0 : key_text(records[i].key, key);
        int size = records[i].value < 0 ? 0 : value_bytes(records[i].value, value);
        ck_assert_int_eq(batch_build_add(&builder, records[i].timestamp,
                                         records[i].key < 0 ? NULL : key, key_size,
                                         records[i].value < 0 ? NULL : value, size, NULL, 0), 0);
    }
    batch_build_finish(&builder);
    compress(bytes, &builder, codec);

    struct log_append one = { .bytes = bytes, .size = builder.size };
    int error = log_append(rig->f.log, &one, 1, rig->epoch, rig->f.wall_ms);
    if (error != 0)
        return error;
    ck_assert_int_eq(one.base_offset, rig->count);
    if (rig->count + count > rig->capacity) {
        rig->capacity = 2 * (rig->count + count);
        rig->records = realloc(rig->records, (size_t)rig->capacity * sizeof *rig->records);
    }
    memcpy(rig->records + rig->count, records, (size_t)count * sizeof *records);
    for (int i = 0; i < count; i++)
        rig->records[rig->count + i].base = rig->count;
    rig->count += count;
    return 0;
}

int rig_append(struct rig *rig, struct rand *rand)
{
    struct rig_record records[20];
    int count = 1 + (int)rand_below(rand, 20);
    bool keyless = rand_below(rand, 30) == 0;       /* of a former policy */
    for (int i = 0; i < count; i++) {
        records[i] = (struct rig_record){
            .key = keyless ? -1 : (int)rand_below(rand, RIG_KEYS),
            .value = rand_below(rand, 6) == 0 ? -1 : rig->next_value++,
            .timestamp = rig->f.wall_ms + (int64_t)rand_below(rand, 100), .due_ms = -1 };
    }
    rig->f.wall_ms += (int64_t)rand_below(rand, 200);
    return append(rig, records, count, (int)rand_below(rand, CODEC_COUNT));
}

int rig_put(struct rig *rig, int key, bool tombstone, int codec)
{
    struct rig_record record = { .key = key, .value = tombstone ? -1 : rig->next_value++,
                                 .timestamp = rig->f.wall_ms, .due_ms = -1 };
    return append(rig, &record, 1, codec);
}

void rig_truncate(struct rig *rig, int64_t offset)
{
    if (offset >= rig->count || rig->records[offset].base < rig->committed)
        return;
    ck_assert_int_eq(log_truncate(rig->f.log, offset), 0);
    ck_assert_int_le(log_end(rig->f.log), offset);
    rig->count = log_end(rig->f.log);       /* whole batches go */
    if (rig->upto > rig->count)
        rig->upto = rig->count;
}

void rig_roll(struct rig *rig)
{
    if (log_active(rig->f.log)->tail.size > 0)
        ck_assert_int_eq(log_roll(rig->f.log, log_end(rig->f.log)), 0);
}

/* --- cleaning --------------------------------------------------------------------------------- */

struct clean_options rig_options(const struct rig *rig)
{
    return (struct clean_options){ .limit = INT64_MAX, .now_ms = rig->f.wall_ms,
                                   .delete_retention_ms = rig->retention_ms,
                                   .producer_expiry_ms = 86400000, .map_bytes = 1 << 20,
                                   .map_load = 0.9, .buffer_bytes = 4096 };
}

static void note_cleaning(struct rig *rig, const struct clean_options *options, int64_t upto)
{
    if (upto > rig->upto)
        rig->upto = upto;
    rig->cleaned_ms = options->now_ms;
    for (int64_t i = 0; i < upto && i < rig->count; i++) {
        if (rig->records[i].due_ms < 0)
            rig->records[i].due_ms = options->now_ms + options->delete_retention_ms;
    }
}

int rig_clean(struct rig *rig, const struct clean_options *options, size_t budget,
              void (*meanwhile)(void *context), void *context)
{
    struct clean_job *job;
    struct clean_outcome outcome;
    int error = log_flush(rig->f.log);
    if (error == 0)
        error = clean_begin(rig->f.log, options, &job);
    if (error != 0)
        return error;
    int turns = 0;
    int64_t limit = options->limit < rig->count ? options->limit : rig->count;
    if (limit > rig->committed)
        rig->committed = limit;
    while (clean_turn(job) != CLEAN_OVER) {
        ck_assert_int_lt(turns++, 100000);
        if (clean_turn(job) == CLEAN_AWAY)
            clean_away(job, budget);
        else
            (void)clean_home(job);
        if (meanwhile != NULL)
            meanwhile(context);
    }
    clean_outcome(job, &outcome);
    /* A part that was swapped before the end is cleaned too, whatever came then. */
    note_cleaning(rig, options, outcome.code == 0 ? outcome.upto : 0);
    if (outcome.code != 0) {
        for (int64_t i = 0; i < outcome.upto && i < rig->count; i++) {
            if (rig->records[i].due_ms < 0)
                rig->records[i].due_ms = options->now_ms + options->delete_retention_ms;
        }
        rig->cleaned_ms = options->now_ms;
    }
    clean_free(job);
    return outcome.code;
}

/* --- what must come out ----------------------------------------------------------------------- */

struct reading {
    struct rig *rig;
    bool *there;                    /* by offset */
    int64_t records;
};

static void check_record(struct reading *reading, const struct record_view *record)
{
    struct rig *rig = reading->rig;
    char key[KEY_SIZE], value[VALUE_ROOM];
    ck_assert_int_lt(record->offset, rig->count);
    const struct rig_record *expected = &rig->records[record->offset];
    ck_assert_msg(!reading->there[record->offset], "offset %ld is there twice",
                  (long)record->offset);
    reading->there[record->offset] = true;
    reading->records++;
    ck_assert_int_eq(record->timestamp, expected->timestamp);
    ck_assert((record->key == NULL) == (expected->key < 0));
    if (record->key != NULL) {
        ck_assert_int_eq(record->key_size, key_text(expected->key, key));
        ck_assert_mem_eq(record->key, key, record->key_size);
    }
    ck_assert((record->value == NULL) == (expected->value < 0));
    if (record->value != NULL) {
        ck_assert_int_eq(record->value_size, value_bytes(expected->value, value));
        ck_assert_mem_eq(record->value, value, record->value_size);
    }
}

/* Read all from `offset` on. Batches and records ascend. */
static void read_all(struct reading *reading, int64_t offset)
{
    struct log *log = reading->rig->f.log;
    struct buffer opened = { 0 };
    int64_t last = -1;
    while (offset < log_end(log)) {
        struct log_span span;
        ck_assert_int_eq(log_read(log, offset, INT64_MAX, 1500, &span), 0);
        if (span.size == 0)
            break;
        uint8_t *bytes = malloc(span.size);
        ck_assert_int_eq(pread(span.fd, bytes, span.size, span.position), span.size);
        for (size_t at = 0; at < span.size; at += batch_size(bytes + at)) {
            const uint8_t *batch = bytes + at;
            struct batch_reader reader;
            struct record_view record;
            size_t size;
            int more;
            ck_assert_int_eq(batch_check(batch, span.size - at, false, &size), 0);
            ck_assert_int_gt(batch_base_offset(batch), last);
            ck_assert_int_eq(batch_open(&reader, batch, &opened), 0);
            while ((more = batch_reader_next(&reader, &record)) == 1) {
                ck_assert_int_gt(record.offset, last);
                last = record.offset;
                if (record.offset >= offset)
                    check_record(reading, &record);
            }
            ck_assert_int_eq(more, 0);
            last = batch_last_offset(batch);
        }
        offset = last + 1;
        free(bytes);
        log_span_release(span.segment);
    }
    buffer_fini(&opened);
}

static struct reading start_reading(struct rig *rig)
{
    return (struct reading){ .rig = rig,
                             .there = calloc((size_t)rig->count + 1, sizeof(bool)) };
}

/* Whoever reads the batches finds where each epoch of the trail began. */
static void verify_epochs(struct rig *rig)
{
    const struct epoch_file *epochs = &rig->f.log->epochs;
    int32_t epoch = -1;
    size_t found = 0;
    for (int64_t offset = log_start(rig->f.log); offset < rig->count; ) {
        struct log_span span;
        ck_assert_int_eq(log_read(rig->f.log, offset, INT64_MAX, 1 << 16, &span), 0);
        uint8_t *bytes = malloc(span.size);
        ck_assert_int_eq(pread(span.fd, bytes, span.size, span.position), span.size);
        for (size_t at = 0; at < span.size; at += batch_size(bytes + at)) {
            const uint8_t *batch = bytes + at;
            offset = batch_last_offset(batch) + 1;
            if (batch_leader_epoch(batch) == epoch)
                continue;
            epoch = batch_leader_epoch(batch);
            ck_assert_uint_lt(found, epochs->count);
            ck_assert_int_eq(epochs->entries[found].epoch, epoch);
            ck_assert_int_eq(epochs->entries[found++].start, batch_base_offset(batch));
        }
        free(bytes);
        log_span_release(span.segment);
    }
    ck_assert_uint_eq(found, epochs->count);
}

void rig_verify(struct rig *rig)
{
    int64_t latest[RIG_KEYS + 1], latest_cleaned[RIG_KEYS + 1];
    struct reading all = start_reading(rig);
    ck_assert_int_eq(log_end(rig->f.log), rig->count);
    read_all(&all, log_start(rig->f.log));
    if (log_start(rig->f.log) == 0)
        verify_epochs(rig);

    for (int i = 0; i <= RIG_KEYS; i++)
        latest[i] = latest_cleaned[i] = -1;
    for (int64_t i = 0; i < rig->count; i++) {
        if (rig->records[i].key < 0)
            continue;
        latest[rig->records[i].key] = i;
        if (i < rig->upto)
            latest_cleaned[rig->records[i].key] = i;
    }
    for (int64_t i = 0; i < rig->count; i++) {
        const struct rig_record *record = &rig->records[i];
        bool covered = record->due_ms >= 0;
        bool last = record->key >= 0 && latest[record->key] == i;
        bool due = record->value < 0 && covered &&
                   rig->cleaned_ms >= record->due_ms;
        if ((!covered || (last && !due)) && i >= log_start(rig->f.log))
            ck_assert_msg(all.there[i], "offset %ld is lost", (long)i);
        if (i < rig->upto && record->key < 0)
            ck_assert_msg(!all.there[i], "offset %ld has no key", (long)i);
        if (i < rig->upto && record->key >= 0 && latest_cleaned[record->key] != i)
            ck_assert_msg(!all.there[i], "offset %ld is out of date", (long)i);
    }
    /* From anywhere: what follows, and nothing else. */
    for (int64_t from = log_start(rig->f.log); from < rig->count; from += 1 + rig->count / 7) {
        struct reading some = start_reading(rig);
        read_all(&some, from);
        for (int64_t i = from; i < rig->count; i++)
            ck_assert(some.there[i] == all.there[i]);
        free(some.there);
    }
    free(all.there);
}

int64_t rig_records(struct rig *rig)
{
    struct reading all = start_reading(rig);
    read_all(&all, log_start(rig->f.log));
    free(all.there);
    return all.records;
}

int rig_files(const struct rig *rig, const char *part)
{
    char *path = fixture_file(&rig->f, ".");
    DIR *listing = opendir(path);
    struct dirent *entry;
    int count = 0;
    ck_assert_ptr_nonnull(listing);
    while ((entry = readdir(listing)) != NULL)
        count += strstr(entry->d_name, part) != NULL;
    closedir(listing);
    free(path);
    return count;
}
