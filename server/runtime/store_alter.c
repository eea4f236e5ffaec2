/* store_alter.c - a configuration that could not be written, or perhaps was. */
#include "server/runtime/store_private.h"

#include <string.h>

#include "server/runtime/config_values.h"

/* "/config/topics/orders": whose it is. */
static enum entity_kind kind_of(const struct unit *unit)
{
    return strncmp(unit->ops[CONFIG_NODE].op.path, "/config/topics/", 15) == 0 ? ENTITY_TOPIC
                                                                               : ENTITY_BROKER;
}

static const char *entity_of(const struct unit *unit)
{
    return strrchr(unit->ops[CONFIG_NODE].op.path, '/') + 1;
}

/* What stands there, for the core to plan again on. What can not be read is told as broken; the
 * watch on configurations logs it. 0 or K_NOMEM. */
static int take_config(struct unit *unit, const struct zk_reply *reply)
{
    struct store *store = unit->store;
    struct control *control = store->control;
    struct znode_config node = { 0 };
    struct controller_config *configs = NULL;
    int32_t known_count = 0;
    int error = 0;

    store->found = (struct stored_config){ .version = -1 };
    if (reply->code == K_NOT_FOUND)
        return 0;
    error = znode_decode_config(&store->arena, reply->data, reply->size, &node, NULL);
    const struct controller_config *known =
        controller_configs(control->chair.core, kind_of(unit), entity_of(unit), &known_count);
    if (error == 0)
        error = config_values(&store->arena, control->options.broker_options, kind_of(unit),
                              entity_of(unit), &node, known, known_count, false, &configs);
    if (error == K_NOMEM)
        return error;
    store->found = (struct stored_config){ .version = reply->stat.version, .broken = error != 0,
                                           .configs = configs,
                                           .config_count = (int32_t)node.count };
    return 0;
}

static bool is_ours(const struct unit_op *op, const struct zk_reply *reply)
{
    int32_t version = op->op.kind == ZK_OP_CREATE ? 0 : op->op.version + 1;

    return reply->code == 0 && reply->stat.version == version && reply->size == op->op.size &&
           memcmp(reply->data, op->op.data, reply->size) == 0;
}

static bool is_as_expected(const struct unit_op *op, const struct zk_reply *reply)
{
    return op->op.kind == ZK_OP_CREATE
               ? reply->code == K_NOT_FOUND
               : reply->code == 0 && reply->stat.version == op->op.version;
}

static void config_read(void *context, const struct zk_reply *reply)
{
    struct unit *unit = context;
    struct store *store = unit->store;
    const struct unit_op *op = &unit->ops[CONFIG_NODE];

    if (store->life != store->control->life || (reply->code != 0 && reply->code != K_NOT_FOUND)) {
        unit_retry_later(unit);
    } else if (unit->resolving && is_ours(op, reply)) {
        unit_done(unit);           /* the lost multi was carried out, note and all */
    } else if (is_as_expected(op, reply)) {
        unit_send(unit);           /* it was not, or what was in the way is gone */
    } else if (take_config(unit, reply) != 0) {
        unit_retry_later(unit);
    } else {
        store->verdicts[op->change] = STORE_STALE;
        unit_done(unit);
    }
}

void config_look(struct unit *unit)
{
    if (zk_get(unit->store->control->session, unit->ops[CONFIG_NODE].op.path, NULL, config_read,
               unit) != 0)
        unit_retry_later(unit);
}
