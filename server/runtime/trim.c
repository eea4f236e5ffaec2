/* An entry is answered when the new start is on the disk; that the files go is not waited for. */
#include "server/runtime/trim.h"

#include "common/error.h"
#include "server/runtime/shard_state.h"
#include "server/runtime/trim_job.h"
#include "server/storage/log_trim.h"

static void raised(void *context, int code)
{
    struct trim_entry *entry = context;
    struct question *question = &entry->question;
    const struct partition *partition = partition_find(question->part->shard, &question->key);

    question->outcome.code = code;
    if (code == 0 && partition != NULL && partition->log != NULL)
        entry->start = log_start(partition->log);
    question_answered(question);
}

/* Returns 0 when the answer comes later or is there already. */
static int start_trim(struct partition *partition, struct trim_entry *entry, bool *waits)
{
    const struct trim_owner owner = { .raised = raised, .context = entry };
    const struct log_trim_reason asked_for = { .size_end = -1, .time_end = -1 };
    int64_t limit = partition_high_watermark(partition);
    int64_t offset = entry->offset == TRIM_TO_HIGH_WATERMARK ? limit : entry->offset;
    struct log_trim *trim;

    if (!topic_config_deletes(&partition->shared->config))
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

static bool answer(struct question *question, struct partition *partition)
{
    struct trim_entry *entry = LIST_OWNER(question, struct trim_entry, question);
    bool waits = false;

    entry->start = -1;
    question->outcome.code = start_trim(partition, entry, &waits);
    if (question->outcome.code == K_KAFKA_STORAGE_ERROR)
        partition_fail(partition, K_KAFKA_STORAGE_ERROR);
    return !waits;
}

void trim_run(struct scatter_part *part)
{
    question_run(part, ACCESS_WRITE, answer);
}
