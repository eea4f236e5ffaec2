/* sender.c - batches to brokers: which may go now, in which request, and what became of them.
 *
 * Belongs to the loop. Invariants:
 *
 *  S1  An accumulator is in at most one shipment: so retries can not overtake, and the order of a
 *      partition survives every failure.
 *  S2  A batch is in exactly one place: open, closed, again, a cargo, or on its way to its report.
 *  S3  An accumulator that holds batches is in a list, in flight, in the heap of wakes, or blocked
 *      on a change of metadata with its expiry in the heap: nothing is ever forgotten.
 *
 * When a partial batch leaves (adaptive linger): at once when nothing is in flight to its broker,
 * or a quarter of the smoothed answer time after the partition's last departure, or when
 * linger.ms has passed. A busy broker thus gets larger batches, an idle one low latency. */
#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#include "client/broker.h"
#include "client/cluster.h"
#include "client/config.h"
#include "client/producer.h"
#include "common/chain.h"
#include "common/error.h"
#include "common/slab.h"
#include "net/loop.h"

/* The traffic to one broker. */
struct lane {
    struct list node;               /* in sender->lanes */
    int32_t broker;
    struct list ready;              /* accumulators that may go, oldest first */
    struct list lingering;          /* that wait for company until the lane is idle */
    unsigned in_flight;
    int64_t answer_us;              /* smoothed time to an answer */
};

struct sender {
    struct klient_producer *producer;
    struct list work;               /* accumulators to examine at the end of the turn */
    struct list lanes, topics, accumulators, shipments, flushes;
    struct heap wakes;
    struct timer *timer;
    struct turn_hook hook;
    struct observer observer;
    bool made_room;                 /* batches were given back in this turn */
    bool stopping;
};

/* What one partition sends in a request. */
struct cargo {
    struct accumulator *accumulator;
    struct batch_queue batches;
    size_t count, size;
    int32_t epoch;                  /* of the leader it was sent to */
    struct uuid topic_id;
};

struct shipment {
    struct list node;
    struct sender *sender;
    struct lane *lane;
    struct broker *broker;
    struct request request;
    int64_t sent_us;
    size_t count;
    struct cargo cargos[];
};

enum {
    CARGOS_MAX = 256,               /* partitions in one request */
    UNANSWERED_BYTES_MAX = 4 << 20, /* with acks=0 only the socket slows us down */
    UNANSWERED_PAUSE_MS = 1
};

static void run(struct turn_hook *hook);

static const struct config_values *values(const struct sender *sender)
{
    return &sender->producer->config->values;
}

static int64_t now_ms(const struct sender *sender)
{
    return loop_now_ms(sender->producer->klient->loop);
}

/* Look at it at the end of this turn. */
static void touch(struct sender *sender, struct accumulator *accumulator)
{
    if (accumulator->cargo != NULL || sender->stopping)
        return;
    list_remove(&accumulator->node);
    list_append(&sender->work, &accumulator->node);
    loop_at_turn_end(sender->producer->klient->loop, &sender->hook);
}

void sender_noticed(struct mail *mail)
{
    struct accumulator *accumulator = LIST_OWNER(mail, struct accumulator, mail);

    atomic_store(&accumulator->posted, false);
    touch(accumulator->producer->sender, accumulator);
}

static struct lane *lane_of(struct sender *sender, int32_t broker)
{
    LIST_EACH(&sender->lanes, node) {
        struct lane *lane = LIST_OWNER(node, struct lane, node);
        if (lane->broker == broker)
            return lane;
    }
    struct lane *lane = calloc(1, sizeof *lane);
    if (lane == NULL)
        return NULL;
    lane->broker = broker;
    list_init(&lane->ready);
    list_init(&lane->lingering);
    list_append(&sender->lanes, &lane->node);
    return lane;
}

/* --- outcomes --------------------------------------------------------------------------------- */

static void flush_advance(struct sender *sender)
{
    /* A batch counts for the oldest flush that waits for it; a later flush includes the earlier. */
    while (!list_empty(&sender->flushes)) {
        struct flush *flush = LIST_OWNER(list_first(&sender->flushes), struct flush, node);
        if (flush->pending > 0)
            return;
        list_remove(&flush->node);
        /* In this order: who waits looks at the task again when the gate moves. */
        task_done(&flush->task, 0);
        gate_signal(&sender->producer->progress);
    }
}

