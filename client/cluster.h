/* cluster.h - what the client knows about brokers and topics, and how it finds out.
 *
 * Belongs to the handle's loop. Topics that somebody holds are kept fresh: asked for when new,
 * after metadata.max.age.ms, and whenever an answer proves a leader stale. Pictures are ordered by
 * (controller epoch, sequence) and leaders by epoch, so that an old answer never wins over a newer
 * one. All brokers are reached through the addresses they advertise; the bootstrap list is asked
 * again only when no other broker answers. */
#ifndef CLIENT_CLUSTER_H
#define CLIENT_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/list.h"
#include "common/uuid.h"
#include "proto/head.h"

struct broker;
struct cluster;
struct klient;

struct leadership {
    int32_t leader;                 /* broker id, -1: none */
    int32_t epoch;
    int32_t loop;                   /* of the leader, that owns it; -1: unknown */
};

struct topic {
    struct list node;               /* in cluster->topics */
    char *name;                     /* owned */
    unsigned references;
    bool wanted;                    /* brokers may make it when it does not exist */
    int code;                       /* 0: known; otherwise why it is not */
    /* since when brokers have said that it does not exist; 0: they have not */
    int64_t unknown_since_ms;
    struct uuid id;
    int codec;                      /* that its batches are stored in; -1: the producer's */
    struct leadership *partitions;  /* owned, `count` of them */
    int32_t count;
    /* Brokers with copies of partition p, as the last picture told: replicas[replica_first[p]] up
     * to where those of p + 1 begin. */
    int32_t *replicas;              /* owned */
    uint32_t *replica_first;        /* owned, placed_count + 1 of them */
    int32_t placed_count;
    /* The parked question for a newer leader: one at a time. */
    bool stale;                     /* somebody waits for a leader newer than this: */
    int32_t stale_partition, stale_epoch;
    bool parked;
    int64_t ask_again_ms;           /* not before: brokers that do not park must not be flooded */
    int64_t backoff_ms;
};

/* Told after every change of the picture; may start requests but not free the observer. */
struct observer {
    struct list node;
    void (*changed)(struct observer *observer);
};

/* 0, K_NOMEM or K_INVALID_CONFIG (bad bootstrap list). Before the loop starts. */
int cluster_new(struct klient *klient, struct cluster **out);

/* Requests in flight are answered K_CLOSED before it returns. */
void cluster_free(struct cluster *cluster);

/* Hold a topic: finds or adds it, and asks for it when new. `wanted`: brokers are to make it when
 * it does not exist, if auto.create.topics.enable lets them. NULL when out of memory. */
struct topic *cluster_hold(struct cluster *cluster, const char *name, bool wanted);
void cluster_release(struct cluster *cluster, struct topic *topic);

/* Why nothing can be done with the topic now: 0 when it is known; K_UNKNOWN_TOPIC_OR_PARTITION only
 * once brokers have insisted for topic.metadata.propagation.max.ms; another final refusal;
 * otherwise K_LEADER_NOT_AVAILABLE: wait for the next change. */
int cluster_topic_code(struct cluster *cluster, const struct topic *topic);

/* The broker that leads a partition of a known topic, or NULL. */
struct broker *cluster_leader(struct cluster *cluster, const struct topic *topic,
                              int32_t partition);

/* Its address, as another answer than a picture told it. False when that makes no sense, or out of
 * memory. */
bool cluster_learn_broker(struct cluster *cluster, int32_t id, const char *host, uint32_t port);

/* A broker by its id; NULL: no picture has named it. */
struct broker *cluster_broker(struct cluster *cluster, int32_t id);

/* Leadership under `epoch` proved wrong, as `error` (may be NULL) says. Takes its hint of the new
 * leader, or asks for one. True when the hint was taken: trying again at once makes sense. */
bool cluster_stale(struct cluster *cluster, struct topic *topic, int32_t partition, int32_t epoch,
                   const Kairn__Error *error);

/* Ask for all held topics again soon. */
void cluster_refresh(struct cluster *cluster);

/* All that pictures have named: struct broker. */
struct list *cluster_brokers(struct cluster *cluster);

/* Some broker, preferably one that works; rotates through those that do not. */
struct broker *cluster_any(struct cluster *cluster);

void cluster_observe(struct cluster *cluster, struct observer *observer,
                     void (*changed)(struct observer *observer));
void cluster_unobserve(struct observer *observer);

/* May we talk to a broker of this cluster? */
bool cluster_accepts(const struct cluster *cluster, const char *cluster_id);

/* Exponential back-off with jitter: the pause after `previous_ms` (0: the first). */
int64_t cluster_backoff(struct cluster *cluster, int64_t previous_ms);

/* Questions that are under way; ended with K_CLOSED by cluster_free(). */
struct list *cluster_inquiries(struct cluster *cluster);

#endif
