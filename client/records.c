/* records.c - from fetched bytes to records: check, decompress, filter, walk. Nothing is copied;
 * the application's records point into the bytes as they came, or as they were decompressed. */
#include <stdlib.h>
#include <string.h>

#include "client/config.h"
#include "client/consumer.h"
#include "client/deserializer.h"
#include "common/arena.h"
#include "common/buffer.h"
#include "common/compress.h"
#include "common/error.h"
#include "common/slab.h"

/* Some records of one batch. */
struct slice {
    struct chunk *chunk;            /* referenced */
    struct inflated *inflated;      /* referenced, or NULL */
    struct batch_reader reader;     /* before the first of them */
    int32_t count;
    int32_t leader_epoch;
    klient_timestamp_type_t timestamp_type;
};

struct klient_records {
    atomic_uint references;
    struct deserializers *deserializers;    /* referenced */
    struct slice *slices;           /* owned */
    size_t slice_count, slice_capacity;
    size_t count;
    klient_code_t code;
    uint8_t *dropped;               /* owned: a bit for each record that is left out; NULL: none */
    bool open_to_drops;
    /* Iteration. */
    size_t walked;                  /* records that it passed, of all */
    size_t slice;
    int32_t taken;                  /* of the slice */
    struct batch_reader reader;
    struct arena headers;           /* of decoded headers */
    struct handout *handouts;       /* what they are of each partition; referenced */
    /* One record that failed before: where it was read, and how often it failed. */
    struct assigned *where;         /* referenced; NULL: records as they were fetched */
    int64_t where_offset;
    int32_t attempts;
};

/* --- memory ----------------------------------------------------------------------------------- */

struct budget *budget_new(void)
{
    struct budget *budget = calloc(1, sizeof *budget);

    if (budget == NULL)
        return NULL;
    atomic_init(&budget->references, 1);
    gate_init(&budget->gate);
    return budget;
}

struct budget *budget_ref(struct budget *budget)
{
    atomic_fetch_add_explicit(&budget->references, 1, memory_order_relaxed);
    return budget;
}

void budget_unref(struct budget *budget)
{
    if (atomic_fetch_sub(&budget->references, 1) == 1)
        free(budget);
}

/* Some thread may wait for the memory inside poll. */
static void budget_give_back(struct budget *budget, size_t size)
{
    atomic_fetch_sub(&budget->held, (int64_t)size);
    gate_signal(&budget->gate);
    budget_unref(budget);
}

struct chunk *chunk_new(struct budget *budget, struct assigned *assigned, uint64_t generation)
{
    struct chunk *chunk = calloc(1, sizeof *chunk);

    if (chunk == NULL)
        return NULL;
    atomic_init(&chunk->references, 1);
    atomic_fetch_add(&assigned->references, 1);
    chunk->partition = assigned;
    chunk->budget = budget_ref(budget);
    chunk->generation = generation;
    chunk->position = chunk->skip_to = -1;
    return chunk;
}

static void inflated_unref(struct inflated *inflated)
{
    if (inflated == NULL || atomic_fetch_sub(&inflated->references, 1) != 1)
        return;
    budget_give_back(inflated->budget, inflated->size);
    free(inflated->bytes);
    free(inflated);
}

void chunk_unref(struct chunk *chunk)
{
    if (atomic_fetch_sub(&chunk->references, 1) != 1)
        return;
    inflated_unref(chunk->inflated);
    slab_unref(chunk->slab);
    budget_give_back(chunk->budget, chunk->charged);
    assigned_unref(chunk->partition);
    free(chunk->aborted);
    free(chunk);
}

klient_records_t *records_new(struct deserializers *deserializers)
{
    klient_records_t *records = calloc(1, sizeof *records);

    if (records == NULL)
        return NULL;
    atomic_init(&records->references, 1);
    records->deserializers = deserializers_ref(deserializers);
    arena_init(&records->headers, NULL, 0, SIZE_MAX);
    return records;
}

