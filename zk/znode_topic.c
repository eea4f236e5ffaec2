/* /brokers/topics/T and the state of its partitions. */
#include <stdio.h>
#include <string.h>

#include "zk/znode_json.h"

/* --- topic id and assignment, Kafka's version 3 ---------------------------------------------- */

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
                            json_pack("{s:o, s:s*, s:{}, s:{}, s:i}", "partitions", partitions,
                                      "topic_id", uuid_is_zero(&topic->id) ? NULL : id,
                                      "adding_replicas", "removing_replicas", "version", 3));
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
    json_decref(root);
    if (code == 0)
        *out = topic;
    return code;
}

/* --- state of a partition, Kafka's version 1 ------------------------------------------------- */

char *znode_encode_partition_state(struct arena *arena, const struct znode_partition_state *state)
{
    json_t *root =
        json_pack("{s:i, s:i, s:i, s:i, s:o}", "controller_epoch", (int)state->controller_epoch,
                  "leader", (int)state->leader, "version", 1, "leader_epoch",
                  (int)state->leader_epoch, "isr", znode_json_from_ids(&state->isr));

    /* Kafka leaves the field out of a partition that has recovered. */
    if (root != NULL && state->recovering &&
        json_object_set_new(root, "leader_recovery_state", json_integer(1)) != 0) {
        json_decref(root);
        return NULL;
    }
    return znode_json_print(arena, root);
}

int znode_decode_partition_state(struct arena *arena, const char *data, size_t size,
                                 struct znode_partition_state *out, struct k_reason *reason)
{
    struct znode_partition_state state = { 0 };
    int64_t version, controller_epoch = 0, leader = 0, leader_epoch = 0, recovery = 0;
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
    if (code == 0 && json_object_get(root, "leader_recovery_state") != NULL)
        code = znode_json_int(root, "leader_recovery_state", 0, 1, &recovery, reason);
    json_decref(root);
    if (code != 0)
        return code;

    state.controller_epoch = (int32_t)controller_epoch;
    state.leader = (int32_t)leader;
    state.leader_epoch = (int32_t)leader_epoch;
    state.recovering = recovery == 1;
    *out = state;
    return 0;
}
