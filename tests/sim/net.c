#include "tests/sim/net.h"

#include <stdlib.h>
#include <string.h>

const char *net_shape_name(enum net_shape shape)
{
    static const char *const names[NET_SHAPES] = {
        "isolate", "from-brokers", "from-store", "from-clients", "deaf", "mute",
        "pair",    "pair-one-way", "halves",     "bridge",       "ring", "store-one-way",
    };
    return names[shape];
}

void net_init(struct net *net, struct sched *sched, uint64_t seed, int brokers, int clients,
              const struct net_options *options)
{
    memset(net, 0, sizeof *net);
    net->sched = sched;
    net->options = *options;
    net->brokers = brokers;
    net->clients = clients;
    net->store = brokers + clients;
    list_init(&net->under_way);
    for (int from = 0; from <= net->store; from++)
        for (int to = 0; to <= net->store; to++)
            rand_seed(&net->links[from][to].rand, seed * 131 + (uint64_t)(from * 17 + to));
}

static bool is_broker(const struct net *net, int node)
{
    return node < net->brokers;
}

static bool is_client(const struct net *net, int node)
{
    return node >= net->brokers && node < net->store;
}

static bool around(int node, int a, int from, int to)
{
    return (from == a && to == node) || (to == a && from == node);
}

static bool in_halves(const struct net *net, int a, int spared, int from, int to)
{
    return is_broker(net, from) && is_broker(net, to) && from != spared && to != spared &&
           (from <= a) != (to <= a);
}

static bool in_ring(const struct net *net, int from, int to)
{
    int apart = abs(from - to);
    return is_broker(net, from) && is_broker(net, to) && apart > 1 && apart < net->brokers - 1;
}

/* Does the shape cut this link? */
static bool cuts(const struct net *net, enum net_shape shape, int a, int b, int from, int to)
{
    int other = from == a ? to : from;
    bool at_a = from == a || to == a;

    switch (shape) {
    case CUT_ISOLATE:
        return at_a;
    case CUT_FROM_BROKERS:
        return at_a && is_broker(net, other);
    case CUT_FROM_STORE:
        return around(net->store, a, from, to);
    case CUT_FROM_CLIENTS:
        return at_a && is_client(net, other);
    case CUT_DEAF:
        return to == a;
    case CUT_MUTE:
        return from == a;
    case CUT_PAIR:
        return around(b, a, from, to);
    case CUT_PAIR_ONE_WAY:
        return from == a && to == b;
    case CUT_HALVES:
        return in_halves(net, a, -1, from, to);
    case CUT_BRIDGE:
        return in_halves(net, a, b, from, to);
    case CUT_RING:
        return in_ring(net, from, to);
    case CUT_STORE_ONE_WAY:
        return from == a && to == net->store;
    case NET_SHAPES:
        break;
    }
    return false;
}

void net_cut(struct net *net, enum net_shape shape, int a, int b, int by)
{
    for (int from = 0; from <= net->store; from++)
        for (int to = 0; to <= net->store; to++)
            if (from != to && cuts(net, shape, a, b, from, to))
                net->links[from][to].cuts += by;
}

void net_heal(struct net *net)
{
    net->options = (struct net_options){.delay_min_us = 100, .delay_mean_us = 1000};
    for (int from = 0; from <= net->store; from++)
        for (int to = 0; to <= net->store; to++) {
            net->links[from][to].cuts = 0;
            net->links[from][to].clogged_until_us = 0;
        }
}

bool net_is_cut(const struct net *net, int from, int to)
{
    return net->links[from][to].cuts > 0;
}

/* Most messages take little more than the least, few take several times the mean. */
static int64_t draw_delay_us(struct net *net, struct net_link *link)
{
    const struct net_options *options = &net->options;
    uint64_t mean = (uint64_t)(options->delay_mean_us - options->delay_min_us + 1);
    int64_t delay = options->delay_min_us + (int64_t)rand_below(&link->rand, mean);

    for (int i = 0; i < 3 && rand_below(&link->rand, 4) == 0; i++)
        delay += (int64_t)rand_below(&link->rand, 2 * mean);
    if (rand_below(&link->rand, 1000) < options->clog_permille)
        link->clogged_until_us = net->sched->now_us + options->clog_us;
    if (link->clogged_until_us > net->sched->now_us + delay)
        delay = link->clogged_until_us - net->sched->now_us;
    return delay;
}

/* On its way; whether it gets through is known when it arrives. The scheduler owns it. */
struct parcel {
    struct list node;
    struct net *net;
    int from, to;
    sched_handler deliver;
    void *payload;
};

static void arrive(void *context, void *payload)
{
    struct parcel parcel = *(struct parcel *)payload;

    list_remove(&((struct parcel *)payload)->node);
    free(payload);
    if (parcel.net->links[parcel.from][parcel.to].cuts > 0) {
        parcel.net->cut++;
        free(parcel.payload);
        return;
    }
    parcel.deliver(context, parcel.payload);
}

void net_fini(struct net *net)
{
    LIST_EACH(&net->under_way, node)
        free(LIST_OWNER(node, struct parcel, node)->payload);
}

static void post(struct net *net, int from, int to, int64_t delay_us, sched_handler deliver,
                 void *context, void *payload)
{
    struct parcel *parcel = sched_payload(sizeof *parcel);

    *parcel = (struct parcel){
        .net = net, .from = from, .to = to, .deliver = deliver, .payload = payload};
    list_append(&net->under_way, &parcel->node);
    sched_after(net->sched, delay_us, arrive, context, parcel);
}

void net_send(struct net *net, int from, int to, sched_handler deliver, void *context,
              void *payload, size_t size)
{
    struct net_link *link = &net->links[from][to];
    bool lost = rand_below(&link->rand, 1000) < net->options.loss_permille;
    bool twice = rand_below(&link->rand, 1000) < net->options.duplicate_permille;

    net->sent++;
    if (twice && size > 0 && link->cuts == 0) {
        void *copy = sched_payload(size);
        memcpy(copy, payload, size);
        net->duplicated++;
        post(net, from, to, draw_delay_us(net, link), deliver, context, copy);
    }
    if (lost || link->cuts > 0) {
        net->lost += lost;
        net->cut += link->cuts > 0;
        free(payload);
        return;
    }
    post(net, from, to, draw_delay_us(net, link), deliver, context, payload);
}

void net_send_late(struct net *net, int from, int to, int64_t delay_us, sched_handler deliver,
                   void *context, void *payload)
{
    net->duplicated++;
    post(net, from, to, delay_us, deliver, context, payload);
}

void net_send_in_order(struct net *net, int from, int to, sched_handler deliver, void *context,
                       void *payload)
{
    struct net_link *link = &net->links[from][to];
    bool lost = rand_below(&link->rand, 1000) < net->options.loss_permille;
    int64_t delay_us = net_stream_delay(net, from, to);

    net->sent++;
    if (lost || delay_us < 0) {
        net->lost += lost;
        net->cut += delay_us < 0;
        free(payload);
        return;
    }
    post(net, from, to, delay_us, deliver, context, payload);
}

int64_t net_stream_delay(struct net *net, int from, int to)
{
    struct net_link *link = &net->links[from][to];

    if (link->cuts > 0)
        return -1;
    int64_t arrival = net->sched->now_us + draw_delay_us(net, link);
    if (arrival <= link->last_arrival_us)
        arrival = link->last_arrival_us + 1;
    link->last_arrival_us = arrival;
    return arrival - net->sched->now_us;
}
