/* inquiry.h - one question asked until it is answered: of any broker, or of a partition's leader.
 *
 * Belongs to the handle's loop. Hides lost connections, stale leaders and missing metadata behind a
 * deadline. */
#ifndef CLIENT_INQUIRY_H
#define CLIENT_INQUIRY_H

#include <stdbool.h>
#include <stdint.h>

#include "client/broker.h"
#include "client/cluster.h"

struct timer;

/* Embedded in the asker's object, which may be freed in done(). */
struct inquiry {
    struct list node;                  /* in the cluster's list of inquiries */
    struct klient *klient;             /* borrowed */
    struct topic *topic;               /* held; NULL: any broker will do */
    int32_t partition;
    int32_t broker;                    /* without a topic: whom to ask; -1: any. Set by the asker */
    bool looked;                       /* for that broker, in a picture that was asked for */
    int32_t epoch;                     /* under which it was last asked */
    bool once;                         /* do not repeat what may have been carried out */
    int64_t patience_ms;               /* with one broker; 0: request.timeout.ms */
    int64_t deadline_ms, backoff_ms;
    int last_code;                     /* of the attempt before */
    struct timer *timer;
    struct observer observer;
    struct request request;
    bool requested;                    /* request is initialised */

    /* Fill in the body. 0 or K_NOMEM. */
    int (*build)(struct inquiry *inquiry, struct request *request);
    /* Look at an answer: 0, or the error that decides whether to ask again; *error (preset to
     * NULL) may receive its details. */
    int (*read)(struct inquiry *inquiry, const Kairn__ResponseHead *head,
                const Kairn__Error **error);
    /* Shall a failure that could be tried again end it all the same? NULL: none shall. */
    bool (*is_final)(struct inquiry *inquiry, int code);
    /* Over: the code, and (may be NULL) a text for people. */
    void (*done)(struct inquiry *inquiry, int code, const char *text);
};

/* Start; build, read and done are set. `topic` NULL: any broker. done() may be called from here. */
void inquiry_start(struct inquiry *inquiry, struct klient *klient, const char *topic,
                   int32_t partition, int64_t deadline_ms);

/* End it now with `code`: done() is called. */
void inquiry_end(struct inquiry *inquiry, int code, const char *text);

#endif
