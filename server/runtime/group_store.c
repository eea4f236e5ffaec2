/* What the core wants stored is one batch, appended like a producer's with acks=all, by the path
 * that all appends take. What the append says of a batch that it has not written counts at once.
 * Of one that is written, only that it is committed does: until then its outcome is not known,
 * whatever the append says (too few replicas, too late), and it becomes known when the watermark
 * passes, or the epoch ends. */
#include <assert.h>
#include <stdlib.h>

#include "common/buffer.h"
#include "common/error.h"
#include "common/metric.h"
#include "server/runtime/append.h"
#include "server/runtime/drive_groups_private.h"
#include "server/runtime/group_mirror.h"
#include "server/runtime/group_records.h"
#include "server/runtime/offset_mirror.h"
#include "server/runtime/shard_state.h"

/* The append does not wait for ever, the store does. */
enum { APPEND_WAIT_MS = 60000 };

struct group_store {
    struct list node;             /* in coordinator.stores or .orphans; nowhere once that is gone */
    struct coordinator *coordinator;        /* or NULL */
    uint64_t token;
    size_t offsets;               /* commits in it */
    struct list notes;            /* struct mirror_note.node; owned: for ZooKeeper */
    struct buffer batch;
    struct scatter scatter;       /* of one part with one entry */
    struct scatter_part part;
    struct append_entry entry;
    bool orphan;
    bool ended;                   /* the append has nothing to do with it any more */
    int code;                     /* ended: what it said */
};

void group_store_init(struct coordinator *coordinator)
{
    list_init(&coordinator->stores);
    list_init(&coordinator->orphans);
}

static void free_store(struct group_store *store)
{
    list_remove(&store->node);
    LIST_EACH_SAFE(&store->notes, node, after)
    {
        list_remove(node);
        free(LIST_OWNER(node, struct mirror_note, node));
    }
    buffer_fini(&store->batch);
    free(store);
}

/* --- into the log ----------------------------------------------------------------------------- */

/* Within an append, or a step: told when the turn ends. */
static void store_ended(struct group_store *store, int code)
{
    struct coordinator *coordinator = store->coordinator;

    store->ended = true;
    store->code = code;
    if (store->orphan)
        free_store(store);
    if (coordinator != NULL)
        coordinator_look_soon(coordinator);
}

static void appended(struct scatter *scatter)
{
    struct group_store *store = LIST_OWNER(scatter, struct group_store, scatter);

    store_ended(store, store->entry.outcome.code);
}

static void append_batch(struct group_store *store)
{
    struct coordinator *coordinator = store->coordinator;
    struct shard *shard = coordinator->shard;
    struct append_entry *entry = &store->entry;

    *entry = (struct append_entry){
        .key = coordinator->partition->key,
        .leader_epoch = coordinator->epoch,
        .access = ACCESS_WRITE_ALL,
        .own = true,
        .bytes = store->batch.bytes,
        .size = store->batch.size,
        .largest = store->batch.size,
        .numbers = {.id = -1},
        .deadline_ms = shard_now_ms(shard) + APPEND_WAIT_MS,
        .outcome = OUTCOME_NONE,
    };
    store->scatter = (struct scatter){.home = shard, .pending = 1, .done = appended};
    store->part = (struct scatter_part){.scatter = &store->scatter, .shard = shard, .left = 1};
    list_init(&store->part.entries);
    list_append(&store->part.entries, &entry->node);
    append_run(&store->part);
}

/* What is written to ZooKeeper when it is committed. Without memory: nothing. */
static void take_note(struct group_store *store, const struct groups_record *record)
{
    const struct groups_offset *offset = &record->offset;
    struct mirror_note *note;

    if (store->coordinator->mirror == NULL)
        return;
    note = mirror_note_new(record->group, offset->topic, offset->partition,
                           record->tombstone ? -1 : offset->offset);
    if (note != NULL)
        list_append(&store->notes, &note->node);
}

