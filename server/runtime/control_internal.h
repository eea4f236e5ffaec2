/* runtime/control_internal.h - the parts of the control plane, for its own files only.
 *
 *   control.c           life: start, first connect, stop; the session's states
 *   drive_member.c      core/member's effects become ZooKeeper calls, the answers its events
 *   drive_controller.c  core/controller's effects become stores and answers
 *   controller_load.c   reads the whole stored state at election
 *   quarantine.c        what it could not read: is it mended?
 *   controller_watch.c  live brokers, read again whenever they change
 *   config_watch.c      configurations that others write, with a note or without one
 *   delete_requests.c   delete requests that stand in ZooKeeper
 *   deletions.c         deletions that are remembered there
 *   admin_requests.c    wishes for other replicas, and for leaders, that do
 *   store.c             carries out a DO_STORE as fenced multis, made by store_build.c
 *   control_request.c   what others ask of the controller: here, or relayed to its broker
 *   control_alter.c     of these: to alter what exists
 *   control_leaders.c   of these: in-sync sets, leaders, brokers that stop
 *   control_reports.c   of these: copies that brokers can not use
 *   drain.c             asks the controller to move what we lead, before we stop
 *   feature_levels.c    reads and watches the levels that are finalised; core/features raises them
 *   lossy.c             takes the mark from a broker that may have lost data
 *   control_known.c     answers wait until this broker knows what they tell
 *   news.c              polls the controller for changes and publishes them
 *   producer_ids.c      gives out producer ids, a block at a time
 *   offset_mirror.c     writes committed offsets to where Kafka 0.8 kept them
 *   offset_import.c     reads a group's offsets from there
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
#include "server/core/features.h"
#include "server/core/member.h"
#include "server/runtime/control.h"
#include "server/runtime/producer_ids.h"
#include "zk/elect.h"
#include "zk/guardian.h"
#include "zk/register.h"
#include "zk/session.h"

struct config_watch;
struct drain;
struct controller_load;
struct news;
struct pattern;
struct peer;
struct quarantine;

/* A live broker as registered: what the core does not need to know, but others do. */
struct live_broker {
    struct controller_broker core;
    struct znode_broker broker;             /* points into `arena` */
    int32_t loops;
    struct arena arena;
};

/* A znode that says what somebody wants. */
enum { ADMIN_REASSIGN, ADMIN_PREFERRED, ADMIN_NODES };
struct admin_node {
    struct zk_watch watch;
    struct control *control;
    bool wanted;                            /* it is to be read again */
    bool busy;                              /* what it says is under way, and it still there */
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
    bool topics_missing;                    /* some exist whose nodes make no sense, */
    bool states_missing;                    /* or at least their states: see quarantine.c */
    struct live_broker **live;              /* as of the last read of registrations */
    size_t live_count;
    bool live_known;                        /* registrations were read since election */
    struct zk_watch incarnations, doomed;
    struct admin_node admin_nodes[ADMIN_NODES];
    struct timer *retry;                    /* failed reads, again; which ones: */
    bool live_wanted, delete_requests_wanted;
    bool reading_live, read_live_again;
    struct config_watch *configs;           /* while loaded */
    struct quarantine *quarantine;          /* NULL: all could be read */
    struct features features;               /* core; and what it hangs on: */
    char *feature;                          /* /feature, as of that reading; owned; NULL: none */
    size_t feature_size;
    int32_t feature_version;                /* -1: none */
    int32_t registrations;                  /* version of /kairn/brokers, from before that read */
    bool features_wait;                     /* for somebody who is away */
    struct map delete_requests;             /* name -> struct delete_request, until it is settled */
    int deletions;                          /* that were stored: see deletions.c */
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

/* Parcels of committed offsets on their way into ZooKeeper. */
struct offset_mirror {
    struct list parcels;                    /* struct mirror_parcel.node, each with a reference */
    size_t in_flight;                       /* notes whose call is under way */
    struct timer *retry;                    /* runs while ZooKeeper does not take them */
};

struct control {
    struct control_options options;
    char *connect, *digest, *rack, *listener;
    char *pattern_text;                     /* which names topics may be made with; NULL: any */
    struct pattern *pattern;
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
    struct member_event member_events[MEMBER_EVENT_TYPES];  /* what comes while it is stepped */
    size_t member_event_count;
    bool member_stepping;
    struct zk_watch controller_watch;
    struct zk_watch registration_watches[2]; /* of what is registered of us: see drive_member.c */
    _Atomic int64_t lease_until_ms;

