/* fetch_watch.c - what the metadata say of the partitions that are read, and which of them can not
 * be read for want of a leader or of the topic: that goes to the consumer's troubles. */
#include "client/fetcher_private.h"
#include "client/reach.h"
#include "common/error.h"

static struct troubles *troubles_of(const struct fetcher *fetcher)
{
    return &fetcher->consumer->troubles;
}

void fetch_watch(struct fetcher *fetcher, struct assigned *assigned)
{
    const struct topic *topic = assigned->held;

    if (topic == NULL || assigned->fetch_paused)
        return;
    if (topic->code == K_UNKNOWN_TOPIC_OR_PARTITION)
        troubles_of_partition(troubles_of(fetcher), TROUBLE_TOPIC_UNKNOWN, assigned->topic, -1,
                              topic->code);
    if (topic->code != 0 || assigned->partition >= topic->count)
        return;
    if (topic->partitions[assigned->partition].leader < 0)
        troubles_of_partition(troubles_of(fetcher), TROUBLE_LEADER_MISSING, assigned->topic,
                              assigned->partition, K_LEADER_NOT_AVAILABLE);
    else
        fetch_unhindered(fetcher, assigned);
}

void fetch_refused(struct fetcher *fetcher, struct assigned *assigned, int code)
{
    if (reach_is_elsewhere(code) && !assigned->fetch_paused)
        troubles_of_partition(troubles_of(fetcher), TROUBLE_LEADER_MISSING, assigned->topic,
                              assigned->partition, code);
}

void fetch_unhindered(struct fetcher *fetcher, struct assigned *assigned)
{
    troubles_of_partition_over(troubles_of(fetcher), TROUBLE_LEADER_MISSING, assigned->topic,
                               assigned->partition);
    troubles_of_partition_over(troubles_of(fetcher), TROUBLE_TOPIC_UNKNOWN, assigned->topic, -1);
}

void fetch_metadata_changed(struct observer *observer)
{
    struct fetcher *fetcher = LIST_OWNER(observer, struct fetcher, observer);
    struct cluster *cluster = fetcher_klient(fetcher)->cluster;

    LIST_EACH(&fetcher->partitions, node) {
        struct assigned *assigned = LIST_OWNER(node, struct assigned, node);
        fetch_watch(fetcher, assigned);
        fetch_session_follow(fetcher, assigned);
        /* Those that wait for a leader need not wait for their timers. */
        if (assigned->state == FETCH_READY && assigned->backoff_ms > 0 &&
            cluster_leader(cluster, assigned->held, assigned->partition) != NULL)
            assigned->retry_at_ms = 0;
    }
    fetcher_pump_soon(fetcher);
}
