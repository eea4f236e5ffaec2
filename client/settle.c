/* settle.c - what became of the cargos of a partition, in the order in which they left.
 *
 * Invariants:
 *
 *  C1  Cargos are settled oldest first, so that reports keep the order of the sends.
 *  C2  Once one has failed, none departs until all that are in flight are answered; then those that
 *      may go again do so in the order and in the groups they had. Nothing newer departs before
 *      all of these are settled: a broker that has stored one knows it only among the last five.
 *  C3  Numbers start over, under a new epoch, only when the broker has refused the oldest batch of
 *      the failed, sent alone, for a gap before it: then neither it nor anything after it was
 *      stored under the old one, and what may still be on its way under that will be refused. Of a
 *      group the first batches may be stored, by a leader that died over the rest: that is refused
 *      as well.
 *  C4  A cargo that is purged has no batches any more and counts as in flight until it is answered,
 *      so that what is sent afterwards can not overtake it. Its numbers are not used again. If it
 *      was not stored, what follows it is refused for the gap, and C3 takes care of that.
 */
#include "client/broker.h"
#include "client/reach.h"
#include "client/sender_private.h"
#include "common/error.h"

enum { SOON_MS = 2 };               /* half of the first pause after what passes at once */

/* Errors that speak of the numbers and not of the batches. */
static bool about_numbers(int code)
{
    return code == K_OUT_OF_ORDER_SEQUENCE_NUMBER || code == K_UNKNOWN_PRODUCER_ID ||
           code == K_INVALID_PRODUCER_EPOCH;
}

/* May it have been stored all the same? Also a leader that is one no more, that stops or whose disk
 * fails answers what it has appended so: the next leader may have it. */
static bool in_doubt(int code)
{
    return code == K_NETWORK_EXCEPTION || code == K_REQUEST_TIMED_OUT || code == K_MALFORMED ||
           code == K_NOT_ENOUGH_REPLICAS_AFTER_APPEND || code == K_UNKNOWN_SERVER_ERROR ||
           code == K_NOT_LEADER_OR_FOLLOWER || code == K_KAFKA_STORAGE_ERROR || code == K_CLOSED;
}

static struct cargo *oldest(const struct accumulator *accumulator)
{
    return LIST_OWNER(accumulator->cargos.next, struct cargo, node);
}

static void forget(struct cargo *cargo)
{
    list_remove(&cargo->node);
    cargo->accumulator->cargo_count--;
    cargo->accumulator->retried_count -= cargo->retried;
    shipment_settled(cargo->shipment);
}

/* --- troubles --------------------------------------------------------------------------------- */

/* That a broker is away is the handle's to tell, and that there is no such topic the metadata's. */
void sender_refused(struct sender *sender, const struct accumulator *accumulator, int code)
{
    enum trouble_kind kind = TROUBLE_LEADER_MISSING;

    if (code == K_NOT_ENOUGH_REPLICAS || code == K_NOT_ENOUGH_REPLICAS_AFTER_APPEND)
        kind = TROUBLE_NOT_ENOUGH_REPLICAS;
    else if (!reach_is_elsewhere(code))
        return;
    troubles_of_partition(&sender->producer->troubles, kind, accumulator->topic->name,
                          accumulator->partition, code);
}

void sender_unhindered(struct sender *sender, const struct accumulator *accumulator)
{
    struct troubles *troubles = &sender->producer->troubles;
    const char *topic = accumulator->topic->name;

    troubles_of_partition_over(troubles, TROUBLE_LEADER_MISSING, topic, accumulator->partition);
    troubles_of_partition_over(troubles, TROUBLE_NOT_ENOUGH_REPLICAS, topic,
                               accumulator->partition);
}

/* --- one cargo -------------------------------------------------------------------------------- */

static void arrived(struct sender *sender, struct cargo *cargo)
{
    int64_t offset = cargo->base_offset;
    struct batch *batch;

    cargo->accumulator->backoff_ms = 0;
    sender_unhindered(sender, cargo->accumulator);
    troubles_of_partition_over(&sender->producer->troubles, TROUBLE_PRODUCER_FENCED,
                               cargo->accumulator->topic->name, cargo->accumulator->partition);
    while ((batch = queue_pop(&cargo->batches)) != NULL) {
        int32_t count = batch->builder.count;
        sender_complete(sender, batch, 0, offset, cargo->append_time_ms);
        /* acks=0 tells none, nor does a broker that knows no more than that it has them. */
        if (offset >= 0)
            offset += count;
    }
    forget(cargo);
}

