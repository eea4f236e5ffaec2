/* /brokers/topics/T and the state of its partitions. */
#include <stdio.h>
#include <string.h>

#include "zk/znode_json.h"

/* --- topic id and assignment, Kafka's version 3 ---------------------------------------------- */

/* {"0":[3]}, for partitions that have some. NULL when out of memory. */
static json_t *encode_some(const struct znode_replicas *sets, size_t count)
{
    json_t *map = json_object();

    for (size_t i = 0; map != NULL && sets != NULL && i < count; i++) {
        char key[24];

        if (sets[i].count == 0)
            continue;
        snprintf(key, sizeof key, "%zu", i);
        if (json_object_set_new(map, key, znode_json_from_ids(&sets[i])) == 0)
            continue;
        json_decref(map);
        return NULL;
    }
    return map;
}

char *znode_encode_topic(struct arena *arena, const struct znode_topic *topic)
{
    json_t *partitions = json_object();
    bool failed = partitions == NULL;

    for (size_t i = 0; !failed && i < topic->partition_count; i++) {
        char key[24];

        snprintf(key, sizeof key, "%zu", i);
        failed =
            json_object_set_new(partitions, key, znode_json_from_ids(&topic->partitions[i])) != 0;
    }
    if (failed) {
        json_decref(partitions);
        return NULL;
    }

    char id[UUID_TEXT_SIZE];
    uuid_format(&topic->id, id);
    return znode_json_print(arena,
                            json_pack("{s:o, s:s*, s:o, s:o, s:i}", "partitions", partitions,
                                      "topic_id", uuid_is_zero(&topic->id) ? NULL : id,
                                      "adding_replicas",
                                      encode_some(topic->adding, topic->partition_count),
                                      "removing_replicas",
                                      encode_some(topic->removing, topic->partition_count),
                                      "version", 3));
}

/* The field may be missing (before Kafka 2.4), or be {}; then *out stays NULL. */
static int decode_some(struct arena *arena, json_t *root, const char *field, size_t count,
                       const struct znode_replicas **out, struct k_reason *reason)
{
    json_t *map = json_object_get(root, field), *value;
    const char *key;

    if (map == NULL || (json_is_object(map) && json_object_size(map) == 0))
        return 0;
    if (!json_is_object(map))
        return k_reason_set(reason, K_CORRUPT, "%s: is not an object", field);
    struct znode_replicas *sets = arena_calloc(arena, count + 1, sizeof *sets);
    if (sets == NULL)
        return K_NOMEM;
    json_object_foreach(map, key, value)
    {
        int64_t index;

        if (!znode_decimal(key, strlen(key), INT32_MAX, &index) || (size_t)index >= count)
            return k_reason_set(reason, K_CORRUPT, "%s: \"%.40s\" is no partition", field, key);
        int code = znode_json_ids(arena, value, field, &sets[index], reason);
        if (code != 0)
            return code;
    }
    *out = sets;
    return 0;
}

static int decode_partitions(struct arena *arena, json_t *root, struct znode_topic *out,
                             struct k_reason *reason)
{
    json_t *map = json_object_get(root, "partitions");
    size_t count = json_object_size(map);
    const char *key;
    json_t *value;

    if (!json_is_object(map))
        return k_reason_set(reason, K_CORRUPT, "partitions: %s",
                            map == NULL ? "is missing" : "is not an object");
    struct znode_replicas *partitions = arena_calloc(arena, count + 1, sizeof *partitions);
    if (partitions == NULL)
        return K_NOMEM;

    /* Keys differ, are canonical and below their count: so each partition is there once. */
    json_object_foreach(map, key, value)
    {
        int64_t index;

        if (!znode_decimal(key, strlen(key), INT32_MAX, &index) || (size_t)index >= count)
            return k_reason_set(reason, K_CORRUPT, "partitions: \"%.40s\" is not one of 0 to %zu",
                                key, count - 1);
        int code = znode_json_ids(arena, value, "partitions", &partitions[index], reason);
        if (code != 0)
            return code;
        if (partitions[index].count == 0)
            return k_reason_set(reason, K_CORRUPT, "partitions: %s has no replica", key);
    }
    out->partitions = partitions;
    out->partition_count = count;
    return 0;
}

int znode_decode_topic(struct arena *arena, const char *data, size_t size, struct znode_topic *out,
                       struct k_reason *reason)
{
    struct znode_topic topic = { 0 };
    const char *id;
    int64_t version;
    json_t *root;