    struct zk_watch feature_watch;          /* of /feature */
    bool features_wanted;                   /* it could not be read, or may have changed: again */
    struct k_reason unfit;                  /* why the last registration was refused for good */
    struct drain *drain;                    /* while we are about to stop */
    struct chair chair;
    struct list stores;                     /* under way, also those of a chair that was lost */
    struct producer_ids producer_ids;
    struct offset_mirror mirror;
    struct news *news;
    int32_t followed;                       /* broker id of the controller, -1: nobody known */
    struct list waiting;                    /* control_request_state: for a controller */
    struct timer *waiting_timer;
    struct list unknown;                    /* control_request.node: see control_known.c */
    struct timer *unknown_timer;
};

/* control.c: chair and registration are released, close the session. */
void control_finish(struct control *control);
int64_t control_now_ms(const struct control *control);            /* monotonic */
int64_t control_boot_ms(const struct control *control);           /* counts suspend */

/* Final: told once, and nothing is tried any more. */
void control_refuse(struct control *control, int code, const char *reason);

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
/* The next topic whose node makes no sense, which is not among the loaded, from *position on, which
 * starts at 0; NULL: there is no other. */
const char *controller_load_broken(const struct controller_load *load, size_t *position);
/* States that make no sense; NULL: none. Valid as long as `load`. */
struct unread_state { const struct unread_state *next; const char *topic; int32_t partition; };
const struct unread_state *controller_load_unread(const struct controller_load *load);
const struct controller_entity *controller_load_entities(const struct controller_load *load,
                                                         size_t *count);
/* Ids of topics that were deleted, oldest first. */
const struct uuid *controller_load_deleted(const struct controller_load *load, size_t *count);
/* What a topic's node says, if it can be served. 0, CORRUPT (and why) or NOMEM. */
int controller_load_decode(struct arena *arena, const char *data, size_t size,
                           struct znode_topic *node, struct k_reason *reason);

/* quarantine.c: as long as we are the controller. A topic of `load` that is mended ends that. */
void quarantine_start(struct control *control, const struct controller_load *load);
/* What stands at `path`, the state of a partition, is known to the core now. */
void quarantine_state_known(struct control *control, const char *path);
/* Was that state read only after the election, so that nobody is to be told of its leader? */
bool quarantine_hides(const struct control *control, const char *topic, int32_t partition,
                      const struct partition_state *state);
void quarantine_stop(struct control *control);

/* controller_watch.c */
void watch_start(struct control *control);
void watch_stop(struct control *control);
void watch_read_live(struct control *control);
void watch_read_live_later(struct control *control);
void watch_free_live(struct control *control);

/* config_watch.c: as long as we are the controller */
void config_watch_start(struct control *control);
void config_watch_stop(struct control *control);

/* admin_requests.c: as long as we are the controller */
void admin_requests_init(struct control *control);
void admin_requests_read(struct control *control);                 /* and watch */
void admin_requests_again(struct control *control);    /* that could not be read */
void admin_requests_forget(struct control *control);

/* delete_requests.c: as long as we are the controller */
struct delete_request;
void delete_requests_init(struct control *control);
void delete_requests_read(struct control *control);                /* and watch */
void delete_requests_forget(struct control *control);
/* What the core said to requests_delete_topic(); may run inside its step. */
void delete_request_answered(struct delete_request *request, int error);

/* deletions.c: the ids of the newest METADATA_DELETED_MAX that the children of /kairn/deleted tell,
 * oldest first, in the arena. 0 or NOMEM. */
int deletions_read(struct arena *arena, const struct zk_reply *children, struct uuid **out,
                   size_t *count);
/* As controller: one more is about to be stored. Now and then those that are too many go. */
void deletions_grew(struct control *control);
void deletions_trim(struct control *control);

/* drain.c */
void drain_free(struct drain *drain);       /* NULL is allowed */

/* feature_levels.c */
void features_watch_init(struct control *control);
void features_read(struct control *control);                       /* and watch */
void features_read_again(struct control *control);                 /* if that has to be */
/* The registrations were read, or the chair is loaded: may a level rise? */
void features_look(struct control *control);
/* The same when somebody is not waited for any more; once a second. */
void features_tend(struct control *control);
void features_leave(struct control *control);                      /* the chair */

/* lossy.c */
void lossy_clear(struct control *control, const struct controller_member *broker);

/* store.c */
void store_run(struct control *control, uint64_t token, const struct store_change *changes,
               size_t count);
/* The chair is lost: who waits for ZooKeeper waits no longer. */
void stores_abandon(struct control *control);

/* producer_ids.c; stop: who waits is told CLOSED */
int producer_ids_init(struct control *control);
void producer_ids_stop(struct control *control);
void producer_ids_fini(struct control *control);

/* offset_mirror.c; stop: what waits is given up */
int offset_mirror_init(struct control *control);
void offset_mirror_stop(struct control *control);
void offset_mirror_fini(struct control *control);

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

/* control_known.c */
int known_init(struct control *control);
void known_fini(struct control *control);
/* There is a new picture; or we are closed, and nobody waits any longer. */
void known_look(struct control *control);

/* news.c */
int news_new(struct control *control, struct news **out);
void news_free(struct news *news);
/* As core/member orders, -1: nobody. MEMBER_TOLD with the round comes whenever all is heard. */
void news_follow(struct news *news, int32_t broker, uint64_t round, bool anew);
/* The channel to the controller's broker, NULL when it is us or nobody is known. */
struct peer *news_peer(struct news *news);

#endif
