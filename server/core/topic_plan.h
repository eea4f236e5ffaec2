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

#endif
