#include "server/runtime/append.h"

#include <stdlib.h>

#include "common/error.h"
#include "common/metric.h"
#include "server/runtime/drive_replica.h"
#include "server/runtime/early_ack.h"
#include "server/runtime/fetch.h"
#include "server/runtime/flush.h"
#include "server/runtime/numbers.h"
#include "server/runtime/recompress.h"
#include "server/runtime/rest.h"
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
    if (partition->internal && !entry->own) {
        append_refuse(entry, K_INVALID_TOPIC_EXCEPTION);
        return;
    }
    if (entry->largest > (size_t)partition->shared->config.max_message_bytes) {
        entry->outcome.limit = partition->shared->config.max_message_bytes;
        append_refuse(entry, K_MESSAGE_TOO_LARGE);
        return;
    }
    if (recompress_wanted(partition, entry)) {
        recompress_admit(partition, entry);
        return;
    }
    int code = batch_rules_check(&partition->shared->rules, entry->bytes, entry->size,
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
    append_answer(partition, INT64_MAX, code);
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
    return partition->shared->config.flush_on_ack;
}

static void answer_flushed(struct partition *partition)
{
    int64_t flushed = log_recovery_point(partition->log);

    while (!list_empty(&partition->unflushed)) {
        struct append_entry *entry =
            LIST_OWNER(list_first(&partition->unflushed), struct append_entry, queued);
        if (entry->end > flushed)
            break;
        list_remove(&entry->queued);
        entry_finished(entry);
    }
}

void append_flushed(struct partition *partition)
{
    drive_flushed(partition);
    if (partition->log == NULL)
        return;
    answer_flushed(partition);
    /* Every write asks for its own sync; what none covers was written without one. */
    if (flushes_first(partition) && partition->flush.latest == NULL &&
        log_recovery_point(partition->log) < log_end(partition->log))
        flush_soon(partition);
    upkeep_count(partition);
}

/* --- with all in-sync replicas before the answer ---------------------------------------------- */

static void finish_uncommitted(struct append_entry *entry, int code)
{
    list_remove(&entry->queued);
    shard_deadline_clear(entry->part->shard, &entry->timeout);
    entry->outcome.code = code;
    entry_finished(entry);
}

static void waited_enough(struct shard_deadline *deadline)
{
    finish_uncommitted(LIST_OWNER(deadline, struct append_entry, timeout), K_REQUEST_TIMED_OUT);
}

/* A request that was sent again may end before others that wait. */
static void wait_for_replicas(struct partition *partition, struct append_entry *entry)
{
    struct list *before = partition->uncommitted.prev;

    while (before != &partition->uncommitted &&
           LIST_OWNER(before, struct append_entry, queued)->end > entry->end)
        before = before->prev;
    shard_deadline_init(&entry->timeout, waited_enough);
    list_prepend(before, &entry->queued);
}

/* Those that this turn brought and that are not answered yet, at the end of the list. */
static void limit_waits(struct partition *partition)
{
    for (struct list *node = partition->uncommitted.prev; node != &partition->uncommitted;) {
        struct append_entry *entry = LIST_OWNER(node, struct append_entry, queued);
        node = node->prev;
        if (entry->timeout.node.index != HEAP_OUT)
            return;
        if (shard_deadline_set(partition->shard, &entry->timeout, entry->deadline_ms) != 0)
            finish_uncommitted(entry, K_NOMEM);
    }
}

void append_answer(struct partition *partition, int64_t end, int code)
{
    while (!list_empty(&partition->uncommitted)) {
        struct append_entry *entry =
            LIST_OWNER(list_first(&partition->uncommitted), struct append_entry, queued);
        if (entry->end > end)
            return;
        finish_uncommitted(entry, code);
    }
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
    bool committed = entry->end <= partition->replica.high_watermark;
#ifdef MUTANT_DUPLICATE_UNCOMMITTED
    committed = true;
#endif
    if (entry->access == ACCESS_WRITE_ALL && !committed)
        wait_for_replicas(partition, entry);
    else if (flushes_first(partition) && entry->end > log_recovery_point(partition->log))
        list_append(&partition->unflushed, &entry->queued);
    else
        entry_finished(entry);
}

