/* accumulator.c - records into batches: the hot path.
 *
 * One record costs a spin lock, the copy and a look at the room left. Everything that costs more
 * happens once per batch; compression and checksums, which take longer than a record by orders of
 * magnitude, after the lock was given back. Invariants:
 *
 *  A1  Closing a batch settles its place in `closed` and its numbers, under the lock. It is not
 *      sealed then: its header, codec and checksum are made by who closed it, without the lock.
 *  A2  Until `sealed` the bytes and the builder are the sealer's (others may read builder.count),
 *      from then on the loop's, which looks at `sealed` before anything else. Numbers that change
 *      are noted beside the builder, and written into the header by the loop before it sends.
 *  A3  A batch that is not sealed stays in `closed`, and what follows it as well: it is neither
 *      sent nor failed, whatever happens. The exception is an open batch that fails with all that
 *      was before it: it is never closed. Purged batches stay in `purged` in the same way.
 *  A4  Who has sealed a batch tells the loop, before its call returns. So there is no sealer once
 *      the calls have returned, and closing a producer, which nobody else may be using, needs not
 *      look for one. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "client/config.h"
#include "client/producer.h"
#include "common/buffer.h"
#include "common/compress.h"
#include "common/error.h"
#include "common/slab.h"
#include "net/loop.h"

enum { ROOM_MIN = 1 << 10 };            /* of a batch, where batch.size is larger */

/* --- memory ----------------------------------------------------------------------------------- */

static bool charge(struct klient_producer *producer, size_t size)
{
    int64_t limit = producer->config->values.buffer_bytes;
    int64_t before = atomic_fetch_add(&producer->used_bytes, (int64_t)size);

    /* A batch larger than the whole buffer must still be possible when the buffer is empty. */
    if (before + (int64_t)size <= limit || before == 0)
        return true;
    atomic_fetch_sub(&producer->used_bytes, (int64_t)size);
    return false;
}

static void uncharge(struct klient_producer *producer, size_t size)
{
    atomic_fetch_sub(&producer->used_bytes, (int64_t)size);
}

void producer_room_made(struct klient_producer *producer)
{
    if (atomic_load(&producer->starving) > 0)
        gate_signal(&producer->progress);
}

static struct batch *pool_take(struct klient_producer *producer)
{
    spin_lock(&producer->pool_spin);
    struct batch *batch = producer->pool;
    if (batch != NULL)
        producer->pool = batch->next;
    spin_unlock(&producer->pool_spin);
    return batch;
}

static void batch_destroy(struct batch *batch)
{
    slab_unref(batch->slab);
    free(batch->deliveries);
    free(batch);
}

void pool_free(struct klient_producer *producer)
{
    struct batch *batch;

    while ((batch = pool_take(producer)) != NULL)
        batch_destroy(batch);
}

/* batch.size of its topic. */
static size_t batch_bytes(const struct accumulator *accumulator)
{
    return (size_t)accumulator->topic->values->batch_bytes;
}

/* Room for a batch that needs `bytes` now: batch.size, or as many halves of it as hold what the
 * partition's last batches held. A thousand partitions with two records each would otherwise fill
 * the buffer with room that nobody uses, and what waits for room leaves in small batches. */
static size_t room_for(const struct accumulator *accumulator, size_t bytes)
{
    size_t capacity = batch_bytes(accumulator);
    size_t expected = accumulator->usual_size > bytes ? accumulator->usual_size : bytes;

    if (bytes >= capacity)
        return bytes;
    while (capacity / 2 >= expected && capacity / 2 >= ROOM_MIN)
        capacity /= 2;
    return capacity;
}

/* A batch with room for a record of `size` bytes. 0, K_QUEUE_FULL or K_NOMEM. */
static int batch_new(struct accumulator *accumulator, size_t size, struct batch **out)
{
    struct klient_producer *producer = accumulator->producer;
    size_t capacity = room_for(accumulator, BATCH_HEADER_SIZE + size);

    if (!charge(producer, capacity))
        return K_QUEUE_FULL;
    struct batch *batch = pool_take(producer);
    if (batch == NULL && (batch = calloc(1, sizeof *batch)) == NULL)
        goto uncharge;
    if (batch->slab != NULL && batch->slab->size != capacity) {
        slab_unref(batch->slab);
        batch->slab = NULL;
    }
    if (batch->slab == NULL && (batch->slab = slab_new(capacity)) == NULL)
        goto free_batch;

    struct delivery *deliveries = batch->deliveries;
    int32_t delivery_capacity = batch->delivery_capacity;
    *batch = (struct batch){ .accumulator = accumulator, .slab = batch->slab,
                             .deliveries = deliveries, .delivery_capacity = delivery_capacity,
                             .charged = capacity, .opened_at_ms = mono_ms(), .base_offset = -1 };
    batch_build_start(&batch->builder, batch->slab->bytes, capacity);
    *out = batch;
    return 0;

free_batch:
    batch_destroy(batch);
uncharge:
    uncharge(producer, capacity);
    producer_room_made(producer);
    return K_NOMEM;
}

