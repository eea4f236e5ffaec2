/* store_build.c - what a DO_STORE means as operations on znodes, in units. */
#include "server/runtime/store_private.h"

#include <string.h>

enum { UNIT_STATES_MAX = 400 };

static struct unit *unit_new(struct store *store, enum store_kind kind, size_t capacity)
{
    struct unit *unit = arena_calloc(&store->arena, 1, sizeof *unit);
    size_t most = capacity < ZK_FENCED_OPS_MAX ? capacity : ZK_FENCED_OPS_MAX;
    if (unit == NULL)
        return NULL;
    unit->store = store;
    unit->kind = kind;
    unit->ops = arena_calloc(&store->arena, capacity, sizeof *unit->ops);
    unit->multi = arena_calloc(&store->arena, most, sizeof *unit->multi);
    unit->multi_of = arena_calloc(&store->arena, most, sizeof *unit->multi_of);
    return unit->ops != NULL && unit->multi != NULL && unit->multi_of != NULL ? unit : NULL;
}

/* `path` and `data` may be NULL when their making ran out of memory. */
static bool unit_add(struct unit *unit, size_t change, enum zk_op_kind kind, const char *path,
                     const char *data, bool wants_data, int32_t version)
{
    if (path == NULL || (wants_data && data == NULL))
        return false;
    unit->ops[unit->count++] = (struct unit_op){
        .op = { .kind = kind,
                .path = path,
                .data = data,
                .size = data != NULL ? strlen(data) : 0,
                .version = version },
        .change = change,
    };
    return true;
}

static char *encode_state(struct arena *arena, const struct partition_state *state)
{
    struct znode_partition_state node = {
        .controller_epoch = state->controller_epoch, .leader = state->leader,
        .leader_epoch = state->leader_epoch, .isr = { state->isr.count, state->isr.ids },
    };
    return znode_encode_partition_state(arena, &node);
}

static bool build_create(struct unit *unit, size_t index, const struct store_change *change)
{
    struct arena *arena = &unit->store->arena;
    const char *name = change->topic;
    struct znode_replicas *replicas =
        arena_calloc(arena, (size_t)change->partition_count, sizeof *replicas);
    const char **names = arena_calloc(arena, 2 * (size_t)change->config_count + 1, sizeof *names);
    if (replicas == NULL || names == NULL)
        return false;
    for (int32_t p = 0; p < change->partition_count; p++)
        replicas[p] = (struct znode_replicas){ change->states[p].replicas.count,
                                               change->states[p].replicas.ids };
    for (int32_t i = 0; i < change->config_count; i++) {
        names[i] = change->configs[i].name;
        names[change->config_count + i] = change->configs[i].value;
    }
    struct znode_topic topic = { change->id, replicas, (size_t)change->partition_count };
    struct znode_config config = { (size_t)change->config_count, names,
                                   names + change->config_count };

    /* The topic's node first: its existence decides who made the topic. */
    bool made = unit_add(unit, index, ZK_OP_CREATE, znode_path(arena, ZNODE_TOPIC, name),
                         znode_encode_topic(arena, &topic), true, 0) &&
                unit_add(unit, index, ZK_OP_CREATE, znode_path(arena, ZNODE_CONFIG_TOPIC, name),
                         znode_encode_config(arena, &config), true, 0) &&
                unit_add(unit, index, ZK_OP_CREATE, znode_path(arena, ZNODE_PARTITIONS, name), NULL,
                         false, 0);
    for (int32_t p = 0; made && p < change->partition_count; p++)
        made =
            unit_add(unit, index, ZK_OP_CREATE, znode_path(arena, ZNODE_PARTITION, name, p), NULL,
                     false, 0) &&
            unit_add(unit, index, ZK_OP_CREATE, znode_path(arena, ZNODE_PARTITION_STATE, name, p),
                     encode_state(arena, &change->states[p]), true, 0);
    return made;
}

static bool build_remove(struct unit *unit, size_t index, const struct store_change *change)
{
    struct arena *arena = &unit->store->arena;
    const char *name = change->topic;
    bool made = true;

    for (int32_t p = 0; made && p < change->partition_count; p++)
        made = unit_add(unit, index, ZK_OP_DELETE,
                        znode_path(arena, ZNODE_PARTITION_STATE, name, p), NULL, false, -1) &&
               unit_add(unit, index, ZK_OP_DELETE, znode_path(arena, ZNODE_PARTITION, name, p),
                        NULL, false, -1);
    /* The request to delete goes last: until then a new controller finds it and goes on. */
    return made &&
           unit_add(unit, index, ZK_OP_DELETE, znode_path(arena, ZNODE_PARTITIONS, name), NULL,
                    false, -1) &&
           unit_add(unit, index, ZK_OP_DELETE, znode_path(arena, ZNODE_CONFIG_TOPIC, name), NULL,
                    false, -1) &&
           unit_add(unit, index, ZK_OP_DELETE, znode_path(arena, ZNODE_TOPIC, name), NULL, false,
                    -1) &&
           unit_add(unit, index, ZK_OP_DELETE, znode_path(arena, ZNODE_DELETE_TOPIC, name), NULL,
                    false, -1);
}

static bool build_state(struct unit *unit, size_t index, const struct store_change *change)
{
    struct arena *arena = &unit->store->arena;
    const char *data = encode_state(arena, &change->state);
    const char *path = znode_path(arena, ZNODE_PARTITION_STATE, change->topic, change->partition);

    if (change->state.version >= 0)
        return unit_add(unit, index, ZK_OP_SET, path, data, true, change->state.version);
    return unit_add(unit, index, ZK_OP_CREATE, znode_path(arena, ZNODE_PARTITIONS, change->topic),
                    NULL, false, 0) &&
           unit_add(unit, index, ZK_OP_CREATE,
                    znode_path(arena, ZNODE_PARTITION, change->topic, change->partition), NULL,
                    false, 0) &&
           unit_add(unit, index, ZK_OP_CREATE, path, data, true, 0);
}

/* One unit of the changes from *at on; moves *at behind them. */
static struct unit *build_unit(struct store *store, const struct store_change *changes, size_t *at)
{
    const struct store_change *change = &changes[*at];
    struct unit *unit = NULL;
    bool made = false;

    if (change->kind == STORE_STATE) {
        size_t end = *at;
        while (end < store->count && changes[end].kind == STORE_STATE &&
               end - *at < UNIT_STATES_MAX)
            end++;
        unit = unit_new(store, STORE_STATE, 3 * (end - *at));
        made = unit != NULL;
        for (; *at < end; ++*at)
            made = made && build_state(unit, *at, &changes[*at]);
    } else {
        unit = unit_new(store, change->kind, 2 * (size_t)change->partition_count + REMOVE_OWN);
        if (unit != NULL)
            made = change->kind == STORE_TOPIC ? build_create(unit, *at, change)
                                               : build_remove(unit, *at, change);
        ++*at;
    }
    return made ? unit : NULL;
}

bool store_build(struct store *store, const struct store_change *changes)
{
    store->units = arena_calloc(&store->arena, store->count + 1, sizeof(struct unit *));
    if (store->units == NULL)
        return false;
    for (size_t at = 0; at < store->count;) {
        struct unit *unit = build_unit(store, changes, &at);
        if (unit == NULL)
            return false;
        store->units[store->unit_count++] = unit;
    }
    return true;
}
