/* history.h - what the clients of a chaos run saw, event by event, in files of one layout.
 *
 * Each client writes a file of its own, in the order in which it saw things: eight bytes that say
 * what it is, then events of 32 bytes, in this machine's byte order. Times are CLOCK_MONOTONIC, so
 * they compare across the clients of one machine. */
#ifndef TESTS_CHAOS_HISTORY_H
#define TESTS_CHAOS_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum history_kind {
    HISTORY_SENT = 1,   /* handed to the producer: number, partition, checksum of its bytes */
    HISTORY_ACKED,      /* number, partition, offset */
    HISTORY_REFUSED,    /* number: failed, and is certainly not in the log; offset holds the code */
    HISTORY_UNKNOWN,    /* number: failed, may be in the log; offset holds the code */
    HISTORY_READ,       /* a consumer got it: number, partition, offset, checksum of what came */
    HISTORY_END,        /* a consumer was told that the partition ends at offset */
    HISTORY_RANGE,      /* a consumer was told that what it wants next, offset, is out of range */
    HISTORY_FINAL,      /* as READ, by the client that reads everything when all is quiet */
    HISTORY_FINAL_END,  /* where that client was told that the partition ends */

    /* Of groups of consumers; `client` is the group. */
    HISTORY_JOINED,     /* a member was told of a rebalance: number is the generation, offset says
                           how many processes were started before it, checksum whom it stands for
                           (a static member and those that take its place are the same) */
    HISTORY_ASSIGNED,   /* after JOINED, of each partition that it holds now */
    HISTORY_REVOKED,    /* it gives the partition up, or hears that it is lost */
    HISTORY_PROCESSED,  /* `number` records of partition from offset on; checksum: history_fold() of
                           all of them */
    HISTORY_ASKED,      /* it is about to ask that offset be committed of partition; number is that
                           of the call */
    HISTORY_COMMITTED,  /* what this call asked for is committed */
    HISTORY_LOOKED,     /* somebody was told what is committed: offset (-1: nothing); number is when
                           it was asked, as time_us */
    HISTORY_KINDS
};

/* The number of a record says who sent it: the producer, then a count from 0. */
enum { HISTORY_CLIENT_SHIFT = 40, HISTORY_CLIENTS_MAX = 64, HISTORY_PARTITIONS_MAX = 64,
       HISTORY_GROUPS_MAX = 8 };
#define HISTORY_UNREADABLE UINT64_MAX   /* a record that no producer can have made */

struct history_event {
    int64_t time_us;
    uint64_t number;
    int64_t offset;
    uint32_t checksum;
    uint16_t partition;
    uint8_t kind, client;
};

/* The events of one client. */
struct history {
    struct history_event *events;
    size_t count;
};

static inline uint64_t history_number(unsigned producer, uint64_t sequence)
{
    return (uint64_t)producer << HISTORY_CLIENT_SHIFT | sequence;
}

/* One more record; begin with 0. */
static inline uint32_t history_fold(uint32_t sum, uint64_t number, uint32_t checksum)
{
    return (uint32_t)((((uint64_t)sum << 32 | checksum) ^ number * UINT64_C(0xff51afd7ed558ccd)) *
                          UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

int64_t history_now_us(void);

/* A new file; NULL with errno. Events are added by history_write() and it is closed with
 * fclose(), which says whether all was written. */
FILE *history_create(const char *path);
void history_write(FILE *file, const struct history_event *event);

/* Read a file. `killed`: whoever wrote it may have been killed within an event, which is left out
 * then. 0, or -1 after saying why on standard error. Free with history_fini(). */
int history_load(const char *path, bool killed, struct history *out);
void history_fini(struct history *history);

#endif
