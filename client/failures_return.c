/* failures_return.c - failed records on their way back to the application. */
#include <string.h>

#include "client/dead_letter.h"
#include "client/error.h"
#include "client/failures_private.h"
#include "client/handle.h"
#include "common/arena.h"
#include "common/clock.h"
#include "net/loop.h"

/* --- the alarm -------------------------------------------------------------------------------- */

static void fire(void *context)
{
    const struct failures *failures = context;

    consumer_notify(failures->consumer);
}

/* On the loop. */
static void alarm_moved(struct mail *mail)
{
    struct alarm *alarm = (struct alarm *)mail;

    atomic_store(&alarm->posted, false);
    int64_t at_ms = atomic_load(&alarm->at_ms), now_ms = mono_ms();
    if (alarm->timer == NULL)
        return;
    if (at_ms == INT64_MAX)
        timer_stop(alarm->timer);
    else
        timer_after(alarm->timer, at_ms > now_ms ? at_ms - now_ms : 0);
}

void failures_set_alarm(struct failures *failures)
{
    struct alarm *alarm = &failures->alarm;
    int64_t at_ms = retry_deadline_ms(&failures->retry);

    if (!list_empty(&failures->unsent) && failures->pace_at_ms < at_ms)
        at_ms = failures->pace_at_ms;
    if (failures->consumer->stopped || atomic_exchange(&alarm->at_ms, at_ms) == at_ms ||
        atomic_exchange(&alarm->posted, true))
        return;
    loop_post(failures->consumer->klient->loop, &alarm->mail);
}

void failures_alarm_init(struct failures *failures)
{
    failures->alarm.mail.deliver = alarm_moved;
    atomic_init(&failures->alarm.at_ms, INT64_MAX);
}

int failures_start(struct failures *failures)
{
    return timer_new(failures->consumer->klient->loop, fire, failures, &failures->alarm.timer);
}

void failures_stop(struct failures *failures)
{
    timer_free(failures->alarm.timer);
    failures->alarm.timer = NULL;
}

/* --- what happened meanwhile ------------------------------------------------------------------ */

int failures_revive(struct failures *failures, struct held *held, struct handout *handout,
                    klient_records_t **out)
{
    return records_of_one(failures->consumer->deserializers, held->chunk, held->assigned,
                          held->offset, held->failure.attempts, handout, out);
}

void held_give_back(struct held *held)
{
    list_remove(&held->node);
    handout_unref(held->handout);
    held->handout = NULL;
}

void failures_note_processed(struct failures *failures)
{
    LIST_EACH_SAFE(&failures->out, node, after) {
        struct held *held = LIST_OWNER(node, struct held, node);
        if (!handout_is_done(held->handout))
            continue;
        held_give_back(held);
        failures_step(failures, RETRY_PROCESSED, held);
    }
}

void failures_serve(struct failures *failures)
{
    if (failures->serving)
        return;
    failures->serving = true;
    (void)klient_producer_poll(failures->producer, 0, NULL, NULL);
    failures_note_processed(failures);
    while (retry_deadline_ms(&failures->retry) <= mono_ms())
        failures_step(failures, RETRY_TICK, NULL);
    failures_send_waiting(failures);
    failures_set_alarm(failures);
    failures->serving = false;
}

bool failures_have_due(const struct failures *failures)
{
    return !list_empty(&failures->due);
}

int failures_take(struct failures *failures, klient_records_t **out)
{
    struct held *held = LIST_OWNER(list_first(&failures->due), struct held, node);
    struct handout *handout = handout_new(held->offset, -1);
    int code = handout == NULL ? K_NOMEM : failures_revive(failures, held, handout, out);

    if (code != 0) {
        if (handout != NULL) {
            handout_done(handout);
            handout_unref(handout);
        }
        return code;
    }
    held->handout = handout;
    list_remove(&held->node);
    list_append(&failures->out, &held->node);
    return 0;
}

