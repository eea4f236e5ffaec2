#include "server/runtime/replica_story.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/error.h"
#include "common/log.h"
#include "common/metric.h"
#include "server/runtime/drive_replica.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard_state.h"

enum { SET_TEXT = REPLICAS_MAX * 12 };

static const char *set_text(const struct replica_set *set, char text[SET_TEXT])
{
    size_t size = 0;

    text[0] = '\0';
    for (int32_t i = 0; i < set->count; i++)
        size += (size_t)snprintf(text + size, SET_TEXT - size, "%s%" PRId32, i > 0 ? "," : "",
                                 set->ids[i]);
    return text;
}

void story_role(const struct partition *partition)
{
    const struct replica *replica = &partition->replica;
    char isr[SET_TEXT];

    if (replica->state.replicas.count < 2 || !replica->open)
        return;
    if (drive_leads(partition))
        LOG_INFO("partition-leading",
                 "topic=%s partition=%" PRId32 " epoch=%" PRId32 " end=%" PRId64
                 " watermark=%" PRId64 " insync=%s%s",
                 partition->topic, partition->key.index, replica->state.leader_epoch, replica->end,
                 replica->high_watermark, set_text(&replica->state.isr, isr),
                 replica->state.unclean_epoch == replica->state.leader_epoch
                     ? " reason=\"unclean election: records may be lost\""
                     : "");
    else
        LOG_INFO("partition-following",
                 "topic=%s partition=%" PRId32 " leader=%" PRId32 " epoch=%" PRId32 " end=%" PRId64
                 " watermark=%" PRId64,
                 partition->topic, partition->key.index, replica->state.leader,
                 replica->state.leader_epoch, replica->end, replica->high_watermark);
}

void story_set(const struct partition *partition, const struct replica_set *was)
{
    const struct replica_set *is = &partition->replica.state.isr;
    struct metrics *metrics = shard_options(partition->shard)->metrics;
    char before[SET_TEXT], after[SET_TEXT];

    metric_add(metrics, is->count < was->count ? METRIC_ISR_SHRINKS : METRIC_ISR_EXPANDS, 1);
    LOG_INFO("in-sync-changed",
             "topic=%s partition=%" PRId32 " epoch=%" PRId32 " from=%s to=%s end=%" PRId64
             " watermark=%" PRId64,
             partition->topic, partition->key.index, partition->replica.state.leader_epoch,
             set_text(was, before), set_text(is, after), partition->replica.end,
             partition->replica.high_watermark);
}

void story_broken(const struct partition *partition)
{
    const struct replica *replica = &partition->replica;

    LOG_ERROR("replica-broken",
              "topic=%s partition=%" PRId32 " invariant=\"%s\" leader=%" PRId32 " epoch=%" PRId32
              " version=%" PRId32 " start=%" PRId64 " end=%" PRId64 " watermark=%" PRId64
              " flushed=%" PRId64 " last_epoch=%" PRId32 " isr=%" PRId32 " appending=%d"
              " truncating=%d action=\"this replica is out of use until the next start: please "
              "report it, and keep its files\"",
              partition->topic, partition->key.index, replica->broken, replica->state.leader,
              replica->state.leader_epoch, replica->state.version, replica->start, replica->end,
              replica->high_watermark, replica->flushed, replica->last_epoch,
              replica->state.isr.count, replica->appending, replica->truncating);
}

void story_not_appended(struct partition *partition, int code)
{
    bool damaged = code == K_CORRUPT_MESSAGE || code == K_UNSUPPORTED_COMPRESSION_TYPE;

    if (damaged)
        metric_add(shard_options(partition->shard)->metrics, METRIC_REPLICA_CORRUPT, 1);
    if (code == partition->not_appended)
        return;                         /* it is tried again and again, and said once */
    partition->not_appended = code;
    LOG_ERROR(damaged ? "replica-fetch-corrupt" : "replica-not-written",
              "topic=%s partition=%" PRId32 " leader=%" PRId32 " offset=%" PRId64
              " error=%s action=\"asking again\"",
              partition->topic, partition->key.index, partition->replica.state.leader,
              partition->replica.end, k_error_name(code));
}
