/* api/request.h - one request from decoding to its answer.
 *
 * Made by the connection, which owns it; a handler works on it and calls request_finish() exactly
 * once, in the same call or later, always on the shard it came in by. All that handler and answer
 * need lives in its arena; its batches stay in the slab they were received in. */
#ifndef API_REQUEST_H
#define API_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/chain.h"
#include "common/metric.h"
#include "proto/kairn.pb-c.h"
#include "server/api/api.h"
#include "server/api/authorise.h"

struct fetch_session;
struct shard;
struct uuid;

enum { REQUEST_WAIT_MAX_MS = 5 * 60 * 1000 };   /* no request is parked for longer */

struct request {
    const struct api *api;                  /* borrowed */
    struct shard *shard;                    /* the connection's */
    const struct principal *principal;      /* borrowed */
    const char *listener;                /* name of the listener that the asker came by; borrowed */
    struct fetch_session **sessions;        /* the connection's; NULL: it can have none */
    const char *peer;                       /* "10.0.0.7:41234"; valid while it is dispatched */
    struct arena arena;
    const Kairn__RequestHead *head;         /* in the arena */
    uint8_t *payload;                       /* writable; valid until the request is finished */
    size_t payload_size;
    int64_t started_us;                     /* monotonic */

    /* the answer */
    Kairn__ResponseHead response;
    struct chain batches;                   /* its payload */
    bool silent;                            /* acks=0: nothing is sent */
    bool hang_up;                           /* the only way to tell an asker that wants no answer */

    /* Set while the request waits for news or a deadline: it is to finish now, with what there is.
     * NULL: it does not wait. */
    void (*hurry)(struct request *request);
    void *waiter;                           /* for hurry() */

    void (*finished)(struct request *request);      /* the connection's: encode, send, free */
};

/* Fill in the answer's frame of reference. The arena, head, payload and the connection's fields
 * are set by the caller. */
void request_init(struct request *request);

/* The answer is complete. The request is gone afterwards. */
void request_finish(struct request *request);

/* Answer with an error for the request as a whole; `text` NULL: the code's own. */
void request_fail(struct request *request, int code, const char *text);

/* Count the time since it was decoded. */
void request_observe(const struct request *request, enum metric_id id);

/* When the asker gives up, monotonic ms: never later than REQUEST_WAIT_MAX_MS after its arrival. */
int64_t request_deadline_ms(const struct request *request);

/* The asker is gone: whatever waits on its behalf is let go. It finishes in this call or soon. */
void request_abandon(struct request *request);

/* `count` message pointers in the arena, with room for as many messages of `size` bytes behind
 * them, all linked and zeroed; NULL when out of memory. */
void *request_messages(struct request *request, size_t count, size_t size, void ***pointers);

#endif
