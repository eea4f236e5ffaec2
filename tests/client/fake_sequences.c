/* fake_sequences.c - what a broker must do with numbered batches, in the simplest form. */
#include "common/error.h"
#include "tests/client/fake_private.h"

static struct fake_producer *find(struct fake_partition *partition, int64_t id)
{
    for (int i = 0; i < partition->producer_count; i++)
        if (partition->producers[i].id == id)
            return &partition->producers[i];
    return NULL;
}

static struct fake_producer *need(struct fake_partition *partition, int64_t id)
{
    struct fake_producer *producer = find(partition, id);

    if (producer == NULL && partition->producer_count < FAKE_PRODUCERS_MAX) {
        producer = &partition->producers[partition->producer_count++];
        *producer = (struct fake_producer){ .id = id };
    }
    return producer;
}

/* First and last sequence of batches back to back; false when they leave a gap. */
static bool span(const uint8_t *bytes, size_t size, int32_t *first, int32_t *last)
{
    *first = batch_base_sequence(bytes);
    *last = *first - 1;
    for (const uint8_t *at = bytes; at < bytes + size; at += batch_size(at)) {
        if (batch_base_sequence(at) != *last + 1)
            return false;
        *last += batch_count(at);
    }
    return true;
}

int fake_sequence_check(struct fake_partition *partition, const uint8_t *bytes, size_t size,
                        int64_t *stored)
{
    int64_t id = batch_producer_id(bytes);
    const struct fake_producer *producer = id < 0 ? NULL : find(partition, id);
    int32_t first, last;

    *stored = -1;
    if (id < 0)
        return 0;
    if (!span(bytes, size, &first, &last))
        return K_OUT_OF_ORDER_SEQUENCE_NUMBER;
    if (producer == NULL)
        return first == 0 ? 0 : K_UNKNOWN_PRODUCER_ID;
    if (batch_producer_epoch(bytes) < producer->epoch)
        return K_INVALID_PRODUCER_EPOCH;
    if (batch_producer_epoch(bytes) > producer->epoch)
        return first == 0 ? 0 : K_OUT_OF_ORDER_SEQUENCE_NUMBER;
    for (int i = 0; i < FAKE_RUNS; i++)
        if (producer->runs[i].used && producer->runs[i].first <= first &&
            producer->runs[i].last >= last) {
            *stored = producer->runs[i].offset + first - producer->runs[i].first;
            return 0;
        }
    return first == producer->next ? 0 : K_OUT_OF_ORDER_SEQUENCE_NUMBER;
}

void fake_sequence_note(struct fake_partition *partition, const uint8_t *bytes, size_t size,
                        int64_t offset)
{
    int64_t id = batch_producer_id(bytes);
    struct fake_producer *producer = id < 0 ? NULL : need(partition, id);
    int32_t first, last;

    if (producer == NULL || !span(bytes, size, &first, &last))
        return;
    if (producer->epoch != batch_producer_epoch(bytes))
        *producer = (struct fake_producer){ .id = id, .epoch = batch_producer_epoch(bytes) };
    struct fake_run *newest = &producer->runs[producer->newest % FAKE_RUNS];
    producer->next = last + 1;
    if (newest->used && newest->last + 1 == first &&
        newest->offset + first - newest->first == offset)
        newest->last = last;
    else
        producer->runs[++producer->newest % FAKE_RUNS] =
            (struct fake_run){ true, first, last, offset };
}

void fake_sequence_forget(struct fake_partition *partition)
{
    partition->producer_count = 0;
}
