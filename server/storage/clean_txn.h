/* storage/clean_txn.h - what becomes of the batches of transactions while a log is cleaned.
 *
 * Batches are shown in the order of the log, up to an offset below which no transaction is open.
 * Kafka's rules: data of an aborted transaction goes; a marker may go once none of its data was
 * seen any more. Whoever asks never deletes such a marker at once: it gets a horizon first. */
#ifndef STORAGE_CLEAN_TXN_H
#define STORAGE_CLEAN_TXN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/map.h"

struct buffer;
struct io;

struct clean_aborted;

struct clean_txn {
    struct clean_aborted *aborted;      /* owned; by first offset once started */
    size_t aborted_count, aborted_capacity;
    size_t next;                        /* the first that was not reached yet */
    int64_t from;                       /* those that ended before are not met any more */
    struct map ongoing;                 /* producer id to struct clean_aborted, borrowed */
    struct map committed;               /* producer ids with data since their last marker */
};

void clean_txn_init(struct clean_txn *txn);
void clean_txn_fini(struct clean_txn *txn);

/* Add the entries of the `.txnindex` file of a segment that holds [base, end); none is fine.
 * CORRUPT (also when they can not be of that segment), NOMEM, IO. */
int clean_txn_load(struct clean_txn *txn, const struct io *io, const char *path, int64_t base,
                   int64_t end);

/* All entries are there: begin (again) with batches from offset `from` on. */
void clean_txn_start(struct clean_txn *txn, int64_t from);

/* A batch that is no marker: does its data go? NOMEM. */
int clean_txn_data(struct clean_txn *txn, const uint8_t *batch, bool *discard);

/* A marker, and its first record's key: may it go? When the marker of an aborted transaction with
 * data before it stays, its index entry is appended to `index` (NULL: not wanted). NOMEM, CORRUPT
 * (it aborts data that no index entry speaks of). */
int clean_txn_marker(struct clean_txn *txn, const uint8_t *batch, const uint8_t *key,
                     int32_t key_size, struct buffer *index, bool *discard);

#endif
