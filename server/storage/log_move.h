/* storage/log_move.h - the log of one partition goes to another log directory of its broker.
 *
 *   log_move_new    decide whether it can
 *   log_move_copy   while the log is in use: most of the bytes
 *   log_move_finish the log is closed clean, nobody opens it: the rest, and the change itself
 *
 * Belongs to one thread at a time; all but new, and free when it is not to tidy, block on the disk.
 *
 * Invariants
 *   M1  at every moment one directory named "<topic>-<partition>" counts, and it is complete: until
 *       the copy gets that name it is called "-future", which no start takes for a log
 *   M2  before the copy gets the name, all of it and its marks are on the disk
 *   M3  where a crash leaves two of the name, each says whether it was opened since: one that was
 *       counts, and while none was, the copy. This holds also when one of the directories was
 *       missing for a while
 *   M4  once the copy has the name the log has moved, whatever fails afterwards */
#ifndef STORAGE_LOG_MOVE_H
#define STORAGE_LOG_MOVE_H

#include <stdbool.h>
#include <stdint.h>

struct log_move;
struct logdir;

struct log_move_options {
    struct logdir *from, *to;           /* borrowed */
    const char *topic;                  /* copied */
    int32_t partition;
    bool (*stop)(const void *context);  /* asked between pieces of work: end it, CLOSED */
    const void *context;
};

/* NOMEM. */
int log_move_new(const struct log_move_options *options, struct log_move **out);

/* The log may be appended to, cut and compacted meanwhile. After an error only free. EXISTS (the
 * other directory holds something of that name), DISK_FULL, NOMEM, CLOSED, KAFKA_STORAGE_ERROR. */
int log_move_copy(struct log_move *move);

/* 0: the log is in the other directory, and only there; *doomed is what its former one is called
 * until it is deleted, malloc'ed, or NULL. Errors as above: the log is where it was. */
int log_move_finish(struct log_move *move, char **doomed);

/* `tidy`: delete what was copied for nothing, else the next start does. NULL is allowed. */
void log_move_free(struct log_move *move, bool tidy);

/* A log is about to be opened: from now on it counts, and does not wait for another. IO. */
struct io;
int log_move_claim(const struct io *io, const char *partition_path);

/* Both directories hold a log of this partition. Take the one out of the way that does not count;
 * *winner is the other. NOT_FOUND: no move tells which. When the other can not be taken away (IO,
 * DISK_FULL), the winner is to be used all the same. */
int log_move_settle(struct logdir *a, struct logdir *b, const char *topic, int32_t partition,
                    struct logdir **winner);

#endif
