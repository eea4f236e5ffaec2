/* storage/producer_runs.c - the runs of producers, to bytes and back.
 *
 * An entry is i64 id, u8 runs, and of each run i32 first sequence, i32 records, i64 first
 * offset. */
#include "server/storage/producer_runs.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/crc32c.h"
#include "common/endian.h"
#include "common/error.h"
#include "server/storage/producer_state.h"

enum { ENTRY_HEAD = 9, RUN_SIZE = 16, CHECKED_FROM = 6 };

/* --- entries ---------------------------------------------------------------------------------- */

static int64_t end_of(const struct producer_run *run)
{
    return run->first_offset + run->count;
}

/* Does the run end with the producer's last batch? */
static bool ends_with_last(const struct producer_entry *entry, const struct producer_run *run)
{
    uint32_t last = ((uint32_t)run->first_sequence + (uint32_t)run->count - 1) & INT32_MAX;
    return entry->last_sequence >= 0 && run->count > entry->offset_delta &&
           last == (uint32_t)entry->last_sequence && end_of(run) == entry->last_offset + 1;
}

/* Is there more to say than the last batch? */
static bool tells_more(const struct producer_entry *entry)
{
    const struct producer_run *newest = &entry->runs[entry->newest_run];
    bool more = newest->count > entry->offset_delta + 1;
    for (size_t i = 0; i < PRODUCER_RUNS; i++)
        more = more || (i != entry->newest_run && entry->runs[i].count > 0);
    return more && newest->count > 0 && ends_with_last(entry, newest);
}

static uint8_t *put_entry(uint8_t *at, const struct producer_entry *entry)
{
    uint8_t *start = at;
    store_u64(at, (uint64_t)entry->id);
    at[8] = 0;
    at += ENTRY_HEAD;
    for (size_t i = 1; i <= PRODUCER_RUNS; i++) {
        const struct producer_run *run = &entry->runs[(entry->newest_run + i) % PRODUCER_RUNS];
        if (run->count == 0)
            continue;
        store_u32(at, (uint32_t)run->first_sequence);
        store_u32(at + 4, (uint32_t)run->count);
        store_u64(at + 8, (uint64_t)run->first_offset);
        at += RUN_SIZE;
        start[8]++;
    }
    return at;
}

size_t producer_runs_entry(const uint8_t *bytes, size_t at, struct producer_entry *out)
{
    size_t count = bytes[at + 8];
    *out = (struct producer_entry){ .id = (int64_t)load_u64(bytes + at),
                                    .newest_run = (uint8_t)(count - 1) };
    at += ENTRY_HEAD;
    for (size_t i = 0; i < count; i++, at += RUN_SIZE)
        out->runs[i] = (struct producer_run){ .first_sequence = (int32_t)load_u32(bytes + at),
                                              .count = (int32_t)load_u32(bytes + at + 4),
                                              .first_offset = (int64_t)load_u64(bytes + at + 8) };
    return at;
}

/* --- to bytes --------------------------------------------------------------------------------- */

int producer_runs_encode(const struct producer_state *state, int64_t offset,
                         const uint8_t *snapshot, uint8_t **out, size_t *size)
{
    uint32_t all = load_u32(snapshot + 6), count = 0;
    uint8_t *bytes =
        malloc(PRODUCER_RUNS_HEAD + (size_t)all * (ENTRY_HEAD + PRODUCER_RUNS * RUN_SIZE));
    if (bytes == NULL)
        return K_NOMEM;
    uint8_t *at = bytes + PRODUCER_RUNS_HEAD;
    for (uint32_t i = 0; i < all; i++) {        /* in the snapshot's order: ascending */
        int64_t id = producer_snapshot_entry(snapshot + PRODUCER_SNAPSHOT_HEAD +
                                             (size_t)i * PRODUCER_SNAPSHOT_ENTRY).id;
        const struct producer_entry *entry = producer_state_find(state, id);
        assert(entry != NULL);
        if (!tells_more(entry))
            continue;
        at = put_entry(at, entry);
        count++;
    }
    *out = NULL;
    *size = (size_t)(at - bytes);
    if (count == 0) {
        free(bytes);
        return 0;
    }
    store_u16(bytes, PRODUCER_RUNS_VERSION);
    store_u64(bytes + 6, (uint64_t)offset);
    store_u32(bytes + 14, load_u32(snapshot + 2));
    store_u32(bytes + 18, count);
    store_u32(bytes + 2, crc32c(0, bytes + CHECKED_FROM, *size - CHECKED_FROM));
    *out = bytes;
    return 0;
}

