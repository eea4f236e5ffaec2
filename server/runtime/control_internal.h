/* runtime/control_internal.h - the parts of the control plane, for its own files only.
 *
 *   control.c           life: start, first connect, stop; the session's states
 *   drive_member.c      core/member's effects become ZooKeeper calls, the answers its events
 *   drive_controller.c  core/controller's effects become stores and answers
 *   controller_load.c   reads the whole stored state at election
 *   controller_watch.c  live brokers, read again whenever they change
 *   config_watch.c      configurations that others write, with a note or without one
 *   delete_requests.c   delete requests that stand in ZooKeeper
 *   store.c             carries out a DO_STORE as fenced multis, made by store_build.c
 *   control_request.c   what others ask of the controller: here, or relayed to its broker
 *   control_alter.c     of these: to alter what exists
 *   news.c              polls the controller for changes and publishes them
 *   producer_ids.c      gives out producer ids, a block at a time
 *   peer.c              the native protocol on a channel to another broker
 *
 * Everything runs on the control loop. */
#ifndef RUNTIME_CONTROL_INTERNAL_H
#define RUNTIME_CONTROL_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/list.h"
#include "common/map.h"
#include "common/rand.h"
#include "net/channel.h"
#include "net/loop.h"
#include "server/core/controller.h"
#include "server/core/member.h"
#include "server/runtime/control.h"
#include "server/runtime/producer_ids.h"
#include "zk/elect.h"
#include "zk/guardian.h"
#include "zk/register.h"
#include "zk/session.h"

struct config_watch;
struct controller_load;
struct news;
struct peer;

/* A live broker as registered: what the core does not need to know, but others do. */
struct live_broker {
    struct controller_broker core;
    struct znode_broker broker;             /* points into `arena` */
    int32_t loops;
    struct arena arena;
};

/* State that exists only while this broker holds the controller's chair. */
struct chair {
    bool taken;                             /* elected; may still be loading */
    bool loaded;                            /* core has been told ELECTED */
    int32_t epoch, epoch_version;
    struct controller *core;
    struct timer *timer;                    /* core's deadline */
    struct controller_load *load;           /* while loading */
    bool load_done;                         /* read, waiting for the live brokers */
    struct live_broker **live;              /* as of the last read of registrations */
    size_t live_count;
    bool live_known;                        /* registrations were read since election */
    struct zk_watch incarnations, doomed;
    struct timer *retry;                    /* failed reads, again; which ones: */
    bool live_wanted, delete_requests_wanted;
    bool reading_live, read_live_again;
    struct config_watch *configs;           /* while loaded */
    struct map delete_requests;             /* name -> struct delete_request, until it is settled */
    struct map tickets;                     /* core ticket -> who waits */
    uint64_t next_ticket;
    bool stepping;
};

/* Ids of the block that is ours, and who waits for one. */
struct producer_ids {
    int64_t next;
    int left;                               /* ids from `next` on */
    bool taking;                            /* a block is on its way: */
    int64_t wanted;                         /* where it begins */
    struct list waiting;                    /* struct producer_id_ask.node */
    struct timer *retry;
};

struct control {
    struct control_options options;
    char *connect, *digest, *rack, *listener;
    struct rand rand;

    struct zk_session *session;
    struct guardian *guardian;
    uint64_t life;                          /* answers to an older life are dropped */
    bool identifying, identified, refused, stopping, closed;
    char cluster_id[25];
    int32_t broker_id;
    struct timer *tend;                     /* once a second: guardian, patience with ZooKeeper */
    struct timer *stop_limit;
    int64_t waiting_since_ms;

    struct member member;
    struct timer *member_timer;
    struct list member_events;              /* queued while the core is being stepped */
    bool member_stepping;
    struct zk_watch controller_watch;
    struct zk_watch registration_watches[2]; /* of what is registered of us: see drive_member.c */
    _Atomic int64_t lease_until_ms;

    struct chair chair;
    struct list stores;                     /* under way, also those of a chair that was lost */
    struct producer_ids producer_ids;
    struct news *news;
    int32_t followed;                       /* broker id of the controller, -1: nobody known */
    struct list waiting;                    /* control_request_state: for a controller */
    struct timer *waiting_timer;
};

/* control.c: chair and registration are released, close the session. */
void control_finish(struct control *control);
int64_t control_now_ms(const struct control *control);            /* monotonic */
int64_t control_boot_ms(const struct control *control);           /* counts suspend */

/* drive_member.c */
void drive_member_init(struct control *control);
/* Look whether we are still registered, and watch it. */
void watch_registration(struct control *control);
void drive_member(struct control *control, const struct member_event *event);

/* drive_controller.c */
int chair_init(struct control *control);
void chair_fini(struct control *control);
void chair_take(struct control *control, int32_t epoch, int32_t epoch_version);
void chair_leave(struct control *control);
/* The live brokers were read (again): see chair.live. */
void chair_live_read(struct control *control);
/* Never from inside a step: asserted. */
void drive_controller(struct control *control, const struct controller_event *event);

/* controller_load.c: read all, then done(code 0 or SESSION_LOST...). Cancel with _free. */
struct loaded_topic;
int controller_load_start(struct control *control, void (*done)(struct control *control, int code));
void controller_load_free(struct controller_load *load);
const struct controller_topic *controller_load_topics(const struct controller_load *load,
                                                      size_t *count);
const struct controller_entity *controller_load_entities(const struct controller_load *load,
                                                         size_t *count);

/* controller_watch.c */
void watch_start(struct control *control);
void watch_stop(struct control *control);
void watch_read_live(struct control *control);
void watch_free_live(struct control *control);

/* config_watch.c: as long as we are the controller */
void config_watch_start(struct control *control);
void config_watch_stop(struct control *control);

/* delete_requests.c: as long as we are the controller */
struct delete_request;
void delete_requests_init(struct control *control);
void delete_requests_read(struct control *control);                /* and watch */
void delete_requests_forget(struct control *control);
/* What the core said to requests_delete_topic(); may run inside its step. */
void delete_request_answered(struct delete_request *request, int error);

/* store.c */
void store_run(struct control *control, uint64_t token, const struct store_change *changes,
               size_t count);
/* The chair is lost: who waits for ZooKeeper waits no longer. */
void stores_abandon(struct control *control);

/* producer_ids.c; stop: who waits is told CLOSED */
int producer_ids_init(struct control *control);
void producer_ids_stop(struct control *control);
void producer_ids_fini(struct control *control);

/* control_request.c */
void requests_controller_known(struct control *control);           /* somebody new to ask */
void requests_chair_ready(struct control *control);                /* it is us, and loaded */
void requests_chair_lost(struct control *control);
void requests_delete_topic(struct control *control, struct delete_request *request,
                           const char *name);
void requests_answer_topic(struct control *control, const struct controller_effect *effect);
void requests_answer_changes(struct control *control, const struct controller_effect *effect);
int requests_init(struct control *control);
void requests_fini(struct control *control);
/* Serve here; on the control loop. */
void request_serve(struct control *control, struct control_request *request);

/* news.c */
int news_new(struct control *control, struct news **out);
void news_free(struct news *news);
void news_follow(struct news *news, int32_t broker);               /* -1: stop */
/* The channel to the controller's broker, NULL when it is us or nobody is known. */
struct peer *news_peer(struct news *news);

#endif
