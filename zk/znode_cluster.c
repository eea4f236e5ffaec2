/* What belongs to the cluster as a whole: configuration, the controller's chair, identity. */
#include <string.h>

#include "zk/znode_json.h"

/* --- configuration overrides, Kafka's version 1 ---------------------------------------------- */

char *znode_encode_config(struct arena *arena, const struct znode_config *config)
{
    json_t *values = json_object();
    bool failed = values == NULL;

    for (size_t i = 0; !failed && i < config->count; i++)
        failed = json_object_set_new(values, config->names[i], json_string(config->values[i])) != 0;
    if (failed) {
        json_decref(values);
        return NULL;
    }
    return znode_json_print(arena, json_pack("{s:i, s:o}", "version", 1, "config", values));
}

static int decode_values(struct arena *arena, json_t *root, struct znode_config *out,
                         struct k_reason *reason)
{
    json_t *map = json_object_get(root, "config");
    size_t count = json_object_size(map), filled = 0;
    const char *name;
    json_t *value;

    if (!json_is_object(map))
        return k_reason_set(reason, K_CORRUPT, "config: %s",
                            map == NULL ? "is missing" : "is not an object");
    const char **names = arena_calloc(arena, count + 1, sizeof *names);
    const char **values = arena_calloc(arena, count + 1, sizeof *values);
    if (names == NULL || values == NULL)
        return K_NOMEM;
    json_object_foreach(map, name, value)
    {
        if (!json_is_string(value))
            return k_reason_set(reason, K_CORRUPT, "config: the value of %.100s is not a text",
                                name);
        names[filled] = arena_strdup(arena, name);
        values[filled] = arena_strdup(arena, json_string_value(value));
        if (names[filled] == NULL || values[filled] == NULL)
            return K_NOMEM;
        filled++;
    }
    *out = (struct znode_config){ .count = count, .names = names, .values = values };
    return 0;
}

int znode_decode_config(struct arena *arena, const char *data, size_t size,
                        struct znode_config *out, struct k_reason *reason)
{
    int64_t version;
    json_t *root;

    int code = znode_json_record(data, size, &root, &version, reason);
    if (code != 0)
        return code;
    code = decode_values(arena, root, out, reason);
    json_decref(root);
    return code;
}

/* --- notes of changed configuration, Kafka's version 2 ---------------------------------------- */

char *znode_encode_config_change(struct arena *arena, const struct znode_config_change *change)
{
    return znode_json_print(arena, json_pack("{s:i, s:o}", "version", 2, "entity_path",
                                             json_sprintf("%s/%s", change->type, change->entity)));
}

/* "topics/orders"; what follows the first slash is the entity, however deep. */
static int decode_entity_path(struct arena *arena, const json_t *root,
                              struct znode_config_change *out, struct k_reason *reason)
{
    const char *path = NULL;
    int code = znode_json_text(arena, root, "entity_path", false, &path, reason);
    if (code != 0)
        return code;
    char *type = arena_strdup(arena, path), *slash = type != NULL ? strchr(type, '/') : NULL;
    if (type == NULL)
        return K_NOMEM;
    if (slash == NULL || slash == type || slash[1] == '\0')
        return k_reason_set(reason, K_CORRUPT, "entity_path: \"%.100s\" is not type/name", path);
    *slash = '\0';
    *out = (struct znode_config_change){ .type = type, .entity = slash + 1 };
    return 0;
}

int znode_decode_config_change(struct arena *arena, const char *data, size_t size,
                               struct znode_config_change *out, struct k_reason *reason)
{
    struct znode_config_change change = { 0 };
    int64_t version = 0;
    json_t *root;

    int code = znode_json_record(data, size, &root, &version, reason);
    if (code != 0)
        return code;
    if (version >= 2) {
        code = decode_entity_path(arena, root, &change, reason);
    } else {
        code = znode_json_text(arena, root, "entity_type", false, &change.type, reason);
        if (code == 0)
            code = znode_json_text(arena, root, "entity_name", false, &change.entity, reason);
        if (code == 0 && (change.type[0] == '\0' || change.entity[0] == '\0'))
            code = k_reason_set(reason, K_CORRUPT, "entity_type, entity_name: are empty");
    }
    json_decref(root);
    if (code == 0)
        *out = change;
    return code;
}

