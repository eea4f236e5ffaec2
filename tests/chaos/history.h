/* history.h - what the clients of a chaos run saw, event by event, in files of one layout.
 *
 * Each client writes a file of its own, in the order in which it saw things: eight bytes that say
 * what it is, then events of 32 bytes, in this machine's byte order. Times are CLOCK_MONOTONIC, so
 * they compare across the clients of one machine. */
#ifndef TESTS_CHAOS_HISTORY_H
#define TESTS_CHAOS_HISTORY_H

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
    HISTORY_KINDS
};

/* The number of a record says who sent it: the producer, then a count from 0. */
enum { HISTORY_CLIENT_SHIFT = 40, HISTORY_CLIENTS_MAX = 64, HISTORY_PARTITIONS_MAX = 64 };
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

int64_t history_now_us(void);

/* A new file; NULL with errno. Events are added by history_write() and it is closed with
 * fclose(), which says whether all was written. */
FILE *history_create(const char *path);
void history_write(FILE *file, const struct history_event *event);

/* Read a file. 0, or -1 after saying why on standard error. Free with history_fini(). */
int history_load(const char *path, struct history *out);
void history_fini(struct history *history);

#endif