static void complete(struct sender *sender, struct batch *batch, int code, int64_t base_offset,
                     int64_t append_time_ms)
{
    struct flush *flush = batch->flush;

    batch->code = code;
    batch->base_offset = code == 0 ? base_offset : -1;
    batch->append_time_ms = append_time_ms;
    batch->flush = NULL;
    report_batch(sender->producer, batch);
    sender->made_room = true;
    if (!sender->stopping)
        loop_at_turn_end(sender->producer->klient->loop, &sender->hook);
    if (flush != NULL && --flush->pending == 0)
        flush_advance(sender);
}

static void complete_all(struct sender *sender, struct batch_queue *queue, int code)
{
    struct batch *batch;

    while ((batch = queue_pop(queue)) != NULL)
        complete(sender, batch, code, -1, -1);
}

/* Everything that is not in flight fails. */
static void fail_accumulator(struct sender *sender, struct accumulator *accumulator, int code)
{
    struct batch_queue closed;

    spin_lock(&accumulator->spin);
    accumulator_close_open(accumulator);
    closed = accumulator->closed;
    if (closed.first == NULL)
        queue_init(&closed);
    queue_init(&accumulator->closed);
    atomic_store_explicit(&accumulator->queued, 0, memory_order_relaxed);
    spin_unlock(&accumulator->spin);
    complete_all(sender, &accumulator->again, code);
    complete_all(sender, &closed, code);
}

/* --- what may go ------------------------------------------------------------------------------ */

/* When the oldest batch that waits runs out of time; INT64_MAX when nothing waits. Expires those
 * that have. */
static int64_t expire(struct sender *sender, struct accumulator *accumulator)
{
    int64_t timeout_ms = values(sender)->delivery_timeout_ms, now = now_ms(sender);
    struct batch *batch;
    struct batch_queue expired;

    queue_init(&expired);
    while ((batch = accumulator->again.first) != NULL && batch->opened_at_ms + timeout_ms <= now)
        queue_push(&expired, queue_pop(&accumulator->again));
    spin_lock(&accumulator->spin);
    if (accumulator->open != NULL && accumulator->open->opened_at_ms + timeout_ms <= now)
        accumulator_close_open(accumulator);
    while ((batch = accumulator->closed.first) != NULL && accumulator->again.first == NULL &&
           batch->opened_at_ms + timeout_ms <= now) {
        queue_push(&expired, queue_pop(&accumulator->closed));
        atomic_fetch_sub_explicit(&accumulator->queued, 1, memory_order_relaxed);
    }
    if (accumulator->again.first != NULL)
        batch = accumulator->again.first;
    else if (batch == NULL)
        batch = accumulator->open;
    int64_t oldest = batch == NULL ? INT64_MAX : batch->opened_at_ms + timeout_ms;
    spin_unlock(&accumulator->spin);
    complete_all(sender, &expired, K_REQUEST_TIMED_OUT);
    return oldest;
}

static void wake_at(struct sender *sender, struct accumulator *accumulator, int64_t at_ms)
{
    if (accumulator->wake.index != HEAP_OUT)
        heap_move(&sender->wakes, &accumulator->wake, at_ms);
    else if (heap_push(&sender->wakes, &accumulator->wake, at_ms) != 0)
        touch(sender, accumulator);
}

/* When the open batch should leave, if no other is waiting: 0 is now. */
static int64_t open_due(struct sender *sender, struct accumulator *accumulator,
                        const struct lane *lane, int64_t opened_at_ms)
{
    int64_t latest = opened_at_ms + values(sender)->linger_ms;

    if (values(sender)->linger_ms == 0 || lane->in_flight == 0 ||
        atomic_load(&sender->producer->starving) > 0)
        return 0;
    int64_t natural = (accumulator->sent_at_us + lane->answer_us / 4 + 999) / 1000;
    return natural < latest ? natural : latest;
}