void group_store_add(struct coordinator *coordinator, uint64_t token,
                     const struct groups_record *records, size_t count)
{
    struct group_store *store = calloc(1, sizeof *store);

    if (store == NULL) {
        coordinator->starved = true;
        coordinator_look_soon(coordinator);
        return;
    }
    list_init(&store->node);
    list_append(&coordinator->stores, &store->node);
    store->coordinator = coordinator;
    store->token = token;
    buffer_init(&store->batch);
    list_init(&store->notes);
    for (size_t i = 0; i < count; i++) {
        if (records[i].type != GROUPS_RECORD_OFFSET)
            continue;
        store->offsets += !records[i].tombstone;
        if (!records[i].tombstone)
            group_gone_add(coordinator, &records[i].offset);
        take_note(store, &records[i]);
    }
    int code = group_records_encode(records, count, shard_wall_ms(coordinator->shard),
                                    shard_options(coordinator->shard)->offsets_topic.codec,
                                    &store->batch);
    if (code != 0)
        store_ended(store, code);
    else
        append_batch(store);
}

/* --- what became of it ------------------------------------------------------------------------ */

/* Not written, and never will be; or committed. */
static bool is_known(const struct group_store *store, int64_t committed)
{
    if (!store->ended)
        return false;
#ifdef MUTANT_GROUPS_STORED_UNKNOWN
    return true;
#endif
    return store->code == 0 || store->entry.end == 0 || store->entry.end <= committed;
}

/* To members and committers. */
static int code_for_clients(int code)
{
    switch (code) {
    case K_MESSAGE_TOO_LARGE:
    case K_RECORD_LIST_TOO_LARGE:
    case K_INVALID_RECORD:
        return K_INVALID_COMMIT_OFFSET_SIZE;
    case K_NOT_LEADER_OR_FOLLOWER:
    case K_FENCED_LEADER_EPOCH:
    case K_UNKNOWN_LEADER_EPOCH:
    case K_UNKNOWN_TOPIC_ID:
        return K_NOT_COORDINATOR;
    default:
        return K_COORDINATOR_NOT_AVAILABLE;
    }
}

/* Written, it is committed by now: whatever the append said. */
static int outcome_of(const struct group_store *store)
{
    return store->code == 0 || store->entry.end > 0 ? 0 : code_for_clients(store->code);
}

static void mirror_notes(struct group_store *store)
{
    LIST_EACH_SAFE(&store->notes, node, after)
    {
        list_remove(node);
        group_mirror_add(store->coordinator->mirror, LIST_OWNER(node, struct mirror_note, node));
    }
}

void group_store_settle(struct coordinator *coordinator)
{
    struct metrics *metrics = shard_options(coordinator->shard)->metrics;

    while (!list_empty(&coordinator->stores)) {
        struct group_store *store =
            LIST_OWNER(list_first(&coordinator->stores), struct group_store, node);
        if (!is_known(store, coordinator->partition->replica.high_watermark))
            return;
        struct groups_event event = {.type = GROUPS_STORED};
        event.stored.token = store->token;
        event.stored.code = outcome_of(store);
        if (event.stored.code == 0) {
            metric_add(metrics, METRIC_OFFSET_COMMITS, (int64_t)store->offsets);
            mirror_notes(store);
        }
        free_store(store);
        coordinator_step(coordinator, &event);
    }
}

void group_store_orphan(struct coordinator *coordinator)
{
    LIST_EACH_SAFE(&coordinator->stores, node, after)
    {
        struct group_store *store = LIST_OWNER(node, struct group_store, node);
        store->orphan = true;
        list_remove(node);
        list_append(&coordinator->orphans, node);
        if (store->ended)
            free_store(store);
    }
}

bool group_store_under_way(const struct coordinator *coordinator)
{
    return !list_empty(&coordinator->orphans);
}

/* The log, or a thread that compresses for it, may have some of them yet. */
void group_store_fini(struct coordinator *coordinator)
{
    assert(list_empty(&coordinator->stores));
    LIST_EACH_SAFE(&coordinator->orphans, node, after)
    {
        LIST_OWNER(node, struct group_store, node)->coordinator = NULL;
        list_remove(node);
    }
}
