/* machine.h - steps of the real core on a state. */
#ifndef TESTS_EXPLORE_MACHINE_H
#define TESTS_EXPLORE_MACHINE_H

#include "server/core/replica.h"
#include "tests/explore/state.h"

/* One event, and what its orders need to know. */
struct machine_input {
    struct replica_event event;
    const struct question *question;    /* FETCH */
    int follower;
    const struct answer *answer;        /* FETCHED */
    int64_t later_ms;                   /* after the moment at which nothing is due */
    int behind;                         /* 1 + the follower that is behind for too long; 0: none */
};

struct partition_state machine_state(const struct known *known, const struct bounds *bounds);
struct known machine_known(const struct partition_state *state);

void machine_restore(struct replica *replica, const struct state *state, int self,
                     const struct bounds *bounds);
/* *why is set when the replica goes offline. */
void machine_step(struct state *state, int self, const struct bounds *bounds,
                  const struct machine_input *input, const char **why);

void machine_tell(struct state *state, int self, const struct bounds *bounds, const char **why);
void machine_produce(struct state *state, int self, const struct bounds *bounds, const char **why);
void machine_ask(struct state *state, int follower, const struct question *question,
                 const struct bounds *bounds, const char **why);
void machine_answer(struct state *state, int self, const struct answer *answer,
                    const struct bounds *bounds, const char **why);
void machine_timeout(struct state *state, int self, const struct bounds *bounds, const char **why);
void machine_tick(struct state *state, int self, int64_t later_ms, int behind,
                  const struct bounds *bounds, const char **why);
void machine_verdict(struct state *state, int self, const struct verdict *verdict,
                     const struct bounds *bounds, const char **why);
void machine_start(struct state *state, int self, bool checkpointed, const struct bounds *bounds,
                   const char **why);
void machine_cut(struct state *state, int self, int end);

#endif