/* It may have waited for its log, or for its turn: does what let it in still hold? */
static int why_not(const struct partition *partition, const struct append_entry *entry,
                   bool lease_holds)
{
    return replica_may_append(&partition->replica, entry->access == ACCESS_WRITE_ALL, lease_holds);
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
    bool lease_holds = partition_lease_holds(partition);
    size_t count = 0;

    *bytes = 0;
    LIST_EACH_SAFE(&partition->appends, node, after) {
        struct append_entry *entry = LIST_OWNER(node, struct append_entry, queued);
        bool wait;
        int code = why_not(partition, entry, lease_holds);
        if (code != 0) {
            list_remove(&entry->queued);
            append_refuse(entry, code);
            continue;
        }
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

/* The first of the waiting is written; `early`: it only looks so. */
static void settle_first(struct partition *partition, const struct log_append *written, bool early)
{
    struct list *node = list_first(&partition->appends);
    struct append_entry *entry = LIST_OWNER(node, struct append_entry, queued);

    list_remove(node);
    entry->base_offset = written->base_offset;
    entry->append_time_ms = written->append_time_ms;
    entry->log_start = log_start(partition->log);
    entry->end = written->base_offset + written->records;
    recompress_release(entry);          /* its bytes are not needed any more */
#ifdef MUTANT_ANSWER_BEFORE_FLUSH
    early = true;
#endif
#ifdef MUTANT_ANSWER_BEFORE_REPLICAS
    early |= partition->replica.state.replicas.count > 1;
#endif
    if (early)
        entry_finished(entry);
    else if (entry->access == ACCESS_WRITE_ALL)
        wait_for_replicas(partition, entry);
    else if (flushes_first(partition))
        list_append(&partition->unflushed, node);
    else
        entry_finished(entry);
}

/* Who leads tells the rules how far the log is: they say who is answered, and what may be read. */
static void written(struct partition *partition, size_t bytes)
{
    upkeep_touch(partition);
    upkeep_count(partition);
    partition->unpublished_bytes += bytes;
    if (flushes_first(partition))
        flush_soon(partition);
    drive_appended(partition);
}

static void flush_partition(struct partition *partition)
{
    struct shard *shard = partition->shard;
    struct metrics *metrics = shard_options(shard)->metrics;
    size_t bytes;
    size_t count = gather(partition, &bytes);

    if (count == 0 && list_empty(&partition->appends)) {
        limit_waits(partition);         /* all of it was stored before, or refused */
        return;
    }
    bool early = count > 0 && early_ack(partition, shard->appends, count);
    int code = count == 0 ? K_NOMEM
             : early     ? 0
                         : log_append(partition->log, shard->appends, count,
                                      partition->replica.state.leader_epoch, shard_wall_ms(shard));
    if (code == K_KAFKA_STORAGE_ERROR) {
        partition_fail(partition, code);
        return;
    }
    if (code != 0) {
        refuse_unwritten(partition, code);
        limit_waits(partition);
        return;
    }
    int64_t records = 0;
    for (size_t i = 0; i < count; i++) {
        records += shard->appends[i].records;
        settle_first(partition, &shard->appends[i], early);
    }
    metric_add(metrics, METRIC_RECORDS_IN, records);
    metric_add(metrics, METRIC_BYTES_IN, (int64_t)bytes);
    written(partition, bytes);
    limit_waits(partition);
    if (partition->state == PARTITION_OPEN)
        append_resume(partition);       /* what the append had no room for */
}

void shard_flush(struct turn_hook *hook)
{
    struct shard *shard = LIST_OWNER(hook, struct shard, flush);

    while (!list_empty(&shard->dirty)) {
        struct partition *partition =
            LIST_OWNER(list_first(&shard->dirty), struct partition, dirty);
        list_remove(&partition->dirty);
        flush_partition(partition);
        rest_make_room(shard);
    }
}
