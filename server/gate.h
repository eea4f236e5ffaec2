/* gate.h - the connections of one loop, and how a broker's loops share what they serve.
 *
 * A connection is accepted by the first gate, greets there, and moves to the gate of the loop that
 * the client asked for. Functions belong to the gate's loop unless they say so. */
#ifndef SERVER_GATE_H
#define SERVER_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/list.h"
#include "common/mail.h"
#include "server/admission.h"
#include "server/budget.h"

struct api;
struct codec;
struct gate;
struct io_pool;
struct loop;
struct metrics;
struct shards;

/* What all gates of a broker share; constant after start but for the budget and
 * the admission. */
struct gates {
    const struct api *api;              /* borrowed */
    const struct codec *codec;
    struct metrics *metrics;            /* borrowed */
    struct io_pool *pool;               /* borrowed; not used after all gates were closed */
    struct budget budget;
    /* Whose request is received though the budget is exceeded. Compared, never followed. */
    struct connection *_Atomic first;
    struct admission admission;
    int32_t broker_id;
    const char *cluster_id;             /* borrowed */
    size_t frame_max;                   /* socket.request.max.bytes and the frame's own length */
    _Atomic int64_t idle_ms;            /* of connections that come from now on, */
    _Atomic int32_t slow_ms;            /* likewise */
    int count;
    struct gate *items;                 /* one per loop; owned */
};

struct gate {
    struct gates *gates;
    struct loop *loop;                  /* borrowed */
    struct shard *shard;                /* the loop's; borrowed */
    int index;
    bool closed;
    struct list connections;            /* struct connection.node */
    struct list paused;                 /* struct connection.paused: wait for the budget */
    _Atomic int64_t load;               /* connections, for the choice of a loop */
    struct mail resume_mail;            /* in transit while resume_posted */
    _Atomic bool resume_posted;
    struct list spare;                  /* requests to be used again, by connection.c */
    size_t spare_count;
};

/* Before the loops start; `gates` is filled in but for `items` and the admission. Returns 0 or
 * NOMEM. */
int gates_init(struct gates *gates, struct loop *const *loops, struct shards *shards,
               const struct admission_limits *limits);
/* After the loops have ended and every gate was closed. */
void gates_fini(struct gates *gates);

/* Take in an accepted socket that has not greeted, or close it if its address has as many as it
 * may; it is the gate's now. `listener` is borrowed for as long as the gates. */
void gate_accept(struct gate *gate, int fd, const char *listener);

/* Close all connections; none is taken in afterwards. Requests in work are finished unsent. */
void gate_close(struct gate *gate);

/* The budget has room again: every gate goes on reading. Any thread. */
void gates_resume(struct gates *gates);

#endif