/* Twice the room, up to batch.size, until a record of `size` bytes fits. False: it may not grow so
 * far, or the buffer is full. */
static bool batch_grow(struct klient_producer *producer, struct batch *batch, size_t size)
{
    size_t usual = batch_bytes(batch->accumulator);
    size_t before = batch->builder.capacity, capacity = before;

    while (capacity < usual && batch->builder.size + size > capacity)
        capacity = 2 * capacity < usual ? 2 * capacity : usual;
    if (batch->builder.size + size > capacity || !charge(producer, capacity - before))
        return false;
    struct slab *slab = slab_new(capacity);
    if (slab == NULL) {
        uncharge(producer, capacity - before);
        return false;
    }
    memcpy(slab->bytes, batch->builder.bytes, batch->builder.size);
    slab_unref(batch->slab);
    batch->slab = slab;
    batch->builder.bytes = slab->bytes;
    batch->builder.capacity = capacity;
    batch->charged = capacity;
    return true;
}

void batch_release_bytes(struct klient_producer *producer, struct batch *batch)
{
    size_t kept = batch->deliveries == NULL || !producer_reports(producer)
                      ? 0
                      : (size_t)batch->builder.count * sizeof *batch->deliveries;

    /* A retried request may still be queued on a connection that is being given up. */
    if (slab_references(batch->slab) > 1) {
        slab_unref(batch->slab);
        batch->slab = NULL;
    }
    if (batch->charged > kept) {
        uncharge(producer, batch->charged - kept);
        batch->charged = kept;
    }
}

void batch_free(struct klient_producer *producer, struct batch *batch)
{
    uncharge(producer, batch->charged);
    if (batch->slab == NULL || batch->slab->size != batch_bytes(batch->accumulator)) {
        batch_destroy(batch);
        return;
    }
    spin_lock(&producer->pool_spin);
    batch->next = producer->pool;
    producer->pool = batch;
    spin_unlock(&producer->pool_spin);
}

/* --- records ---------------------------------------------------------------------------------- */

struct accumulator *accumulator_new(struct klient_producer *producer, struct producer_topic *topic,
                                    int32_t partition)
{
    struct accumulator *accumulator = calloc(1, sizeof *accumulator);

    if (accumulator == NULL)
        return NULL;
    spin_init(&accumulator->spin);
    queue_init(&accumulator->closed);
    queue_init(&accumulator->again);
    queue_init(&accumulator->purged);
    accumulator->producer = producer;
    accumulator->topic = topic;
    accumulator->partition = partition;
    accumulator->mail = (struct mail){ .deliver = sender_noticed };
    list_init(&accumulator->node);
    list_init(&accumulator->every);
    list_init(&accumulator->cargos);
    accumulator->producer_id = -1;
    heap_node_init(&accumulator->wake);
    return accumulator;
}

void accumulator_free(struct accumulator *accumulator)
{
    assert(accumulator->open == NULL && accumulator->closed.first == NULL &&
           accumulator->again.first == NULL && accumulator->purged.first == NULL);
    free(accumulator);
}

/* Replace the records of a finished batch by their compressed form, if it fits. Without a gain it
 * is left alone, unless the topic stores no other form. */
static void compress(const struct config_values *values, int codec, bool forced,
                     struct batch *batch)
{
    struct buffer buffer;
    struct batch_builder *builder = &batch->builder;
    size_t size = builder->size - BATCH_HEADER_SIZE;
    size_t most = forced ? builder->capacity - BATCH_HEADER_SIZE : size - 1;

    buffer_init(&buffer);
    if (compress_bytes(codec, config_level(values, codec), builder->bytes + BATCH_HEADER_SIZE,
                       size, &buffer) == 0 &&
        buffer.size <= most) {
        memcpy(builder->bytes + BATCH_HEADER_SIZE, buffer.bytes, buffer.size);
        builder->size = BATCH_HEADER_SIZE + buffer.size;
        store_u32(builder->bytes + BATCH_LENGTH, (uint32_t)(builder->size - BATCH_LENGTH_END));
        store_u16(builder->bytes + BATCH_ATTRIBUTES, (uint16_t)codec);
        batch_seal_crc(builder->bytes);
    }
    buffer_fini(&buffer);
}

/* The numbers of the next `count` records. Sequences wrap from the largest to 0. */
static struct batch_numbers number(struct accumulator *accumulator, int32_t count)
{
    struct batch_numbers numbers = { accumulator->producer_id, accumulator->producer_epoch,
                                     accumulator->next_sequence };