    int code = znode_json_record(data, size, &root, &version, reason);
    if (code != 0)
        return code;
    code = znode_json_text(arena, root, "topic_id", true, &id, reason);
    if (code == 0 && id != NULL && !uuid_parse(id, &topic.id))
        code = k_reason_set(reason, K_CORRUPT, "topic_id: is not a uuid of 22 characters");
    if (code == 0)
        code = decode_partitions(arena, root, &topic, reason);
    if (code == 0)
        code = decode_some(arena, root, "adding_replicas", topic.partition_count, &topic.adding,
                           reason);
    if (code == 0)
        code = decode_some(arena, root, "removing_replicas", topic.partition_count,
                           &topic.removing, reason);
    json_decref(root);
    if (code == 0)
        *out = topic;
    return code;
}

/* --- state of a partition, Kafka's version 1 ------------------------------------------------- */

/* Kafka leaves out what says nothing special; so do we with what Kafka does not know. */
static bool add_unusual(json_t *root, const struct znode_partition_state *state)
{
    bool added = true;

    if (state->recovering)
        added = json_object_set_new(root, "leader_recovery_state", json_integer(1)) == 0;
    if (added && state->eligible.count > 0)
        added = json_object_set_new(root, "eligible", znode_json_from_ids(&state->eligible)) == 0;
    if (added && state->min_insync > 1)
        added = json_object_set_new(root, "min_insync", json_integer(state->min_insync)) == 0;
    if (added && state->unclean_epoch >= 0)
        added = json_object_set_new(root, "unclean_epoch",
                                    json_integer(state->unclean_epoch)) == 0;
    if (added && state->flush_on_ack)
        added = json_object_set_new(root, "flush_on_ack", json_true()) == 0;
    return added;
}

char *znode_encode_partition_state(struct arena *arena, const struct znode_partition_state *state)
{
    json_t *root =
        json_pack("{s:i, s:i, s:i, s:i, s:o}", "controller_epoch", (int)state->controller_epoch,
                  "leader", (int)state->leader, "version", 1, "leader_epoch",
                  (int)state->leader_epoch, "isr", znode_json_from_ids(&state->isr));

    if (root != NULL && !add_unusual(root, state)) {
        json_decref(root);
        return NULL;
    }
    return znode_json_print(arena, root);
}

static int decode_optional(const json_t *root, const char *field, int64_t min, int64_t *value,
                           struct k_reason *reason)
{
    return json_object_get(root, field) == NULL
               ? 0
               : znode_json_int(root, field, min, INT32_MAX, value, reason);
}

static int decode_unusual(struct arena *arena, const json_t *root,
                          struct znode_partition_state *state, struct k_reason *reason)
{
    const json_t *eligible = json_object_get(root, "eligible");
    const json_t *flush = json_object_get(root, "flush_on_ack");
    int64_t recovery = 0, min_insync = 1, unclean_epoch = -1;
    int code = 0;

    if (json_object_get(root, "leader_recovery_state") != NULL)
        code = znode_json_int(root, "leader_recovery_state", 0, 1, &recovery, reason);
    if (code == 0 && eligible != NULL)
        code = znode_json_ids(arena, eligible, "eligible", &state->eligible, reason);
    if (code == 0)
        code = decode_optional(root, "min_insync", 1, &min_insync, reason);
    if (code == 0)
        code = decode_optional(root, "unclean_epoch", -1, &unclean_epoch, reason);
    if (code == 0 && flush != NULL && !json_is_boolean(flush))
        code = k_reason_set(reason, K_CORRUPT, "flush_on_ack: is not true or false");
    state->recovering = recovery == 1;
    state->min_insync = (int32_t)min_insync;
    state->unclean_epoch = (int32_t)unclean_epoch;
    state->flush_on_ack = json_is_true(flush);
    return code;
}

int znode_decode_partition_state(struct arena *arena, const char *data, size_t size,
                                 struct znode_partition_state *out, struct k_reason *reason)
{
    struct znode_partition_state state = { 0 };
    int64_t version, controller_epoch = 0, leader = 0, leader_epoch = 0;
    json_t *root;

    int code = znode_json_record(data, size, &root, &version, reason);
    if (code != 0)
        return code;
    code = znode_json_int(root, "controller_epoch", 0, INT32_MAX, &controller_epoch, reason);
    if (code == 0)
        code = znode_json_int(root, "leader", -1, INT32_MAX, &leader, reason);
    if (code == 0)
        code = znode_json_int(root, "leader_epoch", 0, INT32_MAX, &leader_epoch, reason);
    if (code == 0)
        code = znode_json_ids(arena, json_object_get(root, "isr"), "isr", &state.isr, reason);
    if (code == 0)
        code = decode_unusual(arena, root, &state, reason);
    json_decref(root);
    if (code != 0)
        return code;

    state.controller_epoch = (int32_t)controller_epoch;
    state.leader = (int32_t)leader;
    state.leader_epoch = (int32_t)leader_epoch;
    *out = state;
    return 0;
}