/* --- the controller's chair, Kafka's version 2 ----------------------------------------------- */

char *znode_encode_controller(struct arena *arena, const struct znode_controller *controller)
{
    return znode_json_print(
        arena, json_pack("{s:i, s:i, s:o, s:i}", "version", 2, "brokerid", (int)controller->broker,
                         "timestamp", json_sprintf("%lld", (long long)controller->timestamp_ms),
                         "kraftControllerEpoch", -1));
}

int znode_decode_controller(struct arena *arena, const char *data, size_t size,
                            struct znode_controller *out, struct k_reason *reason)
{
    int64_t version, broker = 0, timestamp_ms = 0;
    json_t *root;

    (void)arena;
    int code = znode_json_record(data, size, &root, &version, reason);
    if (code != 0)
        return code;
    code = znode_json_int(root, "brokerid", 0, INT32_MAX, &broker, reason);
    if (code == 0)
        code = znode_json_time(root, "timestamp", &timestamp_ms, reason);
    json_decref(root);
    if (code == 0)
        *out = (struct znode_controller){ .broker = (int32_t)broker, .timestamp_ms = timestamp_ms };
    return code;
}

/* --- the last block of producer ids, Kafka's version 1 ---------------------------------------- */

char *znode_encode_producer_ids(struct arena *arena, const struct znode_producer_ids *ids)
{
    return znode_json_print(
        arena, json_pack("{s:i, s:i, s:o, s:o}", "version", 1, "broker", (int)ids->broker,
                         "block_start", json_sprintf("%lld", (long long)ids->first), "block_end",
                         json_sprintf("%lld", (long long)ids->last)));
}

/* A whole number that is stored as text. */
static int decode_id(struct arena *arena, const json_t *root, const char *field, int64_t *out,
                     struct k_reason *reason)
{
    const char *text = NULL;
    int code = znode_json_text(arena, root, field, false, &text, reason);
    if (code == 0 && !znode_decimal(text, strlen(text), INT64_MAX, out))
        code = k_reason_set(reason, K_CORRUPT, "%s: is not a decimal number", field);
    return code;
}

int znode_decode_producer_ids(struct arena *arena, const char *data, size_t size,
                              struct znode_producer_ids *out, struct k_reason *reason)
{
    int64_t version, broker = 0, first = 0, last = 0;
    json_t *root;

    int code = znode_json_record(data, size, &root, &version, reason);
    if (code != 0)
        return code;
    code = znode_json_int(root, "broker", 0, INT32_MAX, &broker, reason);
    if (code == 0)
        code = decode_id(arena, root, "block_start", &first, reason);
    if (code == 0)
        code = decode_id(arena, root, "block_end", &last, reason);
    if (code == 0 && last < first)
        code = k_reason_set(reason, K_CORRUPT, "block_end: is before block_start");
    json_decref(root);
    if (code == 0)
        *out = (struct znode_producer_ids){ (int32_t)broker, first, last };
    return code;
}

/* --- epoch and cluster id -------------------------------------------------------------------- */

int znode_decode_epoch(const char *data, size_t size, int32_t *out, struct k_reason *reason)
{
    int64_t epoch;

    if (!znode_decimal(data, size, INT32_MAX, &epoch))
        return k_reason_set(reason, K_CORRUPT, "the epoch is not a decimal number up to %d",
                            INT32_MAX);
    *out = (int32_t)epoch;
    return 0;
}

/* The version is a text here, in Kafka too. */
char *znode_encode_cluster_id(struct arena *arena, const char *id)
{
    return znode_json_print(arena, json_pack("{s:s, s:s}", "version", "1", "id", id));
}

int znode_decode_cluster_id(struct arena *arena, const char *data, size_t size, char **out,
                            struct k_reason *reason)
{
    const char *id = NULL;
    json_t *root;

    int code = znode_json_parse(data, size, &root, reason);
    if (code != 0)
        return code;
    code = znode_json_text(arena, root, "id", false, &id, reason);
    json_decref(root);
    if (code == 0 && (id[0] == '\0' || strlen(id) > 100))
        code = k_reason_set(reason, K_CORRUPT, "id: has to be 1 to 100 characters long");
    if (code == 0)
        *out = (char *)id;
    return code;
}
