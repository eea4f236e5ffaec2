/* fetcher.c - bytes from brokers, ahead of the application.
 *
 * Belongs to the loop. Every assigned partition that is not paused has, at any moment, a fetch in
 * flight, a look-up under way, unread chunks with the application, a time to try again, or a
 * change of metadata or memory to wait for; or it is stuck and the application has been told.
 *
 * A partition is in one fetch at most, and is not fetched while a chunk of it is unread: so there
 * is one chunk being read and one ahead of it. Fetches to one broker run side by side, because a
 * fetch that is parked for quiet partitions must not hold up a busy one. */
#include <stdlib.h>
#include <string.h>

#include "client/broker.h"
#include "client/fetcher_private.h"
#include "common/error.h"
#include "common/log.h"
#include "common/slab.h"

enum {
    LANE_FETCHES_MAX = 8,           /* side by side by one connection */
    ENTRIES_MAX = 1024,             /* partitions in one fetch */
    QUICK_EMPTY_MS = 10             /* pause after an answer that was neither full nor parked */
};

struct lane {
    struct list node;
    struct link *link;              /* borrowed; lives as long as the cluster */
    unsigned in_flight;
    struct list due;                /* struct assigned; filled and emptied within a turn */
};

struct entry {
    struct assigned *assigned;      /* referenced */
    uint64_t generation;
    int64_t offset;
    int32_t epoch, last_epoch, loop;
    struct uuid topic_id;
};

struct fetch {
    struct list node;               /* in fetcher->fetches */
    struct fetcher *fetcher;
    struct lane *lane;
    struct request request;
    int64_t sent_ms;
    size_t count;
    struct entry entries[];
};

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

void fetcher_stick(struct fetcher *fetcher, struct assigned *assigned, int code)
{
    assigned->state = FETCH_STUCK;
    fetcher_tell(fetcher, assigned, code, -1);
}

