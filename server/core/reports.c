/* What brokers say of their copies: that they can not use one, since a disk failed or the log can
 * not be opened; and, while nobody leads, where one ends. What a broker says counts for its
 * incarnation: nobody else can take it back, and its next one begins with a clean sheet. It stands
 * also while the broker is not registered, since whoever comes back in the same incarnation does
 * not say it again. Nothing is stored of it: the next controller is told. An end counts in the
 * epoch without a leader in which it was told: in a later one the log may have grown, or been cut.
 *
 * C20: a report that comes behind a later one of the same process changes nothing. So the last one
 * is kept even when it says that all is well. */
#include <stdlib.h>

#include "server/core/controller_private.h"
#include "server/core/election.h"

static struct report *find(const struct partition *partition, int32_t broker)
{
    struct report *report = partition->reports;

    while (report != NULL && report->from.id != broker)
        report = report->next;
    return report;
}

bool reports_lost(const struct partition *partition, int32_t broker)
{
    const struct report *report = find(partition, broker);

#ifdef MUTANT_LOST_COPY_LEADS
    return false;
#endif
    return report != NULL && report->lost;
}

bool reports_end(const struct partition *partition, int32_t broker, struct log_end *end)
{
    const struct report *report = find(partition, broker);
    const struct partition_state *stored = &partition->stored;

    if (report == NULL || report->lost || report->told_epoch < 0 || stored->leader != -1)
        return false;
    *end = report->end;
#ifdef MUTANT_END_OUTLIVED
    return true;
#endif
    return report->told_epoch == stored->leader_epoch;
}

struct replica_set reports_set(const struct partition *partition)
{
    struct replica_set lost = {.count = 0};

    for (const struct report *report = partition->reports; report != NULL; report = report->next)
        if (report->lost)
            replica_set_add(&lost, report->from.id);
    return lost;
}

static void announce(struct controller *controller, struct partition *partition)
{
    partition->lost_sequence = announce_next(controller);
    cluster_topic_changed(&controller->cluster, partition->topic, partition->lost_sequence);
}

/* The report of that broker; made when there is none. NULL when out of memory. */
static struct report *find_or_make(struct partition *partition, int32_t broker)
{
    struct report *known = find(partition, broker);
    struct report *made = known != NULL ? NULL : calloc(1, sizeof *made);

    if (known != NULL || made == NULL)
        return known;
    made->from.id = broker;
    made->told_epoch = -1;
    made->next = partition->reports;
    partition->reports = made;
    return made;
}

/* 0 also when a later one is known: who says something anew waits for the answer to that. */
static int note(struct controller *controller, struct partition *partition,
                const struct controller_event *event)
{
    struct report *report = find_or_make(partition, event->report.broker);

    if (report == NULL)
        return K_NOMEM;
#ifndef MUTANT_REPORT_REPLAYED
    if (uuid_equal(&report->from.incarnation, &event->report.incarnation) &&
        event->report.round <= report->round)
        return 0;
#endif
    bool differs = report->lost != event->report.lost;
    report->from.incarnation = event->report.incarnation;
    report->round = event->report.round;
    report->lost = event->report.lost;
    report->told_epoch = event->report.told ? event->report.leader_epoch : -1;
    report->end = event->report.end;
    if (differs)
        announce(controller, partition);
    return 0;
}

void reports_take(struct controller *controller, const struct controller_event *event)
{
    const struct cluster *cluster = &controller->cluster;
    const struct controller_member who = {event->report.broker, event->report.incarnation};
    const struct topic *topic = cluster_topic_by_id(cluster, &event->report.topic);
    struct partition *partition = topic_partition(topic, event->report.partition);
    int error = topic == NULL                ? K_UNKNOWN_TOPIC_ID
              : partition == NULL            ? K_UNKNOWN_TOPIC_OR_PARTITION
              : !cluster_lives(cluster, &who) ? K_STALE_BROKER_EPOCH
                                             : 0;

    if (error == 0 && !replica_set_has(&partition->stored.replicas, who.id))
        error = K_NOT_LEADER_OR_FOLLOWER;
    if (error == 0)
        error = note(controller, partition, event);
    if (error == 0)
        partition_review(controller, partition);
    answer_now(controller, event->report.ticket, error, "%s",
               error == 0 ? "" : k_error_text(error));
}

static bool is_former(const struct cluster *cluster, const struct controller_member *from)
{
#ifdef MUTANT_REPORT_OUTLIVED
    return false;
#endif
    return cluster_life(cluster, from->id) != 0 && !cluster_lives(cluster, from);
}

void reports_expire(struct controller *controller, struct partition *partition)
{
    bool differs = false;

    for (struct report **place = &partition->reports, *report; (report = *place) != NULL;) {
        if (!is_former(&controller->cluster, &report->from)) {
            place = &report->next;
            continue;
        }
        differs = differs || report->lost;
        *place = report->next;
        free(report);
    }
    if (differs)
        announce(controller, partition);
}

void reports_prune(struct partition *partition)
{
    struct report **place = &partition->reports;

    while (*place != NULL) {
        struct report *report = *place;
        if (replica_set_has(&partition->stored.replicas, report->from.id)) {
            place = &report->next;
            continue;
        }
        *place = report->next;
        free(report);
    }
}

void reports_free(struct partition *partition)
{
    while (partition->reports != NULL) {
        struct report *report = partition->reports;
        partition->reports = report->next;
        free(report);
    }
}

int reports_copy(struct partition *copy, const struct partition *partition)
{
    struct report **end = &copy->reports;

    copy->reports = NULL;
    for (const struct report *report = partition->reports; report != NULL; report = report->next) {
        struct report *made = malloc(sizeof *made);
        if (made == NULL)
            return K_NOMEM;
        *made = *report;
        made->next = NULL;
        *end = made;
        end = &made->next;
    }
    return 0;
}