const struct deserializers *records_deserializers(const klient_records_t *records)
{
    return records->deserializers;
}

klient_records_t *klient_records_ref(klient_records_t *records)
{
    atomic_fetch_add_explicit(&records->references, 1, memory_order_relaxed);
    return records;
}

void klient_records_free(klient_records_t *records)
{
    if (records == NULL || atomic_fetch_sub(&records->references, 1) != 1)
        return;
    for (size_t i = 0; i < records->slice_count; i++) {
        inflated_unref(records->slices[i].inflated);
        chunk_unref(records->slices[i].chunk);
    }
    deserializers_unref(records->deserializers);
    for (struct handout *handout = records->handouts, *next; handout != NULL; handout = next) {
        next = handout->sibling;
        handout_done(handout);
    }
    if (records->where != NULL)
        assigned_unref(records->where);
    arena_fini(&records->headers);
    free(records->dropped);
    free(records->slices);
    free(records);
}

/* --- batches to slices ------------------------------------------------------------------------ */

static int inflate(struct chunk *chunk, const uint8_t *batch, const struct klient_config *config)
{
    struct buffer buffer;
    struct inflated *inflated = malloc(sizeof *inflated);

    if (inflated == NULL)
        return K_NOMEM;
    buffer_init(&buffer);
    int code = decompress_bytes(batch_codec(batch), batch + BATCH_HEADER_SIZE,
                                batch_size(batch) - BATCH_HEADER_SIZE,
                                (size_t)config->values.consumer_buffer_bytes, &buffer);
    if (code != 0) {
        buffer_fini(&buffer);
        free(inflated);
        return code == K_NOMEM || code == K_MESSAGE_TOO_LARGE ? code : K_CORRUPT_MESSAGE;
    }
    atomic_init(&inflated->references, 1);
    inflated->budget = budget_ref(chunk->budget);
    inflated->bytes = buffer.bytes;
    inflated->size = buffer.size;
    atomic_fetch_add(&chunk->budget->held, (int64_t)buffer.size);
    chunk->inflated = inflated;
    return 0;
}

/* Does the batch belong to a transaction that was aborted? */
static bool is_aborted(const struct chunk *chunk, const uint8_t *batch)
{
    if ((batch_attributes(batch) & BATCH_TRANSACTIONAL) == 0)
        return false;
    for (size_t i = 0; i < chunk->aborted_count; i++)
        if (chunk->aborted[i].producer_id == batch_producer_id(batch) &&
            chunk->aborted[i].first_offset <= batch_base_offset(batch))
            return true;
    return false;
}

/* A marker ends the oldest aborted transaction of its producer; a commit marker finds none. */
static void end_transaction(struct chunk *chunk, const uint8_t *batch)
{
    for (size_t i = 0; i < chunk->aborted_count; i++) {
        struct aborted *aborted = &chunk->aborted[i];
        if (aborted->producer_id != batch_producer_id(batch) ||
            aborted->first_offset > batch_base_offset(batch))
            continue;
        memmove(aborted, aborted + 1, (--chunk->aborted_count - i) * sizeof *aborted);
        return;
    }
}

static void leave_batch(struct chunk *chunk, const uint8_t *batch)
{
    inflated_unref(chunk->inflated);
    chunk->inflated = NULL;
    chunk->reading = false;
    chunk->at += batch_size(batch);
    if (chunk->partition->position <= batch_last_offset(batch)) {
        chunk->partition->position = batch_last_offset(batch) + 1;
        chunk->partition->position_epoch = batch_leader_epoch(batch);
    }
}

/* Check the batch at `at` and start reading it. 1; 0 when there is nothing in it for us (it is
 * left); K_NOMEM, K_CORRUPT_MESSAGE, K_UNSUPPORTED_COMPRESSION_TYPE or K_MESSAGE_TOO_LARGE (it
 * unfolds to more than we may hold). */
