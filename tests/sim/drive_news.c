/* A broker's picture of the cluster: ask the controller again and again, take what is newer. */
#include <string.h>

#include "common/error.h"
#include "tests/sim/world.h"

enum { PATIENCE_US = 1000 * 1000, RETRY_US = 20 * 1000 };

static void ask(struct broker *broker, uint64_t turn, uint64_t unused);

/* No answer: the question, the answer or the connection was lost. */
static void patience_ends(struct broker *broker, uint64_t turn, uint64_t unused)
{
    (void)unused;
    if (broker->turn == turn && broker->asking) {
        broker->asking = false;
        ask(broker, turn, 0);
    }
}

static void ask(struct broker *broker, uint64_t turn, uint64_t unused)
{
    struct message message;

    (void)unused;
    if (turn != broker->turn || broker->asking || broker->followed < 0)
        return;
    memset(&message, 0, sizeof message);
    broker->asking = true;
    message.kind = MESSAGE_CHANGES;
    message.from = broker->id;
    message.to = broker->followed;
    message.life = broker->life;
    message.changes.turn = ++broker->turn;
    if (broker->heard) {
        message.changes.epoch = broker->known_epoch;
        message.changes.sequence = broker->known_sequence;
    }
    message.changes.incarnation = broker->incarnation;
    message_send(broker->world, &message);
    broker_later(broker, PATIENCE_US, patience_ends, broker->turn, 0);
}

void news_follow(struct broker *broker, int controller, uint64_t round, bool anew)
{
    broker->followed = controller;
    broker->follow_round = round;
    broker->asking = false;
    broker->heard = !anew;
    broker->turn++;
    ask(broker, broker->turn, 0);
}

bool state_is_newer(const struct partition_state *a, const struct partition_state *b)
{
    return a->leader_epoch != b->leader_epoch ? a->leader_epoch > b->leader_epoch
                                              : a->version > b->version;
}

/* False: it is a former controller's. */
static bool take(struct broker *broker, const struct message *message)
{
    if (message->news.epoch < broker->known_epoch)
        return false;
    bool reigns = message->news.epoch > broker->known_epoch;
    broker->known_epoch = message->news.epoch;
    broker->known_sequence = message->news.sequence;
    for (int p = 0; p < broker->world->plan.options.partitions && broker->up; p++) {
        if (!message->news.told[p] ||
            (broker->knows[p] && !state_is_newer(&message->news.states[p], &broker->states[p])))
            continue;
        if (broker->knows[p] &&
            message->news.states[p].leader_epoch > broker->states[p].leader_epoch + 1)
            broker->world->counters.epoch_jumps++;
        broker->knows[p] = true;
        broker->states[p] = message->news.states[p];
        world_say(broker->world, "broker %d hears of partition %d: leader %d epoch %d version %d",
                  broker->id, p, broker->states[p].leader, broker->states[p].leader_epoch,
                  broker->states[p].version);
        host_told(&broker->hosts[p]);
    }
    for (int p = 0; reigns && p < broker->world->plan.options.partitions && broker->up; p++)
        if (broker->hosts[p].made)
            host_step(&broker->hosts[p], &(struct replica_event){.type = REPLICA_REIGN}, NULL);
    return true;
}

void news_on_message(struct broker *broker, const struct message *message)
{
    if (message->news.turn != broker->turn || !broker->asking)
        return; /* to an older question */
    broker->asking = false;
    if (message->news.code != 0) {
        broker_later(broker, RETRY_US, ask, broker->turn, 0);
        return;
    }
    broker->heard |= take(broker, message);
    if (!broker->up)
        return;
    ask(broker, broker->turn, 0);
    if (broker->heard) {
        struct member_event told = {.type = MEMBER_TOLD, .told.round = broker->follow_round};
        member_drive(broker, &told);
    }
}
