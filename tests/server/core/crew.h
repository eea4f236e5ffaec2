/* crew.h - the replicas of one partition, their disks, the network between them and a controller,
 * driven by a seed.
 *
 * Messages between brokers are lost, sent twice and overtake each other, but none reaches another
 * life of its addressee. Brokers crash, with and without what is not on their disks, lose their
 * session while they go on, and come back. The controller removes the dead from the set and elects,
 * late. After every event the invariants of all replicas are proved, and what they say is compared
 * with all that was ever committed. */
#ifndef TESTS_CREW_H
#define TESTS_CREW_H

#include <stdint.h>

/* What has to happen in some life, or the lives prove nothing. */
#define CREW_SIGHTS(X)                                                                             \
    X(ELECTION, "clean election")                                                                  \
    X(UNCLEAN, "unclean election")                                                                 \
    X(ELIGIBLE, "election of an eligible replica")                                                 \
    X(LOSSY, "election among replicas that lost records")                                          \
    X(SAME_EPOCH, "another life that leads the same epoch")                                        \
    X(GROWN, "set grown")                                                                          \
    X(SHRUNK, "set shrunk by its leader")                                                          \
    X(REFUSED, "proposal refused")                                                                 \
    X(DOUBT, "fetch while a set is in doubt")                                                      \
    X(TRUNCATED, "truncation")                                                                     \
    X(CUT_COMMITTED, "truncation below the watermark")                                             \
    X(RESET, "log begun anew")                                                                     \
    X(TRIMMED, "log trimmed")                                                                      \
    X(COMMITTED, "acknowledged produce")                                                           \
    X(TOO_FEW, "produce answered because the set is too small")                                    \
    X(DEPOSED, "produce answered because the leader is another")                                   \
    X(NO_LEASE, "acks=all accepted without the lease")                                             \
    X(FLUSH_KEPT, "flag for flushed members stored")

enum crew_sight {
#define X(name, text) CREW_##name,
    CREW_SIGHTS(X)
#undef X
        CREW_SIGHT_COUNT
};

struct crew;

struct crew *crew_new(uint64_t seed);
void crew_free(struct crew *crew);
/* One random event. */
void crew_turn(struct crew *crew);
/* Faults end. All replicas must be in sync with equal logs soon, and what is produced committed. */
void crew_settle(struct crew *crew);
/* Add what was seen. */
void crew_count(const struct crew *crew, uint64_t counts[CREW_SIGHT_COUNT]);

#endif
