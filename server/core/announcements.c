/* What brokers may know, and who waits to hear it.
 *
 * The announced picture is the stored one: there is no second copy that could differ. Each change
 * has a sequence; topics stand in the order of their last one, so news is the tail of that list. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/controller_private.h"

void announcements_clear(struct controller *controller)
{
    controller->announcing = false;
    controller->sequence = 0;
    controller->deletion_first = controller->deletion_count = 0;
    controller->floor_sequence = 0;
}

uint64_t announce_next(struct controller *controller)
{
    return ++controller->sequence;
}

void announce_deletion(struct controller *controller, const struct uuid *id)
{
    if (controller->deletion_count == DELETIONS_KEPT_MAX) {
#ifndef MUTANT_FORGOTTEN_DELETION
        controller->floor_sequence = controller->deletions[controller->deletion_first].sequence;
#endif
        controller->deletion_first = (controller->deletion_first + 1) % DELETIONS_KEPT_MAX;
        controller->deletion_count--;
    }
    size_t at = (controller->deletion_first + controller->deletion_count) % DELETIONS_KEPT_MAX;
    controller->deletions[at] = (struct deletion){.sequence = announce_next(controller), .id = *id};
    controller->deletion_count++;
}

/* --- askers ----------------------------------------------------------------------------------- */

static struct controller_effect *answer_asker(struct controller *controller, uint64_t ticket,
                                              int error, uint64_t after)
{
    struct controller_effect *effect = effects_add(controller, CONTROLLER_DO_ANSWER_CHANGES);

    effect->changes.ticket = ticket;
    effect->changes.error = error;
    effect->changes.after_epoch = controller->epoch;
    effect->changes.after_sequence = after;
    effect->changes.full = effect->changes.whole = false;
    return effect;
}

static void asker_remove(struct controller *controller, size_t index)
{
    controller->askers[index] = controller->askers[--controller->asker_count];
    controller->ticket_count--;
}

/* Is what this broker knows a past of our picture, so that changes can be added to it? */
static bool knows_our_past(const struct controller *controller, int32_t epoch, uint64_t sequence)
{
    return epoch == controller->epoch && sequence >= controller->floor_sequence &&
           sequence <= controller->sequence;
}

static int askers_reserve(struct controller *controller)
{
    if (controller->asker_count < controller->asker_capacity)
        return 0;
    size_t capacity = controller->asker_capacity * 2 + 16;
    struct asker *grown = realloc(controller->askers, capacity * sizeof *grown);
    if (grown == NULL)
        return K_NOMEM;
    controller->askers = grown;
    controller->asker_capacity = capacity;
    return 0;
}

void askers_add(struct controller *controller, const struct controller_event *event)
{
    if (controller->phase != PHASE_LEADING) {
        answer_asker(controller, event->changes.ticket, K_NOT_CONTROLLER, 0);
        return;
    }
    /* A broker has one question. An older one stems from a connection that it gave up; should
     * somebody hear the answer yet, it must not believe that it has heard all the news. */
    for (size_t i = 0; i < controller->asker_count; i++) {
        const struct asker *older = &controller->askers[i];
        if (older->broker == event->changes.broker) {
            answer_asker(controller, older->ticket, K_CLOSED, 0);
            asker_remove(controller, i);
            break;
        }
    }

    int error = askers_reserve(controller);
    if (error == 0)
        error = tickets_take(controller);
    if (error != 0) {
        answer_asker(controller, event->changes.ticket, error, 0);
        return;
    }
    controller->askers[controller->asker_count++] =
        (struct asker){.ticket = event->changes.ticket,
                       .broker = event->changes.broker,
                       .incarnation = event->changes.incarnation,
                       .epoch = event->changes.epoch,
                       .sequence = event->changes.sequence,
                       .partial = event->changes.partial,
                       .after_token = event->changes.epoch == 0 ? controller->next_token : 0,
                       .deadline_ms = event->changes.deadline_ms};
}

void askers_drop(struct controller *controller, uint64_t ticket)
{
    for (size_t i = 0; i < controller->asker_count; i++)
        if (controller->askers[i].ticket == ticket) {
            asker_remove(controller, i);
            return;
        }
}

void askers_refuse(struct controller *controller, int error)
{
    while (controller->asker_count > 0) {
        answer_asker(controller, controller->askers[0].ticket, error, 0);
        asker_remove(controller, 0);
    }
}

static void answer_news(struct controller *controller, const struct asker *asker, bool full)
{
    struct controller_effect *effect =
        answer_asker(controller, asker->ticket, 0, full ? 0 : asker->sequence);

    effect->changes.full = full;
    effect->changes.whole = full || asker->partial;
}

/* Does some stored epoch of this broker belong to a former life of it? */
static bool leads_in_former_life(const struct controller *controller, int32_t broker,
                                 uint64_t life)
{
    LIST_EACH(&controller->cluster.topics, node)
    {
        const struct topic *topic = LIST_OWNER(node, struct topic, order);
        for (int32_t i = 0; i < topic->partition_count && topic->phase == TOPIC_ONLINE; i++)
            if (topic->partitions[i].stored.leader == broker &&
                topic->partitions[i].leader_life != life)
                return true;
    }
    return false;
}

/* Who asks from nothing may have been away, and takes what it hears for all that happened until
 * then: also for what is stored, while its verdict is on its way (C22). */
