/* consumer_group.c - the application's side of a group: subscribing, and what poll does for it. */
#include <stdlib.h>
#include <string.h>

#include "client/commits.h"
#include "client/config.h"
#include "client/consumer.h"
#include "client/error.h"
#include "client/group.h"
#include "client/subscription.h"
#include "client/task.h"
#include "common/error.h"

/* --- presence --------------------------------------------------------------------------------- */

void consumer_come(struct klient_consumer *consumer)
{
    if (consumer->group == NULL)
        return;
    atomic_store(&consumer->away_since_ms, MEMBERSHIP_INSIDE);
    if (atomic_load(&consumer->missed))
        group_polled(consumer->group);
}

void consumer_go(struct klient_consumer *consumer)
{
    if (consumer->group != NULL)
        atomic_store(&consumer->away_since_ms, mono_ms());
}

void consumer_enter_callback(struct klient_consumer *consumer, int64_t *away_ms)
{
    *away_ms = atomic_load(&consumer->away_since_ms);
    if (*away_ms == MEMBERSHIP_INSIDE)
        consumer_go(consumer);
    atomic_store(&consumer->in_callback, true);
}

void consumer_leave_callback(struct klient_consumer *consumer, int64_t away_ms)
{
    atomic_store(&consumer->in_callback, false);
    if (away_ms == MEMBERSHIP_INSIDE)
        consumer_come(consumer);
}

void consumer_intercept(struct klient_consumer *consumer, klient_records_t *records)
{
    int64_t away_ms;

    if (consumer->interceptors.count == 0)
        return;
    consumer_enter_callback(consumer, &away_ms);
    atomic_store(&consumer->intercepted, true);
    interceptors_consume(&consumer->interceptors, records);
    atomic_store(&consumer->intercepted, false);
    consumer_leave_callback(consumer, away_ms);
}

/* --- outcomes --------------------------------------------------------------------------------- */

static void tell_outcome(struct klient_consumer *consumer, struct commit *commit)
{
    const klient_offset_t **offsets =
        arena_calloc(&commit->arena, commit->count + 1, sizeof *offsets);
    int64_t away_ms;

    for (size_t i = 0; offsets != NULL && i < commit->count; i++)
        offsets[i] = &commit->rows[i].asked;
    size_t count = offsets == NULL ? 0 : commit->count;
    klient_code_t code = (klient_code_t)commit->task.code;
    consumer_enter_callback(consumer, &away_ms);
    atomic_store(&consumer->intercepted, true);
    interceptors_commit(&consumer->interceptors, code, offsets, count);
    atomic_store(&consumer->intercepted, false);
    if (commit->done != NULL)
        commit->done(commit->context, consumer, code, offsets, count);
    consumer_leave_callback(consumer, away_ms);
    list_remove(&commit->node);
    task_unref(&commit->task);
}

void consumer_tell_outcomes(struct klient_consumer *consumer)
{
    struct list outcomes;

    if (atomic_load(&consumer->in_callback))
        return;
    list_init(&outcomes);
    spin_lock(&consumer->spin);
    list_move(&outcomes, &consumer->outcomes);
    spin_unlock(&consumer->spin);
    for (struct list *node; (node = list_first(&outcomes)) != NULL;) {
        struct commit *commit = LIST_OWNER(node, struct commit, node);
        /* It is in the list a moment before it is done. */
        task_wait(&commit->task, INT64_MAX);
        tell_outcome(consumer, commit);
    }
}

/* --- offers ----------------------------------------------------------------------------------- */

static void tell(struct klient_consumer *consumer, klient_rebalance_fn fn,
                 const klient_topic_partition_t *partitions, size_t count)
{
    int64_t away_ms;

    if (fn == NULL)
        return;
    consumer_enter_callback(consumer, &away_ms);
    fn(consumer->listener.context, consumer, partitions, count);
    consumer_leave_callback(consumer, away_ms);
}

