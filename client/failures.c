#include "client/failures.h"

#include <stdlib.h>
#include <string.h>

#include "client/error.h"
#include "client/failures_private.h"
#include "client/producer.h"
#include "client/record_copy.h"
#include "common/log.h"

/* --- what is held ----------------------------------------------------------------------------- */

static struct place place_of(const struct assigned *assigned, int64_t offset)
{
    struct place place;

    memset(&place, 0, sizeof place);
    place.assigned = assigned;
    place.offset = offset;
    return place;
}

struct held *failures_find(const struct failures *failures, const struct assigned *assigned,
                         int64_t offset)
{
    struct place place = place_of(assigned, offset);

    return map_get(&failures->held, &place, sizeof place);
}

void held_free(struct held *held)
{
    list_remove(&held->node);
    if (held->handout != NULL)
        handout_unref(held->handout);
    if (held->chunk != NULL)
        chunk_unref(held->chunk);
    assigned_unref(held->assigned);
    free(held->reason);
    free(held);
}

/* It is no record of the partition's any more. */
static void strike(struct failures *failures, struct held *held)
{
    struct place place = place_of(held->assigned, held->offset);

    map_remove(&failures->held, &place, sizeof place);
}

/* Keep a copy, as one of `as`, of what was read at `offset` of `assigned`, and failed `attempts`
 * times. 0, K_NOMEM or K_MESSAGE_TOO_LARGE. */
int failures_hold(struct failures *failures, struct assigned *assigned, int64_t offset,
                struct assigned *as, const klient_record_t *record, int32_t attempts,
                struct held **out)
{
    struct place place = place_of(assigned, offset);
    struct held *held = calloc(1, sizeof *held);
    int code = K_NOMEM;

    if (held == NULL)
        return code;
    list_init(&held->node);
    atomic_fetch_add(&assigned->references, 1);
    held->assigned = assigned;
    held->offset = offset;
    held->reason = strdup("");
    if (assigned->lane == NULL)
        assigned->lane = calloc(1, sizeof *assigned->lane);
    if (held->reason == NULL || assigned->lane == NULL)
        goto undo;
    code = record_copy(failures->consumer->budget, as, record, record->headers,
                       record->header_count, &held->chunk);
    if (code == 0)
        code = map_put(&failures->held, &place, sizeof place, held, NULL);
    if (code != 0)
        goto undo;
    code = retry_admit(&failures->retry, assigned->lane, &held->failure, offset, attempts);
    if (code != 0) {
        strike(failures, held);
        goto undo;
    }
    *out = held;
    return 0;

undo:
    held_free(held);
    return code;
}

void failures_lane_free(struct retry_lane *lane)
{
    if (lane == NULL)
        return;
    retry_lane_fini(lane);
    free(lane);
}

/* --- telling ---------------------------------------------------------------------------------- */

void failures_tell(struct failures *failures, const klient_failure_event_t *event)
{
    struct klient_consumer *consumer = failures->consumer;
    bool inside = atomic_load(&consumer->in_callback);
    int64_t away_ms;

    if (failures->policy->event == NULL)
        return;
    if (!inside)
        consumer_enter_callback(consumer, &away_ms);
    failures->policy->event(failures->policy->context, event);
    if (!inside)
        consumer_leave_callback(consumer, away_ms);
}

static void tell_alert(struct failures *failures, enum retry_alert alert, int32_t count)
{
    static const struct { klient_failure_kind_t kind; const char *name; } alerts[] = {
        [RETRY_MANY_FAILURES] = { KLIENT_FAILURE_MANY, "failures-many" },
        [RETRY_MANY_LETTERS] = { KLIENT_FAILURE_MANY_DEAD, "dead-letters-many" },
    };
    int64_t window_ms = failures->policy->values.alert_window_ms;
    klient_failure_event_t event = { .size = sizeof event, .kind = alerts[alert].kind,
                                     .partition = -1, .offset = -1, .to_partition = -1,
                                     .to_offset = -1, .count = count, .window_ms = window_ms };

    config_divert_log(failures->consumer->config);
    LOG_WARN(alerts[alert].name, "group=%s count=%d window_ms=%lld",
             config_group(failures->consumer->config), (int)count, (long long)window_ms);
    config_restore_log();
    failures_tell(failures, &event);
}

/* --- effects ---------------------------------------------------------------------------------- */

static struct assigned *owner_of(struct failures *failures, const struct retry_lane *lane)
{
    struct klient_consumer *consumer = failures->consumer;

    for (size_t i = 0; i < consumer->assigned_count; i++)
        if (consumer->assigned[i]->lane == lane)
            return consumer->assigned[i];
    return NULL;
}

