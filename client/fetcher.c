/* fetcher.c - bytes from brokers, ahead of the application.
 *
 * Belongs to the loop. Every assigned partition that is not paused has, at any moment, a fetch in
 * flight, a look-up under way, unread chunks with the application, a time to try again, or a
 * change of metadata or memory to wait for; or it is stuck and the application has been told.
 *
 * A partition is in one fetch at most, and is not fetched while a chunk of it is unread: so there
 * is one chunk being read and one ahead of it. Where the broker knows sessions (fetch_session.c), a
 * fetch names only what changed. Where it does not, fetches to one broker run side by side, because
 * one that is parked for quiet partitions must not hold up a busy one. */
#include <stdlib.h>

#include "client/broker.h"
#include "client/fetcher_private.h"
#include "client/standing.h"
#include "common/error.h"

void fetcher_pump_soon(struct fetcher *fetcher)
{
    if (!fetcher->stopping)
        loop_at_turn_end(fetcher_klient(fetcher)->loop, &fetcher->hook);
}

/* --- to the application ----------------------------------------------------------------------- */

void fetcher_tell(struct fetcher *fetcher, struct assigned *assigned, int code, int64_t position)
{
    struct chunk *chunk = chunk_new(fetcher->consumer->budget, assigned,
                                    assigned->fetch_generation);

    if (chunk == NULL)
        return;                     /* out of memory; the partition's timer tries again */
    chunk->code = code;
    chunk->position = position;
    atomic_fetch_add(&assigned->unread, 1);
    consumer_arrived(fetcher->consumer, chunk);
}

void fetcher_retry_later(struct fetcher *fetcher, struct assigned *assigned)
{
    assigned->backoff_ms =
        cluster_backoff(fetcher_klient(fetcher)->cluster, assigned->backoff_ms);
    assigned->retry_at_ms = fetcher_now_ms(fetcher) + assigned->backoff_ms;
}

/* --- questions -------------------------------------------------------------------------------- */

static struct lane *lane_of(struct fetcher *fetcher, struct link *link)
{
    LIST_EACH(&fetcher->lanes, node) {
        struct lane *lane = LIST_OWNER(node, struct lane, node);
        if (lane->link == link)
            return lane;
    }
    struct lane *lane = calloc(1, sizeof *lane);
    if (lane == NULL)
        return NULL;
    lane->link = link;
    list_init(&lane->due);
    sessions_init(&lane->sessions);
    list_append(&fetcher->lanes, &lane->node);
    return lane;
}

void fetch_describe(struct fetcher *fetcher, Kairn__FetchRequest *body, int64_t room)
{
    const struct config_values *config = fetcher_values(fetcher);

    kairn__fetch_request__init(body);
    body->max_wait_ms = (uint32_t)config->fetch_wait_ms_max;
    body->min_bytes = (uint32_t)config->fetch_bytes_min;
    body->max_bytes = (uint32_t)(room < config->fetch_bytes_max ? room : config->fetch_bytes_max);
    body->isolation = config->isolation == ISOLATION_COMMITTED;
}

struct entry fetch_entry(struct assigned *assigned)
{
    const struct topic *held = assigned->held;
    const struct leadership *known = &held->partitions[assigned->partition];

    atomic_fetch_add(&assigned->references, 1);
    return (struct entry){
        .assigned = assigned,
        .generation = assigned->fetch_generation,
        .offset = assigned->next_offset,
        .epoch = known->epoch,
        .last_epoch = uuid_equal(&assigned->last_id, &held->id) ? assigned->last_epoch : -1,
        .loop = known->loop,
        .topic_id = held->id,
    };
}

void fetch_describe_entry(const struct entry *entry, Kairn__FetchPartition *row)
{
    kairn__fetch_partition__init(row);
    row->topic_id = head_bytes_of_uuid(&entry->topic_id);
    row->partition = (uint32_t)entry->assigned->partition;
    row->offset = entry->offset;
    row->max_bytes = (uint32_t)entry->assigned->values->partition_fetch_bytes_max;
    row->leader_epoch = entry->epoch;
    row->last_epoch = entry->last_epoch;
}

