#include "server/runtime/cleaner.h"
#include "server/runtime/shard.h"

#include <assert.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/error.h"
#include "server/runtime/drive_replica.h"
#include "server/runtime/fetch_session.h"
#include "server/runtime/fetcher.h"
#include "server/runtime/lost_copies.h"
#include "server/runtime/partition.h"
#include "server/runtime/proposals.h"
#include "server/runtime/replica_session.h"
#include "server/runtime/rest.h"
#include "server/runtime/shard_state.h"
#include "server/runtime/recompress.h"
#include "server/runtime/upkeep.h"

/* upkeep, resting, retention, cleaner, lost copies, settings, and some to spare. */
enum { OWN_DEADLINES = 8 };

static void arm_timer(struct shard *shard)
{
    const struct heap_node *top = heap_top(&shard->deadlines);
    if (top == NULL)
        timer_stop(shard->timer);
    else
        timer_at(shard->timer, top->key);
}

static void fire_deadlines(void *context)
{
    struct shard *shard = context;
    int64_t now = loop_now_ms(shard->loop);

    for (struct heap_node *top = heap_top(&shard->deadlines); top != NULL && top->key <= now;
         top = heap_top(&shard->deadlines)) {
        struct shard_deadline *deadline = LIST_OWNER(top, struct shard_deadline, node);
        heap_remove(&shard->deadlines, top);
        deadline->fire(deadline);
    }
    arm_timer(shard);
}

void shard_deadline_init(struct shard_deadline *deadline,
                         void (*fire)(struct shard_deadline *deadline))
{
    heap_node_init(&deadline->node);
    deadline->fire = fire;
}

static void set_deadline(struct shard *shard, struct shard_deadline *deadline, int64_t at_ms)
{
    if (shard->closed)
        at_ms = 0;                      /* past: the monotonic clock counts from the boot */
    int code = heap_push(&shard->deadlines, &deadline->node, at_ms);
    assert(code == 0);                  /* there is room */
    (void)code;
    if (heap_top(&shard->deadlines) == &deadline->node)
        arm_timer(shard);
}

/* Whatever is set leaves room for all that is held. */
int shard_deadline_set(struct shard *shard, struct shard_deadline *deadline, int64_t at_ms)
{
    heap_remove(&shard->deadlines, &deadline->node);
    if (heap_reserve(&shard->deadlines, shard->deadlines.count + 1 + shard->deadlines_held) != 0)
        return K_NOMEM;
    set_deadline(shard, deadline, at_ms);
    return 0;
}

int shard_deadline_make_room(struct shard *shard)
{
    if (heap_reserve(&shard->deadlines, shard->deadlines.count + shard->deadlines_held + 1) != 0)
        return K_NOMEM;
    shard->deadlines_held++;
    return 0;
}

void shard_deadline_drop(struct shard *shard, struct shard_deadline *deadline)
{
    heap_remove(&shard->deadlines, &deadline->node);
    shard->deadlines_held--;
}

void shard_deadline_hold(struct shard *shard, struct shard_deadline *deadline, int64_t at_ms)
{
    heap_remove(&shard->deadlines, &deadline->node);
    set_deadline(shard, deadline, at_ms);
}

/* The timer is left as it is: firing early costs one look at the heap. */
void shard_deadline_clear(struct shard *shard, struct shard_deadline *deadline)
{
    heap_remove(&shard->deadlines, &deadline->node);
}

void shard_watch_start(struct shard *shard, struct shard_watch *watch)
{
    list_append(&shard->watches, &watch->node);
}

void shard_watch_stop(struct shard_watch *watch)
{
    list_remove(&watch->node);
}

/* --- pictures --------------------------------------------------------------------------------- */

static void tell_watches(struct shard *shard)
{
    struct list told;

    /* Watches that start meanwhile have seen this picture already. */
    list_init(&told);
    list_move(&told, &shard->watches);
    while (!list_empty(&told)) {
        struct list *node = list_first(&told);
        struct shard_watch *watch = LIST_OWNER(node, struct shard_watch, node);
        list_remove(node);
        list_append(&shard->watches, node);
        watch->changed(watch, shard->picture);
    }
}

/* What the controller before did not answer, it will not. */
static void look_at_reign(struct shard *shard)
{
    size_t position = 0;
    void *value;

    if (shard->picture->controller_epoch == shard->reign)
        return;
    shard->reign = shard->picture->controller_epoch;
    while (map_next(&shard->partitions, &position, NULL, NULL, &value)) {
        lost_copies_reign(value);
        drive_reign(value);
    }
}

static void look_at_picture(struct mail *mail)
{
    struct shard *shard = LIST_OWNER(mail, struct shard, picture_mail);

    atomic_store(&shard->picture_posted, false);
    if (shard->closed)
        return;
    shard_reconcile(shard, metadata_get(shard_options(shard)->cell));
    fetchers_picture_changed(shard);
    replica_sessions_picture_changed(shard);
    look_at_reign(shard);
    tell_watches(shard);
}

void shards_picture_changed(struct shards *shards)
{
    for (int i = 0; i < shards->count; i++) {
        struct shard *shard = &shards->items[i];
        if (!atomic_exchange(&shard->picture_posted, true))
            loop_post(shard->loop, &shard->picture_mail);
    }
}

static void look_at_directories(struct mail *mail)
{
    struct shard *shard = LIST_OWNER(mail, struct shard, fenced_mail);

    atomic_store(&shard->fenced_posted, false);
    if (!shard->closed)
        partitions_leave_fenced(shard);
}

void shards_directory_fenced(struct shards *shards)
{
    for (int i = 0; i < shards->count; i++) {
        struct shard *shard = &shards->items[i];
        if (!atomic_exchange(&shard->fenced_posted, true))
            loop_post(shard->loop, &shard->fenced_mail);
    }
}

