#include "zk/znode_json.h"

#include <stdlib.h>
#include <string.h>

int znode_json_parse(const char *data, size_t size, json_t **out, struct k_reason *reason)
{
    json_error_t error;

    if (size == 0)
        return k_reason_set(reason, K_CORRUPT, "the node is empty, a JSON object was expected");
    if (size > ZNODE_JSON_MAX)
        return k_reason_set(reason, K_CORRUPT, "the node holds %zu bytes, more than %d", size,
                            ZNODE_JSON_MAX);

    json_t *root = json_loadb(data, size, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        if (json_error_code(&error) == json_error_out_of_memory)
            return K_NOMEM;
        return k_reason_set(reason, K_CORRUPT, "not JSON: %s (byte %d)", error.text,
                            error.position);
    }
    if (!json_is_object(root)) {
        json_decref(root);
        return k_reason_set(reason, K_CORRUPT, "a JSON object was expected");
    }
    *out = root;
    return 0;
}

int znode_json_record(const char *data, size_t size, json_t **out, int64_t *version,
                      struct k_reason *reason)
{
    json_t *root;
    int code = znode_json_parse(data, size, &root, reason);
    if (code != 0)
        return code;
    code = znode_json_int(root, "version", 1, INT32_MAX, version, reason);
    if (code != 0)
        json_decref(root);
    else
        *out = root;
    return code;
}

char *znode_json_print(struct arena *arena, json_t *root)
{
    char *text = root == NULL ? NULL : json_dumps(root, JSON_COMPACT);
    char *copy = text == NULL ? NULL : arena_strdup(arena, text);

    free(text);
    json_decref(root);
    return copy;
}

int znode_json_int(const json_t *object, const char *field, int64_t min, int64_t max, int64_t *out,
                   struct k_reason *reason)
{
    const json_t *value = json_object_get(object, field);

    if (!json_is_integer(value))
        return k_reason_set(reason, K_CORRUPT, "%s: %s", field,
                            value == NULL ? "is missing" : "is not a whole number");
    json_int_t number = json_integer_value(value);
    if (number < min || number > max)
        return k_reason_set(reason, K_CORRUPT, "%s: %lld is outside of %lld to %lld", field,
                            (long long)number, (long long)min, (long long)max);
    *out = number;
    return 0;
}

int znode_json_time(const json_t *object, const char *field, int64_t *out, struct k_reason *reason)
{
    const json_t *value = json_object_get(object, field);

    if (!json_is_string(value))
        return znode_json_int(object, field, 0, INT64_MAX, out, reason);
    if (!znode_decimal(json_string_value(value), json_string_length(value), INT64_MAX, out))
        return k_reason_set(reason, K_CORRUPT, "%s: is not a time in milliseconds", field);
    return 0;
}

int znode_json_text(struct arena *arena, const json_t *object, const char *field, bool optional,
                    const char **out, struct k_reason *reason)
{
    const json_t *value = json_object_get(object, field);

    if (optional && (value == NULL || json_is_null(value))) {
        *out = NULL;
        return 0;
    }
    if (!json_is_string(value))
        return k_reason_set(reason, K_CORRUPT, "%s: %s", field,
                            value == NULL ? "is missing" : "is not a text");
    const char *copy = arena_strdup(arena, json_string_value(value));
    if (copy == NULL)
        return K_NOMEM;
    *out = copy;
    return 0;
}

static bool holds_id(const int32_t *ids, size_t count, json_int_t id)
{
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

int znode_json_ids(struct arena *arena, const json_t *value, const char *field,
                   struct znode_replicas *out, struct k_reason *reason)
{
    if (!json_is_array(value))
        return k_reason_set(reason, K_CORRUPT, "%s: %s", field,
                            value == NULL ? "is missing" : "is not a list of broker ids");
    size_t count = json_array_size(value);
    if (count > ZNODE_REPLICAS_MAX)
        return k_reason_set(reason, K_CORRUPT, "%s: %zu broker ids, at most %d are allowed", field,
                            count, ZNODE_REPLICAS_MAX);

    int32_t *ids = arena_calloc(arena, count + 1, sizeof *ids);
    if (ids == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(value, i);
        json_int_t id = json_is_integer(item) ? json_integer_value(item) : -1;

        if (id < 0 || id > INT32_MAX)
            return k_reason_set(reason, K_CORRUPT, "%s: entry %zu is not a broker id", field, i);
        if (holds_id(ids, i, id))
            return k_reason_set(reason, K_CORRUPT, "%s: broker %lld stands there twice", field,
                                (long long)id);
        ids[i] = (int32_t)id;
    }
    out->count = (int32_t)count;
    out->ids = ids;
    return 0;
}

json_t *znode_json_from_ids(const struct znode_replicas *replicas)
{
    json_t *array = json_array();

    for (int32_t i = 0; array != NULL && i < replicas->count; i++) {
        if (json_array_append_new(array, json_integer(replicas->ids[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

bool znode_decimal(const char *text, size_t size, int64_t max, int64_t *out)
{
    int64_t number = 0;

    if (size == 0 || (size > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < size; i++) {
        int digit = text[i] - '0';

        if (digit < 0 || digit > 9 || number > (max - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *out = number;
    return true;
}