static int describe(struct fetcher *fetcher, struct fetch *fetch, int64_t room)
{
    struct arena *arena = &fetch->request.arena;
    Kairn__FetchRequest *body = arena_alloc(arena, sizeof *body);
    Kairn__FetchPartition *rows = arena_calloc(arena, fetch->count, sizeof *rows);
    Kairn__FetchPartition **pointers =
        arena_calloc(arena, fetch->count, sizeof(Kairn__FetchPartition *));

    if (body == NULL || rows == NULL || pointers == NULL)
        return K_NOMEM;
    fetch_describe(fetcher, body, room);
    body->partitions = pointers;
    body->n_partitions = fetch->count;
    for (size_t i = 0; i < fetch->count; i++) {
        pointers[i] = &rows[i];
        fetch_describe_entry(&fetch->entries[i], &rows[i]);
    }
    fetch->request.head.body_case = KAIRN__REQUEST_HEAD__BODY_FETCH;
    fetch->request.head.fetch = body;
    return 0;
}

/* May it be asked for now? *lane receives where; *next_ms when to look again otherwise. */
static bool is_due(struct fetcher *fetcher, struct assigned *assigned, struct lane **lane,
                   int64_t *next_ms)
{
    struct cluster *cluster = fetcher_klient(fetcher)->cluster;
    int64_t now = fetcher_now_ms(fetcher);

    if (assigned->fetch != NULL || assigned->finder != NULL || assigned->state == FETCH_STUCK ||
        atomic_load(&assigned->unread) > 0 || assigned->fetch_paused ||
        fetch_session_asks(assigned))
        return false;
    if (assigned->retry_at_ms > now) {
        *next_ms = assigned->retry_at_ms < *next_ms ? assigned->retry_at_ms : *next_ms;
        return false;
    }
    if (assigned->state == FETCH_LOOKING) {
        fetch_look_up(fetcher, assigned, assigned->next_offset);
        return false;
    }
    int code = cluster_topic_code(cluster, assigned->held);
    if (code == 0 && assigned->partition >= assigned->held->count)
        code = K_UNKNOWN_TOPIC_OR_PARTITION;
    if (code != 0 && code != K_LEADER_NOT_AVAILABLE && !assigned->told_unknown) {
        assigned->told_unknown = true;
        fetcher_tell(fetcher, assigned, code, -1);
    }
    struct broker *broker = cluster_leader(cluster, assigned->held, assigned->partition);
    if (broker == NULL)
        fetch_watch(fetcher, assigned);
    int32_t loop = code == 0 ? assigned->held->partitions[assigned->partition].loop : -1;
    if (broker != NULL && (*lane = lane_of(fetcher, link_for(broker, loop))) != NULL)
        return true;
    if (code == 0)
        cluster_stale(cluster, assigned->held, assigned->partition,
                      assigned->held->partitions[assigned->partition].epoch, NULL);
    fetcher_retry_later(fetcher, assigned);
    *next_ms = assigned->retry_at_ms < *next_ms ? assigned->retry_at_ms : *next_ms;
    return false;
}

struct fetch *fetch_new(struct fetcher *fetcher, struct lane *lane, size_t entries)
{
    struct fetch *fetch = malloc(sizeof *fetch + entries * sizeof fetch->entries[0]);

    if (fetch == NULL)
        return NULL;
    fetch->fetcher = fetcher;
    fetch->lane = lane;
    fetch->in_session = false;
    fetch->turn = lane->sessions.turn;
    fetch->sent_ms = fetcher_now_ms(fetcher);
    fetch->count = 0;
    list_append(&fetcher->fetches, &fetch->node);
    request_init(&fetch->request, fetch_answered);
    return fetch;
}