/* Those held that `stay` lacks (NULL: all). NULL when out of memory; to be freed. */
static klient_topic_partition_t *going(struct klient_consumer *consumer,
                                       const struct partitions *stay, size_t *count)
{
    klient_topic_partition_t *list = calloc(consumer->assigned_count + 1, sizeof *list);

    *count = 0;
    for (size_t i = 0; list != NULL && i < consumer->assigned_count; i++) {
        const struct assigned *assigned = consumer->assigned[i];
        if (stay == NULL || !partitions_has(stay, assigned->topic, assigned->partition))
            list[(*count)++] =
                (klient_topic_partition_t){ assigned->topic, assigned->partition };
    }
    return list;
}

static klient_topic_partition_t *coming(struct klient_consumer *consumer,
                                        const struct partitions *next, size_t *count)
{
    klient_topic_partition_t *list = calloc(next->count + 1, sizeof *list);

    *count = 0;
    for (size_t i = 0; list != NULL && i < next->count; i++)
        if (consumer_find(consumer, next->items[i].topic, next->items[i].partition) == NULL)
            list[(*count)++] = next->items[i];
    return list;
}

/* All that is held is somebody else's by now. */
static int lose(struct klient_consumer *consumer, uint64_t losses)
{
    const klient_listener_t *listener = &consumer->listener;
    size_t count;
    klient_topic_partition_t *lost = going(consumer, NULL, &count);

    if (lost == NULL)
        return K_NOMEM;
    if (count > 0)
        tell(consumer, listener->lost != NULL ? listener->lost : listener->revoked, lost, count);
    free(lost);
    int code = consumer_hold(consumer, NULL, 0, false);
    if (code == 0)
        consumer->losses = losses;
    return code;
}

static int give_up(struct klient_consumer *consumer, const struct partitions *stay)
{
    size_t count;
    klient_topic_partition_t *list = going(consumer, stay, &count);

    if (list == NULL)
        return K_NOMEM;
    if (count > 0)
        tell(consumer, consumer->listener.revoked, list, count);
    free(list);
    return 0;
}

static int take_up(struct klient_consumer *consumer, struct offer *offer)
{
    const struct partitions *next = &offer->partitions;
    klient_topic_partition_t *fresh;
    size_t count;
    int code = 0;

    if (offer->losses != consumer->losses)
        code = lose(consumer, offer->losses);
    if (code == 0)
        code = give_up(consumer, next);
    if (code != 0)
        return code;
    fresh = coming(consumer, next, &count);
    code = fresh == NULL ? K_NOMEM : consumer_hold(consumer, next->items, next->count, true);
    if (code == 0)
        code = group_reached(consumer->group, offer->number);
    if (code == 0) {
        offer_free(consumer->taken);
        consumer->taken = offer;
        if (offer->what == OFFER_ASSIGNMENT)
            tell(consumer, consumer->listener.assigned, fresh, count);
    }
    free(fresh);
    return code;
}

static struct offer *next_offer(struct klient_consumer *consumer)
{
    spin_lock(&consumer->spin);
    struct offer *offer = consumer->offered;
    consumer->offered = NULL;
    spin_unlock(&consumer->spin);
    return offer;
}

/* It could not be taken up: next time, if there is nothing newer then. */
static void put_back(struct klient_consumer *consumer, struct offer *offer)
{
    spin_lock(&consumer->spin);
    if (consumer->offered == NULL) {
        consumer->offered = offer;
        offer = NULL;
    }
    spin_unlock(&consumer->spin);
    offer_free(offer);
    atomic_store(&consumer->pending, true);
}

static int next_trouble(struct klient_consumer *consumer, struct refusal *refusal)
{
    spin_lock(&consumer->spin);
    int code = consumer->trouble;
    *refusal = consumer->refusal;
    consumer->trouble = 0;
    spin_unlock(&consumer->spin);
    return code;
}

static klient_code_t tell_trouble(int code, const struct refusal *refusal, klient_error_t **error)
{
    if (code != K_ASSIGNOR_FAILED)
        return code == 0 ? KLIENT_OK : fail(error, code, NULL);
    fail(error, code, "%s", refusal->reason.text);
    if (error != NULL)
        error_set_detail(*error, refusal->detail);
    return KLIENT_ASSIGNOR_FAILED;
}

