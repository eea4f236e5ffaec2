#include "server/runtime/logs.h"

#include "common/error.h"
#include "server/runtime/shard_state.h"
#include "server/storage/logdir.h"

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
}

static void answer_entry(struct logs_entry *entry)
{
    struct scatter_part *part = entry->part;
    struct partition *partition =
        partition_serving(part->shard, &entry->key, -1, ACCESS_READ, &entry->outcome);

    if (partition != NULL && partition->state == PARTITION_OPENING) {
        list_append(&partition->waiting, &entry->wait.node);
        return;
    }
    if (partition != NULL && entry->compact)
        entry->outcome.code = cleaner_ask(partition);
    else if (partition != NULL)
        describe(partition, entry);
    if (--part->left == 0)
        scatter_part_done(part);
}

static void look_again(struct partition_wait *wait)
{
    answer_entry(LIST_OWNER(wait, struct logs_entry, wait));
}

void logs_run(struct scatter_part *part)
{
    part->left++;                       /* see append_run() */
    LIST_EACH_SAFE(&part->entries, node, after) {
        struct logs_entry *entry = LIST_OWNER(node, struct logs_entry, node);
        entry->part = part;
        entry->wait.run = look_again;
        list_init(&entry->wait.node);
        answer_entry(entry);
    }
    if (--part->left == 0)
        scatter_part_done(part);
}
