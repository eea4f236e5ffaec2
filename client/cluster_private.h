/* cluster_private.h - what the files of the cluster share: cluster.c asks and learns,
 * cluster_topics.c knows which topics are held. */
#ifndef CLIENT_CLUSTER_PRIVATE_H
#define CLIENT_CLUSTER_PRIVATE_H

#include "client/cluster.h"
#include "client/handle.h"
#include "common/map.h"
#include "common/rand.h"
#include "net/loop.h"

struct cluster {
    struct klient *klient;             /* borrowed */
    struct list brokers, bootstrap;    /* struct broker, owned */
    struct list topics;                /* struct topic, owned */
    struct map topics_by_name;
    struct list observers, inquiries;
    struct list questions;             /* metadata requests in flight */
    struct timer *timer;
    struct rand rand;
    char id[32];                       /* "" until known */
    int32_t controller_epoch;          /* of the newest picture, with its sequence */
    uint64_t sequence;
    bool asking, ask_again;
    int64_t backoff_ms;
    int64_t refresh_at_ms;
    bool closing;
};

/* cluster_topics.c: where its partitions are, of a picture whose partitions were checked. */
void topic_learn_replicas(struct topic *topic, const Kairn__TopicInfo *info);

static inline int64_t cluster_now_ms(const struct cluster *cluster)
{
    return loop_now_ms(cluster->klient->loop);
}

#endif
