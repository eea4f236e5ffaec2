#include "server/runtime/offsets.h"

#include "common/error.h"
#include "server/runtime/shard_state.h"

/* What can not be read yet is not found. */
static int only_readable(const struct partition *partition, struct offsets_entry *entry, int code)
{
    if (code == 0 && entry->offset >= partition_high_watermark(partition))
        entry->offset = entry->found_timestamp = -1;
    return code;
}

static int look_up(const struct partition *partition, struct offsets_entry *entry)
{
    entry->offset = entry->found_timestamp = -1;
    entry->epoch = partition->leader_epoch;
    switch (entry->timestamp) {
    case OFFSETS_LATEST:
        entry->offset = partition_high_watermark(partition);
        return entry->committed ? log_stable_end(partition->log, entry->offset, &entry->offset) : 0;
    case OFFSETS_EARLIEST:
    case OFFSETS_EARLIEST_LOCAL:
        entry->offset = log_start(partition->log);
        return 0;
    case OFFSETS_MAX_TIMESTAMP:
        return only_readable(partition, entry,
                             log_find_max_timestamp(partition->log, &entry->offset,
                                                    &entry->found_timestamp));
    default:
        if (entry->timestamp < 0)
            return K_INVALID_REQUEST;
        return only_readable(partition, entry,
                             log_find_timestamp(partition->log, entry->timestamp, &entry->offset,
                                                &entry->found_timestamp));
    }
}

static void answer_entry(struct offsets_entry *entry)
{
    struct scatter_part *part = entry->part;
    struct partition *partition = partition_serving(part->shard, &entry->key, entry->leader_epoch,
                                                    ACCESS_READ, &entry->outcome);

    if (partition != NULL && partition->state == PARTITION_OPENING) {
        list_append(&partition->waiting, &entry->wait.node);
        return;
    }
    if (partition != NULL) {
        int code = look_up(partition, entry);
        entry->outcome.code = code == K_CORRUPT || code == K_IO ? K_KAFKA_STORAGE_ERROR : code;
    }
    if (--part->left == 0)
        scatter_part_done(part);
}

static void look_again(struct partition_wait *wait)
{
    answer_entry(LIST_OWNER(wait, struct offsets_entry, wait));
}

void offsets_run(struct scatter_part *part)
{
    part->left++;                       /* see append_run() */
    LIST_EACH_SAFE(&part->entries, node, after) {
        struct offsets_entry *entry = LIST_OWNER(node, struct offsets_entry, node);
        entry->part = part;
        entry->wait.run = look_again;
        list_init(&entry->wait.node);
        answer_entry(entry);
    }
    if (--part->left == 0)
        scatter_part_done(part);
}
