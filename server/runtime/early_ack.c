/* The write happens LATE_MS after the answer, in order; a kill in between loses what was
 * confirmed. */
#include "server/runtime/early_ack.h"

#ifdef MUTANT_ACK_BEFORE_WRITE

#include <stdlib.h>
#include <string.h>

#include "proto/batch.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard_state.h"

enum { LATE_MS = 100 };

struct late_write {
    struct list node;
    size_t size;
    uint8_t bytes[];
};

static void write_late(struct shard_deadline *deadline)
{
    struct partition *partition = LIST_OWNER(deadline, struct partition, late);

    while (!list_empty(&partition->late_writes)) {
        struct late_write *late = LIST_OWNER(list_first(&partition->late_writes),
                                             struct late_write, node);
        struct log_append append = { .bytes = late->bytes, .size = late->size };

        list_remove(&late->node);
        if (partition->log != NULL)
            log_append(partition->log, &append, 1, partition->replica.state.leader_epoch,
                       shard_wall_ms(partition->shard));
        free(late);
    }
    partition->confirmed = 0;
}

static int32_t count_records(const struct log_append *append)
{
    int32_t records = 0;
    for (size_t at = 0; at < append->size; at += batch_size(append->bytes + at))
        records += batch_count(append->bytes + at);
    return records;
}

static bool confirm(struct partition *partition, struct log_append *append)
{
    struct late_write *late = malloc(sizeof *late + append->size);
    if (late == NULL)
        return false;
    late->size = append->size;
    memcpy(late->bytes, append->bytes, append->size);
    list_append(&partition->late_writes, &late->node);

    append->base_offset = log_end(partition->log) + partition->confirmed;
    append->append_time_ms = -1;
    append->records = count_records(append);
    partition->confirmed += append->records;
    return true;
}

bool early_ack(struct partition *partition, struct log_append *appends, size_t count)
{
    if (partition->shard->closed)
        return false;                           /* nobody would write it any more */
    if (partition->confirmed == 0) {
        list_init(&partition->late_writes);
        shard_deadline_init(&partition->late, write_late);
        if (shard_deadline_set(partition->shard, &partition->late,
                               shard_now_ms(partition->shard) + LATE_MS) != 0)
            return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!confirm(partition, &appends[i]))
            abort();                            /* a mutant need not be graceful */
    }
    return true;
}

#endif
