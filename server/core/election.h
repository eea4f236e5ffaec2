/* core/election.h - which replica leads a partition. Pure functions over small sorted sets. */
#ifndef CORE_ELECTION_H
#define CORE_ELECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/core/controller.h"

/* The broker with this id; NULL when it is not in the array, which is sorted by id. */
const struct controller_broker *broker_find(const struct controller_broker *brokers, size_t count,
                                            int32_t id);

bool replica_set_has(const struct replica_set *set, int32_t id);

/* The clean winner: the first of `assignment` that is live and in sync, -1 when there is none.
 * `live` is sorted by id. */
int32_t election_winner(const struct replica_set *assignment, const struct replica_set *isr,
                        const struct controller_broker *live, size_t live_count);

#endif