static int enter_batch(struct chunk *chunk, const struct klient_config *config)
{
    const uint8_t *batch = chunk->bytes + chunk->at;
    size_t left = chunk->size - chunk->at, size;
    int code = config->values.check_crcs ? batch_check(batch, left, false, &size)
                                         : batch_check_shape(batch, left, false, &size);

    if (code != 0) {
        /* Where the next batch begins is only as good as the header of this one. */
        bool plausible = left >= BATCH_HEADER_SIZE && batch_last_delta(batch) >= 0 &&
                         batch_base_offset(batch) >= 0 &&
                         batch_last_offset(batch) >= chunk->partition->position;
        chunk->skip_to = (plausible ? batch_last_offset(batch) : chunk->partition->position) + 1;
        return code == K_UNSUPPORTED_COMPRESSION_TYPE ? code : K_CORRUPT_MESSAGE;
    }
    chunk->skip_to = batch_last_offset(batch) + 1;
    bool control = (batch_attributes(batch) & BATCH_CONTROL) != 0;
    if (control)
        end_transaction(chunk, batch);
    if (control || batch_count(batch) == 0 || is_aborted(chunk, batch) ||
        batch_last_offset(batch) < chunk->partition->position) {
        leave_batch(chunk, batch);
        return 0;
    }
    if (batch_codec(batch) != CODEC_NONE)
        code = inflate(chunk, batch, config);
    if (code == 0)
        code = batch_reader_init(&chunk->reader, batch,
                                 chunk->inflated == NULL ? NULL : chunk->inflated->bytes,
                                 chunk->inflated == NULL ? 0 : chunk->inflated->size);
    chunk->reading = code == 0;
    return code == 0 ? 1 : code;
}

/* Walk over records below the position, which a fetch may begin with. */
static int skip_to_position(struct chunk *chunk)
{
    struct batch_reader before = chunk->reader;
    struct record_view record;
    int more;

    while ((more = batch_reader_next(&chunk->reader, &record)) == 1) {
        if (record.offset >= chunk->partition->position) {
            chunk->reader = before;
            return 0;
        }
        before = chunk->reader;
    }
    return more;
}

static int slice_add(klient_records_t *records, struct chunk *chunk, int32_t count)
{
    const uint8_t *batch = chunk->bytes + chunk->at;

    if (records->slice_count == records->slice_capacity) {
        size_t capacity = records->slice_capacity == 0 ? 8 : 2 * records->slice_capacity;
        struct slice *slices = realloc(records->slices, capacity * sizeof *slices);
        if (slices == NULL)
            return K_NOMEM;
        records->slices = slices;
        records->slice_capacity = capacity;
    }
    atomic_fetch_add_explicit(&chunk->references, 1, memory_order_relaxed);
    if (chunk->inflated != NULL)
        atomic_fetch_add_explicit(&chunk->inflated->references, 1, memory_order_relaxed);
    if (records->slice_count == 0)
        records->reader = chunk->reader;
    records->slices[records->slice_count++] = (struct slice){
        .chunk = chunk,
        .inflated = chunk->inflated,
        .reader = chunk->reader,
        .count = count,
        .leader_epoch = batch_leader_epoch(batch),
        .timestamp_type = (batch_attributes(batch) & BATCH_APPEND_TIME) != 0
                              ? KLIENT_TIMESTAMP_APPENDED
                              : KLIENT_TIMESTAMP_CREATED,
    };
    records->count += (size_t)count;
    return 0;
}

/* Add up to `room` records of the batch that is being read. */
static int take_from_batch(klient_records_t *records, struct chunk *chunk, size_t room)
{
    const uint8_t *batch = chunk->bytes + chunk->at;
    struct batch_reader reader = chunk->reader;
    struct record_view record;

    if ((size_t)chunk->reader.left <= room) {
        /* All that is left, unseen: what is damaged inside shows when it is walked. */
        int code = chunk->reader.left == 0 ? 0 : slice_add(records, chunk, chunk->reader.left);
        if (code == 0)
            leave_batch(chunk, batch);
        return code;
    }
    for (size_t i = 0; i < room; i++)
        if (batch_reader_next(&reader, &record) != 1)
            return K_CORRUPT_MESSAGE;
    int code = slice_add(records, chunk, (int32_t)room);
    if (code == 0) {
        chunk->reader = reader;
        chunk->partition->position = record.offset + 1;
        chunk->partition->position_epoch = batch_leader_epoch(batch);
    }
    return code;
}

