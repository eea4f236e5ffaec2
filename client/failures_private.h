/* failures_private.h - what the files of failed records share. Belongs to whoever is inside the
 * consumer.
 *
 * failures.c keeps them and carries out what the core orders, failures_send.c writes retries and
 * dead letters, failures_return.c returns what is due. */
#ifndef CLIENT_FAILURES_PRIVATE_H
#define CLIENT_FAILURES_PRIVATE_H

#include "client/config.h"
#include "client/dead_letter.h"
#include "client/failures.h"
#include "client/forward.h"
#include "client/progress.h"
#include "client/retry.h"
#include "client/retry_policy.h"
#include "common/list.h"
#include "common/mail.h"
#include "common/map.h"

/* A record that is not settled. */
struct held {
    struct retry_failure failure;   /* first */
    struct list node;               /* in `due`, `out` or `unsent`, or in none */
    struct assigned *assigned;      /* referenced: where it was read, */
    int64_t offset;                 /* and at which offset */
    struct chunk *chunk;            /* referenced: the record as it first came */
    struct handout *handout;        /* referenced; while the application has it */
    char *reason;                   /* owned; "" when it gave none */
    struct forward *forward;        /* that it was last sent to */
    int code;                       /* why it was last refused */
    enum dead_letter_lack lack;     /* of its dead letter, */
    size_t left_out;                /* and how many bytes that is */
    bool gone;                      /* its partition was given up: only the report is waited for */
};

/* Wakes the consumer at a time. */
struct alarm {
    struct mail mail;
    struct timer *timer;            /* the loop's */
    atomic_bool posted;
    atomic_int_least64_t at_ms;     /* of mono time; INT64_MAX: never */
};

struct failures {
    struct klient_consumer *consumer;
    struct klient_retry_policy *policy;     /* borrowed from the configuration */
    struct klient_producer *producer;       /* owned */
    struct retry retry;
    struct map held;                /* struct place -> struct held */
    struct list due;                /* to be returned, in order */
    struct list out;                /* the application has them */
    struct list unsent;             /* to be given to the producer, in order */
    struct list forwards;           /* owned */
    int64_t pace_at_ms, pace_ms;    /* of attempts to send */
    uint64_t shortened;             /* dead letters that lack something */
    bool serving;
    struct alarm alarm;
};

/* Key of `held`. */
struct place { const void *assigned; int64_t offset; };

/* --- failures.c ------------------------------------------------------------------------------- */

/* What is held of what was read at `offset`, or NULL. */
struct held *failures_find(const struct failures *failures, const struct assigned *assigned,
                           int64_t offset);

/* Keep a copy, as one of `as`, of what was read at `offset` of `assigned`, and failed `attempts`
 * times. 0, K_NOMEM or K_MESSAGE_TOO_LARGE. */
int failures_hold(struct failures *failures, struct assigned *assigned, int64_t offset,
                  struct assigned *as, const klient_record_t *record, int32_t attempts,
                  struct held **out);
void held_free(struct held *held);

/* Tell the core what became of it (NULL: time has passed), and carry out what that orders. */
void failures_step(struct failures *failures, enum retry_event_type type, struct held *held);
void failures_tell_core(struct failures *failures, struct retry_event *event);

/* Call the application's event function. */
void failures_tell(struct failures *failures, const klient_failure_event_t *event);

/* --- failures_send.c -------------------------------------------------------------------------- */

/* What the core orders. */
void failures_send(struct failures *failures, struct held *held);
void failures_tell_refused(struct failures *failures, const struct held *held);

/* Send what waits for that, as far as that goes. */
void failures_send_waiting(struct failures *failures);

klient_producer_t *failures_open_producer(struct failures *failures, klient_error_t **error);

/* --- failures_return.c ------------------------------------------------------------------------ */

/* The record as it first came. Takes over the handout's reference (may be NULL) when that succeeds.
 * 0 or K_NOMEM. */
int failures_revive(struct failures *failures, struct held *held, struct handout *handout,
                    klient_records_t **out);

/* The application has it no more. */
void held_give_back(struct held *held);

/* Records that the application freed without a word of failure are processed. */
void failures_note_processed(struct failures *failures);

/* Wake the consumer when there is something to do. */
void failures_set_alarm(struct failures *failures);
void failures_alarm_init(struct failures *failures);

#endif
