/* broker.h - one broker as the client sees it: an address, its connections, requests in flight.
 *
 * Belongs to the handle's loop. Knows framing and heads, not what the requests mean. */
#ifndef CLIENT_BROKER_H
#define CLIENT_BROKER_H

#include <stdbool.h>
#include <stdint.h>

#include "client/latency.h"
#include "client/link.h"
#include "client/versions.h"
#include "common/arena.h"
#include "common/list.h"
#include "net/channel.h"
#include "net/loop.h"
#include "proto/head.h"

struct broker;
struct chain;
struct klient;
struct slab;

/* A request, embedded or allocated by the asker, who fills head.body_case and the body (in
 * `arena`) between request_init() and broker_ask(). It is answered exactly once:
 *
 *   code 0             `head` (valid until request_fini()) has the body that was asked for, and
 *                      `payload` points into `slab` (valid during the call)
 *   K_NETWORK_EXCEPTION, K_REQUEST_TIMED_OUT   it may have been carried out
 *   K_CONNECTION_FAILED, K_RESOLVE_FAILED   it was not sent
 *   K_MALFORMED        the broker's answer makes no sense
 *   K_UNSUPPORTED_VERSION  the broker refused, or what it said of its versions did it for it
 *   any other          the broker refused the request as a whole; head->error explains
 *
 * `head` is NULL unless the broker answered (or did not even need to be asked). */
struct request {
    struct channel_call call;
    struct broker *broker;
    struct channel *channel;        /* it went by; NULL: refused here */
    struct arena arena;             /* of the question, then of the answer too */
    Kairn__RequestHead head;
    bool asked;
    int64_t asked_us;
    bool parked;                    /* set by the asker: the broker may keep it for long */
    void (*answer)(struct request *request, int code, const Kairn__ResponseHead *head,
                   struct slab *slab, const uint8_t *payload, size_t size);
    uint64_t memory[256];           /* the first block of the arena */
};

/* What was last heard of it. */
enum broker_reach { REACH_NOT_TRIED, REACH_ANSWERS, REACH_FAILING };

struct broker {
    struct klient *klient;          /* borrowed */
    struct list node;               /* in the cluster's list */
    int32_t id;                     /* -1: an entry of the bootstrap list */
    char host[256];
    uint16_t port;
    char *rack;                     /* owned; NULL: in none that is known */
    struct link first;              /* the connection for everything */
    struct list links;              /* struct link, owned: for loops with real traffic */
    struct versions versions;       /* what the program at the first connection serves */
    struct request question;        /* for that */
    struct list refused;            /* of struct request: to be answered at the end of the turn */
    struct turn_hook refuse;
    struct turn_hook moved;         /* the address changed: give up the connections */
    int64_t failed_at_ms;           /* when it was last found unusable; 0: never */
    int64_t heard_at_ms;            /* while requests are in flight: since when it says nothing */
    size_t parked;                  /* of them, so many may be kept for long */
    bool deposed;                   /* since then another one leads what it did */
    enum broker_reach reach;        /* reach.h */
    struct latency rtt;             /* us; of requests that nobody keeps, for statistics */
};

/* NULL when out of memory. */
struct broker *broker_new(struct klient *klient, int32_t id, const char *host, uint16_t port);

/* Requests in flight fail before it returns. */
void broker_free(struct broker *broker);

/* Connect to this address from now on; requests in flight fail at the end of the turn if it
 * changed. */
void broker_move(struct broker *broker, const char *host, uint16_t port);

/* It is in this rack; "": in none. */
void broker_place(struct broker *broker, const char *rack);

/* The first connection is up, or is no more: the next one may lead to another program. */
void broker_connected(struct broker *broker);
void broker_disconnected(struct broker *broker);

/* Give up its connections at the end of the turn: what is in flight fails. */
void broker_leave(struct broker *broker);

size_t broker_in_flight(const struct broker *broker);      /* requests */

/* Is any request in flight? Are all of them such that may be kept for long? */
bool broker_is_awaited(const struct broker *broker);
bool broker_keeps_all(const struct broker *broker);

/* Is the first connection greeted? */
bool broker_ready(const struct broker *broker);

/* Bytes that wait to be written to the first connection's socket. */
size_t broker_queued_bytes(const struct broker *broker);

void request_init(struct request *request,
                  void (*answer)(struct request *request, int code,
                                 const Kairn__ResponseHead *head, struct slab *slab,
                                 const uint8_t *payload, size_t size));
void request_fini(struct request *request);

/* Send; connects first when needed. `payload` (NULL: none) is empty afterwards. Without
 * `expect_answer` the request is answered with code 0 and no head once it is written. Returns 0,
 * or K_NOMEM or K_FRAME_TOO_LARGE: then it will not be answered. */
int broker_ask(struct broker *broker, struct request *request, struct chain *payload,
               int64_t timeout_ms, bool expect_answer);

/* The same by a certain connection: link_for(). */
int broker_ask_by(struct link *link, struct request *request, struct chain *payload,
                  int64_t timeout_ms, bool expect_answer);

/* Forget it: it will not be answered. No-op unless in flight. */
void request_cancel(struct request *request);

#endif
