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