/* --- life ------------------------------------------------------------------------------------- */

static int shard_init(struct shard *shard, struct shards *shards, int index, struct loop *loop,
                      struct settings *settings)
{
    shard->shards = shards;
    shard->loop = loop;
    shard->index = index;
    shard->picture = metadata_get(shards->options.cell);
    map_init(&shard->partitions);
    heap_init(&shard->deadlines);
    shard->deadlines_held = OWN_DEADLINES;
    list_init(&shard->coordinators);
    list_init(&shard->dirty);
    list_init(&shard->watches);
    recompress_init(shard);
    upkeep_init(shard);
    rest_init(shard);
    replica_sessions_init(shard);
    fetch_sessions_init(shard);
    rand_seed_from_system(&shard->rand);
    fetchers_init(shard);
    proposals_init(shard);
    lost_copies_init(shard);
    offsets_topic_init(&shard->offsets_topic);
    wanted_topics_init(&shard->wanted_topics);
    settings_init(shard, settings_ref(settings));
    if (cleaner_init(shard) != 0)
        return K_NOMEM;
    turn_hook_init(&shard->flush, shard_flush);
    shard->picture_mail.deliver = look_at_picture;
    shard->fenced_mail.deliver = look_at_directories;
    int code = heap_reserve(&shard->deadlines, OWN_DEADLINES);
    if (code == 0)
        code = timer_new(loop, fire_deadlines, shard, &shard->timer);
    if (code == 0)
        code = purge_init(&shard->purge, loop, shards->options.pool);
    if (code == 0)
        retain_init(shard);
    return code;
}

static void shard_fini(struct shard *shard)
{
    if (shard->loop == NULL)
        return;
    assert(shard->partitions.count == 0 || shard->closed);
    replica_sessions_fini(shard);
    fetch_sessions_fini(shard);
    fetchers_fini(shard);
    timer_free(shard->timer);
    heap_fini(&shard->deadlines);
    retain_fini(shard);
    purge_fini(&shard->purge);
    map_fini(&shard->partitions);
    wanted_topics_fini(&shard->wanted_topics);
    settings_fini(shard);
    metadata_put(shard->picture);
    free(shard->appends);
    cleaner_fini(shard);
}

int shards_new(const struct shards_options *options, struct shards **out)
{
    struct shards *shards =
        calloc(1, sizeof *shards + (size_t)options->count * sizeof(struct shard));
    if (shards == NULL)
        return K_NOMEM;
    shards->options = *options;
    shards->options.loops = NULL;
    shards->count = options->count;
    quota_init(&shards->leader_quota, QUOTA_UNLIMITED);
    quota_init(&shards->follower_quota, QUOTA_UNLIMITED);
    struct settings *settings = settings_new(&options->defaults, &options->cleaner);
    if (settings == NULL) {
        free(shards);
        return K_NOMEM;
    }
    int error = cleaner_new(&options->cleaner, options->count, &shards->cleaner);
    for (int i = 0; i < shards->count && error == 0; i++)
        error = shard_init(&shards->items[i], shards, i, options->loops[i], settings);
    settings_unref(settings);
    if (error != 0)
        shards_free(shards);
    else
        *out = shards;
    return error == 0 ? 0 : K_NOMEM;
}

void shards_free(struct shards *shards)
{
    if (shards == NULL)
        return;
    for (int i = 0; i < shards->count; i++)
        shard_fini(&shards->items[i]);
    cleaner_free(shards->cleaner);
    free(shards);
}

void shards_throttle(struct shards *shards, int64_t leader_rate, int64_t follower_rate)
{
    quota_set(&shards->leader_quota, leader_rate);
    quota_set(&shards->follower_quota, follower_rate);
}

void shard_stop(struct shard *shard)
{
    shard->closed = true;
    fetchers_close(shard);
    purge_close(&shard->purge);
    for (struct heap_node *top = heap_top(&shard->deadlines); top != NULL;
         top = heap_top(&shard->deadlines)) {
        heap_remove(&shard->deadlines, top);
        struct shard_deadline *deadline = LIST_OWNER(top, struct shard_deadline, node);
        deadline->fire(deadline);
    }
}

bool shard_close_logs(struct shard *shard)
{
    bool clean = true;
    size_t position = 0;
    void *value;

    assert(shard->closed);
    shard_flush(&shard->flush);
    while (map_next(&shard->partitions, &position, NULL, NULL, &value))
        clean &= partition_close(value);
    return clean;
}

/* --- what it is ------------------------------------------------------------------------------- */

int shards_count(const struct shards *shards)
{
    return shards->count;
}

struct shard *shards_at(const struct shards *shards, int index)
{
    assert(index >= 0 && index < shards->count);
    return (struct shard *)&shards->items[index];
}

int shard_index(const struct shard *shard)
{
    return shard->index;
}

struct shards *shard_owner(const struct shard *shard)
{
    return shard->shards;
}

struct mail_target *shard_mail_target(struct shard *shard)
{
    return loop_mail_target(shard->loop);
}

struct loop *shard_loop(const struct shard *shard)
{
    return shard->loop;
}

const struct metadata *shard_picture(const struct shard *shard)
{
    return shard->picture;
}

const struct topic_config *shard_defaults(const struct shard *shard)
{
    return &shard->settings->defaults;
}

int64_t shard_now_ms(const struct shard *shard)
{
    return loop_now_ms(shard->loop);
}

int64_t shard_now_us(const struct shard *shard)
{
    return loop_now_us(shard->loop);
}

int64_t shard_wall_ms(const struct shard *shard)
{
    return clock_wall_ms(loop_clock(shard->loop));
}
