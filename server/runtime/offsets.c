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

/* A new leader may not know yet how far its predecessor has confirmed. */
static int latest(const struct partition *partition, struct offsets_entry *entry)
{
    int code = replica_latest(&partition->replica, &entry->offset);

    return code == 0 && entry->committed
               ? log_stable_end(partition->log, entry->offset, &entry->offset)
               : code;
}

static int look_up(const struct partition *partition, struct offsets_entry *entry)
{
    entry->offset = entry->found_timestamp = -1;
    entry->epoch = partition->replica.state.leader_epoch;
    switch (entry->timestamp) {
    case OFFSETS_LATEST:
        return latest(partition, entry);
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

static bool answer(struct question *question, struct partition *partition)
{
    int code = look_up(partition, LIST_OWNER(question, struct offsets_entry, question));

    question->outcome.code = code == K_CORRUPT || code == K_IO ? K_KAFKA_STORAGE_ERROR : code;
    return true;
}

void offsets_run(struct scatter_part *part)
{
    question_run(part, ACCESS_READ, answer);
}
