/* shard.awake holds the OPEN partitions, those used longest ago first. Once in a while its head is
 * looked at: as long as one there is overdue, it goes to rest, or, if somebody waits for it or it
 * is not synced yet, to the end of the list. A bounded number per look, so that ten thousand do not
 * stall the loop. */
#include "server/runtime/rest.h"

#include "server/runtime/cleaner.h"
#include "server/runtime/flush.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard_state.h"

enum {
    LOOKS = 256,                        /* at partitions, each time */
    LOOK_AGAIN_MS = 20,                 /* when there were more */
    LOOK_MS = 5000                      /* at most; less when logs are to rest sooner */
};

static bool is_used(const struct partition *partition)
{
    return partition->state != PARTITION_OPEN || !list_empty(&partition->preparing) ||
           partition->job != NULL || !list_empty(&partition->appends) ||
           !list_empty(&partition->unflushed) || !list_empty(&partition->flush.syncs) ||
           !list_empty(&partition->dirty) || !list_empty(&partition->watchers) ||
           !list_empty(&partition->waiting) || partition->jobs > 0 || cleaner_busy(partition) ||
           partition->move != NULL;
}

static void look_at(struct partition *partition)
{
    bool used = is_used(partition), settled = log_settled(partition->log);

    /* While it is in shard.touched, its last checkpoint is due within the second. */
    if (!used && settled && list_empty(&partition->touched)) {
        partition_rest(partition);
        return;
    }
    if (!used && !settled)
        flush_in_background(partition);
    rest_touch(partition);
}

static int64_t interval_ms(const struct shard *shard)
{
    int64_t idle_ms = shard_options(shard)->idle_close_ms;

    return idle_ms < LOOK_MS ? idle_ms : LOOK_MS;
}

static bool is_overdue(const struct shard *shard)
{
    if (list_empty(&shard->awake))
        return false;
    const struct partition *oldest = LIST_OWNER(shard->awake.next, struct partition, awake);
    return shard_now_ms(shard) - oldest->used_ms >= shard_options(shard)->idle_close_ms;
}

static void look(struct shard_deadline *deadline)
{
    struct shard *shard = LIST_OWNER(deadline, struct shard, resting);

    for (int i = 0; i < LOOKS && !shard->closed && is_overdue(shard); i++)
        look_at(LIST_OWNER(list_first(&shard->awake), struct partition, awake));
    if (!shard->closed && !list_empty(&shard->awake))
        shard_deadline_set(shard, deadline,
                           shard_now_ms(shard) +
                               (is_overdue(shard) ? LOOK_AGAIN_MS : interval_ms(shard)));
}

void rest_init(struct shard *shard)
{
    list_init(&shard->awake);
    shard_deadline_init(&shard->resting, look);
}

void rest_touch(struct partition *partition)
{
    struct shard *shard = partition->shard;

    if (partition->state != PARTITION_OPEN)
        return;
    if (list_empty(&shard->awake) && !shard->closed)
        shard_deadline_set(shard, &shard->resting, shard_now_ms(shard) + interval_ms(shard));
    partition->used_ms = shard_now_ms(shard);
    list_remove(&partition->awake);
    list_append(&shard->awake, &partition->awake);
}

void rest_forget(struct partition *partition)
{
    list_remove(&partition->awake);
}
