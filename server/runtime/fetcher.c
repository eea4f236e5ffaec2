/* Who asks whom: fetchers come and go with the partitions that they follow, and with pictures. */
#include "server/runtime/fetcher_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/metric.h"
#include "server/runtime/peer.h"

static void free_fetcher(struct fetcher *fetcher)
{
    for (int i = 0; i < FETCHER_ASKED_MAX; i++)
        if (fetcher->asked[i].busy)
            peer_cancel(fetcher->peer, &fetcher->asked[i].call);
    peer_free(fetcher->peer);
    shard_deadline_clear(fetcher->shard, &fetcher->retry);
    shard_deadline_clear(fetcher->shard, &fetcher->release);
    turn_hook_cancel(&fetcher->hook);
    list_remove(&fetcher->node);
    free(fetcher->forgotten);
    free(fetcher->host);
    free(fetcher);
}

static struct fetcher *new_fetcher(struct shard *shard, const struct metadata_broker *leader,
                                   const struct metadata_endpoint *endpoint, int32_t loop)
{
    struct fetcher *fetcher = calloc(1, sizeof *fetcher);
    if (fetcher == NULL)
        return NULL;
    fetcher->host = strdup(endpoint->host);
    if (fetcher->host == NULL) {
        free(fetcher);
        return NULL;
    }
    fetcher->shard = shard;
    fetcher->leader = leader->id;
    fetcher->loop = loop;
    fetcher->incarnation = leader->incarnation;
    fetcher->port = endpoint->port;
    list_init(&fetcher->follows);
    list_init(&fetcher->changed);
    list_init(&fetcher->held);
    shard_deadline_init(&fetcher->retry, fetcher_retry_came);
    shard_deadline_init(&fetcher->release, fetcher_release_came);
    turn_hook_init(&fetcher->hook, fetcher_turn_ended);
    list_init(&fetcher->node);
    list_append(&shard->fetchers, &fetcher->node);
    return fetcher;
}

static struct fetcher *find_fetcher(struct shard *shard, int32_t leader, int32_t loop)
{
    LIST_EACH(&shard->fetchers, node) {
        struct fetcher *fetcher = LIST_OWNER(node, struct fetcher, node);
        if (fetcher->leader == leader && fetcher->loop == loop)
            return fetcher;
    }
    return NULL;
}

static const struct metadata_endpoint *endpoint_of(const struct shard *shard,
                                                   const struct metadata_broker *broker)
{
    const char *listener = shard_options(shard)->replication.listener;

    for (size_t i = 0; i < broker->endpoint_count; i++)
        if (strcmp(broker->endpoints[i].listener, listener) == 0)
            return &broker->endpoints[i];
    return NULL;
}

/* Find the fetcher of a question; NULL: the picture does not say whom to ask. */
static struct fetcher *fetcher_for(struct shard *shard, struct follow *follow)
{
    const struct partition_key *key = &follow_partition(follow)->key;
    const struct metadata_broker *leader = metadata_broker(shard->picture, follow->leader);
    const struct metadata_endpoint *endpoint = leader != NULL ? endpoint_of(shard, leader) : NULL;

    if (endpoint == NULL || leader->loops < 1)
        return NULL;
    int32_t loop = metadata_loop_of(&key->topic_id, key->index, leader->loops);
    struct fetcher *fetcher = find_fetcher(shard, leader->id, loop);
    return fetcher != NULL ? fetcher : new_fetcher(shard, leader, endpoint, loop);
}

static void take_out(struct follow *follow)
{
    struct fetcher *fetcher = follow->fetcher;

    list_remove(&follow->changed);
    list_remove(&follow->node);
    if (fetcher != NULL && follow->known)
        fetcher_forget(fetcher, &follow_partition(follow)->key);
    follow->known = false;
    follow->fetcher = NULL;
}

