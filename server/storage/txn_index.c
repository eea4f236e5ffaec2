/* storage/txn_index.c - entries of the index of aborted transactions. */
#include "server/storage/txn_index.h"

#include "common/endian.h"
#include "common/error.h"

struct aborted_txn txn_index_decode(const uint8_t *at)
{
    return (struct aborted_txn){ .producer_id = (int64_t)load_u64(at + 2),
                                 .first_offset = (int64_t)load_u64(at + 10),
                                 .last_offset = (int64_t)load_u64(at + 18),
                                 .stable_end = (int64_t)load_u64(at + 26) };
}

struct aborted_txn txn_index_at(const struct index *index, size_t i)
{
    return txn_index_decode(index_at(index, i));
}

int txn_index_add(struct index *index, const struct aborted_txn *txn)
{
    uint8_t *at = index_add(index);
    if (at == NULL)
        return K_NOMEM;
    store_u16(at, 0);
    store_u64(at + 2, (uint64_t)txn->producer_id);
    store_u64(at + 10, (uint64_t)txn->first_offset);
    store_u64(at + 18, (uint64_t)txn->last_offset);
    store_u64(at + 26, (uint64_t)txn->stable_end);
    return 0;
}

const char *txn_index_fault(const struct index *index, size_t i, int64_t base, int64_t end)
{
    struct aborted_txn txn = txn_index_at(index, i);
    if (load_u16(index_at(index, i)) != 0)
        return "its version is unknown";
    if (txn.producer_id < 0 || txn.first_offset < 0 || txn.first_offset > txn.last_offset)
        return "its offsets make no sense";
    if (txn.last_offset < base || txn.last_offset >= end)
        return "its marker is not in the segment";
    if (txn.stable_end < 0 || txn.stable_end > txn.last_offset + 1)
        return "its last stable offset is beyond its marker";
    if (i > 0 && txn_index_at(index, i - 1).last_offset >= txn.last_offset)
        return "its marker is not after the one before";
    return NULL;
}

bool txn_index_valid(const struct index *index, int64_t base, int64_t end)
{
    for (size_t i = 0; i < index->count; i++)
        if (txn_index_fault(index, i, base, end) != NULL)
            return false;
    return true;
}

void txn_index_cut(struct index *index, int64_t offset)
{
    size_t count = index->count;
    while (count > 0 && txn_index_at(index, count - 1).last_offset >= offset)
        count--;
    index_cut(index, count);
}
