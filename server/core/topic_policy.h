/* core/topic_policy.h - what an operator allows topics to be: create.topic.policy.*. Pure.
 *
 * Judged of topics, and partitions, that are to come, after Kafka's own rules; what exists stays as
 * it is. The cluster's own topics are made as the options for them say and are not judged. */
#ifndef CORE_TOPIC_POLICY_H
#define CORE_TOPIC_POLICY_H

#include <stdint.h>

struct controller_event;
struct k_reason;

/* 0: no limit. */
struct topic_policy { int32_t partitions_max, factor_min, factor_max; };

/* Of a topic that passed topic_plan_check(). Returns 0 or POLICY_VIOLATION; the reason says which
 * limit it is and how to go on. */
int topic_policy_check(const struct topic_policy *policy, const struct controller_event *create,
                       struct k_reason *reason);

/* The same of a topic that is to have so many partitions in all. */
int topic_policy_check_partitions(const struct topic_policy *policy, int32_t partitions,
                                  struct k_reason *reason);

#endif
