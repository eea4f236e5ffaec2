/* forward.h - a topic that failed records are sent on to: looked for, and made like the topic they
 * come from (partitions, replicas) when it is missing.
 *
 * Belongs to the application's thread. Nothing waits: the owner asks again and again. */
#ifndef CLIENT_FORWARD_H
#define CLIENT_FORWARD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/list.h"

struct ask;
struct klient;

enum forward_state { FORWARD_UNKNOWN, FORWARD_LOOKING, FORWARD_MAKING, FORWARD_READY };

struct forward {
    struct list node;               /* its owner's */
    char *name, *source;            /* owned */
    enum forward_state state;
    int32_t partitions;             /* READY */
    int32_t controller;             /* that a picture told; -1: none has */
    struct ask *ask;                /* LOOKING, MAKING: our share of it */
    int64_t again_ms, backoff_ms;   /* UNKNOWN: not before (mono time) */
    int code;                       /* the last trouble, told in the log; 0: none */
};

/* NULL when out of memory. */
struct forward *forward_new(const char *name, const char *source);
void forward_free(struct forward *forward);

/* Can records be sent to it? If not, goes a step further. */
bool forward_is_ready(struct forward *forward, struct klient *klient);

/* It was, and the cluster says that it is gone. */
void forward_lost(struct forward *forward);

#endif
