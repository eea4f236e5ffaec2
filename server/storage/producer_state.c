/* storage/producer_state.c - the table of producers, and how a batch changes it. */
#include "server/storage/producer_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/crc32c.h"
#include "common/error.h"
#include "proto/batch.h"

enum {
    RUN_COUNT_MAX = 1 << 30,
    CAPACITY_MIN = 8,
    MARKER_VALUE_SIZE = 6               /* i16 version, i32 coordinator epoch */
};

void producer_state_init(struct producer_state *state)
{
    *state = (struct producer_state){ .count = 0 };
}

void producer_state_fini(struct producer_state *state)
{
    free(state->entries);
    free(state->open);
    producer_state_init(state);
}

void producer_state_clear(struct producer_state *state)
{
    producer_state_fini(state);
}

/* --- the table -------------------------------------------------------------------------------- */

/* The place of `id`, or the free one where it would go. */
static struct producer_entry *place(const struct producer_state *state, int64_t id)
{
    size_t mask = state->capacity - 1;
    size_t i = (size_t)(((uint64_t)id * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & mask;
    while (state->entries[i].id != -1 && state->entries[i].id != id)
        i = (i + 1) & mask;
    return &state->entries[i];
}

static bool stays(const struct producer_entry *entry, uint32_t rounds)
{
    return entry->txn_first >= 0 || entry->idle < rounds;
}

/* A new table of those who stay: places depend on who else is there. */
static int rebuild(struct producer_state *state, size_t capacity, uint32_t rounds)
{
    struct producer_state other = { .capacity = capacity };
    other.entries = malloc(capacity * sizeof *other.entries);
    if (other.entries == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < capacity; i++)
        other.entries[i].id = -1;
    for (size_t i = 0; i < state->capacity; i++) {
        const struct producer_entry *entry = &state->entries[i];
        if (entry->id == -1 || !stays(entry, rounds))
            continue;
        *place(&other, entry->id) = *entry;
        other.count++;
    }
    free(state->entries);
    state->entries = other.entries;
    state->count = other.count;
    state->capacity = capacity;
    return 0;
}

int producer_state_reserve(struct producer_state *state, size_t count)
{
    size_t wanted = state->count + count, capacity = CAPACITY_MIN;
    if (wanted * 4 > state->capacity * 3) {
        while (wanted * 4 > capacity * 3)
            capacity *= 2;
        int error = rebuild(state, capacity, UINT32_MAX);
        if (error != 0)
            return error;
    }
    wanted = state->open_count + count;
    if (wanted > state->open_capacity) {
        size_t open_capacity = wanted > 2 * state->open_capacity ? wanted
                                                                 : 2 * state->open_capacity;
        struct producer_txn *open = realloc(state->open, open_capacity * sizeof *open);
        if (open == NULL)
            return K_NOMEM;
        state->open = open;
        state->open_capacity = open_capacity;
    }
    return 0;
}

const struct producer_entry *producer_state_find(const struct producer_state *state, int64_t id)
{
    if (state->count == 0 || id < 0)
        return NULL;
    const struct producer_entry *entry = place(state, id);
    return entry->id == id ? entry : NULL;
}

/* The entry of `id`, made when missing; room was reserved. */
static struct producer_entry *need(struct producer_state *state, int64_t id, int16_t epoch)
{
    assert(state->count < state->capacity);
    struct producer_entry *entry = place(state, id);
    if (entry->id == -1) {
        *entry = (struct producer_entry){ .id = id, .last_offset = -1, .timestamp = -1,
                                          .txn_first = -1, .last_sequence = -1,
                                          .coordinator_epoch = -1, .epoch = epoch };
        state->count++;
    }
    return entry;
}

/* --- transactions ----------------------------------------------------------------------------- */

static void open_txn(struct producer_state *state, struct producer_txn txn)
{
    size_t i = state->open_count;
    assert(state->open_count < state->open_capacity);
    while (i > 0 && state->open[i - 1].first_offset > txn.first_offset)
        i--;
    memmove(&state->open[i + 1], &state->open[i], (state->open_count - i) * sizeof txn);
    state->open[i] = txn;
    state->open_count++;
}

static void close_txn(struct producer_state *state, int64_t id)
{
    size_t i = 0;
    while (i < state->open_count && state->open[i].id != id)
        i++;
    assert(i < state->open_count);                                          /* S2 */
    state->open_count--;
    memmove(&state->open[i], &state->open[i + 1],
            (state->open_count - i) * sizeof *state->open);
}

int64_t producer_state_first_open(const struct producer_state *state)
{
    return state->open_count == 0 ? -1 : state->open[0].first_offset;
}

/* --- batches ---------------------------------------------------------------------------------- */

static void take_epoch(struct producer_entry *entry, int16_t epoch)
{
    if (entry->epoch == epoch)
        return;
    entry->epoch = epoch;
    entry->last_sequence = -1;
    entry->last_offset = -1;
    entry->offset_delta = 0;
    memset(entry->runs, 0, sizeof entry->runs);
}

/* How far `to` is behind `from`; sequences wrap from the largest to 0. */
static int32_t distance(int32_t from, int32_t to)
{
    return (int32_t)(((uint32_t)to - (uint32_t)from) & INT32_MAX);
}

/* Make the newest run longer, or begin one in the place of the oldest. */
static void note_run(struct producer_entry *entry, int32_t sequence, int32_t count, int64_t offset)
{
    struct producer_run *run = &entry->runs[entry->newest_run];
    if (run->count > 0 && run->count < RUN_COUNT_MAX - count &&
        distance(run->first_sequence, sequence) == run->count &&
        run->first_offset + run->count == offset) {
        run->count += count;
        return;
    }
    entry->newest_run = (uint8_t)((entry->newest_run + 1) % PRODUCER_RUNS);
    entry->runs[entry->newest_run] = (struct producer_run){ sequence, count, offset };
}

static int32_t last_sequence(const uint8_t *batch)
{
    int32_t base = batch_base_sequence(batch);
    if (base < 0)
        return -1;
    /* Sequences wrap from the largest to 0. */
    return (int32_t)(((uint32_t)base + (uint32_t)batch_last_delta(batch)) & INT32_MAX);
}

static void note_data(struct producer_state *state, const uint8_t *batch)
{
    struct producer_entry *entry =
        need(state, batch_producer_id(batch), batch_producer_epoch(batch));
    take_epoch(entry, batch_producer_epoch(batch));
    entry->last_sequence = last_sequence(batch);
    entry->last_offset = batch_last_offset(batch);
    entry->offset_delta = batch_last_delta(batch);
    entry->timestamp = batch_max_timestamp(batch);
    entry->idle = 0;
    if (batch_base_sequence(batch) >= 0)
        note_run(entry, batch_base_sequence(batch), batch_last_delta(batch) + 1,
                 batch_base_offset(batch));
    if ((batch_attributes(batch) & BATCH_TRANSACTIONAL) != 0 && entry->txn_first < 0) {
        entry->txn_first = batch_base_offset(batch);
        open_txn(state, (struct producer_txn){ entry->txn_first, entry->id });
    }
}

/* What a transaction's coordinator wrote; false: something else, or nothing. */
static bool read_marker(const uint8_t *batch, size_t available, struct record_view *record,
                        bool *abort, int32_t *coordinator_epoch)
{
    struct batch_reader reader;
    if (available < batch_size(batch) || batch_codec(batch) != CODEC_NONE ||
        batch_count(batch) != 1 || batch_reader_init(&reader, batch, NULL, 0) != 0 ||
        batch_reader_next(&reader, record) != 1)
        return false;
    enum record_marker kind = record_marker(record->key, record->key_size);
    if (kind == MARKER_UNKNOWN || record->value == NULL || record->value_size < MARKER_VALUE_SIZE)
        return false;
    *abort = kind == MARKER_ABORT;
    *coordinator_epoch = (int32_t)load_u32(record->value + 2);
    return true;
}

static void note_control(struct producer_state *state, const uint8_t *batch, size_t available,
                         struct producer_end *end)
{
    struct record_view record;
    int32_t coordinator_epoch;
    bool abort;
    if (!read_marker(batch, available, &record, &abort, &coordinator_epoch))
        return;

    struct producer_entry *entry =
        need(state, batch_producer_id(batch), batch_producer_epoch(batch));
    take_epoch(entry, batch_producer_epoch(batch));
    entry->coordinator_epoch = coordinator_epoch;
    entry->timestamp = record.timestamp;
    if (entry->txn_first < 0)           /* a transaction without data here */
        return;
    close_txn(state, entry->id);
    *end = (struct producer_end){ .ended = true, .aborted = abort, .id = entry->id,
                                  .first_offset = entry->txn_first,
                                  .last_offset = batch_base_offset(batch) };
    entry->txn_first = -1;
    int64_t open = producer_state_first_open(state);
    end->stable_end = open >= 0 ? open : end->last_offset + 1;
}

void producer_state_note(struct producer_state *state, const uint8_t *batch, size_t available,
                         struct producer_end *end)
{
    assert(batch_producer_id(batch) >= 0);
    *end = (struct producer_end){ .ended = false };
    if ((batch_attributes(batch) & BATCH_CONTROL) != 0)
        note_control(state, batch, available, end);
    else
        note_data(state, batch);
}

/* --- numbers ---------------------------------------------------------------------------------- */

static int check_known(const struct producer_entry *entry, const struct producer_numbers *numbers,
                       int64_t *stored)
{
    int32_t last = (int32_t)(((uint32_t)numbers->first + (uint32_t)numbers->count - 1) & INT32_MAX);
    if (numbers->epoch < entry->epoch)
        return K_INVALID_PRODUCER_EPOCH;
    if (numbers->epoch > entry->epoch || entry->last_sequence < 0)
        return numbers->first == 0 ? 0 : K_OUT_OF_ORDER_SEQUENCE_NUMBER;
    if (distance(entry->last_sequence, numbers->first) == 1)
        return 0;
    for (size_t i = 0; i < PRODUCER_RUNS; i++) {
        const struct producer_run *run = &entry->runs[i];
        int32_t inside = distance(run->first_sequence, numbers->first);
        if (run->count >= numbers->count && inside <= run->count - numbers->count) {
            *stored = run->first_offset + inside;
            return 0;
        }
    }
    return distance(last, entry->last_sequence) < INT32_MAX / 2 ? K_DUPLICATE_SEQUENCE_NUMBER
                                                                : K_OUT_OF_ORDER_SEQUENCE_NUMBER;
}

int producer_state_check(const struct producer_state *state, const struct producer_numbers *numbers,
                         int64_t *stored)
{
    *stored = -1;
    if (numbers->id < 0)
        return 0;
    const struct producer_entry *entry = producer_state_find(state, numbers->id);
    if (entry != NULL)
        return check_known(entry, numbers, stored);
    /* Kafka takes any number then; but this one may have overtaken the first, and would keep it
     * out for good. */
    return numbers->first == 0 ? 0 : K_UNKNOWN_PRODUCER_ID;
}

int producer_state_expire(struct producer_state *state, uint32_t rounds)
{
    bool any = false;
    for (size_t i = 0; i < state->capacity; i++) {
        struct producer_entry *entry = &state->entries[i];
        if (entry->id == -1)
            continue;
        if (entry->idle < UINT32_MAX - 1)
            entry->idle++;
        any = any || !stays(entry, rounds);
    }
    return any ? rebuild(state, state->capacity, rounds) : 0;
}

/* --- the snapshot file ------------------------------------------------------------------------ */

static int by_id(const void *a, const void *b)
{
    const struct producer_entry *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

static void encode_entry(const struct producer_entry *entry, uint8_t *to)
{
    store_u64(to, (uint64_t)entry->id);
    store_u16(to + 8, (uint16_t)entry->epoch);
    store_u32(to + 10, (uint32_t)entry->last_sequence);
    store_u64(to + 14, (uint64_t)entry->last_offset);
    store_u32(to + 22, (uint32_t)entry->offset_delta);
    store_u64(to + 26, (uint64_t)entry->timestamp);
    store_u32(to + 34, (uint32_t)entry->coordinator_epoch);
    store_u64(to + 38, (uint64_t)entry->txn_first);
}

struct producer_entry producer_snapshot_entry(const uint8_t *at)
{
    return (struct producer_entry){
        .id = (int64_t)load_u64(at),
        .epoch = (int16_t)load_u16(at + 8),
        .last_sequence = (int32_t)load_u32(at + 10),
        .last_offset = (int64_t)load_u64(at + 14),
        .offset_delta = (int32_t)load_u32(at + 22),
        .timestamp = (int64_t)load_u64(at + 26),
        .coordinator_epoch = (int32_t)load_u32(at + 34),
        .txn_first = (int64_t)load_u64(at + 38),
    };
}

int producer_state_encode(const struct producer_state *state, uint8_t **out, size_t *size)
{
    size_t bytes_size = PRODUCER_SNAPSHOT_HEAD + state->count * PRODUCER_SNAPSHOT_ENTRY, count = 0;
    struct producer_entry *sorted = malloc((state->count + 1) * sizeof *sorted);
    uint8_t *bytes = malloc(bytes_size);
    if (sorted == NULL || bytes == NULL) {
        free(sorted);
        free(bytes);
        return K_NOMEM;
    }
    for (size_t i = 0; i < state->capacity; i++)
        if (state->entries[i].id != -1)
            sorted[count++] = state->entries[i];
    assert(count == state->count);
    qsort(sorted, count, sizeof *sorted, by_id);

    store_u16(bytes, PRODUCER_SNAPSHOT_VERSION);
    store_u32(bytes + 6, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        encode_entry(&sorted[i], bytes + PRODUCER_SNAPSHOT_HEAD + i * PRODUCER_SNAPSHOT_ENTRY);
    store_u32(bytes + 2, crc32c(0, bytes + 6, bytes_size - 6));
    free(sorted);
    *out = bytes;
    *size = bytes_size;
    return 0;
}

const char *producer_snapshot_fault(const uint8_t *bytes, size_t size)
{
    if (size < PRODUCER_SNAPSHOT_HEAD)
        return "it is too short";
    if (load_u16(bytes) != PRODUCER_SNAPSHOT_VERSION)
        return "its version is unknown";
    if (load_u32(bytes + 2) != crc32c(0, bytes + 6, size - 6))
        return "its checksum is wrong";
    if (size - PRODUCER_SNAPSHOT_HEAD != (uint64_t)load_u32(bytes + 6) * PRODUCER_SNAPSHOT_ENTRY)
        return "its count is not that of its entries";
    return NULL;
}

bool producer_entry_plausible(const struct producer_entry *entry, int64_t offset)
{
    return entry->id >= 0 && entry->last_offset >= -1 && entry->last_offset < offset &&
           entry->txn_first >= -1 && entry->txn_first < offset && entry->offset_delta >= 0;
}

int producer_state_decode(struct producer_state *state, const uint8_t *bytes, size_t size,
                          int64_t offset)
{
    producer_state_clear(state);
    if (producer_snapshot_fault(bytes, size) != NULL)
        return K_CORRUPT;
    size_t count = load_u32(bytes + 6);
    int error = count == 0 ? 0 : producer_state_reserve(state, count);
    for (size_t i = 0; i < count && error == 0; i++) {
        struct producer_entry read = producer_snapshot_entry(
            bytes + PRODUCER_SNAPSHOT_HEAD + i * PRODUCER_SNAPSHOT_ENTRY);
        struct producer_entry *entry =
            producer_entry_plausible(&read, offset) ? place(state, read.id) : NULL;
        if (entry == NULL || entry->id != -1) {     /* also one that is there twice */
            error = K_CORRUPT;
            continue;
        }
        *entry = read;
        if (read.last_sequence >= 0 && read.last_offset >= read.offset_delta)
            note_run(entry, distance(read.offset_delta, read.last_sequence),
                     read.offset_delta + 1, read.last_offset - read.offset_delta);
        state->count++;
        if (read.txn_first >= 0)
            open_txn(state, (struct producer_txn){ read.txn_first, read.id });
    }
    if (error != 0)
        producer_state_clear(state);
    return error;
}
