#include "server/core/topic_policy.h"

#include "common/error.h"
#include "server/core/controller.h"
#include "server/core/topic_plan.h"

#define GO_ON "or have the option changed on all brokers"

int topic_policy_check_partitions(const struct topic_policy *policy, int32_t partitions,
                                  struct k_reason *reason)
{
    if (policy->partitions_max == 0 || partitions <= policy->partitions_max)
        return 0;
    return k_reason_set(reason, K_POLICY_VIOLATION,
                        "create.topic.policy.max.partitions allows %d partitions, not %d: ask for "
                        "fewer, " GO_ON,
                        (int)policy->partitions_max, (int)partitions);
}

static int check_factor(const struct topic_policy *policy, int32_t factor, struct k_reason *reason)
{
    if (factor < policy->factor_min)
        return k_reason_set(reason, K_POLICY_VIOLATION,
                            "create.topic.policy.min.replication.factor wants %d replicas or more, "
                            "not %d: ask for more, " GO_ON,
                            (int)policy->factor_min, (int)factor);
    if (policy->factor_max != 0 && factor > policy->factor_max)
        return k_reason_set(reason, K_POLICY_VIOLATION,
                            "create.topic.policy.max.replication.factor allows %d replicas, not "
                            "%d: ask for fewer, " GO_ON,
                            (int)policy->factor_max, (int)factor);
    return 0;
}

int topic_policy_check(const struct topic_policy *policy, const struct controller_event *create,
                       struct k_reason *reason)
{
    int32_t factor = create->create.assignment_count > 0 ? create->create.assignment[0].count
                                                         : create->create.replication_factor;
    int error = 0;

    if (create->create.own)
        return 0;
    if (create->create.pattern != NULL)
        error = k_reason_set(reason, K_POLICY_VIOLATION,
                             "the name does not match create.topic.policy.name.pattern (%.60s): "
                             "choose one that does, " GO_ON,
                             create->create.pattern);
    if (error == 0)
        error = topic_policy_check_partitions(policy, topic_plan_partitions(create), reason);
    return error == 0 ? check_factor(policy, factor, reason) : error;
}
