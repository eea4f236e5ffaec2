/* An entry is answered when the new start is on the disk; that the files go is not waited for. */
#include "server/runtime/trim.h"

#include "common/error.h"
#include "server/runtime/shard_state.h"
#include "server/runtime/trim_job.h"
#include "server/storage/log_trim.h"

static void finish_entry(struct trim_entry *entry)
{
    struct scatter_part *part = entry->part;

    if (--part->left == 0)
        scatter_part_done(part);
}

static void raised(void *context, int code)
{
    struct trim_entry *entry = context;
    const struct partition *partition = partition_find(entry->part->shard, &entry->key);

    entry->outcome.code = code;
    if (code == 0 && partition != NULL && partition->log != NULL)
        entry->start = log_start(partition->log);
    finish_entry(entry);
}

/* Returns 0 when the answer comes later or is there already. */
static int start_trim(struct partition *partition, struct trim_entry *entry, bool *waits)
{
    const struct trim_owner owner = { .raised = raised, .context = entry };
    const struct log_trim_reason asked_for = { .size_end = -1, .time_end = -1 };
    int64_t limit = partition_high_watermark(partition);
    int64_t offset = entry->offset == TRIM_TO_HIGH_WATERMARK ? limit : entry->offset;
    struct log_trim *trim;

    if (!topic_config_deletes(&partition->config))
        return K_POLICY_VIOLATION;
    if (offset < 0 || offset > limit)
        return K_OFFSET_OUT_OF_RANGE;
    int code = log_trim_begin(partition->log, offset, &asked_for, &trim);
    if (code == 0 && trim != NULL) {
        code = trim_job_start(partition, trim, &owner);
        *waits = code == 0;
    } else if (code == 0) {
        entry->start = log_start(partition->log);
    }
    return code;
}

static void answer_entry(struct trim_entry *entry)
{
    struct partition *partition = partition_serving(entry->part->shard, &entry->key, -1,
                                                    ACCESS_WRITE, &entry->outcome);
    bool waits = false;

    if (partition != NULL && partition->shard->closed)
        entry->outcome.code = K_CLOSED;
    else if (partition != NULL && partition->state == PARTITION_OPENING) {
        list_append(&partition->waiting, &entry->wait.node);
        return;
    } else if (partition != NULL) {
        entry->outcome.code = start_trim(partition, entry, &waits);
        if (entry->outcome.code == K_KAFKA_STORAGE_ERROR)
            partition_fail(partition, K_KAFKA_STORAGE_ERROR);
    }
    if (!waits)
        finish_entry(entry);
}

static void look_again(struct partition_wait *wait)
{
    answer_entry(LIST_OWNER(wait, struct trim_entry, wait));
}

void trim_run(struct scatter_part *part)
{
    part->left++;                       /* see append_run() */
    LIST_EACH_SAFE(&part->entries, node, after) {
        struct trim_entry *entry = LIST_OWNER(node, struct trim_entry, node);
        entry->part = part;
        entry->start = -1;
        entry->wait.run = look_again;
        list_init(&entry->wait.node);
        answer_entry(entry);
    }
    if (--part->left == 0)
        scatter_part_done(part);
}
