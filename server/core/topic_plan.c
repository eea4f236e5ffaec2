#include "server/core/topic_plan.h"

#include <string.h>

#include "common/error.h"
#include "server/core/election.h"
#include "server/core/placement.h"

bool topic_name_valid(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t length = strlen(name);

    return length >= 1 && length <= TOPIC_NAME_MAX && strspn(name, allowed) == length &&
           strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* '.' and '_' are one character in the names of metrics. */
static bool names_collide(const char *a, const char *b)
{
    for (; *a != '\0' && *b != '\0'; a++, b++)
        if ((*a == '.' ? '_' : *a) != (*b == '.' ? '_' : *b))
            return false;
    return *a == *b;
}

/* Creating a topic is rare, and most names have neither character: no index is kept for this. */
static const struct topic *find_colliding(const struct cluster *cluster, const char *name)
{
    if (strpbrk(name, "._") == NULL)
        return NULL;
    LIST_EACH(&cluster->topics, node)
    {
        const struct topic *topic = LIST_OWNER(node, struct topic, order);
        if (names_collide(topic->name, name) && strcmp(topic->name, name) != 0)
            return topic;
    }
    return NULL;
}

int32_t topic_plan_partitions(const struct controller_event *create)
{
    return create->create.assignment_count > 0 ? create->create.assignment_count
                                               : create->create.partitions;
}

static int check_name(const struct cluster *cluster, const char *name, struct k_reason *reason)
{
    if (!topic_name_valid(name))
        return k_reason_set(reason, K_INVALID_TOPIC_EXCEPTION, "%s",
                            k_error_text(K_INVALID_TOPIC_EXCEPTION));

    const struct topic *colliding = find_colliding(cluster, name);
    if (colliding != NULL)
        return k_reason_set(
            reason, K_INVALID_TOPIC_EXCEPTION,
            "the name collides with topic '%.100s': '.' and '_' are the same in the "
            "names of metrics",
            colliding->name);
    return 0;
}

static int check_replication_factor(const struct cluster *cluster, int32_t factor,
                                    struct k_reason *reason)
{
    if (factor < 1)
        return k_reason_set(reason, K_INVALID_REPLICATION_FACTOR,
                            "the replication factor must be at least 1, not %d", (int)factor);
    if (factor > REPLICAS_MAX)
        return k_reason_set(reason, K_INVALID_REPLICATION_FACTOR,
                            "the replication factor can be at most %d, not %d", (int)REPLICAS_MAX,
                            (int)factor);
    if ((size_t)factor > cluster->broker_count)
        return k_reason_set(reason, K_INVALID_REPLICATION_FACTOR,
                            "%d replicas need as many brokers, but %zu are registered",
                            (int)factor, cluster->broker_count);
    return 0;
}

static int check_assigned(const struct cluster *cluster, const struct replica_set *set,
                          int32_t factor, int32_t partition, struct k_reason *reason)
{
    if (set->count < 1 || set->count > REPLICAS_MAX || set->count != factor)
        return k_reason_set(
            reason, K_INVALID_REPLICA_ASSIGNMENT,
            "partition %d: every partition needs the same number of replicas, 1 to %d",
            (int)partition, (int)REPLICAS_MAX);

    for (int32_t i = 0; i < set->count; i++) {
        if (broker_find(cluster->brokers, cluster->broker_count, set->ids[i]) == NULL)
            return k_reason_set(reason, K_INVALID_REPLICA_ASSIGNMENT,
                                "partition %d: broker %d is not registered", (int)partition,
                                (int)set->ids[i]);
        for (int32_t j = 0; j < i; j++)
            if (set->ids[j] == set->ids[i])
                return k_reason_set(reason, K_INVALID_REPLICA_ASSIGNMENT,
                                    "partition %d: broker %d is named twice", (int)partition,
                                    (int)set->ids[i]);
    }
    return 0;
}

/* Counts beside an assignment may be left out (0 or less) or must agree with it. */
static int check_assignment(const struct cluster *cluster, const struct controller_event *create,
                            struct k_reason *reason)
{
    int32_t count = create->create.assignment_count;
    int32_t factor = create->create.assignment[0].count;

    if (create->create.partitions > 0 && create->create.partitions != count)
        return k_reason_set(reason, K_INVALID_REQUEST,
                            "%d partitions are asked for, but replicas are assigned to %d",
                            (int)create->create.partitions, (int)count);
    if (create->create.replication_factor > 0 && create->create.replication_factor != factor)
        return k_reason_set(reason, K_INVALID_REQUEST,
                            "a replication factor of %d is asked for, but the assignment has %d",
                            (int)create->create.replication_factor, (int)factor);
    for (int32_t p = 0; p < count; p++) {
        int error = check_assigned(cluster, &create->create.assignment[p], factor, p, reason);
        if (error != 0)
            return error;
    }
    return check_replication_factor(cluster, factor, reason);
}

int topic_plan_check(const struct cluster *cluster, const struct controller_event *create,
                     struct k_reason *reason)
{
    int32_t partitions = topic_plan_partitions(create);
    int error = check_name(cluster, create->create.name, reason);

    if (error != 0)
        return error;
    if (partitions < 1 || partitions > PARTITIONS_PER_TOPIC_MAX)
        return k_reason_set(reason, K_INVALID_PARTITIONS, "a topic has 1 to %d partitions, not %d",
                            (int)PARTITIONS_PER_TOPIC_MAX, (int)partitions);
    if (create->create.assignment_count > 0)
        return check_assignment(cluster, create, reason);
    return check_replication_factor(cluster, create->create.replication_factor, reason);
}

int topic_plan_place(const struct cluster *cluster, const struct controller_event *create,
                     struct replica_set *sets)
{
    if (create->create.assignment_count > 0) {
        memcpy(sets, create->create.assignment,
               (size_t)create->create.assignment_count * sizeof *sets);
        return 0;
    }
    return placement_choose(cluster->brokers, cluster->broker_count, create->create.partitions,
                            create->create.replication_factor, create->create.seed, sets);
}

/* --- more partitions for a topic that exists -------------------------------------------------- */

static int32_t factor_of(const struct topic *topic)
{
    return topic->partition_count > 0 ? topic->partitions[0].stored.replicas.count : 0;
}

int topic_plan_check_more(const struct cluster *cluster, const struct topic *topic,
                          int32_t partitions, const struct replica_set *assignment,
                          int32_t assignment_count, struct k_reason *reason)
{
    int32_t more = partitions - topic->partition_count;

    if (partitions < topic->partition_count)
        return k_reason_set(reason, K_INVALID_PARTITIONS,
                            "the topic has %d partitions: their number can grow, but not fall to "
                            "%d",
                            (int)topic->partition_count, (int)partitions);
    if (more == 0)
        return k_reason_set(reason, K_INVALID_PARTITIONS, "the topic has %d partitions already",
                            (int)partitions);
    if (partitions > PARTITIONS_PER_TOPIC_MAX)
        return k_reason_set(reason, K_INVALID_PARTITIONS, "a topic has 1 to %d partitions, not %d",
                            (int)PARTITIONS_PER_TOPIC_MAX, (int)partitions);
    if (assignment_count > 0 && assignment_count != more)
        return k_reason_set(reason, K_INVALID_REPLICA_ASSIGNMENT,
                            "%d partitions are new, but replicas are assigned to %d", (int)more,
                            (int)assignment_count);
    for (int32_t i = 0; i < assignment_count; i++) {
        int error = check_assigned(cluster, &assignment[i], factor_of(topic),
                                   topic->partition_count + i, reason);
        if (error != 0)
            return error;
    }
    if (assignment_count == 0 && (size_t)factor_of(topic) > cluster->broker_count)
        return k_reason_set(reason, K_INVALID_REPLICATION_FACTOR,
                            "%d replicas are needed, but %zu brokers are registered",
                            (int)factor_of(topic), cluster->broker_count);
    return 0;
}

int topic_plan_place_more(const struct cluster *cluster, const struct topic *topic,
                          int32_t partitions, const struct replica_set *assignment,
                          int32_t assignment_count, struct replica_set *sets)
{
    const struct replica_set *first = &topic->partitions[0].stored.replicas;

    if (assignment_count > 0) {
        memcpy(sets, assignment, (size_t)assignment_count * sizeof *sets);
        return 0;
    }
    return placement_extend(cluster->brokers, cluster->broker_count,
                            first->count > 0 ? first->ids[0] : 0, topic->partition_count,
                            partitions - topic->partition_count, factor_of(topic), sets);
}
