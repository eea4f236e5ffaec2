/* channel.h - the asking side of a request/response connection, kept up.
 *
 * A channel connects (resolving the name each time, trying every address), greets, sends requests
 * and matches answers by correlation id, whatever their order. It connects when it is made, and
 * again whenever a call waits for a connection, with exponential back-off after failures. What the
 * bytes mean stands in a protocol table, so that client and broker share this file without net
 * knowing either. Belongs to one loop.
 *
 * Callbacks run from the loop only, never from inside one of these functions, except that
 * channel_free() answers what is in flight. They may ask, cancel, and free the channel. */
#ifndef NET_CHANNEL_H
#define NET_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/chain.h"
#include "common/heap.h"
#include "common/list.h"

struct channel;
struct loop;
struct resolver;
struct slab;

struct channel_protocol {
    /* Bytes to send first, appended to `out`. Returns 0 or K_NOMEM. */
    int (*greet)(void *context, struct chain *out);
    /* Read the peer's greeting: bytes consumed, 0 for more, below 0 to give up (wrong cluster). */
    ssize_t (*greeted)(void *context, const uint8_t *bytes, size_t size);
    /* Size of the frame that starts at `bytes`: as conn_handler.cut. */
    ssize_t (*cut)(void *context, const uint8_t *bytes, size_t size);
    /* Correlation id of a whole frame. 0 or an error code (the connection is then closed). */
    int (*correlation)(void *context, const uint8_t *bytes, size_t size, uint64_t *out);
};

struct channel_options {
    struct resolver *resolver;                  /* borrowed */
    const struct channel_protocol *protocol;    /* borrowed */
    void *protocol_context;
    const char *host;                           /* copied */
    uint16_t port;
    int64_t connect_timeout_ms;                 /* per attempt; 0: 10000 */
    int64_t backoff_ms, backoff_max_ms; /* between attempts, doubled, with jitter; 0: 50, 1000 */
    int64_t idle_ms;                            /* 0: never */
    const char *congestion;                     /* borrowed; TCP_CONGESTION, NULL: the system's */
    /* Told when it is usable (code 0), when it no longer is, and when every address was tried in
     * vain (why: CONNECTION_FAILED, RESOLVE_FAILED, what `greeted` said, ...); may be NULL. */
    void (*changed)(void *context, int code);
    void *changed_context;
};

/* A question in flight, embedded in the asker's object. The channel answers it exactly once:
 * with a frame (code 0; the bytes are valid during the call, or longer with a slab reference),
 * or with a code: NETWORK_EXCEPTION (sent, connection lost: it may have been carried out),
 * CONNECTION_FAILED, RESOLVE_FAILED or what `greeted` said (not sent: every address was tried in
 * vain), REQUEST_TIMED_OUT (the connection is kept, a late answer is dropped), NOMEM (not sent),
 * CLOSED (channel freed). In answer() the call is
 * the asker's again: it may be freed, or asked anew. */
struct channel_call {
    uint64_t correlation;               /* the asker's: from channel_next_correlation() */
    void (*answer)(struct channel_call *call, int code, struct slab *slab, uint8_t *bytes,
                   size_t size);

    /* The channel's from channel_ask() on. */
    struct list node;
    struct heap_node deadline;
    struct chain request;               /* until it is sent */
    uint64_t written_at;                /* without answer: done when so many bytes have gone out */
    bool expect_answer, sent;
};

int channel_new(struct loop *loop, const struct channel_options *options, struct channel **out);
/* Calls in flight are answered CLOSED before it returns. NULL is allowed. */
void channel_free(struct channel *channel);

/* A correlation id that is free on this channel: put it in the request before packing. */
uint64_t channel_next_correlation(struct channel *channel);

/* Send (or queue until connected). `timeout_ms` counts from now, > 0. With `expect_answer` false
 * the call is answered with code 0 and no bytes as soon as it is written to the socket. */
void channel_ask(struct channel *channel, struct channel_call *call, struct chain *request,
                 int64_t timeout_ms, bool expect_answer);

/* Forget a call: it will not be answered. No-op for one that is not in flight. */
void channel_cancel(struct channel *channel, struct channel_call *call);

/* Write now instead of at the end of the turn. */
void channel_flush(struct channel *channel);

/* Connected and greeted: what is asked now goes out now. */
bool channel_ready(const struct channel *channel);
/* Calls asked and not answered, sent or not. */
size_t channel_in_flight(const struct channel *channel);
/* Bytes of requests that the socket has not taken yet. */
size_t channel_queued_bytes(const struct channel *channel);

#endif
