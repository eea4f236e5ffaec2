/* shipment.c - one produce request: filled with what is ready, answered partition by partition. */
#include <stdlib.h>

#include "client/broker.h"
#include "client/sender_private.h"
#include "common/chain.h"
#include "common/error.h"
#include "common/slab.h"
#include "common/uuid.h"

struct shipment {
    struct list node;
    struct sender *sender;
    struct lane *lane;
    struct request request;
    int64_t sent_us;
    size_t unsettled;               /* cargos, and the answer while it is awaited or looked at */
    size_t count;
    struct cargo cargos[];
};

enum { CARGOS_MAX = 256 };          /* partitions in one request */

/* The producer's id has come since the batches were closed, or its epochs were used up. */
static void need_numbers(const struct sender *sender, struct accumulator *accumulator)
{
    if (sender_numbers(sender) && accumulator->producer_id < 0 && accumulator->cargo_count == 0)
        accumulator_number(accumulator, sender->identity.id, 0, &accumulator->again);
}

/* The open batch goes too if it has no company to wait for. */
static void close_lonely(const struct sender *sender, struct accumulator *accumulator)
{
    struct batch *batch = NULL;

    spin_lock(&accumulator->spin);
    need_numbers(sender, accumulator);
    if (accumulator->again.first == NULL && accumulator->closed.first == NULL)
        batch = accumulator_close_open(accumulator);
    spin_unlock(&accumulator->spin);
    accumulator_seal(accumulator, batch);
}

/* Move batches of at most `room` bytes into the cargo (one always), up to the first that is not
 * sealed. */
static void load(struct sender *sender, struct cargo *cargo, size_t room)
{
    struct accumulator *accumulator = cargo->accumulator;
    struct batch *batch, *last = NULL;

    queue_init(&cargo->batches);
    cargo->count = cargo->size = 0;
    close_lonely(sender, accumulator);
    spin_lock(&accumulator->spin);
    bool again = accumulator->again.first != NULL;
    bool held = accumulator->draining || (!again && accumulator->retried_count > 0);
    while (!held) {
        struct batch_queue *from =
            accumulator->again.first != NULL ? &accumulator->again : &accumulator->closed;
        bool grouped = again && sender_numbers(sender);
        batch = from->first;
        if (batch == NULL || !atomic_load(&batch->sealed) ||
            (cargo->count > 0 && (batch->alone ||
                                  (cargo->size + batch->builder.size > room && !grouped))))
            break;
        if (from == &accumulator->closed)
            atomic_fetch_sub_explicit(&accumulator->queued, 1, memory_order_relaxed);
        last = queue_pop(from);
        queue_push(&cargo->batches, last);
        cargo->size += last->builder.size;
        cargo->count++;
        if (last->alone || (grouped && last->closes_cargo))
            break;
    }
    spin_unlock(&accumulator->spin);
    if (last == NULL)
        return;
    atomic_store_explicit(&accumulator->untaken_since_ms,
                          loop_now_ms(sender->producer->klient->loop), memory_order_relaxed);
    for (batch = cargo->batches.first; batch != NULL; batch = batch->next)
        batch_identify(batch);
    last->closes_cargo = true;
    cargo->retried = again;
    accumulator->retried_count += again;
    list_append(&accumulator->cargos, &cargo->node);
    accumulator->cargo_count++;
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

void shipment_settled(struct shipment *shipment)
{
    if (--shipment->unsettled == 0)
        shipment_free(shipment);
}

/* --- the answer ------------------------------------------------------------------------------- */

static void measure(struct sender *sender, struct lane *lane, int64_t answer_us)
{
    latency_record(&sender->latency, answer_us);
    lane->answer_us = lane->answer_us == 0 ? answer_us : (7 * lane->answer_us + answer_us) / 8;
}

static void answered(struct request *request, int code, const Kairn__ResponseHead *head,
                     struct slab *slab, const uint8_t *payload, size_t size)
{
    struct shipment *shipment = LIST_OWNER(request, struct shipment, request);
    struct sender *sender = shipment->sender;
    struct lane *lane = shipment->lane;

    (void)slab, (void)payload, (void)size;
    lane->in_flight--;
    sender->counts.requests_failed += code != 0;
    if (code == 0)
        measure(sender, lane, loop_now_us(sender->producer->klient->loop) - shipment->sent_us);
    if (code == 0 && head != NULL && head->produce->n_results != shipment->count)
        code = K_MALFORMED;
    for (size_t i = 0; i < shipment->count; i++) {
        const Kairn__ProduceResult *result =
            code == 0 && head != NULL ? head->produce->results[i] : NULL;
        const Kairn__Error *error = result != NULL ? result->error
                                    : code != 0 && head != NULL ? head->error
                                                                : NULL;
        cargo_answered(sender, &shipment->cargos[i],
                       code != 0 || result == NULL ? code : head_error_code(result->error), result,
                       error);
    }
    shipment_settled(shipment);
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
        cargo_answered(sender, &shipment->cargos[i], code, NULL, NULL);
    shipment_settled(shipment);
}

/* Bytes of the group that has to go again as it is; 0: there is none. */
static size_t group_size(const struct sender *sender, const struct accumulator *accumulator)
{
    size_t size = 0;

    if (!sender_numbers(sender))
        return 0;
    for (const struct batch *batch = accumulator->again.first; batch != NULL; batch = batch->next) {
        size += batch->builder.size;
        if (batch->closes_cargo || batch->alone)
            break;
    }
    return size;
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
        if (broker == NULL || sender_choose_link(sender, accumulator, broker) != lane->link ||
            (shipment->count > 0 && group_size(sender, accumulator) > room)) {
            /* It moved while it waited, or needs a request of its own. */
            sender_touch(sender, accumulator);
            continue;
        }
        *cargo = (struct cargo){ .shipment = shipment, .accumulator = accumulator };
        cargo->epoch = topic->partitions[accumulator->partition].epoch;
        cargo->topic_id = topic->id;
        load(sender, cargo, room);
        sender_touch(sender, accumulator);          /* more of it may go, or comes */
        if (cargo->count == 0)
            continue;
        room = cargo->size < room ? room - cargo->size : 0;
        accumulator->link = lane->link;
        link_count(broker, topic->partitions[accumulator->partition].loop, cargo->size);
        sender->counts.batches_retried += cargo->retried ? (int64_t)cargo->count : 0;
        shipment->count++;
        shipment->unsettled++;
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
    else
        sender->counts.requests++;
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
    shipment->unsettled = 1;
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
        bool sent = shipment->request.call.sent, awaited = shipment->request.asked;
        request_cancel(&shipment->request);
        for (size_t i = 0; i < shipment->count && awaited; i++)
            for (struct batch *batch = shipment->cargos[i].batches.first; batch != NULL;
                 batch = batch->next)
                batch->maybe_written |= sent;
        if (awaited)
            shipment_settled(shipment);
    }
    LIST_EACH(&sender->accumulators, node)
        cargos_abandon(sender, LIST_OWNER(node, struct accumulator, every));
}
