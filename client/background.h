/* background.h - background delivery: a thread of the producer's own tells the application what
 * became of its records, so that it need not poll. */
#ifndef CLIENT_BACKGROUND_H
#define CLIENT_BACKGROUND_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/gate.h"

struct klient_producer;

/* Embedded in a producer, all 0. */
struct background {
    bool runs;                          /* constant while the producer is used */
    pthread_t thread;
    atomic_bool stops;
    struct gate gate;                   /* signalled when there are reports, and to stop */
};

/* If that is configured and somebody is to be told. 0 or K_NOMEM. */
int background_start(struct klient_producer *producer);

/* Tell what is there, and end. No-op unless it runs. */
void background_stop(struct klient_producer *producer);

/* Wait until all that has become of records up to now was told. False when `deadline_ms` (of mono
 * time) has passed. */
bool background_wait(struct klient_producer *producer, int64_t deadline_ms);

#endif
