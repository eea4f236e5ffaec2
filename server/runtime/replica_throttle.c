#include "server/runtime/replica_throttle.h"

#include "common/metric.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard_state.h"

static struct quota *leader_quota(const struct partition *partition)
{
    return &partition->shard->shards->leader_quota;
}

static struct quota *follower_quota(const struct partition *partition)
{
    return &partition->shard->shards->follower_quota;
}

static bool is_in_sync(const struct partition *partition, int32_t id)
{
#ifdef MUTANT_THROTTLE_IN_SYNC
    return false;
#endif
    return replica_set_has(&partition->replica.state.isr, id);
}

static bool leader_throttles(const struct partition *partition)
{
    return throttled_has(&partition->shared->leader_throttled, partition->key.index);
}

static bool follower_throttles(const struct partition *partition)
{
    return partition->shared != NULL &&
           throttled_has(&partition->shared->follower_throttled, partition->key.index);
}

/* Is it closed to this replica? Each time that it is, it is counted. */
static bool holds(const struct partition *partition, const struct quota *quota, int32_t id)
{
    if (is_in_sync(partition, id) || quota_is_open(quota, shard_now_us(partition->shard)))
        return false;
    metric_add(shard_options(partition->shard)->metrics, METRIC_REPLICA_THROTTLED, 1);
    return true;
}

bool throttle_leader_holds(const struct partition *partition, int32_t follower)
{
    return leader_throttles(partition) && holds(partition, leader_quota(partition), follower);
}

size_t throttle_leader_portion(const struct partition *partition, int32_t follower, size_t most)
{
    if (!leader_throttles(partition) || is_in_sync(partition, follower))
        return most;
    int64_t portion = quota_portion(leader_quota(partition));
    return portion < (int64_t)most ? (size_t)portion : most;
}

void throttle_leader_sent(const struct partition *partition, size_t bytes)
{
    if (leader_throttles(partition))
        quota_spend(leader_quota(partition), (int64_t)bytes, shard_now_us(partition->shard));
}

int64_t throttle_leader_wait_ms(const struct partition *partition)
{
    return quota_wait_ms(leader_quota(partition), shard_now_us(partition->shard));
}

bool throttle_follower_holds(const struct partition *partition)
{
    return follower_throttles(partition) &&
           holds(partition, follower_quota(partition), partition->replica.self);
}

void throttle_follower_took(const struct partition *partition, size_t bytes)
{
    if (follower_throttles(partition))
        quota_spend(follower_quota(partition), (int64_t)bytes, shard_now_us(partition->shard));
}

int64_t throttle_follower_wait_ms(const struct partition *partition)
{
    return quota_wait_ms(follower_quota(partition), shard_now_us(partition->shard));
}
