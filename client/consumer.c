#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "client/config.h"
#include "client/consumer.h"
#include "client/error.h"
#include "client/failures.h"
#include "client/standing.h"
#include "common/error.h"
#include "common/log.h"
#include "net/loop.h"

/* --- who is inside ---------------------------------------------------------------------------- */

/* A thread that is inside of a callback is inside already. */
static int come_in(struct klient_consumer *consumer, bool in_callback)
{
    uintptr_t self = (uintptr_t)pthread_self();

    if (consumer == NULL)
        return K_INVALID_ARGUMENT;
    int code = handle_check(consumer->klient);
    if (code != 0)
        return code;
    if (!atomic_exchange(&consumer->busy, true)) {
        atomic_store(&consumer->inside, self);
        return 0;
    }
    if (!atomic_load(&consumer->in_callback) || atomic_load(&consumer->inside) != self)
        return K_CONCURRENT;
#ifdef MUTANT_INTERCEPTED_CALL
    return in_callback ? 0 : K_IN_CALLBACK;
#endif
    return in_callback && !atomic_load(&consumer->intercepted) ? 0 : K_IN_CALLBACK;
}

int consumer_enter(struct klient_consumer *consumer)
{
    return come_in(consumer, false);
}

int consumer_enter_again(struct klient_consumer *consumer)
{
    return come_in(consumer, true);
}

klient_code_t consumer_leave(struct klient_consumer *consumer, klient_code_t code)
{
    if (!atomic_load(&consumer->in_callback))
        atomic_store(&consumer->busy, false);
    return code;
}

/* --- assigned partitions ---------------------------------------------------------------------- */

void assigned_unref(struct assigned *assigned)
{
    if (atomic_fetch_sub(&assigned->references, 1) != 1)
        return;
    progress_restart(&assigned->progress);
    failures_lane_free(assigned->lane);
    free(assigned->topic);
    free(assigned);
}

static struct order *new_order(enum order_kind kind, struct assigned *assigned)
{
    switch (kind) {
    case ORDER_ADD: return &assigned->adding;
    case ORDER_REMOVE: return &assigned->removing;
    default: return malloc(sizeof(struct order));
    }
}

void order_done(struct order *order)
{
    struct assigned *assigned = order->assigned;

    if (order->kind != ORDER_ADD && order->kind != ORDER_REMOVE)
        free(order);
    if (assigned != NULL)
        assigned_unref(assigned);
}

/* Orders carry a reference, so that the loop may come late. */
int consumer_order(struct klient_consumer *consumer, enum order_kind kind,
                 struct assigned *assigned, int64_t offset)
{
    if (consumer->stopped)
        return 0;
    struct order *order = new_order(kind, assigned);
    if (order == NULL)
        return K_NOMEM;
    *order = (struct order){ .mail = { .deliver = fetcher_obey },
                             .kind = kind,
                             .consumer = consumer,
                             .assigned = assigned,
                             .generation = assigned == NULL ? 0 : assigned->generation,
                             .offset = offset };
    if (assigned != NULL)
        atomic_fetch_add(&assigned->references, 1);
    loop_post(consumer->klient->loop, &order->mail);
    return 0;
}

/* --- arrivals --------------------------------------------------------------------------------- */

static void wake(struct klient_consumer *consumer)
{
    int fd = atomic_load(&consumer->descriptor);

    if (fd >= 0)
        (void)eventfd_write(fd, 1);
    gate_signal(&consumer->budget->gate);
}

void consumer_arrived(struct klient_consumer *consumer, struct chunk *chunk)
{
    spin_lock(&consumer->spin);
    chunk->next = NULL;
    *consumer->arrived_last = chunk;
    consumer->arrived_last = &chunk->next;
    spin_unlock(&consumer->spin);
    wake(consumer);
}

void consumer_notify(struct klient_consumer *consumer)
{
    atomic_store(&consumer->pending, true);
    wake(consumer);
}

