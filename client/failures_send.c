/* failures_send.c - retries and dead letters on their way to the cluster. */
#include <stdio.h>
#include <string.h>

#include "client/dead_letter.h"
#include "client/error.h"
#include "client/failures_private.h"
#include "client/producer.h"
#include "common/clock.h"
#include "common/log.h"

enum {
    PACE_MS = 5, PACE_MAX_MS = 500,     /* between attempts to hand records to the producer */
    REQUEST_MAX = 104857600,            /* the broker knows better what is too large */
    BUFFER_SIZE = 2 * REQUEST_MAX
};

static klient_failure_event_t event_of(const struct held *held, klient_failure_kind_t kind)
{
    return (klient_failure_event_t){ .size = sizeof(klient_failure_event_t),
                                     .kind = kind,
                                     .topic = held->chunk->partition->topic,
                                     .partition = held->chunk->partition->partition,
                                     .offset = batch_base_offset(held->chunk->bytes),
                                     .attempts = held->failure.attempts,
                                     .error = held->reason,
                                     .to_topic = held->forward == NULL ? "" : held->forward->name,
                                     .to_partition = -1,
                                     .to_offset = -1 };
}

void failures_tell_refused(struct failures *failures, const struct held *held)
{
    klient_failure_event_t event = event_of(held, KLIENT_FAILURE_UNWRITTEN);

    event.code = (klient_code_t)held->code;
    config_divert_log(failures->consumer->config);
    LOG_WARN("dead-letter-unwritten",
             "topic=%s partition=%d offset=%lld to=%s error=%s refusals=%d", event.topic,
             (int)event.partition, (long long)event.offset, event.to_topic,
             k_error_name(held->code), (int)held->failure.refusals);
    config_restore_log();
    failures_tell(failures, &event);
}

/* --- sending ---------------------------------------------------------------------------------- */

/* The topic that it goes to. 0, K_NOMEM or K_INVALID_TOPIC_EXCEPTION. */
static int forward_of(struct failures *failures, struct held *held)
{
    const char *source = held->chunk->partition->topic;
    char name[RETRY_TOPIC_SIZE];
    int code = retry_policy_name(failures->policy, held->failure.way, source,
                                 config_group(failures->consumer->config), name);

    if (code != 0)
        return code;
    LIST_EACH(&failures->forwards, node) {
        struct forward *forward = LIST_OWNER(node, struct forward, node);
        if (strcmp(forward->name, name) == 0) {
            held->forward = forward;
            return 0;
        }
    }
    struct forward *forward = forward_new(name, source);
    if (forward == NULL)
        return K_NOMEM;
    list_append(&failures->forwards, &forward->node);
    held->forward = forward;
    return 0;
}

static int write_down(struct failures *failures, struct held *held, struct arena *arena,
                      const klient_record_t *record, klient_record_t *out)
{
    bool dead = held->failure.way == RETRY_TO_DEAD_LETTERS;
    struct dead_letter_facts facts = {
        .group = config_group(failures->consumer->config),
        .error = held->reason,
        .attempts = held->failure.attempts,
        .lack = held->lack,
        .due_ms = dead ? -1 : clock_wall_ms(&clock_system) + held->failure.delay_ms,
    };

    held->left_out = dead_letter_left_out(record, held->lack);
    return dead && failures->policy->values.form == DEAD_LETTER_ENVELOPE
               ? dead_letter_envelope(arena, record, &facts, out)
               : dead_letter_write(arena, record, &facts, out);
}

/* A dead letter that is too large for its topic is written with less of the record: otherwise it
 * would hold up the group for as long as the topic is as it is. False: that is no way out. */
static bool shorten(struct held *held, int code)
{
    if (code != K_MESSAGE_TOO_LARGE || held->failure.way != RETRY_TO_DEAD_LETTERS ||
        held->lack == LETTER_LACKS_HEADERS)
        return false;
    held->lack++;
    return true;
}

/* A retry without its value would be another record: what is too large for one is a dead letter. */
static void refused(struct failures *failures, struct held *held, int code)
{
    bool fits = code != K_MESSAGE_TOO_LARGE || held->failure.way != RETRY_TO_RETRY_TOPIC;

#ifdef MUTANT_RETRY_NEVER_FITS
    fits = true;
#endif
    held->code = code;
    failures_step(failures, fits ? RETRY_REFUSED_BY_CLUSTER : RETRY_DOES_NOT_FIT, held);
}

/* Give it to the producer. 0, or why not. */
static int send(struct failures *failures, struct held *held)
{
    struct arena arena;
    klient_records_t *records = NULL;
    klient_record_t record, letter;

    config_divert_log(failures->consumer->config);
    bool ready = forward_is_ready(held->forward, failures->consumer->klient);
    config_restore_log();
    if (!ready)
        return held->forward->code == 0 || held->forward->code == K_TOPIC_ALREADY_EXISTS
                   ? K_LEADER_NOT_AVAILABLE
                   : held->forward->code;
    int code = failures_revive(failures, held, NULL, &records);
    if (code != 0)
        return code;
    arena_init(&arena, NULL, 0, SIZE_MAX);
    klient_record_init(&record);
    if (klient_records_next(records, &record) != 1)
        code = K_NOMEM;
    while (code == 0) {
        code = write_down(failures, held, &arena, &record, &letter);
        if (code != 0)
            break;
        letter.topic = held->forward->name;
        letter.partition = record.partition % held->forward->partitions;
        letter.opaque = held;
        code = klient_producer_try_send(failures->producer, &letter, NULL);
        if (!shorten(held, code))
            break;
        code = 0;
    }
    if (code == K_UNKNOWN_TOPIC_OR_PARTITION)
        forward_lost(held->forward);
    arena_fini(&arena);
    klient_records_free(records);
    return code;
}

