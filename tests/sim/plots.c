/* What falls together too seldom by chance: faults that wait for their moment. */
#include <stdlib.h>

#include "tests/sim/world.h"

enum { APART_MS = 5, BOUNCE_MS = 5, WAIT_MS = 25, WAITS_MAX = 60 };

/* --- who is to join is gone and back before the controller hears of its joining --------------- */

static void bounce(struct world *world, struct broker *joiner)
{
    struct decision *power = sched_payload(sizeof *power);

    *power = (struct decision){.kind = DECISION_POWER, .a = joiner->id, .length_ms = BOUNCE_MS};
    joiner->ambush_ms = 0;
    sched_after(&world->sched, 1, faults_do, world, power);
}

void plot_on_proposal(struct host *host, const struct replica_effect *order)
{
    struct broker *leader = host->broker;
    struct world *world = leader->world;

    for (int32_t i = 0; i < order->propose.count; i++) {
        struct broker *joiner = &world->brokers[order->propose.members[i].id];
        struct net_link *link = &world->net.links[leader->id][leader->followed];
        int64_t until_us = world->sched.now_us + joiner->ambush_ms * 1000;
        if (joiner->ambush_ms == 0 || leader->followed == leader->id ||
            leader->followed == joiner->id || replica_set_has(&host->core.state.isr, joiner->id))
            continue;
        if (link->clogged_until_us < until_us)
            link->clogged_until_us = until_us;
        bounce(world, joiner);
    }
}

/* --- the preferred replica leads for a while, and who led before hears nothing of it ---------- */

static struct broker *controller_of(struct world *world)
{
    for (int b = 0; b < world->plan.options.brokers; b++) {
        struct broker *broker = &world->brokers[b];
        if (broker->up && broker->chair.loaded && broker->paused_until_us <= world->sched.now_us &&
            broker->chair.epoch == world->zk.nodes[ZN_EPOCH].value.number)
            return broker;
    }
    return NULL;
}

/* Somebody else leads, who is not where the controller is, and the preferred replica is in sync. */
static bool may_usurp(const struct broker *controller, const struct partition_state *stored)
{
    int32_t preferred = stored->replicas.ids[0];

    return controller != NULL && stored->leader >= 0 && stored->leader != preferred &&
           stored->leader != controller->id && replica_set_has(&stored->isr, preferred);
}

static void ask_elect(struct broker *controller, int partition, enum elect_kind kind)
{
    struct controller_event event = {.type = CONTROLLER_ELECT_ASKED};

    event.elect.ticket = ++controller->chair.next_ticket; /* nobody waits for the answer */
    event.elect.name = "t";
    event.elect.partition = partition;
    event.elect.kind = kind;
    chair_drive(controller, &event);
}

/* A person, where what is left may lack something, and the rest will not come back. */
void plot_elect_unclean(struct world *world)
{
    struct broker *controller = controller_of(world);

    for (int p = 0; p < world->plan.options.partitions && controller != NULL; p++) {
        if (world->truths[p].stored.leader >= 0)
            continue;
        world->counters.elected_by_hand++;
        ask_elect(controller, p, ELECT_UNCLEAN);
    }
}

void plot_usurp(struct world *world, const struct decision *decision)
{
    int p = decision->a % (int)world->plan.options.partitions;
    const struct partition_state *stored = &world->truths[p].stored;
    struct broker *controller = controller_of(world);
    struct decision *later = sched_payload(sizeof *later);

    if (!may_usurp(controller, stored)) {
        *later = *decision;
        if (later->b++ < WAITS_MAX)
            sched_after(&world->sched, WAIT_MS * 1000, faults_do, world, later);
        else
            free(later);
        return;
    }
    struct decision deaf = {.kind = DECISION_CUT, .a = controller->id, .b = stored->leader,
                            .c = CUT_PAIR_ONE_WAY, .length_ms = decision->length_ms};
    *later = (struct decision){.kind = DECISION_CRASH, .a = stored->replicas.ids[0],
                               .length_ms = world->plan.options.session_timeout_ms};
    faults_act(world, &deaf);
    sched_after(&world->sched, decision->length_ms * 500, faults_do, world, later);
    world->counters.usurpers++;
    ask_elect(controller, p, ELECT_PREFERRED);
}

/* --- two lead in turns, and neither hears of what the other wrote ----------------------------- */

static void crash_at(struct world *world, int64_t at_ms, int32_t broker, int64_t length_ms)
{
    struct decision *later = sched_payload(sizeof *later);

    *later = (struct decision){.kind = DECISION_CRASH, .a = broker, .length_ms = length_ms};
    sched_after(&world->sched, at_ms * 1000, faults_do, world, later);
}

/* The first turn is long enough for some records, the others for an election, too: without a
 * guardian the last leader's session has to end first. */
void plot_turns(struct world *world, const struct decision *decision)
{
    static const int64_t lengths_ms[] = {200, 1000, 1000, 400};
    const struct replica_set *replicas =
        &world->truths[decision->a % (int)world->plan.options.partitions].stored.replicas;
    int64_t session_ms = world->plan.options.guardian ? 0
                                                      : world->plan.options.session_timeout_ms;
    int64_t at_ms = 0;

    if (replicas->count < 2)
        return;
    for (size_t turn = 0; turn < sizeof lengths_ms / sizeof lengths_ms[0]; turn++) {
        int64_t length_ms = lengths_ms[turn] + (turn > 0 ? session_ms * 3 / 2 : 0);
        crash_at(world, at_ms, replicas->ids[(turn + 1) % 2], length_ms + APART_MS);
        at_ms += length_ms;
    }
    for (int b = 0; b < world->plan.options.brokers; b++)
        if (b != replicas->ids[0] && b != replicas->ids[1])
            crash_at(world, 0, b, at_ms);
}