int records_add(klient_records_t *records, struct chunk *chunk, size_t room,
                const struct klient_config *config, bool *finished)
{
    int code = 0;

    while (code == 0 && room > records->count && chunk->at < chunk->size) {
        if (!chunk->reading) {
            int entered = enter_batch(chunk, config);
            if (entered == 0)
                continue;
            code = entered == 1 ? 0 : entered;
            if (code == 0 && batch_base_offset(chunk->bytes + chunk->at) <
                                 chunk->partition->position)
                code = skip_to_position(chunk);
        }
        if (code == 0)
            code = take_from_batch(records, chunk, room - records->count);
    }
    *finished = code == 0 && chunk->at >= chunk->size;
    return code;
}

int records_track(klient_records_t *records, struct klient_consumer *consumer)
{
    const struct config_values *values = &consumer->config->values;
    const struct assigned *last = NULL;
    int code = 0;

    if (consumer->group == NULL || !values->auto_commit || !values->auto_offset_store)
        return 0;
    for (size_t i = 0; i < records->slice_count; i++) {
        struct assigned *assigned = records->slices[i].chunk->partition;
        if (assigned == last)
            continue;
        last = assigned;
        struct handout *handout = handout_new(assigned->position, assigned->position_epoch);
        spin_lock(&consumer->spin);
        if (handout == NULL)
            progress_block(&assigned->progress);
        else
            progress_hand_out(&assigned->progress, handout);
        spin_unlock(&consumer->spin);
        if (handout == NULL) {
            code = K_NOMEM;
            continue;
        }
        handout->sibling = records->handouts;
        records->handouts = handout;
    }
    return code;
}

/* --- records that failed ---------------------------------------------------------------------- */

int records_of_one(struct deserializers *deserializers, struct chunk *chunk,
                   struct assigned *where, int64_t offset, int32_t attempts,
                   struct handout *handout, klient_records_t **out)
{
    klient_records_t *records = records_new(deserializers);
    int code = K_NOMEM;

    if (records == NULL)
        return code;
    chunk->at = 0;
    if (batch_reader_init(&chunk->reader, chunk->bytes, NULL, 0) != 0 ||
        slice_add(records, chunk, 1) != 0) {
        klient_records_free(records);
        return code;
    }
    atomic_fetch_add_explicit(&where->references, 1, memory_order_relaxed);
    records->where = where;
    records->where_offset = offset;
    records->attempts = attempts;
    records->handouts = handout;
    *out = records;
    return 0;
}

bool records_place(const klient_record_t *record, struct record_place *out)
{
    const klient_records_t *records = record->origin;

    if (records == NULL || record->topic == NULL)
        return false;
    if (records->where != NULL) {
        *out = (struct record_place){ records->where, records->where_offset, true, false };
        return true;
    }
    for (size_t i = 0; i < records->slice_count; i++) {
        const struct chunk *chunk = records->slices[i].chunk;
        struct assigned *assigned = chunk->partition;
        if (assigned->partition != record->partition || strcmp(assigned->topic, record->topic) != 0)
            continue;
        *out = (struct record_place){ assigned, record->offset, false,
                                      chunk->generation < atomic_load(&assigned->valid_from) };
        return true;
    }
    return false;
}

int32_t klient_record_attempts(const klient_record_t *record)
{
    return record == NULL || record->origin == NULL ? 0 : record->origin->attempts;
}

/* --- the application's walk ------------------------------------------------------------------- */

