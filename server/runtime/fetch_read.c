#include "server/runtime/fetch_read.h"

#include <stdlib.h>

#include "common/chain.h"
#include "common/error.h"
#include "server/runtime/replica_log.h"
#include "server/runtime/shard_state.h"
#include "server/storage/txn_index.h"

void fetch_item_init(struct fetch_item *item)
{
    item->outcome = OUTCOME_NONE;
    item->diverged = item->opening = false;
    item->high_watermark = item->log_start = item->last_stable = -1;
    item->span = (struct log_span){ .fd = -1 };
    item->aborted = NULL;
    item->aborted_count = 0;
}

void fetch_drop(struct fetch_item *item)
{
    if (item->span.segment != NULL)
        log_span_release(item->span.segment);
    item->span = (struct log_span){ .fd = -1 };
    free(item->aborted);
    item->aborted = NULL;
    item->aborted_count = 0;
}

static int storage_code(int code)
{
    return code == K_CORRUPT || code == K_IO || code == K_DISK_FULL ? K_KAFKA_STORAGE_ERROR : code;
}

/* Read at most `most` bytes of what is committed. What has too many aborted transactions to name
 * is read in smaller pieces. */
static int read_committed(struct fetch_reader *reader, struct partition *partition,
                          struct fetch_item *item, size_t most)
{
    for (;;) {
        int code = log_read(partition->log, item->offset, item->last_stable, most, &item->span);
        if (code != 0 || item->span.size == 0)
            return code;
        code = log_find_aborted(partition->log, item->offset, item->span.next, &item->aborted,
                                &item->aborted_count);
        if (code != 0)
            return storage_code(code);
        if (item->aborted_count <= reader->aborted_room || most <= 1)
            break;
        most = most < item->span.size ? most / 2 : item->span.size / 2;
        fetch_drop(item);
    }
    reader->aborted_room -= item->aborted_count < reader->aborted_room
                                     ? item->aborted_count
                                     : reader->aborted_room;
    return 0;
}

static int read_log(struct fetch_reader *reader, struct partition *partition,
                    struct fetch_item *item, size_t most)
{
    bool committed = reader->committed;
    int code = log_stable_end(partition->log, item->high_watermark, &item->last_stable);
    if (code != 0 && committed)
        return storage_code(code);
    if (most == 0)
        return 0;
    return committed ? read_committed(reader, partition, item, most)
                     : log_read(partition->log, item->offset, item->high_watermark, most,
                                &item->span);
}

/* Has the asker records that are no longer, or never were, in this log? Only an unclean election
 * makes it so for who reads what is committed. */
static bool diverges(struct partition *partition, struct fetch_item *item)
{
    int32_t epoch;
    int64_t end;

    item->diverged = false;
    if (item->last_epoch < 0 ||
        !replica_log_epoch(partition, item->last_epoch, &epoch, &end) || end < 0 ||
        (epoch == item->last_epoch && end >= item->offset))
        return false;
    item->diverged = true;
    item->diverged_epoch = epoch;
    item->diverged_end = end;
    return true;
}

bool fetch_read(struct fetch_reader *reader, struct fetch_item *item, size_t room, bool first)
{
    struct partition *partition = partition_serving(reader->shard, &item->key, item->leader_epoch,
                                                    ACCESS_READ, &item->outcome);
    fetch_drop(item);
    item->high_watermark = item->log_start = item->last_stable = -1;
    item->diverged = false;
    item->opening = partition != NULL && partition->state == PARTITION_OPENING;
    if (partition == NULL || partition->state != PARTITION_OPEN)
        return true;

    item->high_watermark = partition_high_watermark(partition);
    item->log_start = log_start(partition->log);
    if (diverges(partition, item))
        return true;
    item->outcome.code =
        read_log(reader, partition, item, item->bytes_max < room ? item->bytes_max : room);
    bool fits = item->span.size <= room || first;
    if (item->outcome.code != 0 || item->span.size == 0 || !fits)
        fetch_drop(item);
    return item->outcome.code != 0 || fits;
}

bool fetch_find_stable(struct partition *partition, struct fetch_item *item)
{
    item->high_watermark = partition_high_watermark(partition);
    return log_stable_end(partition->log, item->high_watermark, &item->last_stable) == 0;
}

size_t fetch_committed_bytes(struct partition *partition, struct fetch_item *item,
                             size_t bytes)
{
    int64_t stable = item->last_stable;
    bool held_back = stable < item->high_watermark;
    if (!fetch_find_stable(partition, item))
        return SIZE_MAX;
    if (item->last_stable == stable)
        return 0;
    return held_back ? SIZE_MAX : bytes;
}

void fetch_aborted(const struct fetch_item *item, size_t index, int64_t *producer_id,
                   int64_t *first_offset)
{
    *producer_id = item->aborted[index].producer_id;
    *first_offset = item->aborted[index].first_offset;
}

int fetch_take(struct fetch_item *item, struct chain *chain)
{
    int code = chain_file(chain, item->span.fd, item->span.position, item->span.size,
                          log_span_release, item->span.segment);
    if (code == 0)
        item->span.segment = NULL;
    return code;
}
