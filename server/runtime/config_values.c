#include "server/runtime/config_values.h"

#include <string.h>

#include "common/arena.h"
#include "common/log.h"
#include "common/options.h"
#include "server/runtime/metadata.h"
#include "server/runtime/topic_config.h"
#include "zk/znode.h"

static const struct option_table *table_of(const struct option_table *brokers,
                                           enum entity_kind kind)
{
    return kind == ENTITY_TOPIC ? &topic_config_table : brokers;
}

int config_value_check(const struct option_table *brokers, enum entity_kind kind, const char *name,
                       const char *value, struct k_reason *reason)
{
    const struct option_table *table = table_of(brokers, kind);
    if (table == NULL)
        return 0;

    /* What is stored is JSON, read by people: no more than options need. */
    for (const char *at = value; *at != '\0'; at++) {
        if (*at < ' ' || *at > '~')
            return k_reason_set(reason, K_INVALID_CONFIG,
                                "%.100s: a value has printable ASCII characters only", name);
    }
    const struct option *row = options_find(table, name);
    if (row != NULL && (row->flags & OPTION_NOT_YET) == 0) {
        if ((row->flags & OPTION_SECRET) != 0)
            return k_reason_set(reason, K_INVALID_CONFIG,
                                "%s is a secret and is not kept in ZooKeeper: set it in the "
                                "broker's file, which needs a restart",
                                name);
        if (!option_changeable(row))
            return k_reason_set(reason, K_INVALID_CONFIG,
                                "%s needs a restart: set it in the broker's file", name);
    }
    return options_check(table, name, value, reason);
}

int config_value_take(struct arena *arena, const struct option_table *brokers,
                      enum entity_kind kind, const char *name, const char *value,
                      const char **stored, struct k_reason *reason)
{
    const struct option_table *table = table_of(brokers, kind);
    int code = config_value_check(brokers, kind, name, value, reason);
    char plain[32];

    if (code != 0)
        return code;
    if (table == NULL || !options_plain(options_find(table, name), value, plain, sizeof plain)) {
        *stored = value;
        return 0;
    }
    const char *copy = arena_strdup(arena, plain);
    if (copy == NULL)
        return k_reason_set(reason, K_NOMEM, "%s", k_error_text(K_NOMEM));
    *stored = copy;
    return 0;
}

bool config_name_known(const struct option_table *brokers, enum entity_kind kind, const char *name)
{
    const struct option_table *table = table_of(brokers, kind);

    return table == NULL || options_find(table, name) != NULL;
}

/* The value of that name that was told last. */
static const char *told_value(const struct controller_config *known, int32_t count,
                              const char *name)
{
    for (int32_t i = 0; i < count; i++) {
        if (strcmp(known[i].name, name) == 0)
            return known[i].ignored ? known[i].instead : known[i].value;
    }
    return NULL;
}

static void tell_ignored(enum entity_kind kind, const char *entity, const char *name,
                         const char *reason, const char *instead)
{
    LOG_WARN("config-ignored", "path=/config/%s/%s name=%s reason=\"%s\" instead=\"%s\"",
             kind == ENTITY_TOPIC ? "topics" : "brokers", entity, name, reason,
             instead != NULL ? instead : "the default");
}

int config_values(struct arena *arena, const struct option_table *brokers, enum entity_kind kind,
                  const char *entity, const struct znode_config *node,
                  const struct controller_config *known, int32_t known_count, bool tell,
                  struct controller_config **out)
{
    struct controller_config *configs = arena_calloc(arena, node->count + 1, sizeof *configs);
    if (configs == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < node->count; i++) {
        struct k_reason reason = { "" };
        const char *value = node->values[i];
        int code = config_value_take(arena, brokers, kind, node->names[i], value, &value, &reason);

        if (code == K_NOMEM)
            return code;
        configs[i] = (struct controller_config){ .name = node->names[i], .value = value };
        if (code == 0)
            continue;
        configs[i].ignored = true;
        configs[i].instead = told_value(known, known_count, node->names[i]);
        if (tell)
            tell_ignored(kind, entity, node->names[i], reason.text, configs[i].instead);
    }
    *out = configs;
    return 0;
}

struct controller_config *config_from_picture(struct arena *arena,
                                              const struct metadata_config *configs, int32_t count)
{
    struct controller_config *known = arena_calloc(arena, (size_t)count + 1, sizeof *known);

    for (int32_t i = 0; known != NULL && i < count; i++) {
        known[i].name = arena_strdup(arena, configs[i].name);
        known[i].value = arena_strdup(arena, configs[i].value);
        if (known[i].name == NULL || known[i].value == NULL)
            return NULL;
    }
    return known;
}
