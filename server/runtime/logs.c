#include "server/runtime/logs.h"

#include "common/error.h"
#include "server/runtime/replica_session.h"
#include "server/runtime/shard_state.h"
#include "server/storage/logdir.h"

static bool is_lost(const struct partition *partition, int32_t broker)
{
    const struct metadata_topic *topic =
        metadata_topic_by_id(partition->shard->picture, &partition->key.topic_id);

    if (topic == NULL || partition->key.index >= topic->partition_count)
        return false;
    const struct metadata_partition *known = &topic->partitions[partition->key.index];
    for (int32_t i = 0; i < known->lost_count; i++)
        if (known->lost[i] == broker)
            return true;
    return false;
}

static void report_followers(const struct partition *partition, struct logs_entry *entry)
{
    const struct replica *replica = &partition->replica;

    for (int32_t i = 0; i < replica->progress_count && entry->follower_count < REPLICAS_MAX; i++) {
        int32_t broker = replica->progress[i].id;
        struct follower_facts facts = {
            .registered = metadata_broker(partition->shard->picture, broker) != NULL,
            .lost = is_lost(partition, broker),
            .question = replica_sessions_question(partition, broker),
            .now_ms = shard_now_ms(partition->shard)
        };
        follower_report_of(replica, &replica->progress[i], &facts,
                           &entry->followers[entry->follower_count++]);
    }
}

static void describe(const struct partition *partition, struct logs_entry *entry)
{
    const struct log *log = partition->log;

    entry->directory = logdir_path(partition->directory);
    entry->start = log_start(log);
    entry->end = log_end(log);
    entry->high_watermark = partition_high_watermark(partition);
    entry->bytes = log_size(log);
    entry->segments = (uint32_t)log_segments(log);
    cleaner_report(partition, &entry->cleaner);
    report_followers(partition, entry);
}

static bool answer(struct question *question, struct partition *partition)
{
    struct logs_entry *entry = LIST_OWNER(question, struct logs_entry, question);

    if (entry->compact)
        question->outcome.code = cleaner_ask(partition);
    else
        describe(partition, entry);
    return true;
}

void logs_run(struct scatter_part *part)
{
    question_run(part, ACCESS_READ, answer);
}