/* A leader is elected, clients hear of it, and for a moment it may itself know less than they. */
static bool is_behind(const struct cargo *cargo, const Kairn__Error *error)
{
    return cargo->code == K_UNKNOWN_LEADER_EPOCH ||
           (cargo->code == K_NOT_LEADER_OR_FOLLOWER && error != NULL && error->leader != NULL &&
            error->leader->epoch <= cargo->epoch);
}

/* An attempt failed. Looks for the leader where that is the trouble. */
static void note_failure(struct sender *sender, struct cargo *cargo, const Kairn__Error *error)
{
    struct topic *topic = cargo->accumulator->topic->topic;
    struct cluster *cluster = sender->producer->klient->cluster;

    for (struct batch *batch = cargo->batches.first; batch != NULL; batch = batch->next) {
        batch->maybe_written |= in_doubt(cargo->code);
        batch->limit = error != NULL ? error->limit : 0;
    }
    /* Only while the topic is the one it was sent to: otherwise its epochs say nothing. */
    if (!k_error_stale(cargo->code) || !uuid_equal(&topic->id, &cargo->topic_id))
        return;
#ifdef MUTANT_RESET_SEQ
    if (cargo->code == K_UNKNOWN_TOPIC_OR_PARTITION)
        cargo->accumulator->next_sequence = 0;
#endif
    if (cargo->code == K_UNKNOWN_TOPIC_OR_PARTITION || cargo->code == K_UNKNOWN_TOPIC_ID)
        cluster_refresh(cluster);
    else
        cargo->hinted = cluster_stale(cluster, topic, cargo->accumulator->partition, cargo->epoch,
                                      error);
    cargo->behind = is_behind(cargo, error);
}

/* One of a group was refused: sent one by one, only the culprit fails, and what is stored is known
 * again. */
static bool isolate(struct cargo *cargo)
{
    int code = cargo->code;
    bool split = cargo->count > 1 && (code == K_MESSAGE_TOO_LARGE || code == K_CORRUPT_MESSAGE ||
                                      code == K_INVALID_RECORD || code == K_INVALID_TIMESTAMP ||
                                      code == K_RECORD_LIST_TOO_LARGE ||
                                      code == K_OUT_OF_ORDER_SEQUENCE_NUMBER);

    for (struct batch *batch = split ? cargo->batches.first : NULL; batch != NULL;
         batch = batch->next)
        batch->alone = true;
    return split;
}

/* C3. */
static bool finds_gap(const struct cargo *cargo)
{
#ifdef MUTANT_PART_IS_A_GAP
    return about_numbers(cargo->code);
#endif
    return about_numbers(cargo->code) &&
           (cargo->code != K_OUT_OF_ORDER_SEQUENCE_NUMBER || cargo->count == 1);
}

/* May it go again? `first`: nothing before it has failed. */
static bool goes_again(struct sender *sender, struct cargo *cargo, bool first)
{
    bool exhausted = false;

    /* What follows a failure is refused for the gap that it left: not its own fault. */
    if (about_numbers(cargo->code) && !first)
        return true;
    for (struct batch *batch = cargo->batches.first; batch != NULL; batch = batch->next)
        exhausted |= batch->attempts++ >= sender_values(sender)->retries;
    if (isolate(cargo))
        return true;
    if (about_numbers(cargo->code))
        return !exhausted && cargo->accumulator->producer_id >= 0;
    return k_error_retriable(cargo->code) && !exhausted;
}

/* --- all that are in flight ------------------------------------------------------------------- */

/* C3. */
static void start_over(struct sender *sender, struct accumulator *accumulator)
{
    spin_lock(&accumulator->spin);
    if (accumulator->producer_epoch < INT16_MAX) {
        accumulator_number(accumulator, accumulator->producer_id,
                           (int16_t)(accumulator->producer_epoch + 1), &accumulator->again);
    } else {
        accumulator->producer_id = -1;
        identity_renew(&sender->identity);
    }
    spin_unlock(&accumulator->spin);
}

