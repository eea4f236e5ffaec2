/* sender.c - batches to brokers: which may go now, in which request, and what became of them.
 *
 * Belongs to the loop. Invariants:
 *
 *  S1  Without numbers (idempotence off) an accumulator is in at most one shipment: so retries can
 *      not overtake, and the order of a partition survives every failure. With them it may be in
 *      several: the broker takes their batches in order only, and settle.c keeps it through
 *      failures.
 *  S2  A batch is in exactly one place: open, closed, again, a cargo, purged, or on its way to its
 *      report.
 *  S3  An accumulator that holds batches is in a list, in flight, in the heap of wakes, blocked
 *      on a change of metadata with its expiry in the heap, or its oldest batch is being sealed,
 *      whose sealer tells us (A4): nothing is ever forgotten.
 *
 * When a partial batch leaves (adaptive linger): at once when nothing is in flight to its broker,
 * or a quarter of the smoothed answer time after the partition's last departure, or when
 * linger.ms has passed. A busy broker thus gets larger batches, an idle one low latency. */
#include <stdlib.h>

#include "client/broker.h"
#include "client/sender_private.h"
#include "common/error.h"
#include "common/log.h"

enum {
    UNANSWERED_BYTES_MAX = 4 << 20, /* with acks=0 only the socket slows us down */
    UNANSWERED_PAUSE_MS = 1
};

/* May another request take batches of it? If not, an answer is going to touch it. */
static bool window_open(const struct sender *sender, const struct accumulator *accumulator)
{
    unsigned window = sender_numbers(sender) ? (unsigned)sender_values(sender)->in_flight_max : 1;

    /* Brokers know the last five again: nothing new is stored while it is not known of one that
     * went before whether it was. */
    return !accumulator->draining && accumulator->cargo_count < window &&
           (accumulator->again.first != NULL || accumulator->retried_count == 0);
}

void sender_touch(struct sender *sender, struct accumulator *accumulator)
{
    if (!window_open(sender, accumulator) || sender->stopping)
        return;
    list_remove(&accumulator->node);
    list_append(&sender->work, &accumulator->node);
    loop_at_turn_end(sender->producer->klient->loop, &sender->hook);
}

void sender_lane_idle(struct sender *sender, struct lane *lane)
{
    LIST_EACH_SAFE(&lane->lingering, node, after)
        sender_touch(sender, LIST_OWNER(node, struct accumulator, node));
}

void sender_noticed(struct mail *mail)
{
    struct accumulator *accumulator = LIST_OWNER(mail, struct accumulator, mail);

    atomic_store(&accumulator->posted, false);
    sender_touch(accumulator->producer->sender, accumulator);
}

static struct lane *lane_of(struct sender *sender, struct link *link)
{
    LIST_EACH(&sender->lanes, node) {
        struct lane *lane = LIST_OWNER(node, struct lane, node);
        if (lane->link == link)
            return lane;
    }
    struct lane *lane = calloc(1, sizeof *lane);
    if (lane == NULL)
        return NULL;
    lane->link = link;
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
        /* Who waits looks for the first failure itself, if it is still there. In this order: it
         * looks at the task again when the gate moves. */
        int code = task_is_to_be_posted(&flush->task)
                       ? atomic_exchange(&sender->producer->first_failure, 0)
                       : 0;
        task_done(&flush->task, code);
        gate_signal(&sender->producer->progress);
    }
}

