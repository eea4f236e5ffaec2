/* /admin/reassign_partitions: which replicas somebody wants for which partitions; and
 * /admin/preferred_replica_election: which partitions their first replica shall lead. */
#include <string.h>

#include "zk/znode_json.h"

static json_t *encode_wish(const struct znode_wish *wish, bool replicas)
{
    json_t *object = json_pack("{s:s, s:i}", "topic", wish->topic, "partition",
                               (int)wish->partition);

    if (object != NULL && replicas &&
        json_object_set_new(object, "replicas", znode_json_from_ids(&wish->replicas)) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static char *encode(struct arena *arena, const struct znode_reassign *wishes, bool replicas)
{
    json_t *list = json_array();
    bool failed = list == NULL;

    for (size_t i = 0; !failed && i < wishes->count; i++)
        failed = json_array_append_new(list, encode_wish(&wishes->wishes[i], replicas)) != 0;
    if (failed) {
        json_decref(list);
        return NULL;
    }
    return znode_json_print(arena, json_pack("{s:i, s:o}", "version", 1, "partitions", list));
}

char *znode_encode_reassign(struct arena *arena, const struct znode_reassign *reassign)
{
    return encode(arena, reassign, true);
}

char *znode_encode_preferred(struct arena *arena, const struct znode_reassign *wishes)
{
    return encode(arena, wishes, false);
}

static int decode_wish(struct arena *arena, json_t *value, bool replicas, struct znode_wish *out,
                       struct k_reason *reason)
{
    int64_t partition;

    if (!json_is_object(value))
        return k_reason_set(reason, K_CORRUPT, "partitions: holds what is no object");
    int code = znode_json_text(arena, value, "topic", false, &out->topic, reason);
    if (code == 0)
        code = znode_json_int(value, "partition", 0, INT32_MAX, &partition, reason);
    if (code == 0 && replicas)
        code = znode_json_ids(arena, json_object_get(value, "replicas"), "replicas",
                              &out->replicas, reason);
    if (code == 0)
        out->partition = (int32_t)partition;
    return code;
}

static int decode(struct arena *arena, const char *data, size_t size, bool replicas,
                  struct znode_reassign *out, struct k_reason *reason)
{
    struct znode_reassign reassign = { 0 };
    int64_t version;
    json_t *root, *value;
    size_t index;

    int code = znode_json_record(data, size, &root, &version, reason);
    if (code != 0)
        return code;
    json_t *list = json_object_get(root, "partitions");
    struct znode_wish *wishes = arena_calloc(arena, json_array_size(list) + 1, sizeof *wishes);
    if (!json_is_array(list))
        code = k_reason_set(reason, K_CORRUPT, "partitions: %s",
                            list == NULL ? "is missing" : "is not a list");
    else if (wishes == NULL)
        code = K_NOMEM;
    json_array_foreach(list, index, value)
    {
        if (code == 0)
            code = decode_wish(arena, value, replicas, &wishes[reassign.count++], reason);
    }
    json_decref(root);
    reassign.wishes = wishes;
    if (code == 0)
        *out = reassign;
    return code;
}

int znode_decode_reassign(struct arena *arena, const char *data, size_t size,
                          struct znode_reassign *out, struct k_reason *reason)
{
    return decode(arena, data, size, true, out, reason);
}

int znode_decode_preferred(struct arena *arena, const char *data, size_t size,
                           struct znode_reassign *out, struct k_reason *reason)
{
    return decode(arena, data, size, false, out, reason);
}