static void back_off(struct sender *sender, struct accumulator *accumulator,
                     const struct cargo *failed)
{
    int64_t previous_ms = accumulator->backoff_ms;

    sender_refused(sender, accumulator, failed->code);
    if (previous_ms == 0 && (failed->behind || about_numbers(failed->code)))
        previous_ms = SOON_MS;
    accumulator->backoff_ms = cluster_backoff(sender->producer->klient->cluster, previous_ms);
    accumulator->retry_at_ms = sender_now_ms(sender) + accumulator->backoff_ms;
    accumulator->failed_epoch = failed->epoch;
    accumulator->seeks_leader = k_error_stale(failed->code);
}

/* It does not go again. */
static void give_up(struct sender *sender, struct accumulator *accumulator, struct cargo *cargo)
{
    if (about_numbers(cargo->code))
        troubles_of_partition(&sender->producer->troubles, TROUBLE_PRODUCER_FENCED,
                              accumulator->topic->name, accumulator->partition, cargo->code);
    sender_complete_all(sender, &cargo->batches, cargo->code);
    forget(cargo);
}

/* All are answered, and at least one of them failed. */
static void settle_failures(struct sender *sender, struct accumulator *accumulator)
{
    bool first = true, over = false;

    LIST_EACH_SAFE(&accumulator->cargos, node, after) {
        struct cargo *cargo = LIST_OWNER(node, struct cargo, node);
        if (cargo->code == 0) {
            arrived(sender, cargo);
            continue;
        }
        if (goes_again(sender, cargo, first)) {
            over |= first && finds_gap(cargo);
            if (first && (k_error_retriable(cargo->code) || about_numbers(cargo->code)) &&
                !(cargo->hinted && accumulator->backoff_ms == 0))
                back_off(sender, accumulator, cargo);
        } else {
            give_up(sender, accumulator, cargo);
        }
        first = false;
    }
    /* Newest first, each before the ones that left later. */
    while (!list_empty(&accumulator->cargos)) {
        struct cargo *cargo = LIST_OWNER(accumulator->cargos.prev, struct cargo, node);
        queue_prepend(&accumulator->again, &cargo->batches);
        forget(cargo);
    }
    if (over)
        start_over(sender, accumulator);
    accumulator->draining = false;
}

static void settle(struct sender *sender, struct accumulator *accumulator)
{
    while (!list_empty(&accumulator->cargos) && oldest(accumulator)->answered &&
           oldest(accumulator)->code == 0)
        arrived(sender, oldest(accumulator));
    if (accumulator->draining) {
        LIST_EACH(&accumulator->cargos, node)
            if (!LIST_OWNER(node, struct cargo, node)->answered)
                return;
        settle_failures(sender, accumulator);
    }
    sender_touch(sender, accumulator);
}

void cargo_answered(struct sender *sender, struct cargo *cargo, int code,
                    const Kairn__ProduceResult *result, const Kairn__Error *error)
{
    struct accumulator *accumulator = cargo->accumulator;

    cargo->answered = true;
    cargo->code = code == K_DUPLICATE_SEQUENCE_NUMBER ? 0 : code;
    cargo->base_offset = code == 0 && result != NULL ? result->base_offset : -1;
    cargo->append_time_ms = code == 0 && result != NULL ? result->append_time_ms : -1;
    if (cargo->code != 0) {
        accumulator->draining = true;
        note_failure(sender, cargo, error);
    }
    settle(sender, accumulator);
}

void cargos_purge(struct sender *sender, struct accumulator *accumulator)
{
    LIST_EACH_SAFE(&accumulator->cargos, node, after) {
        struct cargo *cargo = LIST_OWNER(node, struct cargo, node);
        if (cargo->answered && cargo->code == 0) {
            arrived(sender, cargo);
            continue;
        }
#ifndef MUTANT_PURGED_FOR_SURE
        for (struct batch *batch = cargo->batches.first; batch != NULL; batch = batch->next)
            batch->maybe_written |= !cargo->answered;
#endif
        sender_complete_all(sender, &cargo->batches, K_PURGED);
        cargo->count = 0;
    }
}

void cargos_abandon(struct sender *sender, struct accumulator *accumulator)
{
    while (!list_empty(&accumulator->cargos)) {
        struct cargo *cargo = oldest(accumulator);
        if (cargo->answered && cargo->code == 0) {
            arrived(sender, cargo);
            continue;
        }
        sender_complete_all(sender, &cargo->batches, K_CLOSED);
        forget(cargo);
    }
    accumulator->draining = false;
}
