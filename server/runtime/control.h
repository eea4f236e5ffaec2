/* runtime/control.h - the broker's control plane: ZooKeeper session, membership, controller, news.
 *
 * Lives on the control loop, which owns no partition. It drives core/member and, while this
 * broker is the controller, core/controller; it polls whichever broker is the controller for
 * changes (itself by mail) and publishes the picture of the cluster. Functions marked "any
 * thread" post to the control loop; everything else belongs to it. */
#ifndef RUNTIME_CONTROL_H
#define RUNTIME_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/feature.h"
#include "common/list.h"
#include "common/mail.h"
#include "common/uuid.h"
#include "proto/kairn.pb-c.h"
#include "server/core/controller.h"
#include "server/runtime/metadata.h"

struct control;
struct loop;
struct option_table;
struct metrics;
struct resolver;

/* What is registered of us. */
struct control_self {
    struct uuid incarnation, previous;
    const struct uuid *known;                 /* logdir_known_incarnations() */
    size_t known_count;
    const struct metadata_endpoint *endpoints;
    size_t endpoint_count;
    const struct uuid *directories;
    size_t directory_count;
    bool lossy;                               /* as it was at the start */
    bool fenced;                              /* a directory went out of use since */
};

/* What the cluster knew of us when we registered. */
struct control_registered {
    bool first;                               /* nothing */
    size_t missing;                           /* log directories that are not there any more */
};

struct control_options {
    struct loop *loop;                        /* the control loop; borrowed */
    struct resolver *resolver;                /* borrowed */
    struct metrics *metrics;                  /* borrowed */
    struct metadata_cell *cell;               /* where pictures are published; borrowed */
    const char *zookeeper_connect, *zookeeper_digest;
    int32_t session_timeout_ms;
    bool guardian;                            /* spawn one; false only in unit tests */
    int32_t broker_id;                        /* -1: generate */
    int32_t reserved_max_id;
    const char *rack;
    int32_t loops;
    const char *inter_broker_listener;        /* name of the listener that brokers use */
    struct feature_ranges features;           /* levels that we can */
    struct feature_cell *levels;              /* those that the cluster has finalised; borrowed */
    struct controller_options controller;     /* while we are the controller */
    const char *topic_pattern;                /* create.topic.policy.name.pattern, which was
                                                 checked; NULL or "": any name */
    /* What can be configured of brokers; borrowed. NULL: anything (in tests). */
    const struct option_table *broker_options;

    /* Called on the control loop. */
    void *context;
    /* The cluster's id and our broker id are known (once, before registration): claim the log
     * directories, open listeners, and fill in what is to be registered. DISK_FULL: it is called
     * again in a while; other codes: give up. */
    int (*identified)(void *context, const char *cluster_id, int32_t broker_id,
                      struct k_reason *reason);
    /* Endpoints, directory ids, previous incarnation and lossy mark for the registration. Pointers
     * are read during the call that follows. `identified` has returned 0 before. */
    void (*describe)(void *context, struct control_self *self);
    /* We are registered; each time. Before the first picture that we are in. NULL is allowed. */
    void (*registered)(void *context, const struct control_registered *registered);
    /* A new picture was published. */
    void (*changed)(void *context);
    /* Final: this broker can not be part of the cluster (id in use, wrong cluster,
     * authentication). */
    void (*refused)(void *context, int code, const char *reason);
    /* control_stop() has finished: chair and registration released, session closed. */
    void (*stopped)(void *context);
};

int control_new(const struct control_options *options, struct control **out,
                struct k_reason *reason);
/* Connect to ZooKeeper and go on from there by events; says so in the log while it has to wait. */
void control_start(struct control *control);
/* Before the data plane stops: have the controller move what we lead to others in sync. `done` is
 * called once on the control loop, perhaps at once, at the latest after limit_ms. */
void control_drain(struct control *control, int32_t limit_ms, void (*done)(void *context),
                   void *context);
/* Resign, unregister, close the session, then `stopped`. At most 5 s. */
void control_stop(struct control *control);
void control_free(struct control *control);                     /* NULL is allowed */

/* Until when (CLOCK_BOOTTIME, ms) this broker may answer as a leader; INT64_MIN: not now. Any
 * thread. */
int64_t control_lease_until_ms(const struct control *control);

/* --- requests that the controller serves ---------------------------------------------------------
 * Any thread: post a request; `answered` runs on `answer_to`. When this broker is not the
 * controller the answer is NOT_CONTROLLER and `controller` tells who is (-1: nobody known); the
 * caller (server/api) relays the request through control_relay(). */
struct control_request {
    struct mail_target *answer_to;
    void (*answered)(struct control_request *request);
    /* What server/api hands on to the controller; borrowed until answered. */
    const Kairn__RequestHead *head;
    int64_t deadline_ms;                                /* monotonic */
    /* the answer */
    int code;
    int32_t controller;
    char message[200];
    struct arena *arena;                             /* the caller's: the response is built in it */
    Kairn__ResponseHead *response;       /* the caller's, initialised; body filled when code is 0 */

    /* the control plane's own while it has the request */
    struct mail mail;
    struct control *control;
    struct list node;               /* among those that wait for a controller, or for its news */
    int64_t known_by_ms;            /* of those: when they do no longer */
    bool relay;
    size_t unanswered;                                  /* tickets of the core */
};
void control_ask(struct control *control, struct control_request *request);

/* The same, but sent to the controller's broker when that is not us. Any thread. */
void control_relay(struct control *control, struct control_request *request);

#endif