klient_code_t consumer_serve(struct klient_consumer *consumer, klient_error_t **error)
{
    struct offer *offer;

    if (!atomic_exchange(&consumer->pending, false))
        return KLIENT_OK;
    consumer_tell_outcomes(consumer);
    while ((offer = next_offer(consumer)) != NULL) {
        int code = take_up(consumer, offer);
        if (code != 0) {
            put_back(consumer, offer);
            return fail(error, code, NULL);
        }
    }
    struct refusal refusal;
    int code = next_trouble(consumer, &refusal);
    if (k_error_fatal(code))
        consumer->refused = code;
    if (consumer->refused == 0)
        return tell_trouble(code, &refusal, error);
    atomic_store(&consumer->pending, true);     /* every poll says so */
    return fail(error, consumer->refused, NULL);
}

/* --- subscribing ------------------------------------------------------------------------------ */

void klient_listener_init(klient_listener_t *listener)
{
    *listener = (klient_listener_t){ .size = sizeof *listener };
}

/* Copied up to the size that the caller knows. */
static int copy_listener(const klient_listener_t *from, klient_listener_t *to)
{
    klient_listener_init(to);
    if (from == NULL)
        return 0;
    if (from->size < offsetof(klient_listener_t, context) + sizeof from->context ||
        from->size > sizeof *to)
        return K_INVALID_ARGUMENT;
    memcpy(to, from, from->size);
    to->size = sizeof *to;
    return 0;
}

static int check_may_subscribe(const struct klient_consumer *consumer, struct k_reason *reason)
{
    if (consumer->group == NULL)
        return k_reason_set(reason, K_INVALID_GROUP_ID, "group.id is not set");
    if (consumer->mode == ASSIGNED_BY_HAND)
        return k_reason_set(reason, K_WRONG_STATE, "partitions are assigned by hand: unassign "
                            "before it subscribes");
    return 0;
}

/* Takes over the subscription. */
static int subscribe(struct klient_consumer *consumer, struct subscription *subscription,
                     const klient_listener_t *listener)
{
    int code = group_subscribe(consumer->group, subscription);

    if (code != 0) {
        subscription_unref(subscription);
        return code;
    }
    subscription_unref(consumer->subscription);
    consumer->subscription = subscription;
    consumer->listener = *listener;
    consumer->mode = ASSIGNED_BY_GROUP;
    return 0;
}

static klient_code_t subscribe_to(struct klient_consumer *consumer, const char *const *topics,
                                  size_t count, const char *pattern,
                                  const klient_listener_t *listener, klient_error_t **error)
{
    struct subscription *subscription;
    struct k_reason reason = { "" };
    klient_listener_t copy;
    int code = consumer_enter(consumer);

    if (code != 0)
        return fail(error, code, NULL);
    consumer_go(consumer);          /* before the loop may look: it has max.poll.interval.ms now */
    code = check_may_subscribe(consumer, &reason);
    if (code == 0)
        code = copy_listener(listener, &copy);
    if (code == 0)
        code = pattern == NULL ? subscription_of_topics(topics, count, &subscription)
                               : subscription_of_pattern(pattern, &subscription, &reason);
    if (code == 0)
        code = subscribe(consumer, subscription, &copy);
    return consumer_leave(consumer, code == 0 ? KLIENT_OK
                                              : fail(error, code, "%s", reason.text[0] != '\0'
                                                                            ? reason.text
                                                                            : k_error_text(code)));
}

klient_code_t klient_consumer_subscribe(klient_consumer_t *consumer, const char *const *topics,
                                        size_t count, const klient_listener_t *listener,
                                        klient_error_t **error)
{
    return subscribe_to(consumer, topics, count, NULL, listener, error);
}

klient_code_t klient_consumer_subscribe_pattern(klient_consumer_t *consumer, const char *pattern,
                                                const klient_listener_t *listener,
                                                klient_error_t **error)
{
    if (pattern == NULL)
        return fail(error, K_INVALID_ARGUMENT, NULL);
    return subscribe_to(consumer, NULL, 0, pattern, listener, error);
}

size_t klient_consumer_subscription_count(klient_consumer_t *consumer)
{
    if (consumer_enter_again(consumer) != 0)
        return 0;
    size_t count = consumer->subscription == NULL ? 0 : consumer->subscription->count;
    consumer_leave(consumer, KLIENT_OK);
    return count;
}

