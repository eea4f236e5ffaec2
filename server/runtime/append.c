#include "server/runtime/append.h"

#include <stdlib.h>

#include "common/error.h"
#include "common/metric.h"
#include "server/runtime/early_ack.h"
#include "server/runtime/fetch.h"
#include "server/runtime/flush.h"
#include "server/runtime/numbers.h"
#include "server/runtime/recompress.h"
#include "server/runtime/shard_state.h"
#include "server/runtime/upkeep.h"

static void entry_finished(struct append_entry *entry)
{
    struct scatter_part *part = entry->part;

    recompress_release(entry);
    if (--part->left == 0)
        scatter_part_done(part);
}

void append_refuse(struct append_entry *entry, int code)
{
    entry->outcome.code = code;
    entry_finished(entry);
}

/* --- taking entries in ------------------------------------------------------------------------ */

static void queue_for_flush(struct partition *partition)
{
    struct shard *shard = partition->shard;

    if (partition->state != PARTITION_OPEN || !list_empty(&partition->dirty))
        return;
    list_append(&shard->dirty, &partition->dirty);
    loop_at_turn_end(shard->loop, &shard->flush);
}

void append_admitted(struct partition *partition, struct append_entry *entry)
{
    list_append(&partition->appends, &entry->queued);
    queue_for_flush(partition);
}

static void admit(struct shard *shard, struct append_entry *entry)
{
    struct partition *partition = partition_serving(shard, &entry->key, entry->leader_epoch,
                                                    entry->access, &entry->outcome);
    if (partition == NULL) {
        entry_finished(entry);
        return;
    }
    if (entry->largest > (size_t)partition->config.max_message_bytes) {
        entry->outcome.limit = partition->config.max_message_bytes;
        append_refuse(entry, K_MESSAGE_TOO_LARGE);
        return;
    }
    if (recompress_wanted(partition, entry)) {
        recompress_admit(partition, entry);
        return;
    }
    int code = batch_rules_check(&partition->rules, entry->bytes, entry->size,
                                 shard_wall_ms(shard));
    if (code != 0)
        append_refuse(entry, code);
    else
        append_admitted(partition, entry);
}

void append_run(struct scatter_part *part)
{
    /* The last entry that finishes gives the part away: keep it until all were looked at. */
    part->left++;
    LIST_EACH_SAFE(&part->entries, node, after) {
        struct append_entry *entry = LIST_OWNER(node, struct append_entry, node);
        entry->part = part;
        admit(part->shard, entry);
    }
    if (--part->left == 0)
        scatter_part_done(part);
}

static void refuse_entries(struct list *entries, int code)
{
    while (!list_empty(entries)) {
        struct list *node = list_first(entries);
        list_remove(node);
        append_refuse(LIST_OWNER(node, struct append_entry, queued), code);
    }
}

static void refuse_unwritten(struct partition *partition, int code)
{
    list_remove(&partition->dirty);
    refuse_entries(&partition->appends, code);
    recompress_refuse_all(partition, code);
}

void append_refuse_all(struct partition *partition, int code)
{
    refuse_entries(&partition->unflushed, code);
    refuse_unwritten(partition, code);
}

void append_resume(struct partition *partition)
{
    recompress_resume(partition);
    if (!list_empty(&partition->appends))
        queue_for_flush(partition);
}

/* --- on the disk before the answer ------------------------------------------------------------ */

static bool flushes_first(const struct partition *partition)
{
    return partition->config.flush_on_ack;
}

/* What the last sync covers may be read now. Returns how much waited for it, in bytes. */
static size_t answer_flushed(struct partition *partition)
{
    int64_t flushed = log_recovery_point(partition->log);
    size_t bytes = 0;

    if (flushed > partition->high_watermark)
        partition->high_watermark = flushed;
    while (!list_empty(&partition->unflushed)) {
        struct append_entry *entry =
            LIST_OWNER(list_first(&partition->unflushed), struct append_entry, queued);
        if (entry->end > flushed)
            break;
        list_remove(&entry->queued);
        bytes += entry->size;
        entry_finished(entry);
    }
    return bytes;
}

void append_flushed(struct partition *partition)
{
    int64_t before = partition->high_watermark;
    size_t bytes = answer_flushed(partition);

    if (partition->high_watermark > before)
        fetch_wake(partition, bytes != 0 ? bytes : SIZE_MAX);
    /* Every write asks for its own sync; what none covers was written without one. */
    if (partition->config.flush_on_ack && partition->flush.latest == NULL &&
        partition->high_watermark < log_end(partition->log))
        flush_soon(partition);
    upkeep_count(partition);
}

/* What a crash of the process has left in the page cache is confirmed once it is on the disk. */
void append_opened(struct partition *partition)
{
    partition->high_watermark = partition->config.flush_on_ack
                                    ? log_recovery_point(partition->log)
                                    : log_end(partition->log);
    answer_flushed(partition);          /* where the log was moved, more is on the disk */
    if (partition->high_watermark < log_end(partition->log))
        flush_soon(partition);
}

