/* api/authorise.h - the one place that decides who may do what. Thread-safe: no state yet. */
#ifndef API_AUTHORISE_H
#define API_AUTHORISE_H

#include "common/uuid.h"

/* Who is at the other end of a connection. */
struct principal {
    const char *name;               /* "anonymous" until connections authenticate */
};

enum operation {
    OPERATION_READ, OPERATION_WRITE, OPERATION_CREATE, OPERATION_DELETE, OPERATION_DESCRIBE,
    OPERATION_DESCRIBE_CONFIGS, OPERATION_ALTER, OPERATION_ALTER_CONFIGS, OPERATION_CLUSTER_ACTION
};

enum resource_kind { RESOURCE_CLUSTER, RESOURCE_TOPIC, RESOURCE_GROUP };

struct resource {
    enum resource_kind kind;
    const char *name;               /* of a group; of a topic, unless it is named by id; or NULL */
    const struct uuid *topic_id;    /* of a topic, when the request names it so; else NULL */
};

/* Returns 0 or the AUTHORIZATION_FAILED of the resource: TOPIC_, GROUP_ or CLUSTER_. Everything is
 * allowed until brokers know principals and rules. */
int authorise(const struct principal *principal, enum operation operation,
              const struct resource *resource);

static inline int authorise_topic_id(const struct principal *principal, enum operation operation,
                                     const struct uuid *topic_id)
{
    return authorise(principal, operation,
                     &(struct resource){ .kind = RESOURCE_TOPIC, .topic_id = topic_id });
}

static inline int authorise_topic(const struct principal *principal, enum operation operation,
                                  const char *name)
{
    return authorise(principal, operation,
                     &(struct resource){ .kind = RESOURCE_TOPIC, .name = name });
}

static inline int authorise_group(const struct principal *principal, enum operation operation,
                                  const char *name)
{
    return authorise(principal, operation,
                     &(struct resource){ .kind = RESOURCE_GROUP, .name = name });
}

static inline int authorise_cluster(const struct principal *principal, enum operation operation)
{
    return authorise(principal, operation, &(struct resource){ .kind = RESOURCE_CLUSTER });
}

#endif
