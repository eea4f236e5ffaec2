/* group_private.h - what the files of the loop's side of a group share. Belongs to the loop.
 *
 * group.c carries out what the core orders, group_join.c asks the coordinator, group_lead.c assigns
 * for the others, group_topics.c knows which topics the subscription stands for, commits.c
 * commits. */
#ifndef CLIENT_GROUP_PRIVATE_H
#define CLIENT_GROUP_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/cluster.h"
#include "client/commits.h"
#include "client/committed.h"
#include "client/config.h"
#include "client/consumer.h"
#include "client/coordinator.h"
#include "client/group.h"
#include "client/membership.h"
#include "client/strategy.h"
#include "client/subscription.h"
#include "common/arena.h"
#include "common/map.h"
#include "net/loop.h"

/* A topic that somebody of the group is subscribed to, and how many partitions of it were
 * assigned. */
struct lead_topic { struct topic *topic; int32_t count; };

/* What the leader keeps. */
struct lead {
    bool leads;
    bool decides;                   /* the core waits for the assignment of this round */
    uint64_t round;
    struct arena arena;             /* of all that follows */
    struct assign_joined *members;  /* as they joined */
    size_t member_count;
    struct lead_topic *topics;      /* held */
    size_t topic_count;
    bool noted;                     /* their counts */
    int64_t patience_ms;            /* until then topics that nothing is known of are waited for */
    Kairn__MemberAssignment **assignments;      /* decided; in the arena */
    size_t assignment_count;
};

/* The topics that the subscription stands for. */
struct topic_names {
    struct arena arena;
    const char **names;             /* ascending */
    size_t count;
    bool asking, changed;           /* for all topics there are; they are others now */
    struct inquiry inquiry;
    int code;                       /* of the last time */
};

struct group {
    struct klient_consumer *consumer;
    struct coordinator coordinator;
    struct membership membership;
    struct strategy strategy;
    struct refusal refusal;         /* why an assignor of the application failed last */
    struct coordinator_call call;   /* join, sync or heartbeat, whichever is in flight */
    uint64_t call_round;
    int64_t wait_ms;                /* of the heartbeat */
    bool assigns;                   /* the sync carries an assignment */
    struct coordinator_call leave;
    bool leaving;
    bool join_due;                  /* as soon as the names are known */
    uint64_t join_round;
    char *member;                   /* owned; "" without */
    /* The one that it was until it unsubscribed: its last commits go under that name, then it
     * leaves. */
    char *left;                     /* owned */
    int32_t left_generation;
    uint64_t left_commit;           /* number of its last */
    bool leave_due;
    char *protocol;                 /* owned; that the last join chose */
    struct subscription *subscription;      /* referenced; NULL: not a member */
    struct topic_names names;
    struct lead lead;
    int64_t watch_ms;               /* when to look for new topics and partitions */
    /* What the application may hold: the latest assignment, and all that it was offered since it
     * last reached an offer. */
    struct partitions assigned, held;
    struct partitions claimed;          /* held, as the last join said: given to nobody else then */
    int32_t assigned_generation;
    enum membership_offer offered;  /* the latest */
    uint64_t losses;
    uint64_t reached;               /* to be told the core, once this commit is done; 0: none */
    uint64_t reached_commit;
    struct commits commits;
    struct committed committed;
    struct map heard;               /* what is committed, for statistics: group_committed.c */
    int64_t auto_commit_ms;         /* when next; INT64_MAX: never */
    int auto_commit_code;           /* of the last one */
    struct list settling;           /* struct settling */
    struct timer *timer;
    struct turn_hook hook;
    struct observer observer;
    bool started, stopping;
};

static inline struct klient *group_klient(const struct group *group)
{
    return group->consumer->klient;
}

static inline const struct config_values *group_values(const struct group *group)
{
    return &group->consumer->config->values;
}

static inline int64_t group_now_ms(const struct group *group)
{
    return loop_now_ms(group_klient(group)->loop);
}

/* --- group.c ---------------------------------------------------------------------------------- */

/* Tell the core; `event` has its type and what belongs to that. Not from within an effect. */
void group_step(struct group *group, struct membership_event *event);

void group_step_simple(struct group *group, enum membership_event_type type);

/* Look at the end of the turn what can go on. */
void group_go_on(struct group *group);

/* What commits have been waited for may go on. */
void group_commits_done(struct group *group);

/* To the application: the newest offer (NULL: none) replaces one that was not taken up, for it says
 * all there is to say; why we are not in the group, or 0. */
void group_hand_over(struct group *group, struct offer *offer);
void group_trouble(struct group *group, int code);

/* Replace a string of the group: *to is freed. 0 or K_NOMEM. */
int group_set_text(char **to, const char *text);

/* --- group_orders.c --------------------------------------------------------------------------- */

/* Tell those that wait for group_settle(), if there is nothing left to wait for. */
void group_settled(struct group *group);

/* --- group_join.c ----------------------------------------------------------------------------- */

void group_join_init(struct group *group);
void group_join_fini(struct group *group);
void group_ask_join(struct group *group, uint64_t round);
void group_ask_sync(struct group *group, uint64_t round, bool assigns);
void group_ask_beat(struct group *group, uint64_t round, int64_t wait_ms);
void group_ask_leave(struct group *group);
void group_cancel(struct group *group);

/* --- group_places.c --------------------------------------------------------------------------- */

/* Where its first `count` partitions are, in memory of the lead; NULL: in no rack that is known.
 * 0 or K_NOMEM. */
int group_place(struct group *group, const struct topic *topic, int32_t count,
                const struct assign_place **out);

/* --- group_lead.c ----------------------------------------------------------------------------- */

void group_lead_init(struct group *group);
void group_lead_resign(struct group *group);    /* it leads no more */

/* The answer to a join: it leads. 0, K_NOMEM or K_MALFORMED: then it can not lead. */
int group_lead_take(struct group *group, const Kairn__JoinGroupResponse *answer);

/* Decide as soon as all topics are known: group_lead_try() says so. */
void group_lead_decide(struct group *group, uint64_t round);
void group_lead_try(struct group *group);

/* Tell of topics that there are not, as the metadata say now. */
void group_lead_watch(struct group *group);

/* Are there other partitions than when it was decided? */
bool group_lead_is_stale(struct group *group);

/* --- group_topics.c --------------------------------------------------------------------------- */

void group_topics_init(struct group *group);
void group_topics_stop(struct group *group);
void group_topics_fini(struct group *group);

/* Find out which topics the subscription stands for; group_topics_learned() follows, maybe from
 * here. */
void group_topics_look(struct group *group);

/* The look is over: with group->names.code, and whether they are others than before. */
void group_topics_learned(struct group *group, bool changed);

/* For a new subscription. 0 or K_NOMEM. */
int group_topics_reset(struct group *group);

#endif