void append_config_changed(struct partition *partition)
{
    if (partition->state != PARTITION_OPEN || partition->config.flush_on_ack ||
        partition->high_watermark == log_end(partition->log))
        return;
    partition->high_watermark = log_end(partition->log);
    fetch_wake(partition, SIZE_MAX);
}

/* --- writing at the end of the turn ----------------------------------------------------------- */

/* Room for one more in the scratch. */
static struct log_append *scratch(struct shard *shard, size_t count)
{
    if (count < shard->append_capacity)
        return &shard->appends[count];

    size_t capacity = shard->append_capacity == 0 ? 64 : 2 * shard->append_capacity;
    struct log_append *grown = realloc(shard->appends, capacity * sizeof *grown);
    if (grown == NULL)
        return NULL;
    shard->appends = grown;
    shard->append_capacity = capacity;
    return &grown[count];
}

/* A request that was sent again, and is in the log already. */
static void settle_stored(struct partition *partition, struct append_entry *entry)
{
    metric_add(shard_options(partition->shard)->metrics, METRIC_DUPLICATES, 1);
    if (flushes_first(partition) && entry->end > partition->high_watermark)
        list_append(&partition->unflushed, &entry->queued);
    else
        entry_finished(entry);
}

/* Does the entry go into the append? Otherwise it is finished, or *wait: it has to go later. */
static bool admit_numbers(struct numbers_gathered *gathered, struct partition *partition,
                          struct append_entry *entry, bool *wait)
{
    int code = 0;
    enum numbers_verdict verdict = numbers_judge(gathered, partition, entry, &code);

    *wait = verdict == NUMBERS_WAIT;
    if (verdict == NUMBERS_TAKE || verdict == NUMBERS_WAIT)
        return verdict == NUMBERS_TAKE;
    list_remove(&entry->queued);
    if (verdict == NUMBERS_STORED)
        settle_stored(partition, entry);
    else
        append_refuse(entry, code);
    return false;
}

/* Gather as many waiting entries as there is room for; they stay the first in the list. */
static size_t gather(struct partition *partition, size_t *bytes)
{
    struct shard *shard = partition->shard;
    struct numbers_gathered gathered = { .count = 0 };
    size_t count = 0;

    *bytes = 0;
    LIST_EACH_SAFE(&partition->appends, node, after) {
        struct append_entry *entry = LIST_OWNER(node, struct append_entry, queued);
        bool wait;
        if (!admit_numbers(&gathered, partition, entry, &wait)) {
            if (wait)
                break;
            continue;
        }
        struct log_append *slot = scratch(shard, count);
        if (slot == NULL)
            break;
        *slot = (struct log_append){ .bytes = entry->bytes, .size = entry->size };
        *bytes += entry->size;
        count++;
    }
    return count;
}

/* The first of the waiting is written. */
static void settle_first(struct partition *partition, const struct log_append *written)
{
    struct list *node = list_first(&partition->appends);
    struct append_entry *entry = LIST_OWNER(node, struct append_entry, queued);

    list_remove(node);
    entry->base_offset = written->base_offset;
    entry->append_time_ms = written->append_time_ms;
    entry->log_start = log_start(partition->log);
    entry->end = written->base_offset + written->records;
    recompress_release(entry);          /* its bytes are not needed any more */
#ifndef MUTANT_ANSWER_BEFORE_FLUSH
    if (flushes_first(partition)) {
        list_append(&partition->unflushed, node);
        return;
    }
#endif
    entry_finished(entry);
}

static void flush_partition(struct partition *partition)
{
    struct shard *shard = partition->shard;
    struct metrics *metrics = shard_options(shard)->metrics;
    size_t bytes;
    size_t count = gather(partition, &bytes);

    if (count == 0 && list_empty(&partition->appends))
        return;                         /* all of it was stored before, or refused */
    int code = count == 0 ? K_NOMEM
             : early_ack(partition, shard->appends, count) ? 0
             : log_append(partition->log, shard->appends, count, partition->leader_epoch,
                          shard_wall_ms(shard));
    if (code == K_KAFKA_STORAGE_ERROR) {
        partition_fail(partition, code);
        return;
    }
    if (code != 0) {
        refuse_unwritten(partition, code);
        return;
    }
    int64_t records = 0;
    for (size_t i = 0; i < count; i++) {
        records += shard->appends[i].records;
        settle_first(partition, &shard->appends[i]);
    }
    metric_add(metrics, METRIC_RECORDS_IN, records);
    metric_add(metrics, METRIC_BYTES_IN, (int64_t)bytes);
    upkeep_touch(partition);
    upkeep_count(partition);
    if (flushes_first(partition)) {
        flush_soon(partition);
    } else {
        partition->high_watermark = log_end(partition->log);
        fetch_wake(partition, bytes);
    }
    append_resume(partition);           /* what the append had no room for */
}

void shard_flush(struct turn_hook *hook)
{
    struct shard *shard = LIST_OWNER(hook, struct shard, flush);

    while (!list_empty(&shard->dirty)) {
        struct partition *partition =
            LIST_OWNER(list_first(&shard->dirty), struct partition, dirty);
        list_remove(&partition->dirty);
        flush_partition(partition);
    }
}
