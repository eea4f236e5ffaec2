/* shipment.c - one produce request: filled with what is ready, answered partition by partition. */
#include <stdlib.h>

#include "client/broker.h"
#include "client/sender_private.h"
#include "common/chain.h"
#include "common/error.h"
#include "common/slab.h"
#include "common/uuid.h"

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
    struct request request;
    int64_t sent_us;
    size_t count;
    struct cargo cargos[];
};

enum { CARGOS_MAX = 256 };          /* partitions in one request */

struct batch *cargo_first(const struct cargo *cargo)
{
    return cargo->batches.first;
}

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

/* --- outcomes --------------------------------------------------------------------------------- */

/* Back to where it came from, to be sent first. */
static void requeue(struct sender *sender, struct cargo *cargo, bool at_once)
{
    struct accumulator *accumulator = cargo->accumulator;

    queue_prepend(&accumulator->again, &cargo->batches);
    accumulator->cargo = NULL;
    if (!at_once) {
        accumulator->backoff_ms =
            cluster_backoff(sender->producer->klient->cluster, accumulator->backoff_ms);
        accumulator->retry_at_ms = sender_now_ms(sender) + accumulator->backoff_ms;
    }
    sender_touch(sender, accumulator);
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
    sender_complete_all(sender, &cargo->batches, code);
    sender_touch(sender, cargo->accumulator);
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
        batch->limit = error != NULL ? error->limit : 0;
        exhausted |= batch->attempts++ >= sender_values(sender)->retries;
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
        sender_complete(sender, batch, 0, offset, result->append_time_ms);
        if (offset >= 0)            /* acks=0 tells none */
            offset += count;
    }
    sender_touch(sender, accumulator);
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
        sender_lane_idle(sender, lane);
    if (!sender->stopping)
        loop_at_turn_end(sender->producer->klient->loop, &sender->hook);
}

/* --- filling ---------------------------------------------------------------------------------- */

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
    size_t room = (size_t)sender_values(sender)->request_bytes_max;

    for (; count > 0 && room > 0; count--) {
        struct accumulator *accumulator =
            LIST_OWNER(list_first(&lane->ready), struct accumulator, node);
        struct topic *topic = accumulator->topic->topic;
        struct broker *broker = cluster_leader(cluster, topic, accumulator->partition);
        struct cargo *cargo = &shipment->cargos[shipment->count];

        list_remove(&accumulator->node);
        if (broker == NULL || sender_choose_link(sender, accumulator, broker) != lane->link) {
            sender_touch(sender, accumulator);         /* it moved while it waited */
            continue;
        }
        cargo->accumulator = accumulator;
        cargo->epoch = topic->partitions[accumulator->partition].epoch;
        cargo->topic_id = topic->id;
        load(sender, cargo, room);
        if (cargo->count == 0) {
            accumulator->cargo = NULL;
            sender_touch(sender, accumulator);
            continue;
        }
        room = cargo->size < room ? room - cargo->size : 0;
        accumulator->link = lane->link;
        link_count(broker, topic->partitions[accumulator->partition].loop, cargo->size);
        shipment->count++;
    }
}

/* Send what is gathered. 0, or why it could not be sent at all. */
static int dispatch(struct sender *sender, struct shipment *shipment)
{
    static const int acks_on_wire[] = { [ACKS_ALL] = -1, [ACKS_MINUS_ONE] = -1, [ACKS_ZERO] = 0,
                                        [ACKS_ONE] = 1 };
    int acks = acks_on_wire[sender_values(sender)->acks];
    struct chain payload;

    chain_init(&payload);
    int code = describe(shipment, acks, &payload);
    shipment->sent_us = loop_now_us(sender->producer->klient->loop);
    shipment->lane->in_flight++;
    if (code == 0)
        code = broker_ask_by(shipment->lane->link, &shipment->request, &payload,
                          sender_values(sender)->request_timeout_ms, acks != 0);
    if (code != 0)
        shipment->lane->in_flight--;
    chain_fini(&payload);
    return code;
}

bool shipment_depart(struct sender *sender, struct lane *lane)
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

void shipments_abandon(struct sender *sender)
{
    LIST_EACH_SAFE(&sender->shipments, node, after) {
        struct shipment *shipment = LIST_OWNER(node, struct shipment, node);
        bool sent = shipment->request.call.sent;
        request_cancel(&shipment->request);
        for (size_t i = 0; i < shipment->count; i++) {
            struct cargo *cargo = &shipment->cargos[i];
            for (struct batch *batch = cargo->batches.first; batch != NULL; batch = batch->next)
                batch->maybe_written |= sent;
            cargo->accumulator->cargo = NULL;
            sender_complete_all(sender, &cargo->batches, K_CLOSED);
        }
        shipment_free(shipment);
    }
}