static void place(struct follow *follow)
{
    struct shard *shard = follow_partition(follow)->shard;
    struct fetcher *fetcher = fetcher_for(shard, follow);

    if (fetcher != NULL && fetcher == follow->fetcher) {
        follow_changed(follow);
        return;
    }
    take_out(follow);
    follow->fetcher = fetcher;
    list_append(fetcher != NULL ? &fetcher->follows : &shard->unplaced, &follow->node);
    follow_changed(follow);
}

void follow_init(struct follow *follow)
{
    list_init(&follow->node);
    list_init(&follow->changed);
    follow->fetcher = NULL;
    follow->known = follow->waits = false;
    follow->lag = 0;
}

void follow_lags(struct shard *shard, struct follow *follow, int64_t records)
{
    if (records == follow->lag)
        return;
    metric_add(shard_options(shard)->metrics, METRIC_REPLICA_LAG, records - follow->lag);
    follow->lag = records;
}

void fetcher_follow(struct partition *partition, const struct replica_effect *effect)
{
    struct follow *follow = &partition->follow;

    follow->round = effect->fetch.round;
    follow->leader = effect->fetch.leader;
    follow->leader_epoch = effect->fetch.leader_epoch;
    follow->last_epoch = effect->fetch.last_epoch;
    follow->offset = effect->fetch.offset;
    follow->flushed = effect->fetch.flushed;
    follow->version = effect->fetch.version;
    follow->waits = false;
    if (!partition->shard->closed)
        place(follow);
}

void fetcher_leave(struct partition *partition)
{
    partition->follow.waits = false;
    take_out(&partition->follow);
    follow_lags(partition->shard, &partition->follow, 0);
}

void fetcher_log_opened(struct partition *partition)
{
    struct follow *follow = &partition->follow;

    if (!follow->waits)
        return;
    follow->waits = false;
    follow_changed(follow);
}

/* --- pictures --------------------------------------------------------------------------------- */

static bool is_current(const struct fetcher *fetcher)
{
    const struct metadata_broker *leader =
        metadata_broker(fetcher->shard->picture, fetcher->leader);
    const struct metadata_endpoint *endpoint =
        leader != NULL ? endpoint_of(fetcher->shard, leader) : NULL;

    return endpoint != NULL && uuid_equal(&leader->incarnation, &fetcher->incarnation) &&
           fetcher->loop < leader->loops && endpoint->port == fetcher->port &&
           strcmp(endpoint->host, fetcher->host) == 0;
}

void fetchers_picture_changed(struct shard *shard)
{
    struct list unplaced;

    LIST_EACH_SAFE(&shard->fetchers, node, after) {
        struct fetcher *fetcher = LIST_OWNER(node, struct fetcher, node);
        if (!list_empty(&fetcher->follows) && is_current(fetcher))
            continue;
        fetcher->session = 0;           /* nothing is left to forget */
        LIST_EACH_SAFE(&fetcher->follows, item, next) {
            struct follow *follow = LIST_OWNER(item, struct follow, node);
            take_out(follow);
            list_append(&shard->unplaced, &follow->node);
        }
        free_fetcher(fetcher);
    }
    list_init(&unplaced);
    list_move(&unplaced, &shard->unplaced);
    while (!list_empty(&unplaced))
        place(LIST_OWNER(list_first(&unplaced), struct follow, node));
}

void fetchers_close(struct shard *shard)
{
    LIST_EACH_SAFE(&shard->fetchers, node, after) {
        struct fetcher *fetcher = LIST_OWNER(node, struct fetcher, node);
        while (!list_empty(&fetcher->follows))
            take_out(LIST_OWNER(list_first(&fetcher->follows), struct follow, node));
        free_fetcher(fetcher);
    }
}

void fetchers_init(struct shard *shard)
{
    list_init(&shard->fetchers);
    list_init(&shard->unplaced);
}

void fetchers_fini(struct shard *shard)
{
    assert(list_empty(&shard->fetchers));
}
