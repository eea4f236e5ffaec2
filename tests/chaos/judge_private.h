/* judge_private.h - what the files of the judge share: judge.c hears producers, readers and the
 * final client, judge_groups.c the members of groups. */
#ifndef TESTS_CHAOS_JUDGE_PRIVATE_H
#define TESTS_CHAOS_JUDGE_PRIVATE_H

#include <stdbool.h>

#include "tests/chaos/judge.h"

/* What became of a record. */
enum outcome { OPEN, ACKED, REFUSED, UNKNOWN };

/* One that was sent: a row of its producer, at its sequence number. */
struct sent {
    int64_t sent_us, acked_us;
    int64_t acked_at;           /* offset */
    int64_t found_at;           /* offset in the final read, or -1 */
    uint32_t checksum;
    uint16_t partition;
    uint8_t outcome;
};

struct producer {
    struct sent *rows;
    uint64_t count, room;
};

/* A partition as the final read found it. */
struct partition {
    uint64_t *numbers;
    size_t count, room;
    int64_t known_end;          /* the highest that anybody knew of */
    int64_t end;                /* what the final client was told */
    uint64_t newest[HISTORY_CLIENTS_MAX];       /* sequence + 1 of each producer's latest record */
    int64_t last_ack_us;
};

struct judgement {
    struct producer producers[HISTORY_CLIENTS_MAX];
    struct partition partitions[HISTORY_PARTITIONS_MAX];
    struct judge_verdict *verdict;
    FILE *out;
};

/* Count a fault; true: it is one of the first, to be told to j->out. */
bool judge_count(struct judgement *j, enum judge_fault fault);

/* The row of a number, or NULL: nobody sent it. */
struct sent *judge_row(struct judgement *j, uint64_t number);

/* Room for twice as many; NULL when out of memory. */
void *judge_grow(void *array, size_t size, uint64_t *room);

/* After the final read was heard. 0, or -1 when memory ran out or members can not have written
 * that. */
int judge_groups(struct judgement *j, const struct history *histories, size_t count);

#endif
