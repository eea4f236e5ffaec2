/* store.c - carry out a controller's DO_STORE as multis fenced by the controller epoch.
 *
 * A store is split into units: each topic to create or remove is one, partition states are grouped.
 * Units run side by side, the multis of one unit in order (a topic whose nodes do not fit into one
 * multi becomes visible with the first and complete with the last; a controller that takes over in
 * between finds states missing and makes them).
 *
 * A multi that fails by one entry gives that entry its verdict and is sent again without it. A
 * lost answer is never resent blindly: the unit syncs and reads what is stored, and goes on from
 * there. When every unit is done the core is told, one verdict per change. */
#include "server/runtime/control_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "zk/fence.h"

enum { UNIT_STATES_MAX = 400, MULTI_BYTES_MAX = 400 * 1024, RETRY_MS = 100 };

struct store {
    struct control *control;
    uint64_t token, life;
    struct arena arena;
    enum store_verdict *verdicts;
    struct partition_state *states;
    size_t count, units_left;
    struct mail hold;             /* the core must not be told from inside its own step */
};

struct unit_op {
    struct zk_op op;
    size_t change;                /* index in the store */
    bool skipped;                 /* has its verdict, or is known to be done */
};

struct unit {
    struct store *store;
    enum store_kind kind;
    struct unit_op *ops;          /* in the store's arena, as the rest */
    size_t count, capacity;
    size_t next, sent;            /* [next, sent) is in flight */
    struct zk_op *multi;          /* what is in flight, and of which ops */
    size_t *multi_of;
    size_t reads_left;
    bool reads_failed;
    struct timer *retry;          /* while ZooKeeper can not be reached; owned */
    bool resolving;               /* an answer was lost: repeats are expected */
};

struct state_read {
    struct unit *unit;
    size_t op;
};

/* --- the end ---------------------------------------------------------------------------------- */

/* One unit less, or the hold of store_run(): the last one tells the core. */
static void store_release(struct store *store)
{
    struct control *control = store->control;

    if (--store->units_left > 0)
        return;
    if (store->life == control->life) {
        struct controller_event event = { .type = CONTROLLER_STORED };
        event.stored.token = store->token;
        event.stored.verdicts = store->verdicts;
        event.stored.states = store->states;
        event.stored.count = store->count;
        drive_controller(control, &event);
    }
    arena_fini(&store->arena);
    free(store);
}

static void hold_ended(struct mail *mail)
{
    store_release(LIST_OWNER(mail, struct store, hold));
}

static void unit_done(struct unit *unit)
{
    timer_free(unit->retry);
    unit->retry = NULL;
    store_release(unit->store);
}

static void unit_give_up(struct unit *unit, enum store_verdict verdict)
{
    for (size_t i = unit->next; i < unit->count; i++)
        if (!unit->ops[i].skipped)
            unit->store->verdicts[unit->ops[i].change] = verdict;
    unit_done(unit);
}

/* --- out of reach ----------------------------------------------------------------------------- */

static void unit_resolve(struct unit *unit);

static void retry(void *context)
{
    unit_resolve(context);
}

/* ZooKeeper does not answer: what became of the unit is found out when it does, or does not matter
 * any more when the session has expired by then and with it the chair. */
static void unit_retry_later(struct unit *unit)
{
    struct control *control = unit->store->control;

    if (unit->store->life != control->life ||
        (unit->retry == NULL && timer_new(control->options.loop, retry, unit, &unit->retry) != 0))
        unit_give_up(unit, STORE_LOST);
    else
        timer_after(unit->retry, RETRY_MS);
}

/* --- sending ---------------------------------------------------------------------------------- */

static void unit_answered(void *context, const struct zk_reply *reply);

static void unit_send(struct unit *unit)
{
    struct control *control = unit->store->control;
    size_t count = 0, bytes = 0, at = unit->next;

    for (; at < unit->count && count < ZK_FENCED_OPS_MAX && bytes < MULTI_BYTES_MAX; at++) {
        struct unit_op *op = &unit->ops[at];
        if (op->skipped)
            continue;
        bytes += strlen(op->op.path) + op->op.size + 64;
        unit->multi[count] = op->op;
        unit->multi_of[count++] = at;
    }
    unit->sent = at;
    if (count == 0) {
        unit_done(unit);
        return;
    }
    if (unit->store->life != control->life)
        unit_give_up(unit, STORE_LOST);
    else if (zk_fenced(control->session, control->chair.epoch_version, unit->multi, count,
                       unit_answered, unit) != 0)
        unit_retry_later(unit);
}