static const klient_header_t *decode_headers(klient_records_t *records,
                                             const struct record_view *view)
{
    klient_header_t *headers =
        arena_calloc(&records->headers, (size_t)view->header_count, sizeof *headers);
    const uint8_t *at = view->headers;

    records->code = KLIENT_NOMEM;
    for (int32_t i = 0; headers != NULL && i < view->header_count; i++) {
        struct record_header header;
        if (record_next_header(view, &at, &header) != 0) {
            records->code = KLIENT_CORRUPT_MESSAGE;
            return NULL;
        }
        headers[i] = (klient_header_t){ (const char *)header.key, (size_t)header.key_size,
                                        header.value, (size_t)header.value_size };
    }
    if (headers != NULL)
        records->code = KLIENT_OK;
    return headers;
}

/* Will the rest of the slice be returned anew, because a record before it failed? */
static bool is_void(const struct slice *slice)
{
    return slice->chunk->generation <
           atomic_load_explicit(&slice->chunk->partition->valid_from, memory_order_relaxed);
}

static int next_of_all(klient_records_t *records, klient_record_t *record)
{
    struct record_view view;

    while (records->slice < records->slice_count &&
           (records->taken == records->slices[records->slice].count ||
            is_void(&records->slices[records->slice]))) {
        records->walked += (size_t)(records->slices[records->slice].count - records->taken);
        records->taken = 0;
        if (++records->slice < records->slice_count)
            records->reader = records->slices[records->slice].reader;
    }
    if (records->slice == records->slice_count || records->code != KLIENT_OK)
        return 0;
    if (batch_reader_next(&records->reader, &view) != 1) {
        records->code = KLIENT_CORRUPT_MESSAGE;
        return 0;
    }
    const struct slice *slice = &records->slices[records->slice];
    const klient_header_t *headers = NULL;
    if (view.header_count > 0 && (headers = decode_headers(records, &view)) == NULL)
        return 0;
    records->taken++;
    record->topic = slice->chunk->partition->topic;
    record->partition = slice->chunk->partition->partition;
    record->key = view.key;
    record->key_size = (size_t)view.key_size;
    record->value = view.value;
    record->value_size = (size_t)view.value_size;
    record->headers = headers;
    record->header_count = (size_t)view.header_count;
    record->leader_epoch = slice->leader_epoch;
    record->offset = view.offset;
    record->timestamp = view.timestamp;
    record->timestamp_type = slice->timestamp_type;
    record->opaque = NULL;
    record->origin = records;
    return 1;
}

static bool is_dropped(const klient_records_t *records, size_t index)
{
    return records->dropped != NULL && (records->dropped[index / 8] >> index % 8 & 1) != 0;
}

int klient_records_next(klient_records_t *records, klient_record_t *record)
{
    while (next_of_all(records, record))
        if (!is_dropped(records, records->walked++))
            return 1;
    return 0;
}

void records_open_to_drops(klient_records_t *records, bool open)
{
    records->open_to_drops = open;
}

klient_code_t klient_records_drop(klient_records_t *records)
{
    size_t index = records->walked - 1;

    if (!records->open_to_drops || records->walked == 0 || is_dropped(records, index))
        return KLIENT_INVALID_ARGUMENT;
    if (records->dropped == NULL &&
        (records->dropped = calloc((records->count + 7) / 8, 1)) == NULL)
        return KLIENT_NOMEM;
    records->dropped[index / 8] |= (uint8_t)(1u << index % 8);
    records->count--;
    return KLIENT_OK;
}

void klient_records_rewind(klient_records_t *records)
{
    records->walked = 0;
    records->slice = 0;
    records->taken = 0;
    records->code = KLIENT_OK;
    if (records->slice_count > 0)
        records->reader = records->slices[0].reader;
}

size_t klient_records_count(const klient_records_t *records)
{
    return records->count;
}

klient_code_t klient_records_code(const klient_records_t *records)
{
    return records->code;
}