/* The lane of the partition's leader; NULL (what to do about it has been seen to) without. */
static struct lane *find_lane(struct sender *sender, struct accumulator *accumulator)
{
    struct cluster *cluster = sender->producer->klient->cluster;
    struct topic *topic = accumulator->topic->topic;
    int code = cluster_topic_code(cluster, topic);

    if (code == 0 && accumulator->partition >= topic->count)
        code = K_UNKNOWN_TOPIC_OR_PARTITION;
    if (code != 0 && code != K_LEADER_NOT_AVAILABLE) {
        fail_accumulator(sender, accumulator, code);
        return NULL;
    }
    struct broker *broker = cluster_leader(cluster, topic, accumulator->partition);
    if (broker != NULL)
        return lane_of(sender, broker->id);
    if (code == 0)
        cluster_stale(cluster, topic, accumulator->partition,
                      topic->partitions[accumulator->partition].epoch, NULL);
    return NULL;
}

static void examine(struct sender *sender, struct accumulator *accumulator)
{
    int64_t now = now_ms(sender);

    list_remove(&accumulator->node);
    heap_remove(&sender->wakes, &accumulator->wake);
    if (accumulator->cargo != NULL)
        return;                     /* S1; its answer touches it */
    /* From here on senders tell us again; what they told before is seen below. */
    atomic_store(&accumulator->noticed, false);
    int64_t expiry = expire(sender, accumulator);
    if (expiry == INT64_MAX)
        return;
    if (accumulator->retry_at_ms > now) {
        wake_at(sender, accumulator,
                accumulator->retry_at_ms < expiry ? accumulator->retry_at_ms : expiry);
        return;
    }
    struct lane *lane = find_lane(sender, accumulator);
    if (lane == NULL) {
        wake_at(sender, accumulator, expiry < now + 1000 ? expiry : now + 1000);
        return;
    }

    spin_lock(&accumulator->spin);
    bool whole = accumulator->again.first != NULL || accumulator->closed.first != NULL;
    int64_t opened_at_ms = accumulator->open == NULL ? 0 : accumulator->open->opened_at_ms;
    spin_unlock(&accumulator->spin);
    int64_t due = whole ? 0 : open_due(sender, accumulator, lane, opened_at_ms);
    if (due <= now) {
        atomic_store(&accumulator->noticed, true);
        list_append(&lane->ready, &accumulator->node);
    } else {
        list_append(&lane->lingering, &accumulator->node);
        wake_at(sender, accumulator, due);
    }
}

/* --- departures ------------------------------------------------------------------------------- */

/* Move batches of at most `room` bytes into the cargo (one always), the open one too if it has no
 * company to wait for. */
static void load(struct sender *sender, struct cargo *cargo, size_t room)
{
    struct accumulator *accumulator = cargo->accumulator;
    struct batch *batch;

    queue_init(&cargo->batches);
    cargo->count = cargo->size = 0;
    spin_lock(&accumulator->spin);
    if (accumulator->again.first == NULL && accumulator->closed.first == NULL)
        accumulator_close_open(accumulator);
    for (;;) {
        struct batch_queue *from =
            accumulator->again.first != NULL ? &accumulator->again : &accumulator->closed;
        batch = from->first;
        if (batch == NULL || (cargo->count > 0 && (cargo->size + batch->builder.size > room ||
                                                   batch->alone)))
            break;
        if (from == &accumulator->closed)
            atomic_fetch_sub_explicit(&accumulator->queued, 1, memory_order_relaxed);
        queue_push(&cargo->batches, queue_pop(from));
        cargo->size += batch->builder.size;
        cargo->count++;
        if (batch->alone)
            break;
    }
    spin_unlock(&accumulator->spin);
    accumulator->cargo = cargo;
    accumulator->sent_at_us = loop_now_us(sender->producer->klient->loop);
}

