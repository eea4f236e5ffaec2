/* runtime/peer.h - the native protocol on a channel to another broker.
 *
 * Belongs to one loop. */
#ifndef RUNTIME_PEER_H
#define RUNTIME_PEER_H

#include <stdint.h>

#include "net/channel.h"
#include "proto/kairn.pb-c.h"

struct arena;
struct peer;

/* `cluster_id` is checked against the other's greeting; `wanted_loop` is the one of its loops that
 * is to serve us, or GREETING_ANY_LOOP. `host` is copied. 0 or NOMEM. */
int peer_new(struct loop *loop, struct resolver *resolver, const char *host, uint16_t port,
             const char *cluster_id, uint16_t wanted_loop, struct peer **out);
void peer_free(struct peer *peer);                  /* calls in flight are answered CLOSED */

/* Ask; fills in the head's correlation id. The call is answered with the frame's bytes, to be
 * read with peer_answer(). 0, or NOMEM (it will not be answered). */
int peer_ask(struct peer *peer, struct channel_call *call, Kairn__RequestHead *head,
             int64_t timeout_ms);
void peer_cancel(struct peer *peer, struct channel_call *call);

/* Unpack an answer into `arena`. 0, the error of the answer's head, or MALFORMED/NOMEM. */
int peer_answer(uint8_t *bytes, size_t size, struct arena *arena, Kairn__ResponseHead **out);

#endif
