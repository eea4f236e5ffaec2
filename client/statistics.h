/* statistics.h - what a handle, its producers and its consumers count, as a JSON text: when the
 * application asks, and every statistics.interval.ms as an event.
 *
 * Belongs to the handle's loop. Counters are the loop's own and move per batch or request, so that
 * nothing is added to the way of a record. */
#ifndef CLIENT_STATISTICS_H
#define CLIENT_STATISTICS_H

#include <stdint.h>

#include "client/json_text.h"
#include "client/klient.h"
#include "client/latency.h"
#include "common/list.h"

struct klient;
struct klient_config;
struct timer;

/* Embedded in what belongs to a producer or consumer on the loop. */
struct statistics_source {
    struct list node;
    /* Add an element to the array that is open. */
    void (*write)(struct statistics_source *source, struct json_text *json, int64_t window_ms);
    void (*restart)(struct statistics_source *source);      /* a new window begins */
};

struct statistics {
    struct klient *klient;          /* borrowed */
    struct list producers, consumers;
    struct timer *timer;            /* NULL: no events */
    int64_t interval_ms, window_began_ms;
};

/* 0 or K_NOMEM. On the loop, or before it starts. */
int statistics_open(struct statistics *statistics, struct klient *klient,
                    const struct klient_config *config);
void statistics_close(struct statistics *statistics);

/* On the loop. */
void statistics_add_producer(struct klient *klient, struct statistics_source *source);
void statistics_add_consumer(struct klient *klient, struct statistics_source *source);
void statistics_remove(struct statistics_source *source);      /* no-op for one that is not added */

/* As a member: how many, and quantiles. */
void statistics_write_latency(struct json_text *json, const char *name,
                              const struct latency *latency);

/* Any thread but the loop's: klient_statistics() and its kin. */
klient_code_t statistics_ask(struct klient *klient, char **json, klient_error_t **error);

#endif
