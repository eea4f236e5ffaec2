#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/config.h"
#include "client/describe.h"
#include "client/error.h"
#include "client/producer.h"
#include "common/error.h"
#include "common/rand.h"
#include "net/loop.h"

/* --- life ------------------------------------------------------------------------------------- */

static void destroy(struct klient_producer *producer)
{
    pool_free(producer);
    report_queue_free(producer);
    producer_topics_free(producer);
    if (producer->sender != NULL)
        sender_free(producer->sender);
    outgoing_close(&producer->outgoing);
    klient_config_free(producer->config);
    free(producer);
}

struct start {
    struct klient_producer *producer;
    int code;
};

static void start(void *context)
{
    struct start *request = context;

    request->code = sender_start(request->producer->sender);
}

klient_producer_t *klient_producer_open(klient_t *klient, const klient_config_t *config,
                                        klient_error_t **error)
{
    int refused = klient == NULL ? K_INVALID_ARGUMENT : handle_check(klient);

    if (refused != 0) {
        fail(error, refused, NULL);
        return NULL;
    }
    if (config != NULL && (config_check(config, error) != 0 ||
                           config_suits(config, USE_PRODUCER, error) != 0))
        return NULL;
    struct klient_producer *producer = calloc(1, sizeof *producer);
    if (producer == NULL)
        goto nomem;
    producer->klient = klient;
    gate_init(&producer->progress);
    spin_init(&producer->pool_spin);
    report_queue_init(producer);
    struct rand rand;
    rand_seed_from_system(&rand);
    atomic_init(&producer->chance, rand_u64(&rand));
    producer->config = klient_config_copy(config == NULL ? klient->config : config);
    if (producer->config == NULL || sender_new(producer, &producer->sender) != 0)
        goto undo;
    if (outgoing_open(&producer->outgoing, producer->config, error) != 0) {
        destroy(producer);
        return NULL;
    }
    config_say_idempotence(producer->config);
    if (background_start(producer) != 0)
        goto undo;
    struct start request = { .producer = producer };
    task_call(klient, start, &request);
    if (request.code != 0)
        goto undo_background;
    handle_ref(klient);
    return producer;

undo_background:
    background_stop(producer);
undo:
    destroy(producer);
nomem:
    fail(error, K_NOMEM, NULL);
    return NULL;
}

klient_producer_t *klient_producer_new(const klient_config_t *config, klient_error_t **error)
{
    klient_t *klient = klient_new(config, error);
    if (klient == NULL)
        return NULL;
    klient_producer_t *producer = klient_producer_open(klient, config, error);
    klient_free(klient);
    return producer;
}

/* Tell what is to be reported, unless a thread does it. */
static int64_t serve(struct klient_producer *producer)
{
    return producer->background.runs ? 0 : report_serve(producer);
}

static void stop(void *context)
{
    struct klient_producer *producer = context;

    sender_stop(producer->sender);
}

/* Does this thread run reports, or is it the handle's? */
static bool must_not_wait(struct klient_producer *producer)
{
    return report_is_reporter(producer) || handle_check(producer->klient) != 0;
}

static int check_waiting(struct klient_producer *producer)
{
    if (handle_forked(producer->klient))
        return K_FORKED;
    return must_not_wait(producer) || visits_has(&producer->visits) ? K_IN_CALLBACK : 0;
}

klient_code_t klient_producer_close(klient_producer_t *producer, int64_t timeout_ms,
                                    klient_error_t **error)
{
    if (producer == NULL)
        return KLIENT_OK;
    /* In a child nothing may be touched that the parent's thread could have held at the fork. */
    if (handle_forked(producer->klient)) {
        handle_unref(producer->klient);
        return fail(error, K_FORKED, NULL);
    }
    int refused = check_waiting(producer);
    if (refused != 0)
        return fail(error, refused, NULL);
    atomic_store(&producer->closing, true);
    klient_code_t code = klient_producer_flush(producer, timeout_ms, error);
    task_call(producer->klient, stop, producer);
    serve(producer);
    background_stop(producer);
    struct klient *klient = producer->klient;
    destroy(producer);
    handle_unref(klient);
    return code;
}