void fetcher_retry_later(struct fetcher *fetcher, struct assigned *assigned)
{
    assigned->backoff_ms =
        cluster_backoff(fetcher_klient(fetcher)->cluster, assigned->backoff_ms);
    assigned->retry_at_ms = fetcher_now_ms(fetcher) + assigned->backoff_ms;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* The offset after the last batch, and its epoch; or -1: these are no batches, or they do not lead
 * on. */
static int64_t end_of(const uint8_t *bytes, size_t size, int64_t from, int32_t *epoch)
{
    int64_t end = from;

    while (size > 0) {
        size_t batch;
        int code = batch_check_shape(bytes, size, false, &batch);
        /* The reader of the records says what is wrong with the codec. */
        if (code == K_UNSUPPORTED_COMPRESSION_TYPE)
            batch = batch_size(bytes);
        else if (code != 0)
            return -1;
        if (batch_last_offset(bytes) < end)
            return -1;
        end = batch_last_offset(bytes) + 1;
        *epoch = batch_leader_epoch(bytes);
        bytes += batch;
        size -= batch;
    }
    return end;
}

static int copy_aborted(struct chunk *chunk, const Kairn__FetchResult *result)
{
    if (result->n_aborted == 0)
        return 0;
    chunk->aborted = calloc(result->n_aborted, sizeof *chunk->aborted);
    if (chunk->aborted == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < result->n_aborted; i++)
        chunk->aborted[chunk->aborted_count++] = (struct aborted){
            result->aborted[i]->producer_id, result->aborted[i]->first_offset,
        };
    return 0;
}

/* Keep the bytes in place, unless they are a small part of a large slab. */
static int keep_bytes(struct chunk *chunk, struct slab *slab, const uint8_t *bytes, size_t size)
{
    if (size >= slab->size / 4) {
        chunk->slab = slab_ref(slab);
        chunk->bytes = bytes;
    } else {
        chunk->slab = slab_new(size);
        if (chunk->slab == NULL)
            return K_NOMEM;
        memcpy(chunk->slab->bytes, bytes, size);
        chunk->bytes = chunk->slab->bytes;
    }
    chunk->size = size;
    chunk->charged = size;
    atomic_fetch_add(&chunk->budget->held, (int64_t)size);
    return 0;
}

static void take_bytes(struct fetcher *fetcher, struct entry *entry,
                       const Kairn__FetchResult *result, struct slab *slab, const uint8_t *bytes)
{
    struct assigned *assigned = entry->assigned;
    struct chunk *chunk = chunk_new(fetcher->consumer->budget, assigned, entry->generation);

    if (chunk == NULL || keep_bytes(chunk, slab, bytes, result->size) != 0 ||
        (fetcher_values(fetcher)->isolation == ISOLATION_COMMITTED &&
         copy_aborted(chunk, result) != 0)) {
        if (chunk != NULL)
            chunk_unref(chunk);
        fetcher_retry_later(fetcher, assigned);
        return;
    }
    int32_t epoch = -1;
    int64_t end = end_of(bytes, result->size, entry->offset, &epoch);
    chunk->position = entry->offset;
    atomic_fetch_add(&assigned->unread, 1);
    consumer_arrived(fetcher->consumer, chunk);
    if (end > entry->offset) {
        assigned->next_offset = end;
        assigned->told_end = false;
        assigned->last_epoch = epoch;
        assigned->last_id = entry->topic_id;
    } else {
        /* The application finds what is wrong where it is, after all that is right before it. */
        assigned->state = FETCH_STUCK;
    }
}

/* What was read before `offset` is not what this leader has: it was elected without it. Reading
 * goes on where both part, which no policy could find. */
static void take_divergence(struct fetcher *fetcher, struct entry *entry,
                            const Kairn__Divergence *diverged)
{
    struct assigned *assigned = entry->assigned;

    if (diverged->end < 0 || diverged->end > entry->offset || entry->last_epoch < 0) {
        fetcher_retry_later(fetcher, assigned);     /* nobody sane says so */
        return;
    }
    LOG_WARN("log-truncated", "topic=%s partition=%d offset=%lld epoch=%d end=%lld",
             assigned->topic, assigned->partition, (long long)entry->offset,
             (int)entry->last_epoch, (long long)diverged->end);
    if (assigned->values->offset_reset == RESET_NONE) {
        fetcher_stick(fetcher, assigned, K_LOG_TRUNCATION);
        return;
    }
    fetch_start_at(fetcher, assigned, diverged->end);
    fetcher_tell(fetcher, assigned, K_LOG_TRUNCATION, diverged->end);
}

static void take_error(struct fetcher *fetcher, struct entry *entry, int code,
                       const Kairn__FetchResult *result)
{
    struct assigned *assigned = entry->assigned;
    struct cluster *cluster = fetcher_klient(fetcher)->cluster;
    const Kairn__Error *error = result == NULL ? NULL : result->error;
    bool hinted = false;

    if (code == K_OFFSET_OUT_OF_RANGE && fetch_leader_is_behind(fetcher, assigned, result))
        code = K_NOT_LEADER_OR_FOLLOWER;
    if (code == K_OFFSET_OUT_OF_RANGE) {
        LOG_INFO("offset-out-of-range", "topic=%s partition=%d offset=%lld", assigned->topic,
                 assigned->partition, (long long)entry->offset);
        fetch_start_at(fetcher, assigned, POSITION_BY_POLICY);
        return;
    }
    if (!k_error_retriable(code)) {
        fetcher_stick(fetcher, assigned, code);
        return;
    }
    if (code == K_UNKNOWN_TOPIC_OR_PARTITION || code == K_UNKNOWN_TOPIC_ID)
        cluster_refresh(cluster);
    else if (k_error_stale(code) && uuid_equal(&assigned->held->id, &entry->topic_id))
        hinted = cluster_stale(cluster, assigned->held, assigned->partition, entry->epoch, error);
    if (!hinted || assigned->backoff_ms > 0)
        fetcher_retry_later(fetcher, assigned);
    else
        assigned->backoff_ms = 1;
}

/* Is the answer about what was asked, and are its sizes those of the payload? */
static int check_answer(const struct fetch *fetch, const Kairn__FetchResponse *answer, size_t size)
{
    uint64_t total = 0;

    if (answer->n_results != fetch->count)
        return K_MALFORMED;
    for (size_t i = 0; i < fetch->count; i++) {
        struct uuid id;
        if (head_uuid(answer->results[i]->topic_id, &id) != 0 ||
            !uuid_equal(&id, &fetch->entries[i].topic_id) ||
            answer->results[i]->partition != (uint32_t)fetch->entries[i].assigned->partition)
            return K_MALFORMED;
        total += answer->results[i]->size;
    }
    return total == size ? 0 : K_MALFORMED;
}

static void fetch_free(struct fetch *fetch)
{
    list_remove(&fetch->node);
    for (size_t i = 0; i < fetch->count; i++) {
        if (fetch->entries[i].assigned->fetch == fetch)
            fetch->entries[i].assigned->fetch = NULL;
        assigned_unref(fetch->entries[i].assigned);
    }
    request_fini(&fetch->request);
    free(fetch);
}

static void answered(struct request *request, int code, const Kairn__ResponseHead *head,
                     struct slab *slab, const uint8_t *payload, size_t size)
{
    struct fetch *fetch = LIST_OWNER(request, struct fetch, request);
    struct fetcher *fetcher = fetch->fetcher;
    bool quick = size == 0 && code == 0 &&
                 fetcher_now_ms(fetcher) - fetch->sent_ms <
                     fetcher_values(fetcher)->fetch_wait_ms_max / 2;

    fetch->lane->in_flight--;
    if (code == 0)
        code = check_answer(fetch, head->fetch, size);
    for (size_t i = 0; i < fetch->count; i++) {
        struct entry *entry = &fetch->entries[i];
        const Kairn__FetchResult *result = code == 0 ? head->fetch->results[i] : NULL;
        const uint8_t *bytes = payload;
        if (result != NULL)
            payload += result->size;
        /* Only if nobody has gone elsewhere meanwhile. */
        if (entry->assigned->fetch != fetch)
            continue;
        entry->assigned->fetch = NULL;
        int outcome = code != 0 ? code : head_error_code(result->error);
        if (outcome != 0) {
            take_error(fetcher, entry, outcome, result);
            continue;
        }
        entry->assigned->backoff_ms = entry->assigned->behind_since_ms = 0;
        entry->assigned->told_unknown = false;
        if (result->diverged == NULL)
            consumer_marks_told(entry->assigned, result->log_start, result->high_watermark,
                                result->last_stable);
        link_count(fetch->lane->link->broker, entry->loop, result->size);
        if (result->diverged != NULL)
            take_divergence(fetcher, entry, result->diverged);
        else if (result->size > 0)
            take_bytes(fetcher, entry, result, slab, bytes);
        else if (quick)
            entry->assigned->retry_at_ms = fetcher_now_ms(fetcher) + QUICK_EMPTY_MS;
        if (result->diverged == NULL)
            fetch_tell_end(fetcher, entry->assigned);
    }
    fetch_free(fetch);
    fetcher_pump_soon(fetcher);
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
    list_append(&fetcher->lanes, &lane->node);
    return lane;
}

static int describe(struct fetcher *fetcher, struct fetch *fetch, int64_t room)
{
    struct arena *arena = &fetch->request.arena;
    const struct config_values *config = fetcher_values(fetcher);
    Kairn__FetchRequest *body = arena_alloc(arena, sizeof *body);
    Kairn__FetchPartition *rows = arena_calloc(arena, fetch->count, sizeof *rows);
    Kairn__FetchPartition **pointers =
        arena_calloc(arena, fetch->count, sizeof(Kairn__FetchPartition *));

    if (body == NULL || rows == NULL || pointers == NULL)
        return K_NOMEM;
    kairn__fetch_request__init(body);
    body->max_wait_ms = (uint32_t)config->fetch_wait_ms_max;
    body->min_bytes = (uint32_t)config->fetch_bytes_min;
    body->max_bytes = (uint32_t)(room < config->fetch_bytes_max ? room : config->fetch_bytes_max);
    body->isolation = config->isolation == ISOLATION_COMMITTED;
    body->partitions = pointers;
    body->n_partitions = fetch->count;
    for (size_t i = 0; i < fetch->count; i++) {
        const struct entry *entry = &fetch->entries[i];
        Kairn__FetchPartition *row = pointers[i] = &rows[i];
        kairn__fetch_partition__init(row);
        row->topic_id = head_bytes_of_uuid(&entry->topic_id);
        row->partition = (uint32_t)entry->assigned->partition;
        row->offset = entry->offset;
        row->max_bytes = (uint32_t)entry->assigned->values->partition_fetch_bytes_max;
        row->leader_epoch = entry->epoch;
        row->last_epoch = entry->last_epoch;
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
        atomic_load(&assigned->unread) > 0 || assigned->fetch_paused)
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

/* One fetch for everything of this lane that is due. */
static void fetch_lane(struct fetcher *fetcher, struct lane *lane, int64_t room)
{
    size_t count = 0;

    LIST_EACH(&lane->due, node)
        count++;
    if (count == 0 || lane->in_flight >= LANE_FETCHES_MAX)
        return;
    count = count < ENTRIES_MAX ? count : ENTRIES_MAX;
    struct fetch *fetch = malloc(sizeof *fetch + count * sizeof fetch->entries[0]);
    if (fetch == NULL)
        return;
    fetch->fetcher = fetcher;
    fetch->lane = lane;
    fetch->sent_ms = fetcher_now_ms(fetcher);
    fetch->count = 0;
    list_append(&fetcher->fetches, &fetch->node);
    request_init(&fetch->request, answered);
    for (; fetch->count < count; fetch->count++) {
        struct assigned *assigned = LIST_OWNER(list_first(&lane->due), struct assigned, due);
        list_remove(&assigned->due);
        atomic_fetch_add(&assigned->references, 1);
        assigned->fetch = fetch;
        fetch->entries[fetch->count] = (struct entry){
            .assigned = assigned,
            .generation = assigned->fetch_generation,
            .offset = assigned->next_offset,
            .epoch = assigned->held->partitions[assigned->partition].epoch,
            .last_epoch = uuid_equal(&assigned->last_id, &assigned->held->id)
                              ? assigned->last_epoch
                              : -1,
            .loop = assigned->held->partitions[assigned->partition].loop,
            .topic_id = assigned->held->id,
        };
    }
    int code = describe(fetcher, fetch, room);
    lane->in_flight++;
    /* The broker keeps it for fetch.max.wait.ms; that is not part of its time to answer. */
    if (code == 0)
        code = broker_ask_by(lane->link, &fetch->request, NULL,
                          fetcher_values(fetcher)->request_timeout_ms +
                              fetcher_values(fetcher)->fetch_wait_ms_max, true);
    if (code != 0) {
        lane->in_flight--;
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
    LIST_EACH_SAFE(&fetcher->partitions, node, after) {
        struct assigned *assigned = LIST_OWNER(node, struct assigned, node);
        struct lane *lane;
        if (is_due(fetcher, assigned, &lane, &next_ms))
            list_append(&lane->due, &assigned->due);
    }
    LIST_EACH(&fetcher->lanes, node) {
        struct lane *lane = LIST_OWNER(node, struct lane, node);
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

static void metadata_changed(struct observer *observer)
{
    struct fetcher *fetcher = LIST_OWNER(observer, struct fetcher, observer);

    /* Those that wait for a leader need not wait for their timers. */
    LIST_EACH(&fetcher->partitions, node) {
        struct assigned *assigned = LIST_OWNER(node, struct assigned, node);
        if (cluster_leader(fetcher_klient(fetcher)->cluster, assigned->held, assigned->partition) !=
                NULL && assigned->state == FETCH_READY && assigned->backoff_ms > 0)
            assigned->retry_at_ms = 0;
    }
    fetcher_pump_soon(fetcher);
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
}

static void drop(struct fetcher *fetcher, struct assigned *assigned)
{
    fetch_forget_look_up(assigned);
    assigned->fetch = NULL;
    list_remove(&assigned->node);
    cluster_release(fetcher_klient(fetcher)->cluster, assigned->held);
    assigned->held = NULL;
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
    case ORDER_RESUME:
        assigned->fetch_paused = order->kind == ORDER_PAUSE;
        break;
    case ORDER_KICK:
        break;
    }
    fetcher_pump_soon(fetcher);
    if (assigned != NULL)
        assigned_unref(assigned);
    free(order);
}

/* --- life ------------------------------------------------------------------------------------- */

int fetcher_new(struct klient_consumer *consumer, struct fetcher **out)
{
    struct fetcher *fetcher = calloc(1, sizeof *fetcher);

    if (fetcher == NULL)
        return K_NOMEM;
    fetcher->consumer = consumer;
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

    if (code == 0)
        cluster_observe(fetcher_klient(fetcher)->cluster, &fetcher->observer, metadata_changed);
    return code;
}

void fetcher_stop(struct fetcher *fetcher)
{
    fetcher->stopping = true;
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
        free(lane);
    }
    free(fetcher);
}