static void set_bound(struct failures *failures, const struct retry_effect *effect)
{
    struct assigned *assigned = owner_of(failures, effect->lane);
    int64_t bound = effect->offset == RETRY_NO_BOUND ? INT64_MAX : effect->offset;

    if (assigned == NULL)
        return;
    spin_lock(&failures->consumer->spin);
    progress_set_bound(&assigned->progress, bound);
    spin_unlock(&failures->consumer->spin);
}

static void hold_back(struct failures *failures, const struct retry_effect *effect)
{
    struct assigned *assigned = owner_of(failures, effect->lane);

    if (assigned == NULL)
        return;
    assigned->held_back = true;
    if (failures->retry.rules.mode == RETRY_IN_ORDER)
        /* Out of memory the order is lost, not a record. */
        (void)consumer_step_back(failures->consumer, assigned, effect->offset + 1);
}

static void settle(struct failures *failures, struct held *held)
{
    strike(failures, held);
    held_free(held);
}

static void carry_out_of_lane(struct failures *failures, const struct retry_effect *effect)
{
    struct assigned *assigned;

    switch (effect->type) {
    case RETRY_DO_BOUND: set_bound(failures, effect); break;
    case RETRY_DO_HOLD: hold_back(failures, effect); break;
    case RETRY_DO_RELEASE:
        assigned = owner_of(failures, effect->lane);
        if (assigned != NULL)
            assigned->held_back = false;
        break;
    default: break;
    }
}

static void carry_out_rest(struct failures *failures, const struct retry_effect *effect)
{
    struct held *held = (struct held *)effect->failure;

    switch (effect->type) {
    case RETRY_DO_RETURN: list_append(&failures->due, &held->node); break;
    case RETRY_DO_SEND: failures_send(failures, held); break;
    case RETRY_DO_SETTLE: settle(failures, held); break;
    case RETRY_DO_TELL_REFUSED: failures_tell_refused(failures, held); break;
    case RETRY_DO_ALERT: tell_alert(failures, effect->alert, effect->count); break;
    default: break;
    }
}

/* What may step the core itself, or let the application do that, comes last, and from a copy: the
 * effects are the core's until its next step. */
static void carry_out(struct failures *failures, struct retry_effects effects)
{
    struct retry_effect copies[RETRY_EFFECTS_MAX];

    memcpy(copies, effects.items, effects.count * sizeof *copies);
    for (size_t i = 0; i < effects.count; i++)
        carry_out_of_lane(failures, &copies[i]);
    for (size_t i = 0; i < effects.count; i++)
        carry_out_rest(failures, &copies[i]);
}

void failures_tell_core(struct failures *failures, struct retry_event *event)
{
    event->now_ms = mono_ms();
    carry_out(failures, retry_step(&failures->retry, event));
}

void failures_step(struct failures *failures, enum retry_event_type type, struct held *held)
{
    struct retry_event event = { .type = type, .failure = held == NULL ? NULL : &held->failure };

    failures_tell_core(failures, &event);
}

/* --- failing ---------------------------------------------------------------------------------- */

static bool is_assigned(const struct klient_consumer *consumer, const struct assigned *assigned)
{
    for (size_t i = 0; i < consumer->assigned_count; i++)
        if (consumer->assigned[i] == assigned)
            return true;
    return false;
}

/* The failure that the record is about to be: held already, or to be held from now on. *out NULL:
 * nothing is to be done about it. */
static int take_in(struct failures *failures, const klient_record_t *record,
                   const struct record_place *place, struct held **out)
{
    struct held *held = failures_find(failures, place->assigned, place->offset);

    *out = NULL;
    if (!is_assigned(failures->consumer, place->assigned) || (place->came_back && held == NULL))
        return K_NOT_ASSIGNED;
    if (place->is_void || (held != NULL && held->failure.state != RETRY_OUT))
        return 0;                   /* it is being dealt with */
    if (held != NULL) {
        if (held->handout == NULL)
            return 0;               /* it waits for poll to return it */
        held_give_back(held);
        *out = held;
        return 0;
    }
    return failures_hold(failures, place->assigned, place->offset, place->assigned, record, 0, out);
}

static int fail_record(struct failures *failures, const klient_record_t *record, bool for_good,
                       const char *reason)
{
    struct record_place place;
    struct held *held;
    char *copy;

    if (record == NULL || record->size < sizeof *record || !records_place(record, &place))
        return K_INVALID_ARGUMENT;
    if (failures->retry.rules.mode == RETRY_BY_TOPIC &&
        failures->consumer->mode != ASSIGNED_BY_GROUP)
        return K_WRONG_STATE;
    copy = strdup(reason == NULL ? "" : reason);
    int code = copy == NULL ? K_NOMEM : take_in(failures, record, &place, &held);
    if (code != 0 || held == NULL) {
        free(copy);
        return code;
    }
    free(held->reason);
    held->reason = copy;
    struct retry_event event = { .type = RETRY_FAILED,
                                 .failure = &held->failure,
                                 /* What somebody else put into a retry topic is no retry. */
                                 .for_good = for_good ||
                                             (place.assigned->retries && !place.came_back) };
    failures_tell_core(failures, &event);
    if (!failures->serving) {
        failures->serving = true;
        failures_send_waiting(failures);
        failures->serving = false;
    }
    failures_set_alarm(failures);
    return 0;
}