/* --- one entry failed: find out why, give it its verdict, send the rest ----------------------- */

static void take_stored(struct unit *unit, struct unit_op *op, const struct zk_reply *reply,
                        bool ours_counts)
{
    struct store *store = unit->store;
    struct partition_state *state = &store->states[op->change];
    struct partition_state wanted = *state;
    struct znode_partition_state node;

    op->skipped = true;
    store->verdicts[op->change] = STORE_STALE;
    if (reply->code != 0 ||
        znode_decode_partition_state(&store->arena, reply->data, reply->size, &node, NULL) != 0 ||
        node.isr.count > REPLICAS_MAX) {
        state->version = -1;
        return;
    }
    state->leader = node.leader;
    state->leader_epoch = node.leader_epoch;
    state->controller_epoch = node.controller_epoch;
    state->version = reply->stat.version;
    state->isr.count = node.isr.count;
    memcpy(state->isr.ids, node.isr.ids, (size_t)node.isr.count * sizeof(int32_t));
    /* After a lost answer our own write may be what is stored: same content, version one more. */
    if (ours_counts && state->version == wanted.version && state->leader == wanted.leader &&
        state->leader_epoch == wanted.leader_epoch &&
        state->controller_epoch == wanted.controller_epoch)
        store->verdicts[op->change] = STORE_OK;
}

/* Send what is left of the unit, unless not everything could be read. */
static void reads_finished(struct unit *unit)
{
    bool failed = unit->reads_failed;

    unit->reads_failed = false;
    if (failed)
        unit_retry_later(unit);
    else
        unit_send(unit);
}

static void state_read_answered(void *context, const struct zk_reply *reply)
{
    struct state_read *read = context;
    struct unit *unit = read->unit;
    struct unit_op *op = &unit->ops[read->op];

    free(read);
    if (reply->code != 0 && reply->code != K_NOT_FOUND) {
        unit->reads_failed = true;
    } else if (unit->resolving && op->op.kind == ZK_OP_SET && reply->code == 0 &&
               reply->stat.version == op->op.version) {
        /* The lost multi was not carried out: this entry goes again. */
    } else {
        take_stored(unit, op, reply, unit->resolving);
    }
    if (--unit->reads_left == 0)
        reads_finished(unit);
}

static void read_state(struct unit *unit, size_t at)
{
    struct state_read *read = malloc(sizeof *read);
    if (read != NULL)
        *read = (struct state_read){ unit, at };
    if (read == NULL || zk_get(unit->store->control->session, unit->ops[at].op.path, NULL,
                               state_read_answered, read) != 0) {
        free(read);
        unit->reads_failed = true;
        return;
    }
    unit->reads_left++;
}

static void synced(void *context, const struct zk_reply *reply)
{
    struct unit *unit = context;
    if (reply->code != 0 || unit->store->life != unit->store->control->life) {
        unit_retry_later(unit);
        return;
    }
    if (unit->kind == STORE_STATE)
        for (size_t i = unit->next; i < unit->sent; i++)
            if (!unit->ops[i].skipped && unit->ops[i].op.kind == ZK_OP_SET)
                read_state(unit, i);
    if (unit->reads_left == 0)
        reads_finished(unit);     /* repeats of creates and deletes are recognised one by one */
}

/* An answer was lost, or could not be waited for: what is stored tells how to go on. */
static void unit_resolve(struct unit *unit)
{
    struct control *control = unit->store->control;

    unit->resolving = true;
    if (unit->store->life != control->life ||
        zk_sync(control->session, "/brokers", synced, unit) != 0)
        unit_retry_later(unit);
}

/* EXISTS on a create: ours from before, or somebody else's? */
static void topic_read(void *context, const struct zk_reply *reply)
{
    struct unit *unit = context;
    struct store *store = unit->store;
    size_t change = unit->ops[0].change;
    struct znode_topic node, wanted;

    if (reply->code == K_NOT_FOUND) {
        unit_send(unit);
    } else if (reply->code != 0 || store->life != store->control->life) {
        unit_retry_later(unit);
    } else if (znode_decode_topic(&store->arena, reply->data, reply->size, &node, NULL) == 0 &&
               znode_decode_topic(&store->arena, unit->ops[0].op.data, unit->ops[0].op.size,
                                  &wanted, NULL) == 0 &&
               uuid_equal(&node.id, &wanted.id)) {
        unit->ops[0].skipped = true;
        unit->resolving = true;
        unit_send(unit);
    } else {
        store->verdicts[change] = STORE_EXISTS;
        unit_done(unit);
    }
}