static bool comes_by_itself(int code)
{
    return code == K_LEADER_NOT_AVAILABLE || code == K_QUEUE_FULL ||
           code == K_UNKNOWN_TOPIC_OR_PARTITION;
}

/* What waits for its topic does not hold up what
 * goes to another one. */
void failures_send_waiting(struct failures *failures)
{
    bool all = true;

    if (list_empty(&failures->unsent) || mono_ms() < failures->pace_at_ms)
        return;
    LIST_EACH_SAFE(&failures->unsent, node, after) {
        struct held *held = LIST_OWNER(node, struct held, node);
        int code = send(failures, held);
        if (comes_by_itself(code)) {
            all = false;
            if (code == K_QUEUE_FULL)
                break;
            continue;
        }
        list_remove(&held->node);
        if (code != 0)
            refused(failures, held, code);
    }
    failures->pace_ms = all                                  ? 0
                        : failures->pace_ms == 0             ? PACE_MS
                        : failures->pace_ms < PACE_MAX_MS / 2 ? 2 * failures->pace_ms
                                                              : PACE_MAX_MS;
    failures->pace_at_ms = mono_ms() + failures->pace_ms;
}

static void note_shortened(struct failures *failures, const klient_failure_event_t *event)
{
    failures->shortened++;
    config_divert_log(failures->consumer->config);
    LOG_WARN("dead-letter-shortened", "topic=%s partition=%d offset=%lld to=%s to-offset=%lld "
             "left-out=%lld count=%llu", event->topic, (int)event->partition,
             (long long)event->offset, event->to_topic, (long long)event->to_offset,
             (long long)event->left_out, (unsigned long long)failures->shortened);
    config_restore_log();
}

/* Inside klient_producer_poll(), _flush() or _close(). */
static void reported(void *context, const klient_report_t *report)
{
    struct failures *failures = context;
    struct held *held = report->opaque;

    if (held->gone) {
        held_free(held);
        return;
    }
    if (report->code != KLIENT_OK) {
        if (report->code == KLIENT_UNKNOWN_TOPIC_OR_PARTITION)
            forward_lost(held->forward);
        if (shorten(held, (int)report->code)) {
            list_append(&failures->unsent, &held->node);
            return;
        }
        refused(failures, held, (int)report->code);
        return;
    }
    if (held->failure.way == RETRY_TO_DEAD_LETTERS) {
        klient_failure_event_t event = event_of(held, KLIENT_FAILURE_DEAD);
        event.to_partition = report->partition;
        event.to_offset = report->offset;
        event.left_out = (int64_t)held->left_out;
        if (held->left_out > 0)
            note_shortened(failures, &event);
        failures_tell(failures, &event);
    }
    failures_step(failures, RETRY_STORED, held);
}

static void reports_wait(void *context)
{
    const struct failures *failures = context;

    consumer_notify(failures->consumer);
}

void failures_send(struct failures *failures, struct held *held)
{
    int code = forward_of(failures, held);

    if (code == 0) {
        list_append(&failures->unsent, &held->node);
        return;
    }
    refused(failures, held, code);
}

/* --- the producer ----------------------------------------------------------------------------- */

klient_producer_t *failures_open_producer(struct failures *failures, klient_error_t **error)
{
    const struct klient_config *of = failures->consumer->klient->config;
    const struct config_values *values = &of->values;
    klient_config_t *config = klient_config_new();
    char timeout[24], size[24], buffer[24];
    klient_producer_t *producer = NULL;

    snprintf(timeout, sizeof timeout, "%lld", (long long)values->request_timeout_ms);
    snprintf(size, sizeof size, "%d", REQUEST_MAX);
    snprintf(buffer, sizeof buffer, "%d", BUFFER_SIZE);
    const char *const pairs[][2] = {
        { "bootstrap.servers", values->bootstrap_servers },
        { "client.id", values->client_id },
        { "request.timeout.ms", timeout },
        { "delivery.timeout.ms", timeout },
        { "max.request.size", size },
        { "buffer.memory", buffer },
        /* No two fit into one: beside a record that is too large the others would be refused. */
        { "batch.size", "256" },
    };
    bool complete = config != NULL;
    for (size_t i = 0; complete && i < sizeof pairs / sizeof pairs[0]; i++)
        complete = klient_config_set(config, pairs[i][0], pairs[i][1], NULL) == KLIENT_OK;
    if (complete) {
        klient_config_set_log(config, of->log, of->log_context);
        klient_config_set_report(config, reported, failures);
        producer = klient_producer_open(failures->consumer->klient, config, error);
    } else {
        fail(error, K_NOMEM, NULL);
    }
    klient_config_free(config);
    if (producer != NULL) {
        producer->reported_context = failures;
        producer->reported = reports_wait;
        producer->makes_no_topics = true;       /* they get as many partitions as their sources */
    }
    return producer;
}