    accumulator->next_sequence =
        (int32_t)(((uint32_t)accumulator->next_sequence + (uint32_t)count) & INT32_MAX);
    return numbers;
}

static void set_numbers(struct batch *batch, struct batch_numbers numbers)
{
    batch->builder.producer_id = numbers.producer_id;
    batch->builder.producer_epoch = numbers.producer_epoch;
    batch->builder.base_sequence = numbers.base_sequence;
}

/* A2: some may be with their sealers. */
static void number_all(struct accumulator *accumulator, struct batch_queue *queue)
{
    for (struct batch *batch = queue->first; batch != NULL; batch = batch->next) {
        batch->renumbered = true;
        batch->numbers = number(accumulator, batch->builder.count);
    }
}

void accumulator_number(struct accumulator *accumulator, int64_t producer_id, int16_t epoch,
                        struct batch_queue *first)
{
    accumulator->producer_id = producer_id;
    accumulator->producer_epoch = epoch;
    accumulator->next_sequence = 0;
    number_all(accumulator, first);
    number_all(accumulator, &accumulator->closed);
}

static uint32_t record_count(const struct batch_queue *queue)
{
    uint32_t count = 0;

    for (const struct batch *batch = queue->first; batch != NULL; batch = batch->next)
        count += (uint32_t)batch->builder.count;
    return count;
}

/* So many records have left `closed` that never were and will not be sent: those behind them take
 * over their numbers. Numbers of what went before stay taken: brokers may have seen them. */
static void close_gap(struct accumulator *accumulator, uint32_t count)
{
#ifdef MUTANT_UNSENT_LEAVES_A_GAP
    return;
#endif
    if (count == 0 || accumulator->producer_id < 0)
        return;
    count += record_count(&accumulator->closed);
    accumulator->next_sequence =
        (int32_t)(((uint32_t)accumulator->next_sequence - count) & INT32_MAX);
    number_all(accumulator, &accumulator->closed);
}

void accumulator_purge(struct accumulator *accumulator)
{
    struct batch *open = accumulator->open;
    uint32_t count = record_count(&accumulator->closed);

    queue_append(&accumulator->purged, &accumulator->closed);
    close_gap(accumulator, count);
    atomic_store_explicit(&accumulator->queued, 0, memory_order_relaxed);
    if (open == NULL)
        return;
    accumulator->open = NULL;
    atomic_store(&open->sealed, true);              /* nobody is going to */
    queue_push(&accumulator->purged, open);
}

bool accumulator_is_empty(struct accumulator *accumulator)
{
    spin_lock(&accumulator->spin);
    bool waits = accumulator->open != NULL || accumulator->closed.first != NULL;
    spin_unlock(&accumulator->spin);
    return !waits && accumulator->again.first == NULL && accumulator->purged.first == NULL &&
           accumulator->cargo_count == 0 && list_empty(&accumulator->node);
}

void batch_identify(struct batch *batch)
{
    if (!batch->renumbered)
        return;
    batch->renumbered = false;
    set_numbers(batch, batch->numbers);
    batch_build_identify(&batch->builder);
}

struct batch *accumulator_close_open(struct accumulator *accumulator)
{
    struct batch *batch = accumulator->open;

    if (batch == NULL)
        return NULL;
    accumulator->open = NULL;
    accumulator->usual_size = batch->builder.size > accumulator->usual_size / 2
                                  ? batch->builder.size
                                  : accumulator->usual_size / 2;
    if (accumulator->producer_id >= 0)
        set_numbers(batch, number(accumulator, batch->builder.count));
    queue_push(&accumulator->closed, batch);
    if (atomic_fetch_add_explicit(&accumulator->queued, 1, memory_order_relaxed) == 0)
        atomic_store_explicit(&accumulator->untaken_since_ms, mono_ms(), memory_order_relaxed);
    return batch;
}

void accumulator_seal(struct accumulator *accumulator, struct batch *batch)
{
    const struct config_values *values = accumulator->topic->values;

    if (batch == NULL)
        return;
    assert(!atomic_load(&batch->sealed));
    batch_build_finish(&batch->builder);
    int stored = atomic_load_explicit(&accumulator->topic->codec, memory_order_relaxed);
    int codec = stored >= 0 ? stored : values->compression;
    if (codec != CODEC_NONE)
        compress(values, codec, stored >= 0, batch);
    atomic_store(&batch->sealed, true);
}

void accumulator_tell(struct accumulator *accumulator)
{
    /* The loop clears `noticed` before it looks, so what it missed is told. */
    if (!atomic_load(&accumulator->noticed) && !atomic_exchange(&accumulator->posted, true))
        loop_post(accumulator->producer->klient->loop, &accumulator->mail);
}