klient_code_t klient_consumer_fail(klient_consumer_t *consumer, const klient_record_t *record,
                                   klient_verdict_t verdict, const char *reason,
                                   klient_error_t **error)
{
    int code = consumer_enter_again(consumer);

    if (code != 0)
        return fail(error, code, NULL);
    if (consumer->failures == NULL)
        return consumer_leave(consumer, fail(error, K_WRONG_STATE, "the consumer has no retry "
                                             "policy: klient_config_set_retry_policy()"));
    if (verdict != KLIENT_FAIL_RETRY && verdict != KLIENT_FAIL_FOR_GOOD)
        return consumer_leave(consumer, fail(error, K_INVALID_ARGUMENT, NULL));
    code = fail_record(consumer->failures, record, verdict == KLIENT_FAIL_FOR_GOOD, reason);
    const char *text = code == K_WRONG_STATE ? "with mode=topic the consumer has to subscribe: "
                                               "nobody would read its retry topics"
                                             : k_error_text(code);
    return consumer_leave(consumer, code == 0 ? KLIENT_OK : fail(error, code, "%s", text));
}

/* --- giving up -------------------------------------------------------------------------------- */

/* Given to the producer, whose report is to come. */
static bool is_in_flight(const struct held *held)
{
    return held->failure.state == RETRY_SENDING && list_empty(&held->node);
}

static void forget(struct held *held)
{
    if (is_in_flight(held))
        held->gone = true;
    else
        held_free(held);
}

void failures_forget(struct failures *failures, struct assigned *assigned)
{
    size_t position = 0;
    void *value;

    while (map_next(&failures->held, &position, NULL, NULL, &value)) {
        struct held *held = value;
        if (held->assigned != assigned)
            continue;
        struct retry_event event = { .type = RETRY_GONE, .failure = &held->failure };
        bool in_flight = is_in_flight(held);
        failures_tell_core(failures, &event);
        strike(failures, held);
        held->gone = in_flight;
        if (!in_flight)
            held_free(held);
    }
    assigned->held_back = false;
}

static void forget_all(struct failures *failures)
{
    size_t position = 0;
    void *value;

    while (map_next(&failures->held, &position, NULL, NULL, &value))
        forget(value);
    map_fini(&failures->held);
    map_init(&failures->held);
}

/* --- life ------------------------------------------------------------------------------------- */

klient_code_t failures_new(struct klient_consumer *consumer, struct failures **out,
                           klient_error_t **error)
{
    struct klient_retry_policy *policy = consumer->config->retry_policy;
    int code = retry_policy_check(policy, config_group(consumer->config), error);

    if (code != 0)
        return (klient_code_t)code;
    struct failures *failures = calloc(1, sizeof *failures);
    if (failures == NULL)
        return fail(error, K_NOMEM, NULL);
    struct rand seed;
    rand_seed_from_system(&seed);
    struct retry_rules rules = retry_policy_rules(policy, rand_u64(&seed));
    failures->consumer = consumer;
    failures->policy = policy;
    map_init(&failures->held);
    list_init(&failures->due);
    list_init(&failures->out);
    list_init(&failures->unsent);
    list_init(&failures->forwards);
    failures_alarm_init(failures);
    if (retry_init(&failures->retry, &rules) != 0) {
        free(failures);
        return fail(error, K_NOMEM, NULL);
    }
    klient_error_t *why = NULL;
    failures->producer = failures_open_producer(failures, &why);
    if (failures->producer == NULL) {
        klient_code_t told = fail(error, klient_error_code(why), "%s", klient_error_text(why));
        klient_error_free(why);
        retry_fini(&failures->retry);
        free(failures);
        return told;
    }
    *out = failures;
    return KLIENT_OK;
}

void failures_abandon(struct failures *failures)
{
    (void)klient_producer_close(failures->producer, 0, NULL);
}

void failures_free(struct failures *failures)
{
    if (failures == NULL)
        return;
    forget_all(failures);
    (void)klient_producer_close(failures->producer, 0, NULL);
    for (struct list *node; (node = list_first(&failures->forwards)) != NULL;)
        forward_free(LIST_OWNER(node, struct forward, node));
    map_fini(&failures->held);
    retry_fini(&failures->retry);
    free(failures);
}
