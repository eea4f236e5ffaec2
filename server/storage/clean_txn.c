#include "server/storage/clean_txn.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"
#include "common/error.h"
#include "proto/batch.h"
#include "server/storage/txn_index.h"

struct clean_aborted {
    int64_t producer, first, last;
    bool seen;                          /* some of its data */
    uint8_t entry[TXN_INDEX_ENTRY];
};

void clean_txn_init(struct clean_txn *txn)
{
    *txn = (struct clean_txn){ .aborted = NULL };
    map_init(&txn->ongoing);
    map_init(&txn->committed);
}

void clean_txn_fini(struct clean_txn *txn)
{
    map_fini(&txn->ongoing);
    map_fini(&txn->committed);
    free(txn->aborted);
}

static int add(struct clean_txn *txn, const uint8_t *entry)
{
    if (txn->aborted_count == txn->aborted_capacity) {
        size_t capacity = txn->aborted_capacity == 0 ? 16 : 2 * txn->aborted_capacity;
        struct clean_aborted *aborted = realloc(txn->aborted, capacity * sizeof *aborted);
        if (aborted == NULL)
            return K_NOMEM;
        txn->aborted = aborted;
        txn->aborted_capacity = capacity;
    }
    struct clean_aborted *one = &txn->aborted[txn->aborted_count++];
    struct aborted_txn decoded = txn_index_decode(entry);
    *one = (struct clean_aborted){ .producer = decoded.producer_id,
                                   .first = decoded.first_offset, .last = decoded.last_offset };
    memcpy(one->entry, entry, TXN_INDEX_ENTRY);
    return 0;
}

int clean_txn_load(struct clean_txn *txn, const struct io *io, const char *path, int64_t base,
                   int64_t end)
{
    struct index index;
    index_init(&index, TXN_INDEX_ENTRY);
    int error = index_load(&index, io, path);
    /* Data is deleted on the strength of it, and it has no checksum. */
    if (error == 0 && !txn_index_valid(&index, base, end))
        error = K_CORRUPT;
    for (size_t i = 0; error == 0 && i < index.count; i++)
        error = add(txn, index_at(&index, i));
    index_fini(&index);
    return error == K_NOT_FOUND ? 0 : error;
}

static int by_first(const void *a, const void *b)
{
    const struct clean_aborted *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

void clean_txn_start(struct clean_txn *txn, int64_t from)
{
    if (txn->aborted_count > 1)
        qsort(txn->aborted, txn->aborted_count, sizeof *txn->aborted, by_first);
    map_fini(&txn->ongoing);
    map_fini(&txn->committed);
    map_init(&txn->ongoing);
    map_init(&txn->committed);
    txn->next = 0;
    txn->from = from;
    for (size_t i = 0; i < txn->aborted_count; i++)
        txn->aborted[i].seen = false;
}

/* Transactions that began up to `offset` are under way. */
static int reach(struct clean_txn *txn, int64_t offset)
{
    while (txn->next < txn->aborted_count && txn->aborted[txn->next].first <= offset) {
        struct clean_aborted *one = &txn->aborted[txn->next];
        int error = one->last < txn->from ? 0 : map_put(
            &txn->ongoing, &one->producer, sizeof one->producer, one, NULL);
        if (error != 0)
            return error;
        txn->next++;
    }
    return 0;
}

int clean_txn_data(struct clean_txn *txn, const uint8_t *batch, bool *discard)
{
    *discard = false;
    if ((batch_attributes(batch) & BATCH_TRANSACTIONAL) == 0)
        return 0;
    int error = reach(txn, batch_last_offset(batch));
    if (error != 0)
        return error;
    int64_t producer = batch_producer_id(batch);
    struct clean_aborted *aborted = map_get(&txn->ongoing, &producer, sizeof producer);
    /* An index that lies must not take what came after the transaction. */
    if (aborted != NULL && batch_last_offset(batch) <= aborted->last) {
        aborted->seen = true;
        *discard = true;
        return 0;
    }
    return map_put(&txn->committed, &producer, sizeof producer, txn, NULL);
}

int clean_txn_marker(struct clean_txn *txn, const uint8_t *batch, const uint8_t *key,
                     int32_t key_size, struct buffer *index, bool *discard)
{
    int64_t producer = batch_producer_id(batch);
    int error = reach(txn, batch_last_offset(batch));
    if (error != 0)
        return error;
    enum record_marker type = record_marker(key, key_size);
    *discard = false;
    if (type == MARKER_COMMIT) {
        *discard = map_remove(&txn->committed, &producer, sizeof producer) == NULL;
    } else if (type == MARKER_ABORT) {
        struct clean_aborted *aborted = map_remove(&txn->ongoing, &producer, sizeof producer);
        bool data = map_remove(&txn->committed, &producer, sizeof producer) != NULL;
        if (data && aborted == NULL)
            return K_CORRUPT;           /* the index lacks it: what was aborted would come back */
        *discard = aborted == NULL || !aborted->seen;
        if (!*discard && index != NULL)
            error = buffer_copy(index, aborted->entry, TXN_INDEX_ENTRY);
    }
    return error;
}
