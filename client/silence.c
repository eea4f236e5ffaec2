#include "client/silence.h"

#include "client/broker.h"
#include "client/cluster.h"
#include "client/handle.h"

enum {
    LOOK_MS = 250,
    SILENT_MS = 1500,           /* longer than a fetch waits for records, by default */
    PARKED_SILENT_MS = 10000    /* longer than the heartbeat of a group's member is kept */
};

static int64_t now_ms(const struct silence *silence)
{
    return loop_now_ms(silence->klient->loop);
}

/* True when more of the news of other brokers is wanted. */
static bool look_at(struct silence *silence, struct broker *broker)
{
    int64_t limit_ms = broker_keeps_all(broker) ? PARKED_SILENT_MS : SILENT_MS;

    if (now_ms(silence) - broker->heard_at_ms < limit_ms)
        return false;
    if (broker->deposed) {
        broker_leave(broker);
        return false;
    }
    /* Whoever else works is asked first. */
    if (broker->failed_at_ms < broker->heard_at_ms)
        broker->failed_at_ms = now_ms(silence);
    return true;
}

static void look(void *context)
{
    struct silence *silence = context;
    bool busy = false, silent = false;

    LIST_EACH(cluster_brokers(silence->klient->cluster), node) {
        struct broker *broker = LIST_OWNER(node, struct broker, node);
        if (!broker_is_awaited(broker))
            continue;
        busy = true;
        silent |= look_at(silence, broker);
    }
    if (busy)
        timer_after(silence->timer, LOOK_MS);
    if (silent)
        cluster_refresh(silence->klient->cluster);
}

int silence_init(struct silence *silence, struct klient *klient)
{
    silence->klient = klient;
    return timer_new(klient->loop, look, silence, &silence->timer);
}

void silence_fini(struct silence *silence)
{
    timer_free(silence->timer);
}

void silence_expect(struct silence *silence, struct broker *broker)
{
    if (broker_keeps_all(broker)) {
        broker->heard_at_ms = now_ms(silence);
        broker->deposed = false;
    }
    if (!timer_pending(silence->timer))
        timer_after(silence->timer, LOOK_MS);
}

void silence_deposed(struct broker *broker)
{
    if (broker != NULL)
        broker->deposed = true;
}