static int describe(struct shipment *shipment, int acks, struct chain *payload)
{
    struct request *request = &shipment->request;
    struct arena *arena = &request->arena;
    Kairn__ProduceRequest *body = arena_alloc(arena, sizeof *body);
    Kairn__ProducePartition *rows =
        arena_calloc(arena, shipment->count, sizeof *rows);
    Kairn__ProducePartition **pointers =
        arena_calloc(arena, shipment->count, sizeof(Kairn__ProducePartition *));

    if (body == NULL || rows == NULL || pointers == NULL)
        return K_NOMEM;
    kairn__produce_request__init(body);
    body->acks = acks;
    body->partitions = pointers;
    body->n_partitions = shipment->count;
    for (size_t i = 0; i < shipment->count; i++) {
        struct cargo *cargo = &shipment->cargos[i];
        Kairn__ProducePartition *row = pointers[i] = &rows[i];
        kairn__produce_partition__init(row);
        row->topic_id = head_bytes_of_uuid(&cargo->topic_id);
        row->partition = (uint32_t)cargo->accumulator->partition;
        row->leader_epoch = cargo->epoch;
        row->batch_sizes = arena_calloc(arena, cargo->count, sizeof *row->batch_sizes);
        if (row->batch_sizes == NULL)
            return K_NOMEM;
        for (struct batch *batch = cargo->batches.first; batch != NULL; batch = batch->next) {
            row->batch_sizes[row->n_batch_sizes++] = (uint32_t)batch->builder.size;
            if (chain_slab(payload, batch->slab, batch->builder.bytes, batch->builder.size) != 0)
                return K_NOMEM;
        }
    }
    request->head.body_case = KAIRN__REQUEST_HEAD__BODY_PRODUCE;
    request->head.produce = body;
    return 0;
}

static void shipment_free(struct shipment *shipment)
{
    list_remove(&shipment->node);
    request_fini(&shipment->request);
    free(shipment);
}

/* Back to where it came from, to be sent first. */
static void requeue(struct sender *sender, struct cargo *cargo, bool at_once)
{
    struct accumulator *accumulator = cargo->accumulator;

    queue_prepend(&accumulator->again, &cargo->batches);
    accumulator->cargo = NULL;
    if (!at_once) {
        accumulator->backoff_ms =
            cluster_backoff(sender->producer->klient->cluster, accumulator->backoff_ms);
        accumulator->retry_at_ms = now_ms(sender) + accumulator->backoff_ms;
    }
    touch(sender, accumulator);
}

/* Batches that were refused for good; a group is sent again one by one, so that only the culprit
 * fails. */
static void refuse(struct sender *sender, struct cargo *cargo, int code)
{
    bool isolate = cargo->count > 1 && (code == K_MESSAGE_TOO_LARGE || code == K_CORRUPT_MESSAGE ||
                                        code == K_INVALID_RECORD || code == K_INVALID_TIMESTAMP ||
                                        code == K_RECORD_LIST_TOO_LARGE);

    if (isolate) {
        for (struct batch *batch = cargo->batches.first; batch != NULL; batch = batch->next)
            batch->alone = true;
        requeue(sender, cargo, true);
        return;
    }
    cargo->accumulator->cargo = NULL;
    complete_all(sender, &cargo->batches, code);
    touch(sender, cargo->accumulator);
}

/* An attempt failed, but another may not. */
static void cargo_failed(struct sender *sender, struct cargo *cargo, int code,
                         const Kairn__Error *error)
{
    struct accumulator *accumulator = cargo->accumulator;
    struct topic *topic = accumulator->topic->topic;
    bool sent = code == K_NETWORK_EXCEPTION || code == K_REQUEST_TIMED_OUT || code == K_MALFORMED ||
                code == K_NOT_ENOUGH_REPLICAS_AFTER_APPEND || code == K_UNKNOWN_SERVER_ERROR;
    bool exhausted = false, hinted = false;

    for (struct batch *batch = cargo->batches.first; batch != NULL; batch = batch->next) {
        batch->maybe_written |= sent;
        exhausted |= batch->attempts++ >= values(sender)->retries;
    }
    /* Only while the topic is the one it was sent to: otherwise its epochs say nothing. */
    if (k_error_stale(code) && uuid_equal(&topic->id, &cargo->topic_id)) {
        if (code == K_UNKNOWN_TOPIC_OR_PARTITION || code == K_UNKNOWN_TOPIC_ID)
            cluster_refresh(sender->producer->klient->cluster);
        else
            hinted = cluster_stale(sender->producer->klient->cluster, topic,
                                   accumulator->partition, cargo->epoch, error);
    }
    if (!k_error_retriable(code) || exhausted)
        refuse(sender, cargo, code);
    else
        requeue(sender, cargo, hinted && accumulator->backoff_ms == 0);
}