/* --- sending ---------------------------------------------------------------------------------- */

void klient_record_init(klient_record_t *record)
{
    *record = (klient_record_t){ .size = sizeof *record,
                                 .partition = KLIENT_PARTITION_ANY,
                                 .leader_epoch = -1,
                                 .offset = -1,
                                 .timestamp = KLIENT_TIMESTAMP_NOW };
}

/* The coarse clock (a few milliseconds) costs a fifth of the exact one. */
static int64_t wall_ms_coarse(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Ask the loop to look the topic up. */
struct introduction {
    struct mail mail;
    struct klient_producer *producer;
    char name[];
};

static void introduce(struct mail *mail)
{
    struct introduction *introduction = LIST_OWNER(mail, struct introduction, mail);
    struct klient_producer *producer = introduction->producer;

    if (!atomic_load(&producer->closing)) {
        struct producer_topic *topic = producer_topic_add(producer, introduction->name);
        if (topic != NULL)
            producer_topic_update(producer, topic);
    }
    free(introduction);
}

static int ask_for_topic(struct klient_producer *producer, const char *name)
{
    size_t size = strlen(name) + 1;
    struct introduction *introduction = malloc(sizeof *introduction + size);

    if (introduction == NULL)
        return K_NOMEM;
    introduction->mail.deliver = introduce;
    introduction->producer = producer;
    memcpy(introduction->name, name, size);
    loop_post(producer->klient->loop, &introduction->mail);
    return 0;
}

/* What is known of the topic, waiting for it until `deadline_ms`. */
static int find_topic(struct klient_producer *producer, const char *name, int64_t deadline_ms,
                      struct producer_topic **out, struct partition_table **table)
{
    bool asked = false;

    for (;;) {
        unsigned ticket = gate_ticket(&producer->progress);
        struct producer_topic *topic = producer_topic_find(producer, name);
        *table = topic == NULL ? NULL : atomic_load_explicit(&topic->table, memory_order_acquire);
        *out = topic;
        if (*table != NULL)
            return 0;
        int refused = topic == NULL ? 0 : atomic_load(&topic->code);
        if (refused != 0 && (asked || deadline_ms == 0)) {
            if (deadline_ms == 0)
                ask_for_topic(producer, name);
            return refused;
        }
        bool lost = topic != NULL && (refused != 0 || atomic_load(&topic->forgotten));
        if (!asked || lost) {
            if (strlen(name) > 249)
                return K_INVALID_TOPIC_EXCEPTION;
            if (deadline_ms != 0 && must_not_wait(producer))
                return K_IN_CALLBACK;
            int code = topic == NULL || lost ? ask_for_topic(producer, name) : 0;
            if (code != 0)
                return code;
            asked = true;
        }
        if (deadline_ms == 0)
            return K_LEADER_NOT_AVAILABLE;
        if (!gate_wait(&producer->progress, ticket, deadline_ms))
            return K_REQUEST_TIMED_OUT;
    }
}

/* Wait until there may be room again; K_QUEUE_FULL when it takes too long. */
static int wait_for_room(struct klient_producer *producer, unsigned ticket, int64_t deadline_ms)
{
    if (must_not_wait(producer))
        return deadline_ms == 0 ? K_QUEUE_FULL : K_IN_CALLBACK;
    if (deadline_ms == 0 || !gate_wait(&producer->progress, ticket, deadline_ms))
        return K_QUEUE_FULL;
    return 0;
}

/* 0 and an upper bound of the record's size, or why it can not be sent. */
static int check_record(const struct klient_producer *producer, const klient_record_t *record,
                        size_t *size)
{
    size_t limit = (size_t)producer->config->values.request_bytes_max;

    if (record == NULL || record->size < sizeof *record || record->topic == NULL ||
        (record->header_count > 0 && record->headers == NULL) ||
        record->partition < KLIENT_PARTITION_ANY)
        return K_INVALID_ARGUMENT;
    if (record->key_size > limit || record->value_size > limit ||
        record->header_count > limit)
        return K_MESSAGE_TOO_LARGE;
    /* Seven fields of lengths and deltas, ten bytes at most each. */
    size_t total = 70 + record->key_size + record->value_size;
    for (size_t i = 0; i < record->header_count; i++) {
        const klient_header_t *header = &record->headers[i];
        if (header->key == NULL || header->key_size > limit || header->value_size > limit)
            return header->key == NULL ? K_INVALID_ARGUMENT : K_MESSAGE_TOO_LARGE;
        total += 10 + header->key_size + header->value_size;
        if (total > limit)
            return K_MESSAGE_TOO_LARGE;
    }
    *size = total;
    return total + BATCH_HEADER_SIZE > limit ? K_MESSAGE_TOO_LARGE : 0;
}

/* Into the accumulator of `partition`; waits for room unless deadline_ms is 0. A deadline of -1 is
 * not known yet: the clock is read only when there is something to wait for. */
static int add_record(struct klient_producer *producer, struct accumulator *accumulator,
                      const klient_record_t *record, size_t size, int64_t deadline_ms, bool *moved)
{
    int64_t timestamp = record->timestamp >= 0 ? record->timestamp : wall_ms_coarse();
    bool keyless = record->partition < 0 &&
                   (record->key == NULL || accumulator->topic->values->partitioner_ignores_keys);
    int code = accumulator_add(accumulator, record, timestamp, size, keyless, moved);

    if (code == K_QUEUE_FULL)
        report_look(producer);
    if (code != K_QUEUE_FULL || deadline_ms == 0)
        return code;
    if (deadline_ms < 0)
        deadline_ms = deadline_after(producer->config->values.block_ms_max);
    atomic_fetch_add(&producer->starving, 1);
    for (;;) {
        unsigned ticket = gate_ticket(&producer->progress);
        code = accumulator_add(accumulator, record, timestamp, size, keyless, moved);
        if (code != K_QUEUE_FULL)
            break;
        code = wait_for_room(producer, ticket, deadline_ms);
        if (code != 0)
            break;
    }
    atomic_fetch_sub(&producer->starving, 1);
    return code;
}

static int send(struct klient_producer *producer, const klient_record_t *record, bool wait)
{
    struct producer_topic *topic;
    struct partition_table *table = NULL;
    int64_t deadline_ms = wait ? -1 : 0;
    bool moved = false;
    size_t size;

    if (handle_forked(producer->klient))
        return K_FORKED;
    if (atomic_load_explicit(&producer->closing, memory_order_relaxed))
        return K_CLOSED;
    int code = check_record(producer, record, &size);
    if (code != 0)
        return code;
    topic = producer_topic_find(producer, record->topic);
    if (topic != NULL)
        table = atomic_load_explicit(&topic->table, memory_order_acquire);
    if (table == NULL) {
        if (wait)
            deadline_ms = deadline_after(producer->config->values.block_ms_max);
        code = find_topic(producer, record->topic, deadline_ms, &topic, &table);
        if (code != 0)
            return code;
    }
    int32_t partition = record->partition >= 0
                            ? record->partition
                            : producer_topic_choose(producer, topic, table, record);
    if (partition < 0 || partition >= table->count)
        return partition < 0 ? K_PARTITIONER_FAILED : K_UNKNOWN_TOPIC_OR_PARTITION;
    code = add_record(producer, table->accumulators[partition], record, size, deadline_ms, &moved);
    if (code != 0)
        producer_topic_give_back(topic, record);
    else if (moved)
        producer_topic_move(producer, topic, table, partition);
    return code;
}

static klient_code_t explain(struct klient_producer *producer, const klient_record_t *record,
                             int code, klient_error_t **error)
{
    if (error == NULL || code == 0)
        return (klient_code_t)code;
    if (code == K_QUEUE_FULL) {
        if (report_crowds(producer))
            return fail(error, code, "buffer.memory is full of delivery reports that %s",
                        producer->config->background ? "wait for the function that takes them"
                                                     : "nobody reads: call klient_producer_poll()");
        return fail(error, code, "buffer.memory is full: records come faster than the brokers take "
                    "them");
    }
    if (code == K_MESSAGE_TOO_LARGE)
        return fail(error, code, "%s: the record is larger than max.request.size, which is %d: "
                    "make it smaller, or raise it (and the topic's max.message.bytes)",
                    record->topic, (int)producer->config->values.request_bytes_max);
    if (code == K_INVALID_ARGUMENT || code == K_FORKED || code == K_CLOSED)
        return fail(error, code, NULL);
    return fail(error, code, "%s: %s", record->topic, k_error_text(code));
}

/* The same for a record that is changed on its way. */
static klient_code_t send_packed(struct klient_producer *producer, const klient_record_t *record,
                                 bool wait, klient_error_t **error)
{
    struct parcel parcel;
    struct visit visit;
    klient_code_t told;

    if (handle_forked(producer->klient))
        return fail(error, K_FORKED, NULL);
    if (!visits_enter(&producer->visits, &visit))
        return fail(error, K_IN_CALLBACK, NULL);
    int code = outgoing_pack(&producer->outgoing, record, &parcel);
    if (code == 0)
        code = send(producer, &parcel.record, wait);
    if (code != 0)
        outgoing_refused(&producer->outgoing, &parcel, code);
    visits_leave(&producer->visits, &visit);
    told = code == K_SERIALIZER_FAILED ? parcel_explain(&parcel, error)
                                       : explain(producer, &parcel.record, code, error);
    parcel_fini(&parcel);
    return told;
}

klient_code_t klient_producer_send(klient_producer_t *producer, const klient_record_t *record,
                                   klient_error_t **error)
{
    if (!producer->outgoing.idle)
        return send_packed(producer, record, true, error);
    return explain(producer, record, send(producer, record, true), error);
}

klient_code_t klient_producer_try_send(klient_producer_t *producer, const klient_record_t *record,
                                       klient_error_t **error)
{
    if (!producer->outgoing.idle)
        return send_packed(producer, record, false, error);
    return explain(producer, record, send(producer, record, false), error);
}

/* --- waiting ---------------------------------------------------------------------------------- */

klient_code_t klient_producer_poll(klient_producer_t *producer, int64_t timeout_ms, size_t *served,
                                   klient_error_t **error)
{
    int code = check_waiting(producer);
    if (code == 0 && producer->config->background)
        return fail(error, K_WRONG_STATE, "reports come by a thread of the producer's own: see "
                    "klient_config_set_background()");
    if (code != 0)
        return fail(error, code, NULL);

    int64_t deadline_ms = deadline_after(timeout_ms), count;
    for (;;) {
        unsigned ticket = gate_ticket(&producer->progress);
        count = report_serve(producer);
        if (count > 0 || !gate_wait(&producer->progress, ticket, deadline_ms))
            break;
    }
    if (served != NULL)
        *served = count > 0 ? (size_t)count : 0;
    return KLIENT_OK;
}

static void flush_dispose(struct task *task)
{
    free(task);
}

static struct flush *flush_new(struct klient_producer *producer)
{
    struct flush *flush = calloc(1, sizeof *flush);

    if (flush == NULL)
        return NULL;
    flush->producer = producer;
    list_init(&flush->node);
    task_init(&flush->task, sender_flush, flush_dispose);
    return flush;
}

klient_code_t klient_producer_flush(klient_producer_t *producer, int64_t timeout_ms,
                                    klient_error_t **error)
{
    int code = check_waiting(producer);
    if (code != 0)
        return fail(error, code, NULL);

    int64_t deadline_ms = deadline_after(timeout_ms);
    struct flush *flush = flush_new(producer);
    if (flush == NULL)
        return fail(error, K_NOMEM, NULL);
    task_start(&flush->task, producer->klient);
    bool done;
    for (;;) {
        unsigned ticket = gate_ticket(&producer->progress);
        done = atomic_load(&flush->task.done);
        serve(producer);
        if (done || !gate_wait(&producer->progress, ticket, deadline_ms))
            break;
    }
    done = done || atomic_load(&flush->task.done);
    task_unref(&flush->task);
    if (!done)
        return fail(error, K_REQUEST_TIMED_OUT, "not everything was acknowledged within %lld ms",
                    (long long)timeout_ms);
    serve(producer);
    if (!background_wait(producer, deadline_ms))
        return fail(error, K_REQUEST_TIMED_OUT, "not everything was reported within %lld ms",
                    (long long)timeout_ms);
    code = atomic_exchange(&producer->first_failure, 0);
    return code == 0 ? KLIENT_OK : fail(error, code, NULL);
}

/* May this thread make a call that does not wait? Report callbacks may. */
static int check_posting(struct klient_producer *producer)
{
    int code = handle_check(producer->klient);

    if (code == 0 && visits_has(&producer->visits))
        code = K_IN_CALLBACK;
    return code == 0 && atomic_load(&producer->closing) ? K_CLOSED : code;
}

klient_code_t klient_producer_flush_async(klient_producer_t *producer, int64_t timeout_ms,
                                          klient_queue_t *queue, void *opaque,
                                          klient_error_t **error)
{
    struct call call;
    int code = check_posting(producer);
    struct flush *flush = code != 0 ? NULL : flush_new(producer);

    if (flush == NULL)
        return fail(error, code != 0 ? code : K_NOMEM, NULL);
    call_init(&call, &flush->task, producer->klient, deadline_after(timeout_ms), NULL);
    call.limited = true;
    return call_post(&call, queue, opaque, error);
}

klient_code_t klient_producer_statistics(klient_producer_t *producer, char **json,
                                         klient_error_t **error)
{
    return statistics_ask(producer->klient, json, error);
}

struct purge {
    struct sender *sender;
    int flags;
};

static void purge(void *context)
{
    const struct purge *request = context;

    sender_purge(request->sender, request->flags);
}

klient_code_t klient_producer_purge(klient_producer_t *producer, int flags,
                                    klient_error_t **error)
{
    struct purge request = { producer->sender, flags };
    int code = check_posting(producer);

    if (code == 0 && (flags == 0 || (flags & ~(KLIENT_PURGE_QUEUED | KLIENT_PURGE_IN_FLIGHT)) != 0))
        return fail(error, K_INVALID_ARGUMENT,
                    "flags: KLIENT_PURGE_QUEUED, KLIENT_PURGE_IN_FLIGHT, or both");
    if (code != 0)
        return fail(error, code, NULL);
    task_call(producer->klient, purge, &request);
    return KLIENT_OK;
}

klient_code_t klient_producer_partitions_for(klient_producer_t *producer, const char *topic,
                                             int64_t timeout_ms, klient_metadata_t **out,
                                             klient_error_t **error)
{
    struct call call;
    int refused = check_waiting(producer);

    if (refused != 0 || out == NULL)
        return fail(error, refused != 0 ? refused : K_INVALID_ARGUMENT, NULL);
    klient_code_t code = describe_topic(producer->klient, topic, timeout_ms, &call, error);
    return code != KLIENT_OK ? code : describe_wait(&call, out, error);
}

klient_code_t klient_producer_partitions_for_async(klient_producer_t *producer, const char *topic,
                                                   int64_t timeout_ms, klient_queue_t *queue,
                                                   void *opaque, klient_error_t **error)
{
    struct call call;
    int refused = check_posting(producer);

    if (refused != 0)
        return fail(error, refused, NULL);
    klient_code_t code = describe_topic(producer->klient, topic, timeout_ms, &call, error);
    return code != KLIENT_OK ? code : call_post(&call, queue, opaque, error);
}