void consumer_marks_told(struct assigned *assigned, int64_t low, int64_t high, int64_t last_stable)
{
    struct klient_consumer *consumer = assigned->consumer;
    bool committed = consumer->config->values.isolation == ISOLATION_COMMITTED;
    int64_t end = committed && last_stable >= 0 ? last_stable : high;

    atomic_store(&assigned->low, low);
    atomic_store(&assigned->high, high);
    if (atomic_exchange(&assigned->end, end) < 0)
        gate_signal(&consumer->budget->gate);   /* somebody may wait for the first */
    standing_look(assigned);
}

/* The loop may fetch the next one. */
static void mark_read(struct klient_consumer *consumer, struct chunk *chunk)
{
    if (chunk->started)
        return;
    chunk->started = true;
    if (atomic_fetch_sub(&chunk->partition->unread, 1) == 1)
        consumer_order(consumer, ORDER_KICK, NULL, 0);
}

static void discard(struct klient_consumer *consumer, struct chunk *chunk)
{
    mark_read(consumer, chunk);
    chunk_unref(chunk);
}

static bool is_marker(const struct chunk *chunk)
{
    return chunk->code == 0 && chunk->slab == NULL;
}

void consumer_collect(struct klient_consumer *consumer)
{
    spin_lock(&consumer->spin);
    struct chunk *first = consumer->arrived;
    consumer->arrived = NULL;
    consumer->arrived_last = &consumer->arrived;
    spin_unlock(&consumer->spin);

    for (struct chunk *chunk = first, *next; chunk != NULL; chunk = next) {
        struct assigned *assigned = chunk->partition;
        next = chunk->next;
        chunk->next = NULL;
        bool current = chunk->generation == assigned->generation;
        if (current && assigned->position < 0 && chunk->position >= 0)
            assigned->position = chunk->position;
        if (current && chunk->code == K_LOG_TRUNCATION && chunk->position >= 0)
            assigned->position = chunk->position;
        else if (current &&
                 (chunk->code == K_OFFSET_OUT_OF_RANGE || chunk->code == K_LOG_TRUNCATION))
            assigned->no_position = chunk->code;
        if (!current || (is_marker(chunk) && assigned->position == chunk->position)) {
            discard(consumer, chunk);
            continue;
        }
        *consumer->ready_last = chunk;
        consumer->ready_last = &chunk->next;
    }
}

static void unlink_ready(struct klient_consumer *consumer, struct chunk **at)
{
    struct chunk *chunk = *at;

    *at = chunk->next;
    if (*at == NULL)
        consumer->ready_last = at;
    chunk->next = NULL;
}

static bool is_first_of_partition(struct klient_consumer *consumer, const struct chunk *chunk)
{
    const struct chunk *first = consumer->ready;

    while (first->partition != chunk->partition)
        first = first->next;
    return first == chunk;
}

static bool may_return(const struct assigned *assigned)
{
    return !assigned->paused && !assigned->held_back;
}

/* Of an older generation: read before a seek, or before the partition was given up. */
static bool is_stale(const struct chunk *chunk)
{
    return chunk->generation != chunk->partition->generation;
}

static void drop(struct klient_consumer *consumer, struct chunk **at)
{
    struct chunk *chunk = *at;

    unlink_ready(consumer, at);
    discard(consumer, chunk);
}

/* Collect, drop what is of older generations and follow markers: up to the first that poll could
 * return, or through to the end. Is there such a one? */
static bool tidy(struct klient_consumer *consumer, bool through)
{
    bool found = false;

    consumer_collect(consumer);
    for (struct chunk **at = &consumer->ready; *at != NULL;) {
        struct chunk *chunk = *at;
        bool stale = is_stale(chunk);
        if (stale || (is_marker(chunk) && is_first_of_partition(consumer, chunk))) {
            if (!stale)
                chunk->partition->position = chunk->position;
            drop(consumer, at);
            continue;
        }
        found |= may_return(chunk->partition) && !is_marker(chunk);
        if (found && !through)
            return true;
        at = &chunk->next;
    }
    return found;
}

void consumer_catch_up(struct klient_consumer *consumer)
{
    (void)tidy(consumer, true);
}

bool consumer_has_work(struct klient_consumer *consumer)
{
    return tidy(consumer, false) || atomic_load(&consumer->woken) ||
           atomic_load(&consumer->pending) ||
           (consumer->failures != NULL && failures_have_due(consumer->failures));
}

