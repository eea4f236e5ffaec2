/* store_build.c - what a DO_STORE means as operations on znodes, in units. */
#include "server/runtime/store_private.h"

#include <stdio.h>
#include <string.h>

#include "server/runtime/state_node.h"

enum { UNIT_STATES_MAX = 400, STATE_OPS = 3 /* of one, beside its checks: at most */ };

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

static char *encode_config(struct arena *arena, const struct store_change *change)
{
    size_t count = (size_t)change->config_count;
    const char **names = arena_calloc(arena, 2 * count + 1, sizeof *names);

    if (names == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        names[i] = change->configs[i].name;
        names[count + i] = change->configs[i].value;
    }
    return znode_encode_config(arena, &(struct znode_config){ count, names, names + count });
}

/* Those at the places of the mask. False when out of memory. */
static bool pick(struct arena *arena, const struct replica_set *set, uint16_t mask,
                 struct znode_replicas *out)
{
    if (mask == 0)
        return true;
    int32_t *ids = arena_calloc(arena, (size_t)set->count, sizeof *ids);
    for (int32_t i = 0; ids != NULL && i < set->count; i++)
        if ((mask >> i & 1) != 0)
            ids[out->count++] = set->ids[i];
    out->ids = ids;
    return ids != NULL;
}

static char *encode_topic(struct arena *arena, const struct store_change *change)
{
    size_t count = (size_t)change->partition_count;
    struct znode_replicas *replicas = arena_calloc(arena, 3 * count, sizeof *replicas);
    bool made = replicas != NULL;

    for (size_t p = 0; made && p < count; p++) {
        const struct replica_set *set = &change->states[p].replicas;
        replicas[p] = (struct znode_replicas){ set->count, set->ids };
        if (change->moves != NULL)
            made = pick(arena, set, change->moves[p].adding, &replicas[count + p]) &&
                   pick(arena, set, change->moves[p].removing, &replicas[2 * count + p]);
    }
    return !made ? NULL
                 : znode_encode_topic(arena, &(struct znode_topic){ .id = change->id,
                                                                    .partitions = replicas,
                                                                    .adding = replicas + count,
                                                                    .removing =
                                                                        replicas + 2 * count,
                                                                    .partition_count = count });
}

/* Node and state of partitions from `first` on. */
static bool add_partitions(struct unit *unit, size_t index, const struct store_change *change,
                           int32_t first)
{
    struct arena *arena = &unit->store->arena;
    const char *name = change->topic;
    bool made = true;

    for (int32_t p = first; made && p < change->partition_count; p++)
        made =
            unit_add(unit, index, ZK_OP_CREATE, znode_path(arena, ZNODE_PARTITION, name, p), NULL,
                     false, 0) &&
            unit_add(unit, index, ZK_OP_CREATE, znode_path(arena, ZNODE_PARTITION_STATE, name, p),
                     state_node_encode(arena, &change->states[p]), true, 0);
    return made;
}

/* Where list_partitions() finds what is done already. */
static bool know_partitions(struct unit *unit, const struct store_change *change, size_t first_op,
                            int32_t first)
{
    unit->directory = znode_path(&unit->store->arena, ZNODE_PARTITIONS, change->topic);
    unit->first_op = first_op;
    unit->first_partition = (size_t)first;
    unit->partition_count = (size_t)(change->partition_count - first);
    return unit->directory != NULL;
}

static bool build_create(struct unit *unit, size_t index, const struct store_change *change)
{
    struct arena *arena = &unit->store->arena;
    const char *name = change->topic;

    /* The topic's node first: its existence decides who made the topic. */
    return unit_add(unit, index, ZK_OP_CREATE, znode_path(arena, ZNODE_TOPIC, name),
                    encode_topic(arena, change), true, 0) &&
           unit_add(unit, index, ZK_OP_CREATE, znode_path(arena, ZNODE_CONFIG_TOPIC, name),
                    encode_config(arena, change), true, 0) &&
           unit_add(unit, index, ZK_OP_CREATE, znode_path(arena, ZNODE_PARTITIONS, name), NULL,
                    false, 0) &&
           know_partitions(unit, change, CREATE_OWN, 0) && add_partitions(unit, index, change, 0);
}

/* The topic's node first, here too: whoever takes over in between makes the states that it misses,
 * and never finds a partition that the topic does not have. Only a controller writes this node. */
static bool build_grow(struct unit *unit, size_t index, const struct store_change *change)
{
    struct arena *arena = &unit->store->arena;

    return unit_add(unit, index, ZK_OP_SET, znode_path(arena, ZNODE_TOPIC, change->topic),
                    encode_topic(arena, change), true, -1) &&
           know_partitions(unit, change, GROW_OWN, change->partition) &&
           add_partitions(unit, index, change, change->partition);
}