int fetch_send(struct fetch *fetch)
{
    const struct config_values *values = fetcher_values(fetch->fetcher);
    /* The broker keeps it for fetch.max.wait.ms; that is not part of its time to answer. */
    int code = broker_ask_by(fetch->lane->link, &fetch->request, NULL,
                             values->request_timeout_ms + values->fetch_wait_ms_max, true);

    if (code == 0)
        fetch->lane->in_flight++;
    return code;
}

/* One fetch for everything of this lane that is due. */
static void fetch_lane(struct fetcher *fetcher, struct lane *lane, int64_t room)
{
    size_t count = 0;

    LIST_EACH(&lane->due, node)
        count++;
    if (count == 0 || lane->in_flight >= LANE_FETCHES_MAX)
        return;
    count = count < ENTRIES_MAX ? count : ENTRIES_MAX;
    struct fetch *fetch = fetch_new(fetcher, lane, count);
    if (fetch == NULL)
        return;
    for (; fetch->count < count; fetch->count++) {
        struct assigned *assigned = LIST_OWNER(list_first(&lane->due), struct assigned, due);
        list_remove(&assigned->due);
        fetch_session_drop(assigned);
        assigned->fetch = fetch;
        fetch->entries[fetch->count] = fetch_entry(assigned);
    }
    int code = describe(fetcher, fetch, room);
    if (code == 0)
        code = fetch_send(fetch);
    if (code != 0) {
        for (size_t i = 0; i < fetch->count; i++)
            fetcher_retry_later(fetcher, fetch->entries[i].assigned);
        fetch_free(fetch);
    }
}

static void pump(struct turn_hook *hook)
{
    struct fetcher *fetcher = LIST_OWNER(hook, struct fetcher, hook);
    struct klient_consumer *consumer = fetcher->consumer;
    int64_t next_ms = INT64_MAX;
    int64_t room = fetcher_values(fetcher)->consumer_buffer_bytes;

    /* Announce the stall before looking, so that a free in between is not missed. */
    atomic_store(&consumer->stalled, true);
    room -= atomic_load(&consumer->budget->held);
    if (room <= 0)
        return;                     /* the application's next poll, or free, kicks */
    atomic_store(&consumer->stalled, false);
    if (troubles_has(&consumer->troubles, TROUBLE_RECORDS_HELD))
        troubles_end(&consumer->troubles, TROUBLE_RECORDS_HELD, TROUBLE_OF_NOTHING);
    LIST_EACH_SAFE(&fetcher->partitions, node, after) {
        struct assigned *assigned = LIST_OWNER(node, struct assigned, node);
        struct lane *lane;
        if (is_due(fetcher, assigned, &lane, &next_ms))
            list_append(&lane->due, &assigned->due);
    }
    LIST_EACH(&fetcher->lanes, node) {
        struct lane *lane = LIST_OWNER(node, struct lane, node);
        if (fetch_session_serves(fetcher, lane))
            fetch_session_lane(fetcher, lane, room, &next_ms);
        else
            fetch_lane(fetcher, lane, room);
        while (!list_empty(&lane->due))       /* those that must wait for an answer */
            list_remove(list_first(&lane->due));
    }
    if (next_ms == INT64_MAX)
        timer_stop(fetcher->timer);
    else
        timer_at(fetcher->timer, next_ms);
}

static void fired(void *context)
{
    fetcher_pump_soon(context);
}

/* --- orders ----------------------------------------------------------------------------------- */

static void add(struct fetcher *fetcher, struct order *order)
{
    struct assigned *assigned = order->assigned;

    assigned->held = fetcher_hold(fetcher, assigned->topic);
    assigned->fetch_generation = order->generation;
    atomic_fetch_add(&assigned->references, 1);
    list_append(&fetcher->partitions, &assigned->node);
    if (assigned->held == NULL)
        fetcher_stick(fetcher, assigned, K_NOMEM);
    else
        fetch_start_at(fetcher, assigned, order->offset);
    fetch_watch(fetcher, assigned);
}

