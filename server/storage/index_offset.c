/* storage/index_offset.c - entries of the offset index, and searching them. */
#include "server/storage/index_offset.h"

#include <assert.h>

#include "common/endian.h"
#include "common/error.h"

struct offset_entry index_offset_decode(const uint8_t *at)
{
    return (struct offset_entry){ (int32_t)load_u32(at), (int32_t)load_u32(at + 4) };
}

struct offset_entry index_offset_at(const struct index *index, size_t i)
{
    return index_offset_decode(index_at(index, i));
}

int index_offset_add(struct index *index, struct offset_entry entry)
{
    if (index->count > 0) {
        struct offset_entry last = index_offset_at(index, index->count - 1);
        assert(last.relative < entry.relative && last.position < entry.position);
    }
    uint8_t *at = index_add(index);
    if (at == NULL)
        return K_NOMEM;
    store_u32(at, (uint32_t)entry.relative);
    store_u32(at + 4, (uint32_t)entry.position);
    return 0;
}

/* Entries with a key of at most `key`; the key is the field at `field` bytes into the entry. */
static size_t count_upto(const struct index *index, size_t field, int64_t key)
{
    size_t low = 0, high = index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((int32_t)load_u32(index_at(index, middle) + field) <= key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool index_offset_find(const struct index *index, int64_t relative, struct offset_entry *out)
{
    size_t count = count_upto(index, 0, relative);
    if (count > 0)
        *out = index_offset_at(index, count - 1);
    return count > 0;
}

bool index_offset_find_position(const struct index *index, int64_t position,
                                struct offset_entry *out)
{
    size_t count = count_upto(index, 4, position);
    if (count > 0)
        *out = index_offset_at(index, count - 1);
    return count > 0;
}

bool index_offset_valid(const struct index *index, int64_t size, int64_t relative_end)
{
    struct offset_entry before = { -1, -1 };
    for (size_t i = 0; i < index->count; i++) {
        struct offset_entry entry = index_offset_at(index, i);
        if (entry.relative <= before.relative || entry.position <= before.position)
            return false;
        before = entry;
    }
    return before.position < size && before.relative < relative_end;
}

void index_offset_cut(struct index *index, int64_t position)
{
    index_cut(index, count_upto(index, 4, position - 1));
}

void index_offset_cut_from(struct index *index, int64_t relative)
{
    index_cut(index, count_upto(index, 0, relative - 1));
}