static bool waits_for_verdicts(const struct controller *controller, const struct asker *asker)
{
#ifdef MUTANT_TOLD_TOO_EARLY
    return false;
#endif
    return stores_open_before(controller, asker->after_token);
}

/* A broker that restarted must not go on in an epoch of its former life, whose records it may have
 * lost: it hears nothing before those have ended (C6). Who is no broker may hear everything. */
bool asker_is_held(const struct controller *controller, const struct asker *asker)
{
    const struct cluster *cluster = &controller->cluster;
    struct broker_life *life = cluster_find_life(cluster, asker->broker);

    if (asker->broker >= 0 && waits_for_verdicts(controller, asker))
        return true;
#ifdef MUTANT_FORMER_LIFE_TOLD
    return false;
#endif
    if (asker->broker < 0)
        return false;
    if (life == NULL ||
        !uuid_equal(&cluster->brokers[life - cluster->lives].incarnation, &asker->incarnation))
        return true;
    if (!life->settled)
        life->settled = !leads_in_former_life(controller, asker->broker, life->number);
    return !life->settled;
}

void announcements_flush(struct controller *controller)
{
    if (controller->phase != PHASE_LEADING)
        return;
    if (!controller->announcing && controller->repair_count == 0)
        controller->announcing = true;

    for (size_t i = controller->asker_count; i-- > 0;) {
        const struct asker *asker = &controller->askers[i];
        bool full = !knows_our_past(controller, asker->epoch, asker->sequence);

        bool news = controller->announcing && (full || asker->sequence < controller->sequence);

        if (news && !asker_is_held(controller, asker))
            answer_news(controller, asker, full);
        else if (controller->now_ms >= asker->deadline_ms)
            answer_asker(controller, asker->ticket, news ? K_REQUEST_TIMED_OUT : 0,
                         controller->sequence);
        else
            continue;
        asker_remove(controller, i);
    }
}

int64_t askers_deadline_ms(const struct controller *controller)
{
    int64_t earliest = INT64_MAX;

    for (size_t i = 0; i < controller->asker_count; i++)
        if (controller->askers[i].deadline_ms < earliest)
            earliest = controller->askers[i].deadline_ms;
    return earliest;
}

/* --- the picture ------------------------------------------------------------------------------ */

struct controller_announcement controller_announced(const struct controller *controller)
{
    if (!controller->announcing)
        return (struct controller_announcement){0};
    return (struct controller_announcement){.epoch = controller->epoch,
                                            .sequence = controller->sequence};
}

/* What is newer than `sequence`. */
static void visit_topic(const struct topic *topic, uint64_t sequence,
                        const struct controller_visitor *visitor)
{
    visitor->topic(visitor->context, topic->name, &topic->id, topic->partition_count,
                   topic->settings.configs.items, topic->settings.configs.count,
                   topic->settings.sequence > sequence);
    for (int32_t i = 0; i < topic->partition_count; i++) {
        const struct partition *partition = &topic->partitions[i];
        if (partition->sequence <= sequence && partition->lost_sequence <= sequence)
            continue;
        visitor->partition(visitor->context, i, &partition->stored);
        struct replica_set lost = reports_set(partition);
        if (lost.count > 0 && visitor->lost != NULL)
            visitor->lost(visitor->context, &lost);
    }
}

/* Deletions with a sequence in (after, until), the oldest first; `at` walks the ring. */
static size_t visit_deletions(const struct controller *controller, size_t at, uint64_t after,
                              uint64_t until, const struct controller_visitor *visitor)
{
    for (; at < controller->deletion_count; at++) {
        const struct deletion *deletion =
            &controller->deletions[(controller->deletion_first + at) % DELETIONS_KEPT_MAX];
        if (deletion->sequence >= until)
            break;
        if (deletion->sequence > after)
            visitor->deleted(visitor->context, &deletion->id);
    }
    return at;
}

uint64_t controller_changes(const struct controller *controller, uint64_t sequence, bool whole,
                            const struct controller_visitor *visitor)
{
    if (!controller->announcing)
        return 0;
    if (controller->cluster.brokers_sequence > sequence)
        visitor->brokers(visitor->context, controller->cluster.brokers,
                         controller->cluster.broker_count);

    LIST_EACH(&controller->cluster.settings, node)
    {
        const struct broker_settings *broker = LIST_OWNER(node, struct broker_settings, order);
        if (broker->settings.sequence > sequence)
            visitor->settings(visitor->context, broker->name, broker->settings.configs.items,
                              broker->settings.configs.count);
    }

    const struct list *head = &controller->cluster.topics;
    const struct list *first = head;
    while (first->prev != head && LIST_OWNER(first->prev, struct topic, order)->sequence > sequence)
        first = first->prev;

    size_t deletion = 0;
    for (const struct list *node = first; node != head; node = node->next) {
        const struct topic *topic = LIST_OWNER(node, struct topic, order);

        if (node != first && visitor->enough != NULL && visitor->enough(visitor->context)) {
            uint64_t visited = LIST_OWNER(node->prev, struct topic, order)->sequence;
            assert(visited < topic->sequence); /* C10: or the rest could not be asked for */
            return visited;
        }
        deletion = visit_deletions(controller, deletion, sequence, topic->sequence, visitor);
        visit_topic(topic, whole ? 0 : sequence, visitor);
    }
    visit_deletions(controller, deletion, sequence, UINT64_MAX, visitor);
    return controller->sequence;
}
