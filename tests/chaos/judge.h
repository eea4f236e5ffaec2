/* judge.h - what a history of a chaos run proves: each way in which a log, or a group of consumers,
 * can lie, counted.
 *
 * A history is judged as a whole, after the run: the final read says what every partition holds for
 * good, and everything that was acknowledged, read or refused before must agree with it. The cost
 * is linear in the number of events. No clock, no file: histories may be made by hand. */
#ifndef TESTS_CHAOS_JUDGE_H
#define TESTS_CHAOS_JUDGE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tests/chaos/history.h"

/* X(NAME, "word", "what it means") */
#define JUDGE_TABLE(X)                                                                             \
    X(LOST, "lost", "acknowledged, and not in the final read")                                     \
    X(MOVED, "moved", "acknowledged at another offset than where it is")                           \
    X(DUPLICATE, "duplicate", "stored twice by an idempotent producer")                            \
    X(REORDERED, "reordered", "a producer's records of a partition in another order than sent")    \
    X(TIMELESS, "timeless", "stored before a record whose acknowledgement came before its send")   \
    X(PHANTOM, "phantom", "in the log, and never sent")                                            \
    X(CHANGED, "changed", "other bytes than were sent")                                            \
    X(MISPLACED, "misplaced", "in another partition than it was sent to")                          \
    X(DENIED, "denied", "reported as certainly not written, and stored or read all the same")      \
    X(HOLE, "hole", "offsets of a partition are not dense")                                        \
    X(SHORT, "short", "the log ends before an end that was seen")                                  \
    X(BACKWARD, "backward", "the end that one client sees went back")                              \
    X(VANISHED, "vanished", "a record that was read is not there any more")                        \
    X(REPLACED, "replaced", "where a record was read there is another one")                        \
    X(DAMAGED, "damaged", "a consumer got other bytes than were sent")                             \
    X(SKIPPED, "skipped", "a consumer missed records, or got them twice")                          \
    X(RANGE, "range", "a consumer was told that an offset within the log is out of range")         \
    X(FORGED, "forged", "an outcome of what was not sent, or a second one")                        \
    X(UNANSWERED, "unanswered", "sent, and no outcome was ever reported")                          \
    X(SHARED, "shared", "a partition with two owners in one generation of a group")                \
    X(UNINVITED, "uninvited", "records of a partition that the member does not hold")              \
    X(MISREAD, "misread", "a member processed other records than are there")                       \
    X(REWOUND, "rewound", "a member begins before what an earlier owner had committed")            \
    X(ZOMBIE, "zombie", "a commit of somebody whose successor was there already")                  \
    X(FORGOTTEN, "forgotten", "less is committed than was acknowledged")                           \
    X(UNPROCESSED, "unprocessed", "stored, and not processed by a group")

enum judge_fault {
#define X(NAME, word, text) JUDGE_##NAME,
    JUDGE_TABLE(X)
#undef X
    JUDGE_FAULTS
};

struct judge_verdict {
    uint64_t faults[JUDGE_FAULTS];
    uint64_t sent, acked, refused, unknown, read, final;
    uint64_t generations, processed, commits;   /* of all groups; commits that were acknowledged */
    int64_t pause_us;           /* longest between two acknowledgements that one producer got of one
                                   partition */
};

const char *judge_word(enum judge_fault fault);
const char *judge_text(enum judge_fault fault);

/* Judge the histories of all clients. The first few of each fault are told to `out` (NULL:
 * nobody). 0, or -1 when memory ran out or an event is none that a client can write. */
int judge(const struct history *histories, size_t count, FILE *out, struct judge_verdict *verdict);

/* No fault at all. */
int judge_is_clean(const struct judge_verdict *verdict);

#endif
