/* storage/index_time.c - entries of the time index, and searching them. */
#include "server/storage/index_time.h"

#include "common/endian.h"
#include "common/error.h"

struct time_entry index_time_decode(const uint8_t *at)
{
    return (struct time_entry){ (int64_t)load_u64(at), (int32_t)load_u32(at + 8) };
}

struct time_entry index_time_at(const struct index *index, size_t i)
{
    return index_time_decode(index_at(index, i));
}

int index_time_add(struct index *index, struct time_entry entry)
{
    int64_t last = index->count == 0 ? -1 : index_time_at(index, index->count - 1).timestamp;
    if (entry.timestamp <= last)
        return 0;
    uint8_t *at = index_add(index);
    if (at == NULL)
        return K_NOMEM;
    store_u64(at, (uint64_t)entry.timestamp);
    store_u32(at + 8, (uint32_t)entry.relative);
    return 0;
}

bool index_time_find(const struct index *index, int64_t timestamp, struct time_entry *out)
{
    size_t low = 0, high = index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index_time_at(index, middle).timestamp <= timestamp)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0)
        *out = index_time_at(index, low - 1);
    return low > 0;
}

bool index_time_valid(const struct index *index, int64_t relative_end)
{
    struct time_entry before = { -1, -1 };
    for (size_t i = 0; i < index->count; i++) {
        struct time_entry entry = index_time_at(index, i);
        if (entry.timestamp <= before.timestamp || entry.relative < before.relative ||
            entry.relative < 0 || entry.relative >= relative_end)
            return false;
        before = entry;
    }
    return true;
}

void index_time_cut(struct index *index, int64_t relative)
{
    size_t count = index->count;
    while (count > 0 && index_time_at(index, count - 1).relative >= relative)
        count--;
    index_cut(index, count);
}
