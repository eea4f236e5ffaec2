#include "server/runtime/retain.h"

#include <stdlib.h>

#include "common/error.h"
#include "common/later.h"
#include "common/log.h"
#include "server/runtime/drive_replica.h"
#include "server/runtime/partition.h"
#include "server/runtime/shard_state.h"
#include "server/runtime/trim_job.h"
#include "server/storage/log_retain.h"

enum {
    FIRST_MS = 30 * 1000,
    LOOKS_PER_TURN = 100,
    JOBS_MAX = 32,                          /* one write of the checkpoint serves them all */
    PAUSE_MS = 1                            /* between two turns: others are to have theirs */
};

static void walk(struct shard *shard);

static void look_later(struct shard *shard, int64_t ms)
{
    shard_deadline_hold(shard, &shard->retain.deadline, later_ms(shard_now_ms(shard), ms));
}

static void job_ended(void *context)
{
    struct shard *shard = context;

    shard->retain.jobs--;
    if (shard->closed || shard->retain.keys == NULL)
        return;
    if (shard->retain.jobs == JOBS_MAX - 1 || shard->retain.next == shard->retain.count)
        walk(shard);
}

/* A partition that rests is woken only when something of it may be due. */
struct waking {
    struct partition_wait wait;
    struct shard *shard;
    struct partition_key key;
};

static void look_at(struct shard *shard, struct partition *partition);

static void awake(struct partition_wait *wait)
{
    struct waking *waking = LIST_OWNER(wait, struct waking, wait);
    struct shard *shard = waking->shard;
    struct partition *partition = shard->closed ? NULL : partition_find(shard, &waking->key);

    free(waking);
    if (partition != NULL && partition->state == PARTITION_OPEN)
        look_at(shard, partition);
    job_ended(shard);
}

static void wake(struct shard *shard, struct partition *partition)
{
    struct waking *waking = calloc(1, sizeof *waking);
    if (waking == NULL)
        return;
    waking->wait.run = awake;
    waking->shard = shard;
    waking->key = partition->key;
    partition_wake(partition);
    if (partition->state != PARTITION_OPENING) {
        free(waking);                       /* not ours, or offline */
        return;
    }
    list_append(&partition->waiting, &waking->wait.node);
    shard->retain.jobs++;
}

static void look_at(struct shard *shard, struct partition *partition)
{
    const struct trim_owner owner = { .ended = job_ended, .context = shard };
    int64_t wall_ms = shard_wall_ms(shard);
    struct log_retention *retention;

    if (partition->state == PARTITION_IDLE && partition->retain_at_ms <= wall_ms)
        wake(shard, partition);
    if (partition->state != PARTITION_OPEN)
        return;
    partition->retain_at_ms = INT64_MAX;    /* unless a look finds out more */
    int code = log_retain_begin(partition->log, partition_high_watermark(partition), wall_ms,
                                &retention);
    if (code == 0 && retention == NULL)
        return;
    if (code == 0)
        code = trim_job_start_retention(partition, retention, &owner);
    if (code == 0)
        shard->retain.jobs++;
    else
        partition->retain_at_ms = 0;        /* no memory: the next look will do */
}

static void finish(struct shard *shard)
{
    free(shard->retain.keys);
    shard->retain.keys = NULL;
    look_later(shard, shard_options(shard)->retention_check_ms);
}

/* Go on until the turn has had enough, or the io pool; whichever it is wakes us again. */
static void walk(struct shard *shard)
{
    struct retain *retain = &shard->retain;

    for (int looks = 0; retain->next < retain->count; looks++) {
        if (retain->jobs == JOBS_MAX)
            return;
        if (looks == LOOKS_PER_TURN) {
            look_later(shard, PAUSE_MS);
            return;
        }
        struct partition *partition = partition_find(shard, &retain->keys[retain->next++]);
        if (partition != NULL)
            look_at(shard, partition);
    }
    if (retain->jobs == 0)
        finish(shard);
}

/* Partitions come and go during a look, so it goes by a list of its own. */
static int list_partitions(struct shard *shard)
{
    struct retain *retain = &shard->retain;
    size_t position = 0;
    void *value;

    retain->keys = calloc(shard->partitions.count + 1, sizeof retain->keys[0]);
    if (retain->keys == NULL)
        return K_NOMEM;
    retain->count = retain->next = 0;
    while (map_next(&shard->partitions, &position, NULL, NULL, &value)) {
        const struct partition *partition = value;
        if (drive_leads(partition))
            retain->keys[retain->count++] = partition->key;
    }
    return 0;
}

static void tick(struct shard_deadline *deadline)
{
    struct shard *shard = LIST_OWNER(deadline, struct shard, retain.deadline);

    if (shard->closed)
        return;
    if (shard->retain.keys == NULL && list_partitions(shard) != 0)
        look_later(shard, shard_options(shard)->retention_check_ms);
    else
        walk(shard);
}

void retain_init(struct shard *shard)
{
    int64_t interval = shard_options(shard)->retention_check_ms;

    shard_deadline_init(&shard->retain.deadline, tick);
    if (interval > 0)
        look_later(shard, interval < FIRST_MS ? interval : FIRST_MS);
}

void retain_fini(struct shard *shard)
{
    free(shard->retain.keys);
}
