/* runtime/state_node.h - the state of a partition, as its znode has it. */
#ifndef RUNTIME_STATE_NODE_H
#define RUNTIME_STATE_NODE_H

#include <stddef.h>

#include "common/error.h"
#include "server/core/partition_state.h"

struct arena;

/* In the arena, zero-terminated; NULL when out of memory. */
char *state_node_encode(struct arena *arena, const struct partition_state *state);

/* Fills in all but the version and the replicas, which do not stand in the node. Returns 0, CORRUPT
 * (with a reason that names the field; NULL: not wanted) or NOMEM; then nothing is filled in. */
int state_node_decode(struct arena *arena, const char *data, size_t size,
                      struct partition_state *state, struct k_reason *reason);

#endif
