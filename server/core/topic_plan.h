/* core/topic_plan.h - is this a topic that can be created, and where would it go? Pure.
 *
 * Kafka's rules for names, counts and assignments. */
#ifndef CORE_TOPIC_PLAN_H
#define CORE_TOPIC_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "server/core/cluster.h"
#include "server/core/controller.h"

/* Does it follow the rule: 1 to 249 of [a-zA-Z0-9._-], neither "." nor ".."? */
bool topic_name_valid(const char *name);

/* How many partitions the request wants: those of its assignment when it has one. */
int32_t topic_plan_partitions(const struct controller_event *create);

/* Check everything but whether the name is taken. Returns 0, INVALID_TOPIC_EXCEPTION,
 * INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR, INVALID_REPLICA_ASSIGNMENT or INVALID_REQUEST;
 * on failure the reason is for people. */
int topic_plan_check(const struct cluster *cluster, const struct controller_event *create,
                     struct k_reason *reason);

/* Fill sets[0..topic_plan_partitions()) of a request that was checked. Returns 0 or K_NOMEM. */
int topic_plan_place(const struct cluster *cluster, const struct controller_event *create,
                     struct replica_set *sets);

/* Can `topic` have `partitions` in all? Returns 0, INVALID_PARTITIONS (fewer, as many, too many),
 * INVALID_REPLICA_ASSIGNMENT or INVALID_REPLICATION_FACTOR; the assignment is of the new ones. */
int topic_plan_check_more(const struct cluster *cluster, const struct topic *topic,
                          int32_t partitions, const struct replica_set *assignment,
                          int32_t assignment_count, struct k_reason *reason);

/* Fill one set per new partition of what was checked. Returns 0, K_NOMEM, or
 * INVALID_REPLICATION_FACTOR: the topic's record has no replicas to go by. */
int topic_plan_place_more(const struct cluster *cluster, const struct topic *topic,
                          int32_t partitions, const struct replica_set *assignment,
                          int32_t assignment_count, struct replica_set *sets);

#endif
