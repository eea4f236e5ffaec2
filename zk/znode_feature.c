/* /feature: levels that all brokers have agreed on. */
#include <string.h>

#include "zk/znode_json.h"

char *znode_encode_features(struct arena *arena, const struct feature_levels *levels)
{
    json_t *object = json_object();
    bool failed = object == NULL;

    for (int i = 0; i < FEATURE_COUNT; i++)
        if (levels->of[i] > 0)
            failed |= json_object_set_new(object, feature_row((enum feature)i)->name,
                                          json_pack("{s:i}", "max_version_level",
                                                    (int)levels->of[i])) != 0;
    if (failed) {
        json_decref(object);
        return NULL;
    }
    return znode_json_print(
        arena, json_pack("{s:i, s:i, s:o}", "version", 2, "status", 1, "features", object));
}

static int decode_items(struct arena *arena, json_t *object, struct znode_features *out,
                        struct k_reason *reason)
{
    struct znode_feature *items;
    size_t count = 0;
    const char *name;
    json_t *item;

    if (!json_is_object(object))
        return k_reason_set(reason, K_CORRUPT, "features: is not an object");
    items = arena_calloc(arena, json_object_size(object) + 1, sizeof *items);
    if (items == NULL)
        return K_NOMEM;
    json_object_foreach(object, name, item) {
        int64_t level = 0;
        int code =
            znode_json_int(item, "max_version_level", 1, FEATURE_LEVEL_MAX, &level, reason);
        if (code != 0)
            return code;
        items[count].name = arena_strdup(arena, name);
        items[count].level = (int16_t)level;
        if (items[count++].name == NULL)
            return K_NOMEM;
    }
    *out = (struct znode_features){ items, count };
    return 0;
}

int znode_decode_features(struct arena *arena, const char *data, size_t size,
                          struct znode_features *out, struct k_reason *reason)
{
    struct znode_features features = { NULL, 0 };
    int64_t version, status = 0;
    json_t *root;

    int code = znode_json_record(data, size, &root, &version, reason);
    if (code != 0)
        return code;
    code = znode_json_int(root, "status", 0, 1, &status, reason);
    if (code == 0 && status == 1)
        code = decode_items(arena, json_object_get(root, "features"), &features, reason);
    json_decref(root);
    if (code == 0)
        *out = features;
    return code;
}

int znode_features_check(const struct znode_features *features,
                         const struct feature_ranges *ranges, struct feature_levels *levels,
                         struct k_reason *reason)
{
    struct feature_levels found;
    int code = 0;

    memset(&found, 0, sizeof found);
    for (size_t i = 0; i < features->count && code == 0; i++) {
        const struct znode_feature *item = &features->items[i];
        int feature = feature_find(item->name);
        code = feature_check(ranges, item->name, item->level, reason);
        if (code == 0)
            found.of[feature] = item->level;
    }
    if (code == 0)
        *levels = found;
    return code;
}
