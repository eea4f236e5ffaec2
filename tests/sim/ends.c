/* Where the logs of partitions without a leader end, told to the controller as long as nobody
 * leads: messages may be lost, and controllers go. What server/runtime does in lost_copies.c; and
 * whether the longest was chosen. */
#include <string.h>

#include "tests/sim/world.h"

enum { AGAIN_US = 150 * 1000 };

/* False: not yet, or nobody asks. A disk that came back empty holds nothing. */
static bool end_of(const struct host *host, struct log_end *end)
{
    const struct partition_state *state = &host->broker->states[host->partition];
    int id = host->broker->id;

    if (host->opened)
        return replica_tells_end(&host->core, end);
    *end = (struct log_end){.last_epoch = -1};
    return !host_log(host)->exists &&
           (replica_set_has(&state->isr, id) || replica_set_has(&state->eligible, id));
}

static void tell(struct broker *broker, uint64_t partition, uint64_t leader_epoch)
{
    struct host *host = &broker->hosts[partition];
    const struct partition_state *state = &broker->states[partition];
    struct message message;

    if (!host->made || host->failed || state->leader >= 0 ||
        state->leader_epoch != (int32_t)leader_epoch)
        return;
    memset(&message, 0, sizeof message);
    if (broker->followed >= 0 && end_of(host, &message.end.end)) {
        message.kind = MESSAGE_END;
        message.from = broker->id;
        message.to = broker->followed;
        message.life = broker->life;
        message.partition = host->partition;
        message.end.round = ++broker->ends_told;
        message.end.incarnation = broker->incarnation;
        message.end.leader_epoch = state->leader_epoch;
        message_send(broker->world, &message);
    }
    broker_later(broker, AGAIN_US, tell, partition, leader_epoch);
}

void end_tell(struct host *host)
{
    const struct partition_state *state = &host->broker->states[host->partition];

    if (state->leader >= 0 || host->telling_epoch == state->leader_epoch)
        return;
    host->telling_epoch = state->leader_epoch;
    tell(host->broker, (uint64_t)host->partition, (uint64_t)state->leader_epoch);
}

/* --- judged ----------------------------------------------------------------------------------- */

static struct log_end on_disk(const struct world *world, int broker, int partition)
{
    const struct sim_log *log = &world->brokers[broker].disk.logs[partition];

    return log->exists ? (struct log_end){log_last_epoch(log), log->end}
                       : (struct log_end){.last_epoch = -1};
}

/* As it is on the disks. Logs without a leader only become shorter, by another loss; the
 * leader's may have, when its process is not the registered one any more. */
void end_check_longest(struct world *world, int partition, const struct partition_state *before,
                       const struct partition_state *after)
{
    if (after->unclean_epoch <= before->unclean_epoch || before->leader >= 0)
        return;
    int leader = after->leader, counted = 0;
    const struct broker *chosen = &world->brokers[leader];
    struct log_end end = on_disk(world, leader, partition);

    if (world->plan.options.unclean != 0 || !chosen->up ||
        !uuid_equal(&chosen->incarnation, &world->zk.nodes[ZN_INC + leader].value.id))
        return;
    for (int b = 0; b < world->plan.options.brokers; b++) {
        if (!replica_set_has(&before->isr, b) && !replica_set_has(&before->eligible, b))
            continue;
        counted++;
        if (log_end_is_longer(on_disk(world, b, partition), end))
            world_violated(world, "partition %d: the copy of %d, which leads, is not the longest",
                           partition, leader);
    }
    world->counters.longest += counted > 1;
}
