/* net.h - a network between nodes that loses, repeats, delays and reorders, link by link.
 *
 * Every directed link has its own chance and its own delays, so that a change at one link leaves
 * the story of the others as it is. A link can be cut by several causes at once. */
#ifndef TESTS_SIM_NET_H
#define TESTS_SIM_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/list.h"
#include "common/rand.h"
#include "tests/sim/sched.h"

enum { NET_NODES_MAX = 16 };

/* Twelve shapes of a cut around `a` (and `b`, where two are named). */
enum net_shape {
    CUT_ISOLATE,            /* a from everybody */
    CUT_FROM_BROKERS,       /* a from the other brokers only */
    CUT_FROM_STORE,         /* a from ZooKeeper only */
    CUT_FROM_CLIENTS,       /* a from the clients only */
    CUT_DEAF,               /* a hears nobody, but is heard */
    CUT_MUTE,               /* a is heard by nobody, but hears */
    CUT_PAIR,               /* a from b */
    CUT_PAIR_ONE_WAY,       /* what a says does not reach b */
    CUT_HALVES,             /* brokers up to a from those above */
    CUT_BRIDGE,             /* as halves, but b sees both */
    CUT_RING,               /* a broker sees only its neighbours */
    CUT_STORE_ONE_WAY,      /* what a says does not reach ZooKeeper */
    NET_SHAPES
};
const char *net_shape_name(enum net_shape shape);

/* Rates of a run. */
struct net_options {
    uint32_t loss_permille, duplicate_permille, clog_permille;
    int64_t delay_min_us, delay_mean_us, clog_us;
};

struct net_link {
    struct rand rand;
    int cuts;                   /* causes that cut it now */
    int64_t clogged_until_us;
    int64_t last_arrival_us;    /* of what is sent in order */
};

struct net {
    struct sched *sched;
    struct net_options options;
    int brokers, clients, store;        /* nodes: brokers, then clients, then the store */
    struct net_link links[NET_NODES_MAX][NET_NODES_MAX];
    struct list under_way;
    uint64_t sent, lost, duplicated, cut;
};

void net_init(struct net *net, struct sched *sched, uint64_t seed, int brokers, int clients,
              const struct net_options *options);
void net_fini(struct net *net);         /* frees what did not arrive; before sched_fini() */
static inline int net_client(const struct net *net, int client) { return net->brokers + client; }

/* Cut (+1) or mend (-1) the links of a shape. */
void net_cut(struct net *net, enum net_shape shape, int a, int b, int by);
void net_heal(struct net *net);                 /* mends everything, and no fault from now on */
bool net_is_cut(const struct net *net, int from, int to);

/* A message: may be lost, arrive twice, or after what was sent later. `size` is the payload's,
 * which is copied for a repeat; 0: never repeated. */
void net_send(struct net *net, int from, int to, sched_handler deliver, void *context,
              void *payload, size_t size);

/* What was sent comes once more, so much later. */
void net_send_late(struct net *net, int from, int to, int64_t delay_us, sched_handler deliver,
                   void *context, void *payload);

/* A message that may be lost, but comes once, and not before what was sent in order earlier. */
void net_send_in_order(struct net *net, int from, int to, sched_handler deliver, void *context,
                       void *payload);

/* Over a connection: in order and once. The delay until it arrives, or -1: the link is cut. */
int64_t net_stream_delay(struct net *net, int from, int to);

#endif
