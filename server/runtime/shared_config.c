#include "server/runtime/shared_config.h"

#include <stdlib.h>
#include <string.h>

#include "server/runtime/topic_config_table.h"

/* What can not be understood was logged by topic_config_resolve(): nobody is throttled then. */
static int read_throttled(const struct metadata_topic *topic, const char *name, int32_t broker,
                          struct throttled *out)
{
    for (int32_t i = 0; i < topic->config_count; i++) {
        if (strcmp(topic->configs[i].name, name) == 0 &&
            throttled_read(topic->configs[i].value, broker, out) == K_NOMEM)
            return K_NOMEM;
    }
    return 0;
}

static void shared_config_free(struct shared_config *shared)
{
    throttled_fini(&shared->leader_throttled);
    throttled_fini(&shared->follower_throttled);
    free(shared);
}

struct shared_config *shared_config_new(const struct topic_config *defaults,
                                        const struct metadata_topic *topic, int32_t broker)
{
    struct shared_config *shared = calloc(1, sizeof *shared);
    if (shared == NULL)
        return NULL;
    shared->references = 1;
    topic_config_resolve(defaults, topic, &shared->config);
    topic_config_for_batches(&shared->config, &shared->rules);
    if (read_throttled(topic, TOPIC_LEADER_THROTTLED, broker, &shared->leader_throttled) == 0 &&
        read_throttled(topic, TOPIC_FOLLOWER_THROTTLED, broker, &shared->follower_throttled) == 0)
        return shared;
    shared_config_free(shared);
    return NULL;
}

struct shared_config *shared_config_ref(struct shared_config *shared)
{
    shared->references++;
    return shared;
}

void shared_config_unref(struct shared_config *shared)
{
    if (shared != NULL && --shared->references == 0)
        shared_config_free(shared);
}