bool accumulator_take(struct accumulator *accumulator, int64_t opened_by_ms,
                      struct batch_queue *out)
{
    struct batch *batch, *open = accumulator->open;
    uint32_t count = 0;
    bool sealed = true;

    while ((batch = accumulator->closed.first) != NULL) {
        sealed = atomic_load(&batch->sealed);
        if (!sealed || batch->opened_at_ms > opened_by_ms)
            break;
        queue_push(out, queue_pop(&accumulator->closed));
        atomic_fetch_sub_explicit(&accumulator->queued, 1, memory_order_relaxed);
        count += (uint32_t)batch->builder.count;
    }
    close_gap(accumulator, count);
    if (batch == NULL && open != NULL && open->opened_at_ms <= opened_by_ms) {
        accumulator->open = NULL;
        queue_push(out, open);
    }
    return sealed;
}

/* Room for one more delivery. */
static int delivery_reserve(struct klient_producer *producer, struct batch *batch)
{
    if (!producer_reports(producer) || batch->builder.count < batch->delivery_capacity)
        return 0;
    int32_t capacity = batch->delivery_capacity == 0 ? 64 : 2 * batch->delivery_capacity;
    struct delivery *deliveries =
        realloc(batch->deliveries, (size_t)capacity * sizeof *deliveries);
    if (deliveries == NULL)
        return K_NOMEM;
    batch->deliveries = deliveries;
    batch->delivery_capacity = capacity;
    return 0;
}

static int open_add(struct accumulator *accumulator, const klient_record_t *record,
                    int64_t timestamp)
{
    struct klient_producer *producer = accumulator->producer;
    struct batch *batch = accumulator->open;
    int32_t index = batch->builder.count;
    int code = delivery_reserve(producer, batch);

    /* klient_header_t and record_header differ in the width of sizes, so headers are translated;
     * few records have any. */
    enum { FEW = 16 };
    struct record_header few[FEW], *headers = few;
    if (code == 0 && record->header_count > FEW)
        headers = malloc(record->header_count * sizeof *headers);
    if (code != 0 || headers == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < record->header_count; i++)
        headers[i] = (struct record_header){
            .key = (const uint8_t *)record->headers[i].key,
            .key_size = (int32_t)record->headers[i].key_size,
            .value = record->headers[i].value,
            .value_size = (int32_t)record->headers[i].value_size,
        };
    code = batch_build_add(&batch->builder, timestamp, record->key, (int32_t)record->key_size,
                           record->value, (int32_t)record->value_size, headers,
                           (int32_t)record->header_count);
    if (headers != few)
        free(headers);
    if (code == 0 && producer_reports(producer))
        batch->deliveries[index] = (struct delivery){ record->opaque, timestamp };
    return code;
}

/* Start a batch with this record. */
static int open_new(struct accumulator *accumulator, const klient_record_t *record,
                    int64_t timestamp, size_t size)
{
    struct batch *batch;
    int code = batch_new(accumulator, size, &batch);

    if (code != 0)
        return code;
    accumulator->open = batch;
    code = open_add(accumulator, record, timestamp);
    if (code != 0) {
        accumulator->open = NULL;
        batch_free(accumulator->producer, batch);
    }
    return code;
}

int accumulator_add(struct accumulator *accumulator, const klient_record_t *record,
                    int64_t timestamp, size_t size, bool keyless, bool *moved)
{
    size_t usual = batch_bytes(accumulator);
    struct batch *full = NULL, *large = NULL;
    bool tell = false;
    int code = K_MESSAGE_TOO_LARGE;

    spin_lock(&accumulator->spin);
    if (accumulator->open != NULL) {
        code = open_add(accumulator, record, timestamp);
        if (code == K_MESSAGE_TOO_LARGE &&
            batch_grow(accumulator->producer, accumulator->open, size))
            code = open_add(accumulator, record, timestamp);
        if (code == K_MESSAGE_TOO_LARGE)
            full = accumulator_close_open(accumulator);
    }
    if (code == K_MESSAGE_TOO_LARGE) {
        tell = true;
        code = open_new(accumulator, record, timestamp, size);
        if (code == 0 && accumulator->open->builder.capacity > usual)
            large = accumulator_close_open(accumulator);    /* too large for company */
    }
    if (keyless && code == 0) {
        accumulator->sticky_bytes += size;
        *moved = accumulator->sticky_bytes >= usual;
        if (*moved)
            accumulator->sticky_bytes = 0;
    }
    spin_unlock(&accumulator->spin);
    if (!tell)
        return code;
    accumulator_seal(accumulator, full);
    accumulator_seal(accumulator, large);
    accumulator_tell(accumulator);
    return code;
}
