/* T9: who answers on the strength of its lease has its session yet, and nobody was elected in its
 * place while it had none. */
#include "tests/sim/world.h"

void lease_stored(struct world *world, int partition, const struct partition_state *before,
                  const struct partition_state *after)
{
    if (after->leader_epoch <= before->leader_epoch)
        return;
    for (int b = 0; b < world->plan.options.brokers; b++)
        if (after->leader != b && !world->zk.nodes[ZN_INC + b].exists)
            world->truths[partition].ousted[b] = after->leader_epoch;
}

/* Nobody but a fault ends a session before its time. */
void truth_served(struct host *host)
{
    const struct broker *broker = host->broker;
    const struct zk_node *registered = &broker->world->zk.nodes[ZN_INC + broker->id];

    if (broker->world->plan.options.serve != 0 ||
        (broker->untimely_session != 0 && broker->untimely_session == broker->client.session))
        return;
    if (!registered->exists || !uuid_equal(&registered->value.id, &broker->incarnation))
        world_violated(broker->world, "partition %d: broker %d serves without its registration",
                       host->partition, broker->id);
    if (host->core.state.leader_epoch < broker->world->truths[host->partition].ousted[broker->id])
        world_violated(broker->world, "partition %d: broker %d serves, another was elected when it "
                       "was away", host->partition, broker->id);
}
