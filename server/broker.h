/* broker.h - one broker: everything between its configuration and its stop.
 *
 * No process-wide state: several may run in one process. Functions belong to the thread that
 * started it (main's, or a test's). */
#ifndef SERVER_BROKER_H
#define SERVER_BROKER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

struct broker;
struct config;

/* Called on threads of the broker. */
struct broker_events {
    void *context;
    int brokers;                /* share the descriptors of this process; 0: this one alone */
    void (*ready)(void *context, struct broker *broker);      /* registered and serving; once */
    /* It can not go on: the reason was logged. broker_stop() is still due. */
    void (*failed)(void *context, struct broker *broker, int code);
};

/* Lock the log directories, start the threads, connect to ZooKeeper, and go on from there by
 * events. `config` is taken over and freed, also on failure. Returns 0, or with a reason:
 * INVALID_CONFIG, BUSY (a directory is locked), CORRUPT, IO, NOMEM. */
int broker_start(struct config *config, const struct broker_events *events, struct broker **out,
                 struct k_reason *reason);

/* Orderly: take no more work, write out and mark clean, resign, unregister, close the session,
 * free. Returns false when some log could not be closed cleanly, or a directory not be marked
 * clean. Blocks, at most some seconds. */
bool broker_stop(struct broker *broker);

/* Known once ready. */
int32_t broker_id(const struct broker *broker);
/* The real port of the n-th listener. */
uint16_t broker_port(const struct broker *broker, int listener);

#endif
