/* identity.h - the producer id under which an idempotent producer numbers its batches.
 *
 * Asked of any broker before the first batch leaves. Belongs to the loop. */
#ifndef CLIENT_IDENTITY_H
#define CLIENT_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "client/inquiry.h"

enum identity_state {
    IDENTITY_UNUSED,                /* not idempotent: batches are not numbered */
    IDENTITY_MISSING,
    IDENTITY_ASKED,
    IDENTITY_KNOWN
};

struct identity {
    enum identity_state state;
    int64_t id;                     /* KNOWN */
    struct inquiry inquiry;         /* ASKED */
    struct klient *klient;          /* borrowed */
    /* What came of asking: 0, or the error of a producer that can not be idempotent. */
    void (*settled)(struct identity *identity, int code);
};

/* `wanted`: the producer is to be idempotent. */
void identity_init(struct identity *identity, struct klient *klient, bool wanted,
                   void (*settled)(struct identity *identity, int code));

/* May batches leave? Otherwise the id is asked for, and settled() told later; never from here. */
bool identity_ready(struct identity *identity);

/* Forget the id: the epochs of one partition are used up. */
void identity_renew(struct identity *identity);

/* Ask no longer. */
void identity_stop(struct identity *identity);

#endif