static void cargo_arrived(struct sender *sender, struct cargo *cargo,
                          const Kairn__ProduceResult *result)
{
    struct accumulator *accumulator = cargo->accumulator;
    int64_t offset = result->base_offset;
    struct batch *batch;

    accumulator->cargo = NULL;
    accumulator->backoff_ms = 0;
    while ((batch = queue_pop(&cargo->batches)) != NULL) {
        int32_t count = batch->builder.count;
        complete(sender, batch, 0, offset, result->append_time_ms);
        if (offset >= 0)            /* acks=0 tells none */
            offset += count;
    }
    touch(sender, accumulator);
}

static void measure(struct lane *lane, int64_t answer_us)
{
    lane->answer_us = lane->answer_us == 0 ? answer_us : (7 * lane->answer_us + answer_us) / 8;
}

static void answered(struct request *request, int code, const Kairn__ResponseHead *head,
                     struct slab *slab, const uint8_t *payload, size_t size)
{
    static const Kairn__ProduceResult unanswered = {
        .base = PROTOBUF_C_MESSAGE_INIT(&kairn__produce_result__descriptor),
        .base_offset = -1, .append_time_ms = -1,
    };
    struct shipment *shipment = LIST_OWNER(request, struct shipment, request);
    struct sender *sender = shipment->sender;
    struct lane *lane = shipment->lane;

    (void)slab, (void)payload, (void)size;
    lane->in_flight--;
    if (code == 0)
        measure(lane, loop_now_us(sender->producer->klient->loop) - shipment->sent_us);
    if (code == 0 && head != NULL && head->produce->n_results != shipment->count)
        code = K_MALFORMED;
    for (size_t i = 0; i < shipment->count; i++) {
        const Kairn__ProduceResult *result =
            code == 0 && head != NULL ? head->produce->results[i] : &unanswered;
        int outcome = code != 0 ? code : head_error_code(result->error);
        if (outcome == 0)
            cargo_arrived(sender, &shipment->cargos[i], result);
        else
            cargo_failed(sender, &shipment->cargos[i], outcome,
                         code != 0 ? (head == NULL ? NULL : head->error) : result->error);
    }
    shipment_free(shipment);
    if (lane->in_flight == 0)
        LIST_EACH_SAFE(&lane->lingering, node, after)
            touch(sender, LIST_OWNER(node, struct accumulator, node));
    if (!sender->stopping)
        loop_at_turn_end(sender->producer->klient->loop, &sender->hook);
}

/* Give back what could not be sent at all. */
static void shipment_refused(struct shipment *shipment, int code)
{
    struct sender *sender = shipment->sender;

    for (size_t i = 0; i < shipment->count; i++)
        cargo_failed(sender, &shipment->cargos[i], code, NULL);
    shipment_free(shipment);
}

/* Fill the shipment with up to `count` of the lane's accumulators that are ready. */
static void gather(struct sender *sender, struct lane *lane, struct shipment *shipment,
                   size_t count)
{
    struct cluster *cluster = sender->producer->klient->cluster;
    size_t room = (size_t)values(sender)->request_bytes_max;

    for (; count > 0 && room > 0; count--) {
        struct accumulator *accumulator =
            LIST_OWNER(list_first(&lane->ready), struct accumulator, node);
        struct topic *topic = accumulator->topic->topic;
        struct broker *broker = cluster_leader(cluster, topic, accumulator->partition);
        struct cargo *cargo = &shipment->cargos[shipment->count];

        list_remove(&accumulator->node);
        if (broker == NULL || broker->id != lane->broker) {
            touch(sender, accumulator);         /* it moved while it waited */
            continue;
        }
        cargo->accumulator = accumulator;
        cargo->epoch = topic->partitions[accumulator->partition].epoch;
        cargo->topic_id = topic->id;
        load(sender, cargo, room);
        if (cargo->count == 0) {
            accumulator->cargo = NULL;
            touch(sender, accumulator);
            continue;
        }
        room = cargo->size < room ? room - cargo->size : 0;
        shipment->broker = broker;
        shipment->count++;
    }
}

