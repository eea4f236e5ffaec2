/* storage/producer_state.h - what a log knows of each producer that wrote to it with an id.
 *
 * Pure memory: fed with every batch that has a producer id, in the order of the log; read from and
 * written to the form of Kafka's *.snapshot (docs/disk-format.md). Belongs to its log's loop.
 *
 * Invariants (asserted in producer_state.c)
 *   S1  noting the same batches in the same order gives the same state, whatever snapshots are
 *       taken and loaded on the way
 *   S2  `open` holds exactly the producers with a transaction under way, by first offset */
#ifndef STORAGE_PRODUCER_STATE_H
#define STORAGE_PRODUCER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Batches that follow each other without a gap, in sequence and in offset: known again by it. */
struct producer_run {
    int32_t first_sequence;
    int32_t count;                  /* of records; 0: unused */
    int64_t first_offset;
};

enum { PRODUCER_RUNS = 5 };         /* requests that a producer may have in flight */

struct producer_entry {
    int64_t id;                     /* -1: the place is free */
    int64_t last_offset;            /* of the newest batch; -1: none in this epoch */
    int64_t timestamp;              /* of the newest batch or marker */
    int64_t txn_first;              /* where the open transaction begins; -1: none is open */
    int32_t last_sequence;          /* -1: none */
    int32_t offset_delta;           /* last offset of the newest batch - its first */
    int32_t coordinator_epoch;      /* of the newest marker; -1: none */
    uint32_t idle;                  /* rounds of expiry since the newest batch */
    int16_t epoch;
    uint8_t newest_run;             /* index */
    struct producer_run runs[PRODUCER_RUNS];        /* of this epoch */
};

/* The numbers of batches back to back in one request. */
struct producer_numbers {
    int64_t id;                     /* -1: they have none */
    int16_t epoch;
    int32_t first, count;           /* sequence of the first record; records */
};

/* A transaction under way. */
struct producer_txn {
    int64_t first_offset, id;
};

struct producer_state {
    struct producer_entry *entries;     /* owned; open addressing, capacity is a power of two */
    size_t count, capacity;
    struct producer_txn *open;          /* owned; ascending */
    size_t open_count, open_capacity;
};

/* A marker that ended a transaction with data. */
struct producer_end {
    bool ended, aborted;
    int64_t id;
    int64_t first_offset, last_offset;  /* of the transaction; the last one is the marker's */
    int64_t stable_end;                 /* first offset of the next open one, or after the marker */
};

void producer_state_init(struct producer_state *state);
void producer_state_fini(struct producer_state *state);
void producer_state_clear(struct producer_state *state);

/* Room for `count` batches, so that noting them can not fail. NOMEM. */
int producer_state_reserve(struct producer_state *state, size_t count);

/* Account for a batch with a producer id; room was reserved. Of data batches the header is read,
 * control batches are here as a whole, or as far as `available` says: a marker that is not
 * readable is taken for one of an unknown kind and ignored. */
void producer_state_note(struct producer_state *state, const uint8_t *batch, size_t available,
                         struct producer_end *end);

/* May batches with these numbers follow what is there? 0 with *stored -1: they may; 0 with an
 * offset: they are there, from it on. DUPLICATE_SEQUENCE_NUMBER (they are there, but where is not
 * known any more), OUT_OF_ORDER_SEQUENCE_NUMBER (something is missing before them),
 * INVALID_PRODUCER_EPOCH (a newer one has written), UNKNOWN_PRODUCER_ID (not known, and they are
 * not its first). */
int producer_state_check(const struct producer_state *state, const struct producer_numbers *numbers,
                         int64_t *stored);

/* Called at intervals: forget who has not written for `rounds` of them and has no open transaction.
 * Counted in rounds and not by timestamps, which may be of any time. NOMEM: the next time. */
int producer_state_expire(struct producer_state *state, uint32_t rounds);

/* NULL: not known. */
const struct producer_entry *producer_state_find(const struct producer_state *state, int64_t id);

/* First offset of the oldest open transaction; -1: none is open. */
int64_t producer_state_first_open(const struct producer_state *state);

/* --- Kafka's snapshot file -------------------------------------------------------------------- */

enum {
    PRODUCER_SNAPSHOT_VERSION = 1,
    PRODUCER_SNAPSHOT_HEAD = 10,        /* version, checksum, count */
    PRODUCER_SNAPSHOT_ENTRY = 46,
    PRODUCER_SNAPSHOT_FILE_MAX = 1 << 29
};

/* Malloc'ed bytes of the file; producers ascend by id, so equal states have equal files. NOMEM. */
int producer_state_encode(const struct producer_state *state, uint8_t **out, size_t *size);

/* Replace the state by that of the file that says how things were before `offset`. CORRUPT (with
 * the state empty), NOMEM. */
int producer_state_decode(struct producer_state *state, const uint8_t *bytes, size_t size,
                          int64_t offset);

/* One entry of the file's bytes. */
struct producer_entry producer_snapshot_entry(const uint8_t *at);

/* Can it have been true before `offset`? */
bool producer_entry_plausible(const struct producer_entry *entry, int64_t offset);

/* Why the file can not be believed, or NULL. */
const char *producer_snapshot_fault(const uint8_t *bytes, size_t size);

#endif
