/* shard.drowsy and behind it shard.awake hold the OPEN partitions, those used longest ago first.
 * When more files are open than should be, the first of the awake ones give theirs back and become
 * drowsy; who still has them in use elsewhere counts as used. Once in a while the first is looked
 * at: as long as one there is overdue, it goes to rest, or, if somebody waits for it or it
 * is not synced yet, to the end of the list. A bounded number per look, so that ten thousand do not
 * stall the loop. */
#include "server/runtime/rest.h"

#include "server/runtime/cleaner.h"
#include "server/runtime/flush.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard_state.h"
#include "server/storage/io_budget.h"

enum {
    ROOM_LOOKS = 4,                     /* at partitions, for each one that is used */
    LOOKS = 256,                        /* at partitions, each time */
    LOOK_AGAIN_MS = 20,                 /* when there were more */
    LOOK_MS = 5000                      /* at most; less when logs are to rest sooner */
};

static bool is_used(const struct partition *partition)
{
    return partition->state != PARTITION_OPEN || !list_empty(&partition->preparing) ||
           partition->job != NULL || !list_empty(&partition->appends) ||
           !list_empty(&partition->unflushed) || !list_empty(&partition->uncommitted) ||
           !list_empty(&partition->flush.syncs) || !list_empty(&partition->dirty) ||
           !list_empty(&partition->watchers) || !list_empty(&partition->waiting) ||
           partition->jobs > 0 || cleaner_busy(partition) ||
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

static struct partition *oldest_of(struct list *list)
{
    return list_empty(list) ? NULL : LIST_OWNER(list_first(list), struct partition, awake);
}

static struct partition *oldest_in(struct shard *shard)
{
    struct partition *drowsy = oldest_of(&shard->drowsy);

    return drowsy != NULL ? drowsy : oldest_of(&shard->awake);
}

static bool is_overdue(struct shard *shard)
{
    const struct partition *oldest = oldest_in(shard);

    return oldest != NULL &&
           shard_now_ms(shard) - oldest->used_ms >= shard_options(shard)->idle_close_ms;
}

void rest_make_room(struct shard *shard)
{
    struct io_budget *files = shard_options(shard)->files;
    struct partition *oldest;

    if (files == NULL || !io_budget_pressed(files))
        return;
#ifdef MUTANT_UNBOUNDED_FILES
    return;
#endif
    bool none_left = !io_budget_exceeded(files);
    for (int i = 0; i < ROOM_LOOKS && (oldest = oldest_of(&shard->awake)) != NULL; i++) {
        list_remove(&oldest->awake);
        if (log_rest_files(oldest->log)) {
            list_append(&shard->drowsy, &oldest->awake);
        } else {
            oldest->used_ms = shard_now_ms(shard);
            list_append(&shard->awake, &oldest->awake);
        }
        if (!none_left && !io_budget_exceeded(files))
            return;
    }
}

static void look(struct shard_deadline *deadline)
{
    struct shard *shard = LIST_OWNER(deadline, struct shard, resting);

    for (int i = 0; i < LOOKS && !shard->closed && is_overdue(shard); i++)
        look_at(oldest_in(shard));
    rest_make_room(shard);
    if (!shard->closed && oldest_in(shard) != NULL)
        shard_deadline_hold(shard, deadline,
                            shard_now_ms(shard) +
                                (is_overdue(shard) ? LOOK_AGAIN_MS : interval_ms(shard)));
}

void rest_init(struct shard *shard)
{
    list_init(&shard->awake);
    list_init(&shard->drowsy);
    shard_deadline_init(&shard->resting, look);
}

void rest_touch(struct partition *partition)
{
    struct shard *shard = partition->shard;

    if (partition->state != PARTITION_OPEN)
        return;
    if (oldest_in(shard) == NULL && !shard->closed)
        shard_deadline_hold(shard, &shard->resting, shard_now_ms(shard) + interval_ms(shard));
    partition->used_ms = shard_now_ms(shard);
    list_remove(&partition->awake);
    list_append(&shard->awake, &partition->awake);
    rest_make_room(shard);
}

void rest_forget(struct partition *partition)
{
    list_remove(&partition->awake);
}
