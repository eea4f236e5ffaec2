/* partition_serving.c - may a partition serve at this moment, and if not, why? */
#include "common/clock.h"
#include "common/error.h"
#include "server/runtime/drive_replica.h"
#include "server/runtime/partition.h"
#include "server/runtime/rest.h"
#include "server/runtime/shard_state.h"

/* Explained by the picture, because we do not have it. */
static void explain_absence(const struct shard *shard, const struct partition_key *key,
                            struct outcome *outcome)
{
    const struct metadata_topic *topic = metadata_topic_by_id(shard->picture, &key->topic_id);
    if (topic == NULL) {
        outcome->code = K_UNKNOWN_TOPIC_ID;
        return;
    }
    if (key->index < 0 || key->index >= topic->partition_count) {
        outcome->code = K_UNKNOWN_TOPIC_OR_PARTITION;
        return;
    }
    const struct metadata_partition *known = &topic->partitions[key->index];
    outcome->code = K_NOT_LEADER_OR_FOLLOWER;
    outcome->leader = known->leader;
    outcome->leader_epoch = known->leader_epoch;
}

bool partition_lease_holds(const struct partition *partition)
{
    const struct shards_options *options = shard_options(partition->shard);

    return !options->fenced_by_lease || clock_boot_ms(loop_clock(partition->shard->loop)) <
                                            options->lease_until_ms(options->lease_context);
}

/* What the rules say. Of a log that was not opened yet they know nothing: asked again then. */
static int may_serve(const struct partition *partition, enum partition_access access)
{
    const struct replica *replica = &partition->replica;
    bool lease_holds = partition_lease_holds(partition);

    if (!replica->open)
        return lease_holds || access == ACCESS_WRITE_ALL ? 0 : K_LEASE_EXPIRED;
    return access == ACCESS_READ
               ? replica_may_read(replica, lease_holds)
               : replica_may_append(replica, access == ACCESS_WRITE_ALL, lease_holds);
}

struct partition *partition_serving(struct shard *shard, const struct partition_key *key,
                                    int32_t leader_epoch, enum partition_access access,
                                    struct outcome *outcome)
{
    *outcome = OUTCOME_NONE;
    struct partition *partition = partition_find(shard, key);

    if (partition == NULL || !drive_leads(partition)) {
        explain_absence(shard, key, outcome);
        return NULL;
    }
    int32_t known = partition->replica.state.leader_epoch;
    if (leader_epoch >= 0 && leader_epoch != known) {
        outcome->code = leader_epoch < known ? K_FENCED_LEADER_EPOCH : K_UNKNOWN_LEADER_EPOCH;
        outcome->leader = shard_options(shard)->broker_id;
        outcome->leader_epoch = known;
        return NULL;
    }
    if (partition->state == PARTITION_OFFLINE) {
        outcome->code = partition->offline_code;
        return NULL;
    }
    outcome->code = may_serve(partition, access);
    if (outcome->code != 0)
        return NULL;
    partition_wake(partition);
    if (partition->state == PARTITION_IDLE)             /* it is not opened any more */
        outcome->code = K_CLOSED;
    if (partition->state == PARTITION_OFFLINE)
        outcome->code = partition->offline_code;
    if (outcome->code != 0)
        return NULL;
    rest_touch(partition);
    return partition;
}