/* Send what is gathered. 0, or why it could not be sent at all. */
static int dispatch(struct sender *sender, struct shipment *shipment)
{
    static const int acks_on_wire[] = { [ACKS_ALL] = -1, [ACKS_MINUS_ONE] = -1, [ACKS_ZERO] = 0,
                                        [ACKS_ONE] = 1 };
    int acks = acks_on_wire[values(sender)->acks];
    struct chain payload;

    chain_init(&payload);
    int code = describe(shipment, acks, &payload);
    shipment->sent_us = loop_now_us(sender->producer->klient->loop);
    shipment->lane->in_flight++;
    if (code == 0)
        code = broker_ask(shipment->broker, &shipment->request, &payload,
                          values(sender)->request_timeout_ms, acks != 0);
    if (code != 0)
        shipment->lane->in_flight--;
    chain_fini(&payload);
    return code;
}

/* Take accumulators that are ready into one request; false when there is no more to do. */
static bool depart(struct sender *sender, struct lane *lane)
{
    size_t count = 0;

    LIST_EACH(&lane->ready, node)
        if (++count == CARGOS_MAX)
            break;
    if (count == 0)
        return false;
    struct shipment *shipment = malloc(sizeof *shipment + count * sizeof shipment->cargos[0]);
    if (shipment == NULL)
        return false;
    shipment->sender = sender;
    shipment->lane = lane;
    shipment->count = 0;
    list_append(&sender->shipments, &shipment->node);
    request_init(&shipment->request, answered);
    gather(sender, lane, shipment, count);
    if (shipment->count == 0) {
        shipment_free(shipment);
        return true;
    }
    int code = dispatch(sender, shipment);
    if (code == 0)
        return true;
    shipment_refused(shipment, code);
    return false;
}

/* May another request go to this broker? */
static bool lane_open(struct sender *sender, struct lane *lane)
{
    if (lane->in_flight >= (unsigned)values(sender)->in_flight_max)
        return false;
    if (values(sender)->acks != ACKS_ZERO || list_empty(&lane->ready))
        return true;
    struct accumulator *first = LIST_OWNER(list_first(&lane->ready), struct accumulator, node);
    struct broker *broker = cluster_leader(sender->producer->klient->cluster,
                                           first->topic->topic, first->partition);
    return broker == NULL || broker_queued_bytes(broker) < UNANSWERED_BYTES_MAX;
}

static void run(struct turn_hook *hook)
{
    struct sender *sender = LIST_OWNER(hook, struct sender, hook);
    bool crowded = false;
    struct list work;

    if (sender->made_room) {
        sender->made_room = false;
        producer_room_made(sender->producer);
    }
    /* Examining can touch again; that is for the next round. */
    list_init(&work);
    while (!list_empty(&sender->work)) {
        struct list *node = list_first(&sender->work);
        list_remove(node);
        list_append(&work, node);
    }
    while (!list_empty(&work))
        examine(sender, LIST_OWNER(list_first(&work), struct accumulator, node));
    LIST_EACH(&sender->lanes, node) {
        struct lane *lane = LIST_OWNER(node, struct lane, node);
        while (lane_open(sender, lane) && depart(sender, lane))
            ;
        crowded |= values(sender)->acks == ACKS_ZERO && !list_empty(&lane->ready);
    }
    struct heap_node *first = heap_top(&sender->wakes);
    if (crowded)
        timer_after(sender->timer, UNANSWERED_PAUSE_MS);
    else if (first == NULL)
        timer_stop(sender->timer);
    else
        timer_at(sender->timer, first->key);
}

/* --- wake-ups --------------------------------------------------------------------------------- */

static void timer_fired(void *context)
{
    struct sender *sender = context;
    struct heap_node *first;

    while ((first = heap_top(&sender->wakes)) != NULL && first->key <= now_ms(sender)) {
        heap_remove(&sender->wakes, first);
        touch(sender, LIST_OWNER(first, struct accumulator, wake));
    }
    loop_at_turn_end(sender->producer->klient->loop, &sender->hook);
}

