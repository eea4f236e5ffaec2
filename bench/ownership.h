/* ownership.h - who owns which partition while a group of consumers changes, for how long each
 * stood still, and when all is well again. In memory that a forked member shares.
 *
 * A phase begins with ownership_begin(). A partition stands still from when a member is told to
 * give it up (or falls silent) until another one, or the same, is told that it owns it. */
#ifndef BENCH_OWNERSHIP_H
#define BENCH_OWNERSHIP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct ownership;

/* What a phase was like, in microseconds. */
struct ownership_phase {
    int64_t took_us;            /* until every partition was owned, and evenly */
    int64_t still_us;           /* the longest that any partition stood still */
    int moved;                  /* partitions that have another owner now */
    int unmoved_paused;         /* that stood still and have the same */
};

/* Of at most 1,024 members. NULL: more, or no memory. Lives until the process ends. */
struct ownership *ownership_new(int partitions, int members_max);

/* Whoever counts as a member from now on, or not any more. */
void ownership_set_alive(struct ownership *ownership, int member, bool alive);

void ownership_begin(struct ownership *ownership);

/* A member was told so. Any process. */
void ownership_take(struct ownership *ownership, int member, int partition);
void ownership_give_up(struct ownership *ownership, int member, int partition);

/* From now on the member does nothing: what it owns stands still. */
void ownership_fall_silent(struct ownership *ownership, int member);

/* Does every partition have an owner that is alive, and every one of those its even share? */
bool ownership_settled(const struct ownership *ownership);

/* Who owns how much: why it is not settled. */
void ownership_explain(const struct ownership *ownership, FILE *out);

struct ownership_phase ownership_end(const struct ownership *ownership);

int64_t ownership_now_us(void);

#endif
