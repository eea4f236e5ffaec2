#include "tests/sim/disk.h"

#include <assert.h>
#include <string.h>

int32_t log_last_epoch(const struct sim_log *log)
{
    return log->end > log->start ? log->records[log->end - 1].epoch : -1;
}

int32_t log_epoch_end(const struct sim_log *log, int32_t epoch, int64_t *end)
{
    int64_t at = log->end;

    while (at > log->start && log->records[at - 1].epoch > epoch)
        at--;
    *end = at;
    return at > log->start ? log->records[at - 1].epoch : -1;
}

void log_append(struct sim_log *log, const struct record *record)
{
    assert(log->exists && log->end < LOG_RECORDS_MAX);
    assert(record->epoch >= log_last_epoch(log));
    log->records[log->end++] = *record;
}

void log_truncate(struct sim_log *log, int64_t end)
{
    assert(end <= log->end);
    log->end = end < log->start ? log->start : end;
    if (log->flushed > log->end)
        log->flushed = log->end;
    if (log->high_watermark > log->end)
        log->high_watermark = log->end;
}

void log_reset(struct sim_log *log, int64_t offset)
{
    log->start = log->end = log->flushed = log->high_watermark = offset;
}

void log_trim(struct sim_log *log, int64_t start)
{
    if (start > log->start)
        log->start = start < log->end ? start : log->end;
    if (log->flushed < log->start)
        log->flushed = log->start;
    if (log->high_watermark < log->start)
        log->high_watermark = log->start;
}

int32_t log_last_sequence(const struct sim_log *log, int32_t producer)
{
    for (int64_t at = log->end; at > log->start; at--)
        if (log->records[at - 1].producer == producer)
            return log->records[at - 1].sequence;
    return -1;
}

int64_t log_find_sequence(const struct sim_log *log, int32_t producer, int32_t sequence)
{
    int seen = 0;

    for (int64_t at = log->end; at > log->start && seen < 5; at--) {
        const struct record *record = &log->records[at - 1];
        if (record->producer != producer)
            continue;
        if (record->sequence == sequence)
            return at - 1;
        seen++;
    }
    return -1;
}

void disk_begins(struct disk *disk, const struct uuid *incarnation)
{
    if (disk->incarnation_count == INCARNATIONS_MAX) /* the oldest goes */
        memmove(disk->incarnations, disk->incarnations + 1,
                (size_t)--disk->incarnation_count * sizeof *disk->incarnations);
    disk->incarnations[disk->incarnation_count++] = *incarnation;
}

void disk_registered(struct disk *disk)
{
    disk->incarnations[0] = disk->incarnations[disk->incarnation_count - 1];
    disk->incarnation_count = 1;
    disk->power_lost = false; /* it stands in the record now */
}

bool disk_knows(const struct disk *disk, const struct uuid *incarnation)
{
    for (int i = 0; i < disk->incarnation_count; i++)
        if (uuid_equal(&disk->incarnations[i], incarnation))
            return true;
    return false;
}

void disk_cut_power(struct disk *disk, struct rand *rand)
{
    disk->power_lost = true;
    for (int p = 0; p < SIM_PARTITIONS_MAX; p++) {
        struct sim_log *log = &disk->logs[p];
        int64_t unsafe = log->end - log->flushed;

        if (!log->exists)
            continue;
        /* Mostly nothing of it, now and then a part. */
        int64_t kept = rand_below(rand, 5) == 0
                           ? (int64_t)rand_below(rand, (uint64_t)unsafe + 1) : 0;
        log_truncate(log, log->flushed + kept);
    }
}

void disk_wipe(struct disk *disk, struct uuid id)
{
    memset(disk, 0, sizeof *disk);
    disk->id = id;
}