void consumer_refresh_descriptor(struct klient_consumer *consumer)
{
    int fd = atomic_load(&consumer->descriptor);
    eventfd_t count;

    if (fd < 0)
        return;
    (void)eventfd_read(fd, &count);
    if (consumer_has_work(consumer))
        (void)eventfd_write(fd, 1);
}

/* --- poll ------------------------------------------------------------------------------------- */

/* Nothing but a seek gets past it. */
static bool is_stuck(int code)
{
    return code == K_CORRUPT_MESSAGE || code == K_UNSUPPORTED_COMPRESSION_TYPE ||
           code == K_MESSAGE_TOO_LARGE;
}

/* Trouble at the head of the list: tell it. */
static klient_code_t tell_trouble(struct klient_consumer *consumer, struct chunk **at,
                                  klient_error_t **error)
{
    struct chunk *chunk = *at;
    struct assigned *assigned = chunk->partition;
    const char *text =
        chunk->code == K_MESSAGE_TOO_LARGE
            ? "a batch unfolds to more than consumer.buffer.memory: raise it, or seek past it"
            : NULL;
    klient_code_t code = fail_partition(error, chunk->code, assigned->topic, assigned->partition,
                                        chunk->skip_to, text);

    unlink_ready(consumer, at);
    if (is_stuck(chunk->code)) {
        /* It stays until the application seeks, behind the others. */
        *consumer->ready_last = chunk;
        consumer->ready_last = &chunk->next;
    } else {
        discard(consumer, chunk);
    }
    return code;
}

/* Gather records from what is ready. 1: *out or *code is set. */
static bool take(struct klient_consumer *consumer, klient_records_t **out, klient_code_t *code,
                 klient_error_t **error)
{
    size_t limit = (size_t)consumer->config->values.poll_records_max;
    klient_records_t *records = records_new(consumer->deserializers);

    if (records == NULL) {
        *code = fail(error, K_NOMEM, NULL);
        return true;
    }
    for (struct chunk **at = &consumer->ready; *at != NULL;) {
        struct chunk *chunk = *at;
        bool finished = false;
        if (klient_records_count(records) >= limit)
            break;
        if (is_stale(chunk)) {          /* nobody has looked behind the first that is not */
            drop(consumer, at);
            continue;
        }
        if (!may_return(chunk->partition) || is_marker(chunk) ||
            (chunk->partition->damaged && chunk->code == 0)) {
            at = &chunk->next;
            continue;
        }
        if (chunk->code == 0) {
            mark_read(consumer, chunk);
            int outcome = records_add(records, chunk, limit, consumer->config, &finished);
            if (finished) {
                unlink_ready(consumer, at);
                chunk_unref(chunk);
                continue;
            }
            if (outcome == 0)
                break;              /* no more room */
            if (outcome == K_NOMEM && klient_records_count(records) == 0) {
                *code = fail(error, outcome, NULL);
                klient_records_free(records);
                return true;
            }
            chunk->code = outcome == K_NOMEM ? 0 : outcome;
            chunk->partition->damaged = chunk->code != 0;
        }
        /* Records that came before it are returned first. */
        if (klient_records_count(records) > 0)
            break;
        klient_records_free(records);
        *code = tell_trouble(consumer, at, error);
        return true;
    }
    if (klient_records_count(records) == 0) {
        klient_records_free(records);
        return false;
    }
    if (records_track(records, consumer) != 0)
        /* Auto commit goes no further than this, until the partition is assigned anew. */
        LOG_WARN("progress-unknown", "records=%zu", klient_records_count(records));
    *out = records;
    *code = KLIENT_OK;
    return true;
}

/* Fetching stopped for lack of memory and there is some again. */
static void kick_if_stalled(struct klient_consumer *consumer)
{
    if (atomic_load(&consumer->stalled) &&
        atomic_load(&consumer->budget->held) < consumer->config->values.consumer_buffer_bytes &&
        atomic_exchange(&consumer->stalled, false)) {
        consumer->starved = false;
        consumer_order(consumer, ORDER_KICK, NULL, 0);
    }
}

