/* failures.h - records of a consumer that failed: keeps them, and carries out what retry.c orders.
 *
 * A failed record is copied and kept until it is settled: it waits and is returned by poll once
 * more, or goes to a retry topic or a dead-letter topic and is forgotten when that is acknowledged.
 * Until then nothing at or beyond its offset is committed. What arrives from retry topics is kept
 * likewise until it is due.
 *
 * Belongs to whichever thread is inside the consumer, but for what says otherwise. */
#ifndef CLIENT_FAILURES_H
#define CLIENT_FAILURES_H

#include <stdbool.h>
#include <stdint.h>

#include "client/consumer.h"

struct failures;

/* For a consumer whose configuration has a policy; opens a producer on its handle. KLIENT_OK,
 * KLIENT_INVALID_CONFIG, KLIENT_NOMEM. */
klient_code_t failures_new(struct klient_consumer *consumer, struct failures **out,
                           klient_error_t **error);

/* On the loop: from now on the consumer is woken when something is due; and no more. */
int failures_start(struct failures *failures);
void failures_stop(struct failures *failures);

/* Any thread, once stopped, or never started. What was not settled is forgotten. In a forked child
 * (`abandon`) only descriptors are closed. */
void failures_free(struct failures *failures);
void failures_abandon(struct failures *failures);

/* Take note of what happened meanwhile, and send what is to be sent. May call the application's
 * event function. Does not wait. */
void failures_serve(struct failures *failures);

/* Is a record to be returned once more? Take it: 0 or K_NOMEM (later). */
bool failures_have_due(const struct failures *failures);
int failures_take(struct failures *failures, klient_records_t **out);

/* Keep those of the records that come from retry topics, and drop them. */
void failures_sift(struct failures *failures, klient_records_t *records);

/* The partition is given up, or lost. */
void failures_forget(struct failures *failures, struct assigned *assigned);

/* Wait until nothing is on its way to another topic. 0, K_REQUEST_TIMED_OUT or K_WOKEN_UP. */
int failures_settle(struct failures *failures, int64_t deadline_ms);

/* The same (NULL: 0) in half of the time that is left, so that what is settled can be committed. */
int failures_settle_early(struct failures *failures, int64_t deadline_ms);

/* Free what an assigned partition keeps for it. */
void failures_lane_free(struct retry_lane *lane);

#endif
