/* core/cluster.h - what the controller knows of the cluster: live brokers, topics, partitions.
 *
 * Only what is stored, never what is merely wanted. Private to the controller; no rule lives
 * here but the order of announcements: whatever changed last has the largest sequence. */
#ifndef CORE_CLUSTER_H
#define CORE_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/list.h"
#include "common/map.h"
#include "server/core/controller.h"

struct topic;
struct ask;
struct report;

struct partition {
    struct partition_state stored; /* leader_epoch -1: never stored */
    struct topic *topic;
    struct list queue;    /* while it waits for a store: controller.pending or .later */
    uint64_t sequence;    /* of its last announced change */
    uint64_t leader_life; /* which life of the leader the stored epoch was given to */
    bool in_flight;       /* a store of it has no verdict yet */
    bool repairing;       /* announcements wait for its first verdict since the election */
    bool rewrite;         /* must be written even when its leader is fine */
    bool asked;           /* in flight: it is what the first of the asks wanted */
    struct replica_moves moves; /* reassign.c: of stored.replicas */
    struct ask *asks;     /* asks.c: who wants another state, in their order */
    uint64_t asked_round; /* of the latest proposal that came in asked_epoch */
    int32_t asked_epoch;
    struct report *reports; /* reports.c: owned; whose copies can not be used */
    uint64_t lost_sequence; /* of the last announced change of that */
};

struct configs {
    struct controller_config *items; /* one block with all the text; owned, NULL when empty */
    int32_t count;
};

/* What is stored as the configuration of a topic or a broker, and who wants to alter it. What adds
 * partitions to a topic stands in the same line. */
struct settings {
    struct configs configs;
    int32_t version;         /* of the stored record; -1: there is none */
    uint64_t sequence;       /* of the last announced change */
    struct topic *topic;     /* whose; NULL: a broker's */
    struct list alterations; /* struct alteration */
    bool altering;           /* the first of them is stored at this moment */
    struct list queue;       /* in controller.settings_todo: the first of them can be ordered */
};

struct broker_settings {
    struct list order; /* cluster.settings */
    struct settings settings;
    char name[];
};

enum topic_phase { TOPIC_CREATING, TOPIC_ONLINE, TOPIC_DOOMED };

/* A ticket that waits for a topic. */
enum waiter_kind {
    WAITS_FOR_CREATION, /* its create was taken */
    WAITS_FOR_RIVAL,    /* its create came while another was under way */
    WAITS_FOR_REMOVAL
};
struct waiter {
    struct list link;
    uint64_t ticket;
    enum waiter_kind kind;
};

struct topic {
    char *name;
    struct uuid id;
    enum topic_phase phase;
    bool repairing; /* doomed since before the election: announcements wait for its removal */
    struct settings settings;
    int32_t partition_count;
    struct partition *partitions;
    int32_t min_insync; /* as configured; of a partition at most its replicas */
    bool unclean;       /* unclean.leader.election.enable */
    int32_t in_flight; /* stores without verdict that name it or one of its partitions */
    uint64_t sequence; /* of the last announced change of anything in it; 0: not announced */
    struct list order; /* cluster.topics, the smallest sequence first */
    struct list queue; /* while its creation or removal waits for a store */
    struct list waiters;
};

/* What is known of a live broker beside its registration. */
struct broker_life {
    uint64_t number; /* from next_life, never 0 */
    bool draining;   /* about to stop: leads nothing new */
    bool settled;    /* whatever it led in a former life has another epoch */
    bool clearing;   /* DO_CLEAR_LOSSY was ordered; BROKERS follows */
    /* the first store that is ordered by who knows of this life; 0: not known yet */
    uint64_t first_token;
};

struct cluster {
    struct controller_broker *brokers; /* live ones, sorted by id; owned */
    struct broker_life *lives;         /* beside them */
    size_t broker_count;
    uint64_t brokers_sequence;
    uint64_t next_life;
    struct list topics;        /* all of them, the smallest sequence first */
    struct map by_name, by_id; /* borrow the topics of the list */
    size_t topic_count;
    struct list settings; /* of brokers; one that was ever told of stays, perhaps empty */
};

void cluster_init(struct cluster *cluster, uint64_t seed);
void cluster_fini(struct cluster *cluster);

/* Forget topics and brokers. No alteration may wait. */
void cluster_clear(struct cluster *cluster);

/* Replace the live brokers. A broker keeps its life only while its incarnation stays and it does
 * not become lossy: else it is a death and a birth. Of entries with one id the last counts. Tells
 * in *changed whether anything is different. 0 or K_NOMEM (nothing replaced). */
int cluster_set_brokers(struct cluster *cluster, const struct controller_broker *brokers,
                        size_t count, bool *changed);

/* NULL when it is not live. */
struct broker_life *cluster_find_life(const struct cluster *cluster, int32_t broker);
/* Is it this very process that is registered? */
bool cluster_lives(const struct cluster *cluster, const struct controller_member *member);
/* The number of that life, 0 when it is not live. */
uint64_t cluster_life(const struct cluster *cluster, int32_t broker);

/* A topic that is not in the cluster yet; all its partitions never stored and without a leader,
 * `sets` (may be NULL: empty) their replicas and in-sync sets. NULL when out of memory. */
struct topic *topic_new(const char *name, const struct uuid *id, int32_t partition_count,
                        const struct replica_set *sets);
/* Never stored, without a leader; `set` (may be NULL) has its replicas. */
void partition_init(struct partition *partition, struct topic *topic,
                    const struct replica_set *set);
void topic_free(struct topic *topic); /* NULL is allowed; nothing may wait for it */
/* Its value in what is configured, NULL when nothing is; what counts, not what is ignored. */
const char *configs_find(const struct configs *configs, const char *name);

/* Put it in; it is owned by the cluster from then on. 0, K_NOMEM, or K_EXISTS when its name or
 * id is taken (not put in). */
int cluster_add(struct cluster *cluster, struct topic *topic);
void cluster_remove(struct cluster *cluster, struct topic *topic); /* and frees it */

struct topic *cluster_topic(const struct cluster *cluster, const char *name);
struct topic *cluster_topic_by_id(const struct cluster *cluster, const struct uuid *id);

/* NULL: there is none, or the topic (may be NULL) is not online. */
struct partition *topic_partition(const struct topic *topic, int32_t index);

/* Something in the topic changed under `sequence`: it moves to the end of the order. */
void cluster_topic_changed(struct cluster *cluster, struct topic *topic, uint64_t sequence);

/* The settings of a broker, NULL: none. */
struct settings *cluster_settings(const struct cluster *cluster, const char *broker);
/* The same; made when there are none. NULL when out of memory. */
struct settings *cluster_make_settings(struct cluster *cluster, const char *broker);
const char *settings_name(const struct settings *settings); /* of the topic or broker */

/* Deep copy. 0 or K_NOMEM (`configs` unchanged). */
int configs_copy(struct configs *configs, const struct controller_config *items, int32_t count);
void configs_fini(struct configs *configs);
bool configs_equal(const struct configs *configs, const struct controller_config *items,
                   int32_t count);

static inline int32_t partition_index(const struct partition *partition)
{
    return (int32_t)(partition - partition->topic->partitions);
}

#endif