/* Kafka's brokers and tools learn of it by the note. */
static bool build_config(struct unit *unit, size_t index, const struct store_change *change)
{
    struct arena *arena = &unit->store->arena;
    bool topic = change->entity == ENTITY_TOPIC;
    const struct znode_config_change note = { topic ? "topics" : "brokers", change->topic };

    return unit_add(unit, index, change->version < 0 ? ZK_OP_CREATE : ZK_OP_SET,
                    znode_path(arena, topic ? ZNODE_CONFIG_TOPIC : ZNODE_CONFIG_BROKER,
                               change->topic),
                    encode_config(arena, change), true, change->version) &&
           unit_add(unit, index, ZK_OP_CREATE_SEQUENTIAL,
                    znode_path(arena, ZNODE_CONFIG_CHANGE, "config_change_"),
                    znode_encode_config_change(arena, &note), true, 0);
}

static bool build_remove(struct unit *unit, size_t index, const struct store_change *change)
{
    struct arena *arena = &unit->store->arena;
    const char *name = change->topic;
    bool made = know_partitions(unit, change, 0, 0);
    char id[UUID_TEXT_SIZE], record[UUID_TEXT_SIZE + 1];

    uuid_format(&change->id, id);
    snprintf(record, sizeof record, "%s-", id);

    for (int32_t p = 0; made && p < change->partition_count; p++)
        made = unit_add(unit, index, ZK_OP_DELETE,
                        znode_path(arena, ZNODE_PARTITION_STATE, name, p), NULL, false, -1) &&
               unit_add(unit, index, ZK_OP_DELETE, znode_path(arena, ZNODE_PARTITION, name, p),
                        NULL, false, -1);
    /* The record of the deletion stands before the topic is gone; made twice after a lost answer,
     * it says the same twice. The request to delete goes last: until then a new controller finds
     * it and goes on. */
    return made &&
           unit_add(unit, index, ZK_OP_DELETE, znode_path(arena, ZNODE_PARTITIONS, name), NULL,
                    false, -1) &&
           unit_add(unit, index, ZK_OP_DELETE, znode_path(arena, ZNODE_CONFIG_TOPIC, name), NULL,
                    false, -1) &&
           unit_add(unit, index, ZK_OP_CREATE_SEQUENTIAL,
                    znode_path(arena, ZNODE_KAIRN_DELETED_ID, record), NULL, false, 0) &&
           unit_add(unit, index, ZK_OP_DELETE, znode_path(arena, ZNODE_TOPIC, name), NULL, false,
                    -1) &&
           unit_add(unit, index, ZK_OP_DELETE, znode_path(arena, ZNODE_DELETE_TOPIC, name), NULL,
                    false, -1);
}

/* Somebody must still be registered: his node vouches for it, in the same multi. */
static bool add_checks(struct unit *unit, size_t index, const struct store_change *change)
{
    struct arena *arena = &unit->store->arena;
    bool made = true;

    for (int32_t i = 0; made && i < change->check_count; i++) {
        char text[UUID_TEXT_SIZE];
        uuid_format(&change->checks[i].incarnation, text);
        made = unit_add(unit, index, ZK_OP_CHECK,
                        znode_path(arena, ZNODE_BROKER_INC, (int)change->checks[i].id, text),
                        NULL, false, -1);
    }
    return made;
}

static bool build_state(struct unit *unit, size_t index, const struct store_change *change)
{
    struct arena *arena = &unit->store->arena;

    if (!add_checks(unit, index, change))
        return false;
    const char *data = state_node_encode(arena, &change->state);
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

/* The topic's record stands beside the state and its checks: all of it, or nothing. */
static bool build_reassign(struct unit *unit, size_t index, const struct store_change *change)
{
    struct arena *arena = &unit->store->arena;

    return unit_add(unit, index, ZK_OP_SET, znode_path(arena, ZNODE_TOPIC, change->topic),
                    encode_topic(arena, change), true, -1) &&
           build_state(unit, index, change);
}

static bool build_other(struct unit *unit, size_t index, const struct store_change *change)
{
    switch (change->kind) {
    case STORE_TOPIC:
        return build_create(unit, index, change);
    case STORE_PARTITIONS:
        return build_grow(unit, index, change);
    case STORE_CONFIG:
        return build_config(unit, index, change);
    case STORE_REMOVE:
        return build_remove(unit, index, change);
    case STORE_STATE:
    case STORE_REASSIGN:
        break;
    }
    return false;
}

/* One unit of the changes from *at on; moves *at behind them. */
static struct unit *build_unit(struct store *store, const struct store_change *changes, size_t *at)
{
    const struct store_change *change = &changes[*at];
    struct unit *unit = NULL;
    bool made = false;

    if (change->kind == STORE_STATE) {
        size_t end = *at, ops = 0;
        while (end < store->count && changes[end].kind == STORE_STATE &&
               end - *at < UNIT_STATES_MAX)
            ops += STATE_OPS + (size_t)changes[end++].check_count;
        unit = unit_new(store, STORE_STATE, ops);
        made = unit != NULL;
        for (; *at < end; ++*at)
            made = made && build_state(unit, *at, &changes[*at]);
    } else if (change->kind == STORE_REASSIGN) {
        unit = unit_new(store, STORE_STATE, 1 + STATE_OPS + (size_t)change->check_count);
        made = unit != NULL && build_reassign(unit, *at, change);
        ++*at;
    } else {
        unit = unit_new(store, change->kind, 2 * (size_t)change->partition_count + REMOVE_OWN);
        made = unit != NULL && build_other(unit, *at, change);
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
