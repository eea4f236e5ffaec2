#include "server/runtime/state_node.h"

#include <string.h>

#include "common/arena.h"
#include "zk/znode.h"

char *state_node_encode(struct arena *arena, const struct partition_state *state)
{
    const struct znode_partition_state node = {
        .controller_epoch = state->controller_epoch,
        .leader = state->leader,
        .leader_epoch = state->leader_epoch,
        .isr = { state->isr.count, state->isr.ids },
        .eligible = { state->eligible.count, state->eligible.ids },
        .min_insync = state->min_insync,
        .unclean_epoch = state->unclean_epoch,
        .flush_on_ack = state->flush_on_ack,
    };
    return znode_encode_partition_state(arena, &node);
}

static int take_set(struct replica_set *set, const struct znode_replicas *from, const char *field,
                    struct k_reason *reason)
{
    if (from->count > REPLICAS_MAX)
        return k_reason_set(reason, K_CORRUPT, "%s: %d members, at most %d are possible", field,
                            (int)from->count, (int)REPLICAS_MAX);
    set->count = from->count;
    for (int at = 0; at < set->count; at++)
        set->ids[at] = from->ids[at];
    return 0;
}

int state_node_decode(struct arena *arena, const char *data, size_t size,
                      struct partition_state *state, struct k_reason *reason)
{
    struct partition_state decoded = *state;
    struct znode_partition_state node;
    int code = znode_decode_partition_state(arena, data, size, &node, reason);

    if (code == 0)
        code = take_set(&decoded.isr, &node.isr, "isr", reason);
    if (code == 0)
        code = take_set(&decoded.eligible, &node.eligible, "eligible", reason);
    if (code != 0)
        return code;
    decoded.leader = node.leader;
    decoded.leader_epoch = node.leader_epoch;
    decoded.controller_epoch = node.controller_epoch;
    decoded.min_insync = node.min_insync;
    decoded.unclean_epoch = node.unclean_epoch;
    decoded.flush_on_ack = node.flush_on_ack;
    *state = decoded;
    return 0;
}
