/* A broker that is to stop asks the controller to move what it leads, until that is done and its
 * own picture says so, or its time is over: what server/runtime/drain.c does. */
#include "common/error.h"
#include "tests/sim/world.h"

enum { STEP_US = 50 * 1000 };

static void stop_now(struct broker *broker)
{
    broker->draining = false;
    member_drive(broker, &(struct member_event){.type = MEMBER_STOP_ASKED});
}

/* Does it lead, as far as it knows, what others in sync could lead? */
static bool still_leads(const struct broker *broker)
{
    for (int p = 0; p < broker->world->plan.options.partitions; p++)
        if (broker->knows[p] && broker->states[p].leader == broker->id &&
            broker->states[p].isr.count > 1)
            return true;
    return false;
}

/* Again and again: the question or its answer may be lost. */
static void ask(struct broker *broker, uint64_t unused, uint64_t neither)
{
    (void)unused, (void)neither;
    if (!broker->draining)
        return;
    if (broker_now_ms(broker) >= broker->drain_until_ms) {
        stop_now(broker);
        return;
    }
    if (broker->followed >= 0) {
        struct message message = {.kind = MESSAGE_DRAIN,
                                  .from = broker->id,
                                  .to = broker->followed,
                                  .life = broker->life,
                                  .drain = {.incarnation = broker->incarnation}};
        message_send(broker->world, &message);
    }
    broker_later(broker, STEP_US, ask, 0, 0);
}

void drain_on_answer(struct broker *broker, const struct message *message)
{
    int code = message->drained.code;
    bool done = code == 0 && message->drained.remaining == 0 && !still_leads(broker);

    if (!broker->draining)
        return;
    broker->world->counters.drained += done;
    if (done || (code != 0 && code != K_NOT_CONTROLLER))
        stop_now(broker);
}

void drain_begin(struct broker *broker)
{
    int64_t limit_ms = broker->world->plan.options.drain_max_ms;

    if (limit_ms == 0) {
        stop_now(broker);
        return;
    }
    broker->world->counters.drains++;
    broker->draining = true;
    broker->drain_until_ms = broker_now_ms(broker) + limit_ms;
    broker_later(broker, 1, ask, 0, 0);
}