static void metadata_changed(struct observer *observer)
{
    struct sender *sender = LIST_OWNER(observer, struct sender, observer);

    LIST_EACH(&sender->topics, node)
        producer_topic_update(sender->producer, LIST_OWNER(node, struct producer_topic, node));
    LIST_EACH(&sender->accumulators, node) {
        struct accumulator *accumulator = LIST_OWNER(node, struct accumulator, every);
        if (accumulator->wake.index != HEAP_OUT)
            touch(sender, accumulator);
    }
}

/* Count a batch for a flush unless an earlier one waits for it. */
static void flush_mark(struct flush *flush, struct batch *first)
{
    for (struct batch *batch = first; batch != NULL; batch = batch->next) {
        if (batch->flush != NULL)
            continue;
        batch->flush = flush;
        flush->pending++;
    }
}

void sender_flush(struct task *task)
{
    struct flush *flush = LIST_OWNER(task, struct flush, task);
    struct sender *sender = flush->producer->sender;

    list_append(&sender->flushes, &flush->node);
    LIST_EACH(&sender->accumulators, node) {
        struct accumulator *accumulator = LIST_OWNER(node, struct accumulator, every);
        spin_lock(&accumulator->spin);
        accumulator_close_open(accumulator);
        flush_mark(flush, accumulator->closed.first);
        bool any = accumulator->closed.first != NULL;
        spin_unlock(&accumulator->spin);
        flush_mark(flush, accumulator->again.first);
        if (accumulator->cargo != NULL)
            flush_mark(flush, accumulator->cargo->batches.first);
        if (any)
            touch(sender, accumulator);
    }
    flush_advance(sender);
}

/* --- life ------------------------------------------------------------------------------------- */

int sender_new(struct klient_producer *producer, struct sender **out)
{
    struct sender *sender = calloc(1, sizeof *sender);

    if (sender == NULL)
        return K_NOMEM;
    sender->producer = producer;
    list_init(&sender->work);
    list_init(&sender->lanes);
    list_init(&sender->topics);
    list_init(&sender->accumulators);
    list_init(&sender->shipments);
    list_init(&sender->flushes);
    heap_init(&sender->wakes);
    turn_hook_init(&sender->hook, run);
    *out = sender;
    return 0;
}

int sender_start(struct sender *sender)
{
    struct klient *klient = sender->producer->klient;
    int code = timer_new(klient->loop, timer_fired, sender, &sender->timer);

    if (code == 0)
        cluster_observe(klient->cluster, &sender->observer, metadata_changed);
    return code;
}

void sender_add_topic(struct sender *sender, struct producer_topic *topic)
{
    list_append(&sender->topics, &topic->node);
}

void sender_add_accumulator(struct sender *sender, struct accumulator *accumulator)
{
    list_append(&sender->accumulators, &accumulator->every);
}

void sender_stop(struct sender *sender)
{
    sender->stopping = true;
    cluster_unobserve(&sender->observer);
    turn_hook_cancel(&sender->hook);
    timer_free(sender->timer);
    LIST_EACH_SAFE(&sender->shipments, node, after) {
        struct shipment *shipment = LIST_OWNER(node, struct shipment, node);
        bool sent = shipment->request.call.sent;
        request_cancel(&shipment->request);
        for (size_t i = 0; i < shipment->count; i++) {
            struct cargo *cargo = &shipment->cargos[i];
            for (struct batch *batch = cargo->batches.first; batch != NULL; batch = batch->next)
                batch->maybe_written |= sent;
            cargo->accumulator->cargo = NULL;
            complete_all(sender, &cargo->batches, K_CLOSED);
        }
        shipment_free(shipment);
    }
    LIST_EACH(&sender->accumulators, node)
        fail_accumulator(sender, LIST_OWNER(node, struct accumulator, every), K_CLOSED);
    LIST_EACH(&sender->topics, node)
        cluster_release(sender->producer->klient->cluster,
                        LIST_OWNER(node, struct producer_topic, node)->topic);
    flush_advance(sender);
    producer_room_made(sender->producer);
}

void sender_free(struct sender *sender)
{
    LIST_EACH_SAFE(&sender->lanes, node, after) {
        list_remove(node);
        free(LIST_OWNER(node, struct lane, node));
    }
    heap_fini(&sender->wakes);
    free(sender);
}