void sender_complete(struct sender *sender, struct batch *batch, int code, int64_t base_offset,
                     int64_t append_time_ms)
{
    struct flush *flush = batch->flush;

    if (code == 0) {
        sender->counts.records += batch->builder.count;
        sender->counts.bytes += (int64_t)batch->builder.size;
        sender->counts.batches++;
    } else {
        sender->counts.records_failed += batch->builder.count;
    }
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

void sender_complete_all(struct sender *sender, struct batch_queue *queue, int code)
{
    struct batch *batch;

    while ((batch = queue_pop(queue)) != NULL)
        sender_complete(sender, batch, code, -1, -1);
}

/* What was purged fails, up to what is still being sealed. True when nothing of it is left. */
static bool finish_purge(struct sender *sender, struct accumulator *accumulator)
{
    struct batch_queue *purged = &accumulator->purged;

    while (purged->first != NULL && atomic_load(&purged->first->sealed))
        sender_complete(sender, queue_pop(purged), K_PURGED, -1, -1);
    return purged->first == NULL;
}

/* Everything that is not in flight fails, but for what is being sealed and what follows: that is
 * examined again once it is. */
static void fail_accumulator(struct sender *sender, struct accumulator *accumulator, int code)
{
    struct batch_queue taken;

    sender_complete_all(sender, &accumulator->again, code);
    if (!finish_purge(sender, accumulator))
        return;
    queue_init(&taken);
    spin_lock(&accumulator->spin);
    accumulator_take(accumulator, INT64_MAX, &taken);
    spin_unlock(&accumulator->spin);
    sender_complete_all(sender, &taken, code);
}

/* --- what may go ------------------------------------------------------------------------------ */

/* When the oldest batch that waits runs out of time; INT64_MAX when nothing waits, or it is being
 * sealed. Expires those that have. */
static int64_t expire(struct sender *sender, struct accumulator *accumulator)
{
    int64_t timeout_ms = accumulator->topic->values->delivery_timeout_ms;
    int64_t opened_by_ms = sender_now_ms(sender) - timeout_ms;
    struct batch *batch;
    struct batch_queue expired;

    queue_init(&expired);
    while ((batch = accumulator->again.first) != NULL && batch->opened_at_ms <= opened_by_ms)
        queue_push(&expired, queue_pop(&accumulator->again));
    spin_lock(&accumulator->spin);
    if (batch == NULL && accumulator_take(accumulator, opened_by_ms, &expired))
        batch = accumulator->closed.first != NULL ? accumulator->closed.first : accumulator->open;
    int64_t oldest = batch == NULL ? INT64_MAX : batch->opened_at_ms + timeout_ms;
    spin_unlock(&accumulator->spin);
    sender_complete_all(sender, &expired, K_REQUEST_TIMED_OUT);
    return oldest;
}

static void wake_at(struct sender *sender, struct accumulator *accumulator, int64_t at_ms)
{
    if (accumulator->wake.index != HEAP_OUT)
        heap_move(&sender->wakes, &accumulator->wake, at_ms);
    else if (heap_push(&sender->wakes, &accumulator->wake, at_ms) != 0)
        sender_touch(sender, accumulator);
}

/* When the open batch should leave, if no other is waiting: 0 is now. */
static int64_t open_due(struct sender *sender, struct accumulator *accumulator,
                        const struct lane *lane, int64_t opened_at_ms)
{
    int64_t linger_ms = accumulator->topic->values->linger_ms;
    int64_t latest = opened_at_ms + linger_ms;

    if (linger_ms == 0 || lane->in_flight == 0 ||
        atomic_load(&sender->producer->starving) > 0)
        return 0;
    int64_t natural = (accumulator->sent_at_us + lane->answer_us / 4 + 999) / 1000;
    return natural < latest ? natural : latest;
}

/* A batch that may be on its way already is not sent again by another connection, where it could
 * be overtaken; nor is one that follows others that are on theirs, nor the next one when nobody
 * tells that the last has arrived. */
struct link *sender_choose_link(const struct sender *sender, const struct accumulator *accumulator,
                                struct broker *broker)
{
    const struct topic *topic = accumulator->topic->topic;

    if (sender_values(sender)->acks == ACKS_ZERO)
        return &broker->first;
    if ((accumulator->again.first != NULL || accumulator->cargo_count > 0) &&
        accumulator->link != NULL &&
        accumulator->link->broker == broker && link_ready(accumulator->link))
        return accumulator->link;
    return link_for(broker, topic->partitions[accumulator->partition].loop);
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
        return lane_of(sender, sender_choose_link(sender, accumulator, broker));
    if (code == 0) {
        sender_refused(sender, accumulator, K_LEADER_NOT_AVAILABLE);
        cluster_stale(cluster, topic, accumulator->partition,
                      topic->partitions[accumulator->partition].epoch, NULL);
    }
    return NULL;
}

/* Should what waits leave at once? Whole batches do, unless others are on their way: then they go
 * in company, so that requests do not become small. Otherwise *opened_at_ms tells how old it is. */
static bool is_due(struct sender *sender, struct accumulator *accumulator, int64_t *opened_at_ms)
{
    size_t company = (size_t)sender_values(sender)->request_bytes_max / 2;

    spin_lock(&accumulator->spin);
    const struct batch *batch =
        accumulator->closed.first != NULL ? accumulator->closed.first : accumulator->open;
    bool again = accumulator->again.first != NULL, whole = accumulator->closed.first != NULL;
    *opened_at_ms = batch == NULL ? 0 : batch->opened_at_ms;
    spin_unlock(&accumulator->spin);
    if (again || !whole || accumulator->cargo_count == 0)
        return again || whole;
    return atomic_load_explicit(&accumulator->queued, memory_order_relaxed) *
               (size_t)accumulator->topic->values->batch_bytes >= company;
}

/* Its last attempt failed, and nothing but time can make the next one better. */
static bool backs_off(const struct accumulator *accumulator, int64_t now)
{
    const struct topic *topic = accumulator->topic->topic;

    return accumulator->retry_at_ms > now &&
           (accumulator->partition >= topic->count ||
            topic->partitions[accumulator->partition].epoch <= accumulator->failed_epoch);
}

static void examine(struct sender *sender, struct accumulator *accumulator)
{
    int64_t now = sender_now_ms(sender);

    list_remove(&accumulator->node);
    heap_remove(&sender->wakes, &accumulator->wake);
    if (!window_open(sender, accumulator))
        return;                     /* S1; its answer touches it */
    /* From here on senders tell us again; what they told before is seen below. */
    atomic_store(&accumulator->noticed, false);
    if (!finish_purge(sender, accumulator))
        return;
    int64_t expiry = expire(sender, accumulator);
    if (expiry == INT64_MAX) {
        if (accumulator->cargo_count == 0)
            sender_unhindered(sender, accumulator);
        return;
    }
    if (!producer_topic_use(sender->producer, accumulator->topic)) {
        wake_at(sender, accumulator, expiry < now + 1000 ? expiry : now + 1000);
        return;
    }
    if (backs_off(accumulator, now)) {
        /* One partition of a topic is asked for at a time, and its news can leave ours out. */
        if (accumulator->seeks_leader)
            cluster_stale(sender->producer->klient->cluster, accumulator->topic->topic,
                          accumulator->partition, accumulator->failed_epoch, NULL);
        wake_at(sender, accumulator,
                accumulator->retry_at_ms < expiry ? accumulator->retry_at_ms : expiry);
        return;
    }
    struct lane *lane = find_lane(sender, accumulator);
    if (lane == NULL || !identity_ready(&sender->identity)) {
        wake_at(sender, accumulator, expiry < now + 1000 ? expiry : now + 1000);
        return;
    }

    int64_t opened_at_ms;
    bool due_now = is_due(sender, accumulator, &opened_at_ms);
    int64_t due = due_now ? 0 : open_due(sender, accumulator, lane, opened_at_ms);
    if (due <= now) {
        atomic_store(&accumulator->noticed, true);
        list_append(&lane->ready, &accumulator->node);
    } else {
        list_append(&lane->lingering, &accumulator->node);
        wake_at(sender, accumulator, due);
    }
}

/* May another request go by this connection? */
static bool lane_open(struct sender *sender, struct lane *lane)
{
    if (lane->in_flight >= (unsigned)sender_values(sender)->in_flight_max)
        return false;
    if (sender_values(sender)->acks != ACKS_ZERO || list_empty(&lane->ready))
        return true;
    return broker_queued_bytes(lane->link->broker) < UNANSWERED_BYTES_MAX;
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
    list_move(&work, &sender->work);
    while (!list_empty(&work))
        examine(sender, LIST_OWNER(list_first(&work), struct accumulator, node));
    LIST_EACH(&sender->lanes, node) {
        struct lane *lane = LIST_OWNER(node, struct lane, node);
        while (lane_open(sender, lane) && shipment_depart(sender, lane))
            ;
        crowded |= sender_values(sender)->acks == ACKS_ZERO && !list_empty(&lane->ready);
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

    while ((first = heap_top(&sender->wakes)) != NULL && first->key <= sender_now_ms(sender)) {
        heap_remove(&sender->wakes, first);
        sender_touch(sender, LIST_OWNER(first, struct accumulator, wake));
    }
    loop_at_turn_end(sender->producer->klient->loop, &sender->hook);
}

/* The id is there, or there will be none. */
static void identity_settled(struct identity *identity, int code)
{
    struct sender *sender = LIST_OWNER(identity, struct sender, identity);
    struct klient_producer *producer = sender->producer;
    bool off = code == K_UNSUPPORTED_VERSION && !config_is_set(producer->config,
                                                                "enable.idempotence");

    if (sender->stopping)
        return;
    if (off) {
        LOG_WARN("idempotence-off", "reason=\"a broker is too old for it\"");
        identity->state = IDENTITY_UNUSED;
    }
    if (code != 0 && !off && !k_error_retriable(code))
        troubles_begin(&producer->troubles, TROUBLE_PRODUCER_FENCED, TROUBLE_OF_NOTHING, code,
                       false);
    else if (code == 0)
        troubles_end(&producer->troubles, TROUBLE_PRODUCER_FENCED, TROUBLE_OF_NOTHING);
    LIST_EACH(&sender->accumulators, node) {
        struct accumulator *accumulator = LIST_OWNER(node, struct accumulator, every);
        if (code != 0 && !off && !k_error_retriable(code))
            fail_accumulator(sender, accumulator, code);
        sender_touch(sender, accumulator);
    }
}

static void metadata_changed(struct observer *observer)
{
    struct sender *sender = LIST_OWNER(observer, struct sender, observer);

    LIST_EACH(&sender->topics, node) {
        struct producer_topic *topic = LIST_OWNER(node, struct producer_topic, node);
        producer_topic_update(sender->producer, topic);
        producer_topic_review(sender->producer, topic);
    }
    LIST_EACH(&sender->accumulators, node) {
        struct accumulator *accumulator = LIST_OWNER(node, struct accumulator, every);
        if (accumulator->wake.index != HEAP_OUT)
            sender_touch(sender, accumulator);
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
        struct batch *batch = accumulator_close_open(accumulator);
        flush_mark(flush, accumulator->closed.first);
        bool any = accumulator->closed.first != NULL;
        spin_unlock(&accumulator->spin);
        accumulator_seal(accumulator, batch);
        flush_mark(flush, accumulator->again.first);
        flush_mark(flush, accumulator->purged.first);
        LIST_EACH(&accumulator->cargos, cargo)
            flush_mark(flush, LIST_OWNER(cargo, struct cargo, node)->batches.first);
        if (any)
            sender_touch(sender, accumulator);
    }
    flush_advance(sender);
}

void sender_purge(struct sender *sender, int flags)
{
    LIST_EACH(&sender->accumulators, node) {
        struct accumulator *accumulator = LIST_OWNER(node, struct accumulator, every);
        if (flags & KLIENT_PURGE_IN_FLIGHT)
            cargos_purge(sender, accumulator);
        if (flags & KLIENT_PURGE_QUEUED) {
            sender_complete_all(sender, &accumulator->again, K_PURGED);
            spin_lock(&accumulator->spin);
            accumulator_purge(accumulator);
            spin_unlock(&accumulator->spin);
            finish_purge(sender, accumulator);
        }
        sender_touch(sender, accumulator);
    }
}

/* --- life ------------------------------------------------------------------------------------- */

int sender_new(struct klient_producer *producer, struct sender **out)
{
    struct sender *sender = calloc(1, sizeof *sender);

    if (sender == NULL)
        return K_NOMEM;
    sender->producer = producer;
    identity_init(&sender->identity, producer->klient, config_idempotent(producer->config),
                  identity_settled);
    list_init(&sender->source.node);
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
    struct klient_producer *producer = sender->producer;
    int code = timer_new(klient->loop, timer_fired, sender, &sender->timer);

    if (code != 0)
        return code;
    code = troubles_open(&producer->troubles, klient, producer->config);
    if (code != 0) {
        timer_free(sender->timer);
        return code;
    }
    cluster_observe(klient->cluster, &sender->observer, metadata_changed);
    sender_count(sender);
    return 0;
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
    statistics_remove(&sender->source);
    cluster_unobserve(&sender->observer);
    turn_hook_cancel(&sender->hook);
    timer_free(sender->timer);
    identity_stop(&sender->identity);
    shipments_abandon(sender);
    LIST_EACH(&sender->accumulators, node)
        fail_accumulator(sender, LIST_OWNER(node, struct accumulator, every), K_CLOSED);
    LIST_EACH(&sender->topics, node)
        cluster_release(sender->producer->klient->cluster,
                        LIST_OWNER(node, struct producer_topic, node)->topic);
    flush_advance(sender);
    producer_room_made(sender->producer);
    troubles_close(&sender->producer->troubles);
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
