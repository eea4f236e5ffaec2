/* Where the logs of partitions without a leader end, and which copies were lost with a disk: told
 * to the controller as long as it matters, for messages may be lost, and controllers go. What
 * server/runtime does in lost_copies.c; and whether the longest was chosen. */
#include <string.h>

#include "tests/sim/world.h"

enum { AGAIN_US = 150 * 1000 };

bool end_is_lost(const struct host *host)
{
    const struct partition_state *state = &host->broker->states[host->partition];
    int id = host->broker->id;

    return host->broker->replaced && host->expected && !host_log(host)->exists &&
           (replica_set_has(&state->isr, id) || replica_set_has(&state->eligible, id));
}

static void say(struct host *host, bool told, struct log_end end)
{
    struct broker *broker = host->broker;
    struct message message;

    memset(&message, 0, sizeof message);
    message.kind = MESSAGE_END;
    message.from = broker->id;
    message.to = broker->followed;
    message.life = broker->life;
    message.partition = host->partition;
    message.end.round = ++broker->ends_told;
    message.end.incarnation = broker->incarnation;
    message.end.leader_epoch = broker->states[host->partition].leader_epoch;
    message.end.lost = end_is_lost(host);
    broker->world->counters.lost_told += message.end.lost;
    message.end.told = told;
    message.end.end = end;
    message_send(broker->world, &message);
}

static void tell(struct broker *broker, uint64_t partition, uint64_t unused)
{
    struct host *host = &broker->hosts[partition];
    const struct partition_state *state = &broker->states[partition];
    struct log_end end = {.last_epoch = -1};

    (void)unused;
    host->was_lost |= end_is_lost(host);
    host->telling = host->made && !host->failed && (state->leader < 0 || host->was_lost);
    if (!host->telling)
        return;
    bool told = state->leader < 0 && host->opened && replica_tells_end(&host->core, &end);
    if (broker->followed >= 0 && (told || host->was_lost))
        say(host, told, end);
    broker_later(broker, AGAIN_US, tell, partition, 0);
}

void end_tell(struct host *host)
{
    if (!host->telling)
        tell(host->broker, (uint64_t)host->partition, 0);
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