const char *klient_consumer_subscription(klient_consumer_t *consumer, size_t index)
{
    if (consumer_enter_again(consumer) != 0)
        return NULL;
    const struct subscription *subscription = consumer->subscription;
    const char *topic = subscription != NULL && index < subscription->count
                            ? subscription->topics[index]
                            : NULL;
    consumer_leave(consumer, KLIENT_OK);
    return topic;
}

const char *klient_consumer_subscription_pattern(klient_consumer_t *consumer)
{
    if (consumer_enter_again(consumer) != 0)
        return NULL;
    const char *text = consumer->subscription == NULL ? NULL : consumer->subscription->text;
    consumer_leave(consumer, KLIENT_OK);
    return text;
}

klient_code_t klient_consumer_group_metadata(klient_consumer_t *consumer,
                                             klient_group_metadata_t *out, klient_error_t **error)
{
    int code = consumer_enter_again(consumer);

    if (code != 0)
        return fail(error, code, NULL);
    if (out == NULL || out->size < sizeof *out)
        return consumer_leave(consumer, fail(error, K_INVALID_ARGUMENT, NULL));
    const struct config_values *values = &consumer->config->values;
    const struct offer *taken = consumer->taken;
    bool member = taken != NULL && taken->what == OFFER_ASSIGNMENT;
    out->group = values->group_id == NULL ? "" : values->group_id;
    out->instance = values->group_instance_id == NULL ? "" : values->group_instance_id;
    out->member = member ? taken->member : "";
    out->generation = member ? taken->generation : -1;
    return consumer_leave(consumer, KLIENT_OK);
}

/* --- the end of it ---------------------------------------------------------------------------- */

/* Nothing is held any more and nobody is a member. Out of memory, the listener is not told. Until
 * `deadline_ms` it stays a member for as long as its last commits take: the group may be about to
 * begin another generation, and only a member can follow it there. */
static void end_subscription(struct klient_consumer *consumer, int64_t deadline_ms)
{
    struct offer *offer = next_offer(consumer);
    bool lost = offer != NULL && offer->losses != consumer->losses;

    offer_free(offer);
    if (consumer->mode != ASSIGNED_BY_GROUP || !lost || lose(consumer, 0) != 0) {
        if (consumer->mode == ASSIGNED_BY_GROUP)
            (void)give_up(consumer, NULL);
        (void)consumer_hold(consumer, NULL, 0, !lost);
    }
    if (consumer->group != NULL && deadline_ms > mono_ms())
        (void)group_settle(consumer->group, deadline_ms);
    if (consumer->group != NULL)
        consumer->losses = group_unsubscribe(consumer->group);
    subscription_unref(consumer->subscription);
    consumer->subscription = NULL;
    offer_free(consumer->taken);
    consumer->taken = NULL;
    klient_listener_init(&consumer->listener);
    consumer->refused = 0;
    consumer->mode = ASSIGNED_NOTHING;
}

klient_code_t klient_consumer_unsubscribe(klient_consumer_t *consumer, klient_error_t **error)
{
    int code = consumer_enter(consumer);

    if (code != 0)
        return fail(error, code, NULL);
    end_subscription(consumer, 0);
    atomic_store(&consumer->pending, false);    /* what there was to take up is void */
    consumer_tell_outcomes(consumer);
    consumer_refresh_descriptor(consumer);
    return consumer_leave(consumer, KLIENT_OK);
}

int consumer_end_group(struct klient_consumer *consumer, int64_t deadline_ms)
{
    if (consumer->group == NULL)
        return 0;
    end_subscription(consumer, deadline_ms);
    return group_settle(consumer->group, deadline_ms);
}

void consumer_group_init(struct klient_consumer *consumer)
{
    list_init(&consumer->outcomes);
    klient_listener_init(&consumer->listener);
    atomic_init(&consumer->away_since_ms, mono_ms());
}

void consumer_group_fini(struct klient_consumer *consumer)
{
    offer_free(consumer->offered);
    offer_free(consumer->taken);
    subscription_unref(consumer->subscription);
}
