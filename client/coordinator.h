/* coordinator.h - the broker that coordinates a group: found when needed, asked, and found again
 * when it turns out to be another one.
 *
 * Belongs to the handle's loop. A call waits until the coordinator is known, is sent once, and is
 * answered once; whether to repeat it is the asker's to know. */
#ifndef CLIENT_COORDINATOR_H
#define CLIENT_COORDINATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "client/broker.h"
#include "client/inquiry.h"
#include "common/list.h"

struct klient;
struct timer;
struct troubles;

struct coordinator {
    struct klient *klient;          /* borrowed, */
    struct troubles *troubles;      /* as is this, */
    const char *group;              /* and this */
    int32_t broker;                 /* id; -1: not known */
    bool finding, tells;            /* found() wants to know */
    struct inquiry inquiry;
    struct list waiting, flying;    /* struct coordinator_call */
    struct timer *timer;            /* for those that wait */
    /* Told whenever a look-up that coordinator_find() asked for is over. */
    void (*found)(void *context, int code);
    void *context;
};

/* Embedded in the asker's object. What an answer brought lives until the next coordinator_ask() or
 * coordinator_cancel() of the call; the latter has to come in the end, also from answer(). */
struct coordinator_call {
    struct list node;
    struct coordinator *coordinator;
    struct request request;
    bool requested;                 /* it is initialised */
    int64_t deadline_ms;
    bool parked;                    /* the coordinator may keep it for long */
    /* Fill in the body: 0 or K_NOMEM. */
    int (*build)(struct coordinator_call *call, struct request *request);
    /* The code of the request as a whole; with 0 `head` has the body that belongs to it. */
    void (*answer)(struct coordinator_call *call, int code, const Kairn__ResponseHead *head);
};

void coordinator_call_init(struct coordinator_call *call,
                           int (*build)(struct coordinator_call *call, struct request *request),
                           void (*answer)(struct coordinator_call *call, int code,
                                          const Kairn__ResponseHead *head));

/* `found` may be NULL. 0 or K_NOMEM. */
int coordinator_init(struct coordinator *coordinator, struct klient *klient,
                     struct troubles *troubles, const char *group,
                     void (*found)(void *context, int code), void *context);

/* Calls under way are not answered any more. */
void coordinator_fini(struct coordinator *coordinator);

/* Look for it, whatever is believed; found() tells when it is known, or what forbids to know it. */
void coordinator_find(struct coordinator *coordinator);

/* Does `code` mean that another broker has to be asked, which is to be found? */
bool coordinator_is_elsewhere(int code);

/* An answer said so: forget who it is. True when `code` means that: asking again finds another. */
bool coordinator_judge(struct coordinator *coordinator, int code);

/* Nobody waits for it any more, or it is there: that it is missing is no trouble. */
void coordinator_not_needed(struct coordinator *coordinator);

/* Ask; `limit_ms` counts from now and covers the search for the coordinator. Answered exactly once,
 * never from here, unless cancelled. */
void coordinator_ask(struct coordinator *coordinator, struct coordinator_call *call,
                     int64_t limit_ms);

/* Do not answer it, if it is under way, and free what it holds. */
void coordinator_cancel(struct coordinator_call *call);

#endif
