/* handle.h - what producers, consumers and admins of one klient_t share: a loop and the cluster as
 * seen from it. */
#ifndef CLIENT_HANDLE_H
#define CLIENT_HANDLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/forked.h"
#include "client/klient.h"
#include "client/reach.h"
#include "client/silence.h"
#include "client/statistics.h"
#include "client/troubles.h"

struct cluster;
struct loop;
struct resolver;

struct klient {
    atomic_uint references;             /* the application's, and one per thing opened on it */
    forked_page *mine;
    struct klient_config *config;       /* owned, immutable */
    struct loop *loop;                  /* owned */
    pthread_t thread;                   /* that runs it */
    struct resolver *resolver;          /* owned */
    struct cluster *cluster;            /* owned; belongs to the loop, */
    struct silence silence;             /* as do these */
    struct reach reach;
    struct troubles troubles;           /* of brokers */
    struct statistics statistics;
};

/* Is this a child of the process that made the handle? One load; no system call. */
static inline bool handle_forked(const struct klient *klient) { return forked(klient->mine); }

/* May a call of the application come in? 0, K_FORKED, or K_IN_CALLBACK: it is made by a function of
 * the application that the handle's own thread runs, and would wait for that thread. */
int handle_check(const struct klient *klient);

struct klient *handle_ref(struct klient *klient);

/* Give up a reference; the last one ends the thread. In a forked child the last one closes the
 * descriptors and does nothing else. Not on the loop. */
void handle_unref(struct klient *klient);

#endif