static void drop(struct fetcher *fetcher, struct assigned *assigned)
{
    fetch_forget_look_up(assigned);
    fetch_unhindered(fetcher, assigned);
    fetch_session_drop(assigned);
    assigned->fetch = NULL;
    list_remove(&assigned->node);
    cluster_release(fetcher_klient(fetcher)->cluster, assigned->held);
    assigned->held = NULL;
    standing_fail(assigned, fetcher->stopping ? K_CLOSED : K_NOT_ASSIGNED);
    assigned_unref(assigned);
}

void fetcher_obey(struct mail *mail)
{
    struct order *order = LIST_OWNER(mail, struct order, mail);
    struct fetcher *fetcher = order->consumer->fetcher;
    struct assigned *assigned = order->assigned;

    switch (order->kind) {
    case ORDER_ADD:
        add(fetcher, order);
        break;
    case ORDER_REMOVE:
        drop(fetcher, assigned);
        break;
    case ORDER_SEEK:
        assigned->fetch_generation = order->generation;
        assigned->starts = false;
        if (assigned->held != NULL)
            fetch_start_at(fetcher, assigned, order->offset);
        break;
    case ORDER_PAUSE:
        assigned->fetch_paused = true;
        fetch_session_pause(assigned);
        fetch_unhindered(fetcher, assigned);    /* nobody waits for it */
        break;
    case ORDER_RESUME:
        assigned->fetch_paused = false;
        fetch_session_resume(assigned);
        break;
    case ORDER_STARVED:
        troubles_begin(&fetcher->consumer->troubles, TROUBLE_RECORDS_HELD, TROUBLE_OF_NOTHING, 0,
                       false);
        break;
    case ORDER_KICK:
        break;
    }
    fetcher_pump_soon(fetcher);
    order_done(order);
}

/* --- life ------------------------------------------------------------------------------------- */

int fetcher_new(struct klient_consumer *consumer, struct fetcher **out)
{
    struct fetcher *fetcher = calloc(1, sizeof *fetcher);

    if (fetcher == NULL)
        return K_NOMEM;
    fetcher->consumer = consumer;
    list_init(&fetcher->source.node);
    list_init(&fetcher->partitions);
    list_init(&fetcher->lanes);
    list_init(&fetcher->fetches);
    list_init(&fetcher->finders);
    turn_hook_init(&fetcher->hook, pump);
    *out = fetcher;
    return 0;
}

int fetcher_start(struct fetcher *fetcher)
{
    int code = timer_new(fetcher_klient(fetcher)->loop, fired, fetcher, &fetcher->timer);

    if (code != 0)
        return code;
    cluster_observe(fetcher_klient(fetcher)->cluster, &fetcher->observer, fetch_metadata_changed);
    fetcher_count(fetcher);
    return 0;
}

void fetcher_stop(struct fetcher *fetcher)
{
    fetcher->stopping = true;
    statistics_remove(&fetcher->source);
    cluster_unobserve(&fetcher->observer);
    turn_hook_cancel(&fetcher->hook);
    timer_free(fetcher->timer);
    while (!list_empty(&fetcher->fetches)) {
        struct fetch *fetch = LIST_OWNER(list_first(&fetcher->fetches), struct fetch, node);
        request_cancel(&fetch->request);
        fetch_free(fetch);
    }
    fetch_forget_all(fetcher);
    while (!list_empty(&fetcher->partitions))
        drop(fetcher, LIST_OWNER(list_first(&fetcher->partitions), struct assigned, node));
}

void fetcher_free(struct fetcher *fetcher)
{
    while (!list_empty(&fetcher->lanes)) {
        struct lane *lane = LIST_OWNER(list_first(&fetcher->lanes), struct lane, node);
        list_remove(&lane->node);
        sessions_fini(&lane->sessions);
        free(lane);
    }
    free(fetcher);
}