/* --- back ------------------------------------------------------------------------------------- */

static bool runs_plausible(const struct producer_entry *entry, int64_t offset)
{
    int64_t end = 0;
    for (size_t i = 0; i <= entry->newest_run; i++) {
        const struct producer_run *run = &entry->runs[i];
        if (run->count < 1 || run->first_sequence < 0 || run->first_offset < end ||
            run->first_offset > offset - run->count)
            return false;
        end = end_of(run);
    }
    return true;
}

/* Of all entries: whole, ascending, possible. */
static const char *entries_fault(const uint8_t *bytes, size_t size, int64_t offset)
{
    size_t at = PRODUCER_RUNS_HEAD;
    int64_t last = -1;
    for (uint32_t left = load_u32(bytes + 18); left > 0; left--) {
        struct producer_entry entry;
        if (size - at < ENTRY_HEAD || bytes[at + 8] < 1 || bytes[at + 8] > PRODUCER_RUNS ||
            size - at - ENTRY_HEAD < (size_t)bytes[at + 8] * RUN_SIZE)
            return "its count is not that of its entries";
        at = producer_runs_entry(bytes, at, &entry);
        if (entry.id <= last)
            return "its producers do not ascend";
        if (!runs_plausible(&entry, offset))
            return "its batches are not of a time before the file's offset";
        last = entry.id;
    }
    return at == size ? NULL : "its count is not that of its entries";
}

const char *producer_runs_fault(const uint8_t *bytes, size_t size, int64_t offset,
                                const uint8_t *snapshot)
{
    if (size < PRODUCER_RUNS_HEAD)
        return "it is too short";
    if (load_u16(bytes) != PRODUCER_RUNS_VERSION)
        return "its version is unknown";
    if (load_u32(bytes + 2) != crc32c(0, bytes + CHECKED_FROM, size - CHECKED_FROM))
        return "its checksum is wrong";
    if ((int64_t)load_u64(bytes + 6) != offset)
        return "it is of another offset";
#ifdef MUTANT_RUNS_UNBOUND
    snapshot = NULL;
#endif
    if (snapshot != NULL && load_u32(bytes + 14) != load_u32(snapshot + 2))
        return "it is of another snapshot than the one beside it";
    return entries_fault(bytes, size, offset);
}

/* Where in the table the producer is that `read` speaks of; state->capacity: it does not fit. */
static size_t place_of(const struct producer_state *state, const struct producer_entry *read)
{
    const struct producer_entry *entry = producer_state_find(state, read->id);
    if (entry == NULL || !ends_with_last(entry, &read->runs[read->newest_run]))
        return state->capacity;
    return (size_t)(entry - state->entries);
}

int producer_runs_decode(struct producer_state *state, const uint8_t *bytes, size_t size,
                         int64_t offset, const uint8_t *snapshot)
{
    struct producer_entry read;
    if (producer_runs_fault(bytes, size, offset, snapshot) != NULL)
        return K_CORRUPT;
    for (size_t at = PRODUCER_RUNS_HEAD; at < size; ) {
        at = producer_runs_entry(bytes, at, &read);
        if (place_of(state, &read) == state->capacity)
            return K_CORRUPT;
    }
    for (size_t at = PRODUCER_RUNS_HEAD; at < size; ) {
        at = producer_runs_entry(bytes, at, &read);
        struct producer_entry *entry = &state->entries[place_of(state, &read)];
        memcpy(entry->runs, read.runs, sizeof entry->runs);
        entry->newest_run = read.newest_run;
    }
    return 0;
}