static void entry_failed(struct unit *unit, int code, size_t at)
{
    struct store *store = unit->store;
    struct unit_op *op = &unit->ops[at];

    if (unit->kind == STORE_TOPIC && code == K_EXISTS && at == 0) {
        if (zk_get(store->control->session, op->op.path, NULL, topic_read, unit) != 0)
            unit_retry_later(unit);
    } else if (unit->kind == STORE_STATE && op->op.kind == ZK_OP_SET) {
        read_state(unit, at);
        if (unit->reads_left == 0)
            reads_finished(unit);
    } else if ((unit->kind == STORE_REMOVE && code == K_NOT_FOUND) || code == K_EXISTS) {
        op->skipped = true;       /* done before, by us or by our predecessor */
        unit_send(unit);
    } else {
        LOG_ERROR("store-refused", "path=%s code=%s", op->op.path, k_error_name(code));
        op->skipped = true;
        store->verdicts[op->change] = STORE_STALE;
        unit_send(unit);
    }
}

static void unit_answered(void *context, const struct zk_reply *reply)
{
    struct unit *unit = context;
    struct store *store = unit->store;

    if (store->life != store->control->life) {
        unit_give_up(unit, STORE_LOST);
    } else if (reply->code == 0) {
        unit->next = unit->sent;
        unit_send(unit);
    } else if (reply->code == K_STALE_CONTROLLER_EPOCH) {
        unit_give_up(unit, STORE_FENCED);
    } else if (reply->code == K_SESSION_LOST) {
        unit_resolve(unit);
    } else if (reply->code == K_EXISTS || reply->code == K_NOT_FOUND ||
               reply->code == K_BAD_VERSION) {
        entry_failed(unit, reply->code, unit->multi_of[reply->failed_op]);
    } else {
        LOG_ERROR("store-failed", "code=%s", k_error_name(reply->code));
        unit_give_up(unit, STORE_LOST);
    }
}

/* --- building units --------------------------------------------------------------------------- */

static struct unit *unit_new(struct store *store, enum store_kind kind, size_t capacity)
{
    struct unit *unit = arena_calloc(&store->arena, 1, sizeof *unit);
    size_t most = capacity < ZK_FENCED_OPS_MAX ? capacity : ZK_FENCED_OPS_MAX;
    if (unit == NULL)
        return NULL;
    unit->store = store;
    unit->kind = kind;
    unit->capacity = capacity;
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
        unit = unit_new(store, change->kind, 2 * (size_t)change->partition_count + 4);
        if (unit != NULL)
            made = change->kind == STORE_TOPIC ? build_create(unit, *at, change)
                                               : build_remove(unit, *at, change);
        ++*at;
    }
    return made ? unit : NULL;
}

void store_run(struct control *control, uint64_t token, const struct store_change *changes,
               size_t count)
{
    struct store *store = calloc(1, sizeof *store);
    struct unit **units = calloc(count + 1, sizeof *units);
    size_t unit_count = 0, at = 0;

    if (store != NULL) {
        store->control = control;
        store->token = token;
        store->life = control->life;
        store->count = count;
        arena_init(&store->arena, NULL, 0, SIZE_MAX);
        store->verdicts = arena_calloc(&store->arena, count, sizeof *store->verdicts);
        store->states = arena_calloc(&store->arena, count, sizeof *store->states);
    }
    bool made = store != NULL && units != NULL && store->verdicts != NULL && store->states != NULL;
    for (size_t i = 0; made && i < count; i++) {
        store->verdicts[i] = STORE_OK;
        store->states[i] = changes[i].state;
        store->states[i].version++;           /* a set makes one more, a create makes 0 of -1 */
    }
    while (made && at < count) {
        units[unit_count] = build_unit(store, changes, &at);
        made = units[unit_count++] != NULL;
    }
    if (!made) {
        /* Nothing was sent. Without memory for a store this broker is no good controller. */
        LOG_ERROR("out-of-memory", "where=store action=\"giving up the controller's chair\"");
        if (store != NULL)
            arena_fini(&store->arena);
        free(store);
        free(units);
        drive_member(control, &(struct member_event){ .type = MEMBER_DEPOSED,
                                                      .now_ms = control_boot_ms(control) });
        return;
    }
    store->units_left = unit_count + 1;
    store->hold.deliver = hold_ended;
    for (size_t i = 0; i < unit_count; i++)
        unit_send(units[i]);
    loop_post(control->options.loop, &store->hold);
    free(units);
}
