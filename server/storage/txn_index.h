/* storage/txn_index.h - the aborted transactions of a segment: Kafka's *.txnindex.
 *
 * An entry stands in the segment that holds the abort marker. 34 bytes: i16 version 0, i64 producer
 * id, i64 first offset of the transaction, i64 offset of the marker, i64 last stable offset once
 * the marker was there. Markers ascend strictly. Kept as a struct index; most segments have none,
 * and no file. */
#ifndef STORAGE_TXN_INDEX_H
#define STORAGE_TXN_INDEX_H

#include <stdbool.h>

#include "server/storage/index.h"

enum { TXN_INDEX_ENTRY = 34 };

struct aborted_txn {
    int64_t producer_id;
    int64_t first_offset, last_offset;  /* of the transaction; the last one is its marker's */
    int64_t stable_end;                 /* no transaction that was open below it ended later */
};

struct aborted_txn txn_index_decode(const uint8_t *at);
struct aborted_txn txn_index_at(const struct index *index, size_t i);

/* Add at the end. 0 or K_NOMEM. */
int txn_index_add(struct index *index, const struct aborted_txn *txn);

/* What is wrong with entry `i` of a segment that holds [base, end), or NULL. */
const char *txn_index_fault(const struct index *index, size_t i, int64_t base, int64_t end);
bool txn_index_valid(const struct index *index, int64_t base, int64_t end);

/* Drop the transactions whose marker is at or beyond `offset`. */
void txn_index_cut(struct index *index, int64_t offset);

#endif
