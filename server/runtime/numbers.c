/* A request's batches are one thing: they are stored together or not at all, so they are also known
 * again together. What an append is gathering counts as if it were in the log, as long as each
 * producer's entries follow each other in it; anything else waits for the log to tell. */
#include "server/runtime/numbers.h"

#include "common/error.h"
#include "proto/batch.h"
#include "server/runtime/append.h"
#include "server/storage/log.h"

/* Sequences wrap from the largest to 0. */
static int32_t after(const struct producer_numbers *numbers)
{
    return (int32_t)(((uint32_t)numbers->first + (uint32_t)numbers->count) & INT32_MAX);
}

int numbers_read(const uint8_t *batches, size_t size, struct producer_numbers *out)
{
    struct producer_numbers numbers = { .id = batch_producer_id(batches),
                                        .epoch = batch_producer_epoch(batches),
                                        .first = batch_base_sequence(batches) };

    if (numbers.id >= 0 && (numbers.epoch < 0 || numbers.first < 0))
        return K_INVALID_RECORD;
    for (size_t at = 0; at < size; at += batch_size(batches + at)) {
        const uint8_t *batch = batches + at;
        if (batch_producer_id(batch) != numbers.id)
            return K_INVALID_RECORD;
        if (numbers.id < 0)
            continue;
        if (batch_producer_epoch(batch) != numbers.epoch ||
            batch_base_sequence(batch) != after(&numbers) ||
            numbers.count > INT32_MAX - batch_count(batch))
            return K_INVALID_RECORD;
        numbers.count += batch_count(batch);
    }
    *out = numbers;
    return 0;
}

static struct producer_numbers *find(struct numbers_gathered *gathered, int64_t id)
{
    for (size_t i = 0; i < gathered->count; i++)
        if (gathered->newest[i].id == id)
            return &gathered->newest[i];
    return NULL;
}

static void stored_at(struct partition *partition, struct append_entry *entry, int64_t offset)
{
    entry->base_offset = offset;
    entry->append_time_ms = -1;
    entry->log_start = log_start(partition->log);
    entry->end = offset + entry->numbers.count;
}

enum numbers_verdict numbers_judge(struct numbers_gathered *gathered, struct partition *partition,
                                   struct append_entry *entry, int *code)
{
    const struct producer_numbers *numbers = &entry->numbers;
    struct producer_numbers *before = numbers->id < 0 ? NULL : find(gathered, numbers->id);
    int64_t stored;

    if (numbers->id < 0)
        return NUMBERS_TAKE;
    if (before != NULL) {
        if (before->epoch != numbers->epoch || after(before) != numbers->first)
            return NUMBERS_WAIT;
        *before = *numbers;
        return NUMBERS_TAKE;
    }
    if (gathered->count == sizeof gathered->newest / sizeof gathered->newest[0])
        return NUMBERS_WAIT;
    *code = log_check_numbers(partition->log, numbers, &stored);
#ifdef MUTANT_NO_DEDUPLICATION
    *code = 0;
    stored = -1;
#endif
    if (*code != 0)
        return NUMBERS_REFUSE;
    if (stored >= 0) {
        stored_at(partition, entry, stored);
        return NUMBERS_STORED;
    }
    gathered->newest[gathered->count++] = *numbers;
    return NUMBERS_TAKE;
}
