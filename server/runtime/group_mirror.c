#include "server/runtime/group_mirror.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/map.h"
#include "common/metric.h"
#include "server/core/groups.h"
#include "server/runtime/offset_mirror.h"
#include "server/runtime/shard_state.h"

enum {
    NOTES_MAX = 65536,            /* of a partition of the offsets topic: some 10 MB */
    SAY_MS = 60000
};

struct group_mirror {
    struct shard *shard;
    struct map notes;             /* struct mirror_note, by its key; owned */
    struct mirror_parcel *parcel; /* the last one; or NULL */
    struct shard_deadline deadline;
    bool waits;                   /* for the deadline */
};

static int64_t interval_ms(const struct group_mirror *mirror)
{
    return shard_options(mirror->shard)->mirror.interval_ms;
}

static void wait_until(struct group_mirror *mirror, int64_t at_ms)
{
    mirror->waits = shard_deadline_set(mirror->shard, &mirror->deadline, at_ms) == 0;
}

/* When the next parcel may go; INT64_MAX: the last one is still being written. */
static int64_t may_send_ms(const struct group_mirror *mirror)
{
    if (mirror->parcel == NULL)
        return 0;
    int64_t done_ms = atomic_load(&mirror->parcel->done_ms);
    return done_ms == 0 ? INT64_MAX : done_ms + interval_ms(mirror);
}

static void send(struct group_mirror *mirror)
{
    const struct mirror_options *options = &shard_options(mirror->shard)->mirror;
    struct mirror_parcel *parcel = mirror_parcel_new();
    size_t position = 0;
    void *value;

    if (parcel == NULL) {
        wait_until(mirror, shard_now_ms(mirror->shard) + options->interval_ms);
        return;
    }
    while (map_next(&mirror->notes, &position, NULL, NULL, &value))
        list_append(&parcel->notes, &((struct mirror_note *)value)->node);
    map_fini(&mirror->notes);
    map_init(&mirror->notes);
    mirror_parcel_unref(mirror->parcel);
    mirror->parcel = parcel;
    options->send(options->context, parcel);
}

static void fire(struct shard_deadline *deadline)
{
    struct group_mirror *mirror = LIST_OWNER(deadline, struct group_mirror, deadline);
    int64_t now_ms = shard_now_ms(mirror->shard), may_ms = may_send_ms(mirror);

    mirror->waits = false;
    if (mirror->shard->closed || mirror->notes.count == 0)
        return;
    if (may_ms <= now_ms)
        send(mirror);
    else
        wait_until(mirror, may_ms == INT64_MAX ? now_ms + interval_ms(mirror) : may_ms);
}

struct group_mirror *group_mirror_new(struct shard *shard)
{
    if (shard_options(shard)->mirror.interval_ms == 0)
        return NULL;
    struct group_mirror *mirror = calloc(1, sizeof *mirror);
    if (mirror == NULL)
        return NULL;
    mirror->shard = shard;
    map_init(&mirror->notes);
    shard_deadline_init(&mirror->deadline, fire);
    return mirror;
}

/* Said once for all that find no room. */
static bool is_full(const struct group_mirror *mirror)
{
    if (mirror->notes.count < NOTES_MAX)
        return false;
    if (log_rarely("offsets-not-mirrored", "full", SAY_MS))
        LOG_WARN("offsets-not-mirrored",
                 "waiting=%d reason=\"so many wait for ZooKeeper already\" "
                 "action=\"others are mirrored with their next commit\"",
                 NOTES_MAX);
    return true;
}

void group_mirror_add(struct group_mirror *mirror, struct mirror_note *note)
{
    void *former = NULL;

    if (mirror == NULL || note == NULL || mirror->shard->closed) {
        free(note);
        return;
    }
    bool known = map_get(&mirror->notes, note->key, note->key_size) != NULL;
    if (!known && is_full(mirror)) {
        free(note);
        return;
    }
    if (map_put(&mirror->notes, note->key, note->key_size, note, &former) != 0) {
        free(note);
        return;
    }
    free(former);
    if (!mirror->waits)
        wait_until(mirror, shard_now_ms(mirror->shard) + interval_ms(mirror));
}

static void visit(void *context, const char *group, const struct groups_offset *offset)
{
    if (!is_full(context))
        group_mirror_add(context, mirror_note_new(group, offset->topic, offset->partition,
                                              offset->offset));
}

void group_mirror_loaded(struct group_mirror *mirror, const struct groups *groups)
{
    if (mirror != NULL)
        (void)groups_offsets(groups, NULL, visit, mirror);
}

void group_mirror_clear(struct group_mirror *mirror)
{
    size_t position = 0;
    void *value;

    if (mirror == NULL)
        return;
    shard_deadline_clear(mirror->shard, &mirror->deadline);
    mirror->waits = false;
    while (map_next(&mirror->notes, &position, NULL, NULL, &value))
        free(value);
    map_fini(&mirror->notes);
    map_init(&mirror->notes);
    if (mirror->parcel != NULL)
        atomic_store(&mirror->parcel->withdrawn, true);
    mirror_parcel_unref(mirror->parcel);
    mirror->parcel = NULL;
}

void group_mirror_free(struct group_mirror *mirror)
{
    if (mirror == NULL)
        return;
    group_mirror_clear(mirror);
    map_fini(&mirror->notes);
    free(mirror);
}