int failures_settle(struct failures *failures, int64_t deadline_ms)
{
    struct klient_consumer *consumer = failures->consumer;

    for (;;) {
        unsigned ticket = gate_ticket(&consumer->budget->gate);
        failures_serve(failures);
        if (failures->retry.sending == 0)
            return 0;
        if (atomic_exchange(&consumer->woken, false))
            return K_WOKEN_UP;
        if (!gate_wait(&consumer->budget->gate, ticket, deadline_ms))
            return K_REQUEST_TIMED_OUT;
    }
}

int failures_settle_early(struct failures *failures, int64_t deadline_ms)
{
    int64_t now_ms = mono_ms();

    return failures == NULL ? 0
                            : failures_settle(failures, now_ms + (deadline_ms - now_ms) / 2);
}

klient_code_t klient_consumer_settle(klient_consumer_t *consumer, int64_t timeout_ms,
                                     klient_error_t **error)
{
    int code = consumer_enter(consumer);

    if (code != 0)
        return fail(error, code, NULL);
    code = consumer->failures == NULL
               ? K_WRONG_STATE
               : failures_settle(consumer->failures, deadline_after(timeout_ms));
    return consumer_leave(consumer, code == 0 ? KLIENT_OK : fail(error, code, NULL));
}

/* --- what arrives from retry topics ----------------------------------------------------------- */

/* A record of a retry topic, as it first came. False: it is none. */
static bool read_retry(const klient_record_t *record, klient_failure_t *failure, int64_t *due_ms)
{
    *failure = (klient_failure_t){ .size = sizeof *failure };
    return klient_record_failure(record, failure) == KLIENT_OK &&
           dead_letter_due(record, due_ms) && failure->topic_size > 0 &&
           failure->topic_size <= TOPIC_NAME_MAX;
}

/* 0, or K_NOMEM: it has to be read once more. */
static int keep(struct failures *failures, const klient_record_t *record,
                struct assigned *assigned, const klient_failure_t *failure, int64_t due_ms)
{
    struct arena arena;
    size_t count;
    klient_record_t first = *record;
    struct assigned *as = NULL;
    struct held *held;
    int code = K_NOMEM;

    if (failures_find(failures, assigned, record->offset) != NULL)
        return 0;                   /* it is read anew, after a seek */
    arena_init(&arena, NULL, 0, SIZE_MAX);
    first.headers = dead_letter_strip(&arena, record, &count);
    first.header_count = first.headers == NULL ? 0 : count;
    first.offset = failure->offset;
    first.timestamp = failure->timestamp;
    first.timestamp_type = KLIENT_TIMESTAMP_CREATED;
    first.leader_epoch = -1;
    klient_topic_partition_t origin = {
        arena_printf(&arena, "%.*s", (int)failure->topic_size, failure->topic),
        failure->partition
    };
    if (first.headers != NULL && origin.topic != NULL)
        as = assigned_new(failures->consumer, &origin);
    if (as != NULL)
        code = failures_hold(failures, assigned, record->offset, as, &first, failure->attempts,
                             &held);
    if (as != NULL)
        assigned_unref(as);
    if (code == 0) {
        struct retry_event event = { .type = RETRY_ARRIVED,
                                     .failure = &held->failure,
                                     .delay_ms = due_ms - clock_wall_ms(&clock_system) };
        failures_tell_core(failures, &event);
    }
    arena_fini(&arena);
    return code;
}

void failures_sift(struct failures *failures, klient_records_t *records)
{
    klient_record_t record;
    klient_failure_t failure;
    struct record_place place;
    int64_t due_ms;

    if (failures->retry.rules.mode != RETRY_BY_TOPIC)
        return;
    klient_record_init(&record);
    records_open_to_drops(records, true);
    while (klient_records_next(records, &record) == 1) {
        if (!records_place(&record, &place) || place.came_back || !place.assigned->retries ||
            !read_retry(&record, &failure, &due_ms))
            continue;
        int code = keep(failures, &record, place.assigned, &failure, due_ms);
        if (code == 0)
            code = klient_records_drop(records);
        if (code != 0)
            /* Nothing from here on was read. */
            (void)consumer_step_back(failures->consumer, place.assigned, record.offset);
    }
    klient_records_rewind(records);
    records_open_to_drops(records, false);
    failures_set_alarm(failures);
}
