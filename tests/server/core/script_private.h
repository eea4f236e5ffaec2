/* script_private.h - what the two files of the controller's script share:
 *
 *   script_controller.c   reads events
 *   script_print.c        prints what the controller answers */
#ifndef TESTS_SCRIPT_PRIVATE_H
#define TESTS_SCRIPT_PRIVATE_H

#include "server/core/controller.h"
#include "tests/server/core/transcript.h"

enum { LIST_MAX = 32, STATES_MAX = 2048 };

struct stage {
    struct controller *controller;
    int64_t now_ms;
    struct controller_topic topics[LIST_MAX];
    size_t topic_count;
    /* The changes of each token, for the verdicts. */
    size_t change_counts[256];
};

/* " adding 3 removing 1", or nothing. */
void script_print_moves(FILE *out, const struct replica_set *replicas, struct replica_moves moves);
/* A line; for controller_reassignments(). */
void script_print_move(void *out, const char *topic, int32_t partition,
                       const struct partition_state *state, struct replica_moves moves);
void script_print(struct stage *stage, const struct controller_effect *effect, FILE *out);

#endif