/* It is about to wait for what can not come: say so, once each time. */
static void tell_if_starved(struct klient_consumer *consumer)
{
    int64_t held = atomic_load(&consumer->budget->held);
    int64_t limit = consumer->config->values.consumer_buffer_bytes;

    if (consumer->starved || !atomic_load(&consumer->stalled) || held < limit)
        return;
    consumer->starved = true;
    config_divert_log(consumer->config);
    LOG_WARN("records-held", "bytes=%lld limit=%lld text=\"consumer.buffer.memory is full of "
             "records that are not freed, or of paused partitions: nothing is fetched until some "
             "are\"", (long long)held, (long long)limit);
    config_restore_log();
    consumer_order(consumer, ORDER_STARVED, NULL, 0);
}

/* A record that failed before and is due. */
static bool take_failed(struct klient_consumer *consumer, klient_records_t **out,
                        klient_code_t *code, klient_error_t **error)
{
    if (consumer->failures == NULL)
        return false;
    failures_serve(consumer->failures);
    if (!failures_have_due(consumer->failures))
        return false;
    int outcome = failures_take(consumer->failures, out);
    *code = outcome == 0 ? KLIENT_OK : fail(error, outcome, NULL);
    return true;
}

/* Did nothing but retries arrive, which are returned when they are due? */
static bool is_sifted_away(struct klient_consumer *consumer, klient_records_t **records)
{
    if (consumer->failures == NULL || *records == NULL)
        return false;
    failures_sift(consumer->failures, *records);
    if (klient_records_count(*records) > 0)
        return false;
    klient_records_free(*records);
    *records = NULL;
    gate_signal(&consumer->budget->gate);   /* there may be more */
    return true;
}

static klient_code_t poll(struct klient_consumer *consumer, int64_t timeout_ms,
                          klient_records_t **out, klient_error_t **error)
{
    int64_t deadline_ms = deadline_after(timeout_ms);
    klient_code_t code = KLIENT_OK;

    for (;;) {
        unsigned ticket = gate_ticket(&consumer->budget->gate);
        if (atomic_exchange(&consumer->woken, false))
            return fail(error, K_WOKEN_UP, NULL);
        code = consumer_serve(consumer, error);
        if (code != KLIENT_OK)
            return code;
        if (take_failed(consumer, out, &code, error))
            return code;
        if (consumer_has_work(consumer) && take(consumer, out, &code, error) &&
            !is_sifted_away(consumer, out))
            return code;
        kick_if_stalled(consumer);
        tell_if_starved(consumer);
        if (!gate_wait(&consumer->budget->gate, ticket, deadline_ms))
            return KLIENT_OK;
    }
}

klient_code_t klient_consumer_poll(klient_consumer_t *consumer, int64_t timeout_ms,
                                   klient_records_t **out, klient_error_t **error)
{
    int code = consumer_enter(consumer);
    if (code != 0)
        return fail(error, code, NULL);
    if (out == NULL)
        return consumer_leave(consumer, fail(error, K_INVALID_ARGUMENT, NULL));
    *out = NULL;
    consumer_come(consumer);
    klient_code_t outcome = poll(consumer, timeout_ms, out, error);
    if (*out != NULL)
        consumer_intercept(consumer, *out);
    consumer_go(consumer);
    kick_if_stalled(consumer);
    consumer_refresh_descriptor(consumer);
    return consumer_leave(consumer, outcome);
}

void klient_consumer_wakeup(klient_consumer_t *consumer)
{
    if (consumer == NULL || handle_forked(consumer->klient))
        return;
    atomic_store(&consumer->woken, true);
    wake(consumer);
}

int klient_consumer_descriptor(klient_consumer_t *consumer)
{
    if (consumer_enter_again(consumer) != 0)
        return -1;
    int fd = atomic_load(&consumer->descriptor);
    if (fd < 0) {
        fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        atomic_store(&consumer->descriptor, fd);
        consumer_refresh_descriptor(consumer);
    }
    consumer_leave(consumer, KLIENT_OK);
    return fd;
}
