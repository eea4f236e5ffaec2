/* silence.h - notices brokers that say nothing any more.
 *
 * A machine that is gone without a word leaves connections behind that never break: what is in
 * flight there would wait for its own limit, although another broker leads by now. While requests
 * are in flight and a broker has been silent for a while, metadata is asked for again and again,
 * elsewhere if possible; as soon as it tells that a silent broker leads less than it did, the
 * connections to that are given up, and what was in flight goes to the new leader.
 *
 * Belongs to the handle's loop. */
#ifndef CLIENT_SILENCE_H
#define CLIENT_SILENCE_H

#include "net/loop.h"

struct broker;
struct klient;

struct silence {
    struct klient *klient;              /* borrowed */
    struct timer *timer;
};

/* 0 or K_NOMEM. Before the loop starts. */
int silence_init(struct silence *silence, struct klient *klient);
void silence_fini(struct silence *silence);

/* A request is about to be in flight to `broker`. */
void silence_expect(struct silence *silence, struct broker *broker);

/* The picture tells that another broker leads what `broker` (may be NULL) did. */
void silence_deposed(struct broker *broker);

#endif
