#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "client/config.h"
#include "client/consumer.h"
#include "client/describe.h"
#include "client/error.h"
#include "client/task.h"
#include "common/error.h"
#include "net/loop.h"

enum { TOPIC_NAME_MAX = 249 };

/* --- who is inside ---------------------------------------------------------------------------- */

/* 0, or why this thread may not come in. */
static int enter(struct klient_consumer *consumer)
{
    if (consumer == NULL)
        return K_INVALID_ARGUMENT;
    if (handle_forked(consumer->klient))
        return K_FORKED;
    return atomic_exchange(&consumer->busy, true) ? K_CONCURRENT : 0;
}

static klient_code_t leave(struct klient_consumer *consumer, klient_code_t code)
{
    atomic_store(&consumer->busy, false);
    return code;
}

/* --- assigned partitions ---------------------------------------------------------------------- */

void assigned_unref(struct assigned *assigned)
{
    if (atomic_fetch_sub(&assigned->references, 1) != 1)
        return;
    free(assigned->topic);
    free(assigned);
}

static struct assigned *assigned_new(struct klient_consumer *consumer,
                                     const klient_topic_partition_t *from)
{
    struct assigned *assigned = calloc(1, sizeof *assigned);

    if (assigned == NULL)
        return NULL;
    atomic_init(&assigned->references, 1);
    assigned->consumer = consumer;
    assigned->topic = strdup(from->topic);
    assigned->partition = from->partition;
    assigned->position = -1;
    list_init(&assigned->node);
    list_init(&assigned->due);
    if (assigned->topic == NULL) {
        free(assigned);
        return NULL;
    }
    return assigned;
}

static struct assigned *find(struct klient_consumer *consumer, const char *topic,
                             int32_t partition)
{
    for (size_t i = 0; topic != NULL && i < consumer->assigned_count; i++)
        if (consumer->assigned[i]->partition == partition &&
            strcmp(consumer->assigned[i]->topic, topic) == 0)
            return consumer->assigned[i];
    return NULL;
}

/* Orders carry a reference, so that the loop may come late. */
static int order(struct klient_consumer *consumer, enum order_kind kind,
                 struct assigned *assigned, int64_t offset)
{
    struct order *order = malloc(sizeof *order);

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

void consumer_arrived(struct klient_consumer *consumer, struct chunk *chunk)
{
    spin_lock(&consumer->spin);
    chunk->next = NULL;
    *consumer->arrived_last = chunk;
    consumer->arrived_last = &chunk->next;
    int fd = atomic_load(&consumer->descriptor);
    spin_unlock(&consumer->spin);
    if (fd >= 0)
        (void)eventfd_write(fd, 1);
    gate_signal(&consumer->budget->gate);
}

/* The loop may fetch the next one. */
static void mark_read(struct klient_consumer *consumer, struct chunk *chunk)
{
    if (chunk->started)
        return;
    chunk->started = true;
    if (atomic_fetch_sub(&chunk->partition->unread, 1) == 1)
        order(consumer, ORDER_KICK, NULL, 0);
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

/* Take over what has arrived. The first position is noted at once; a later one (after a reset) when
 * everything before it has been read. */
static void collect(struct klient_consumer *consumer)
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
        if (current && chunk->code == K_OFFSET_OUT_OF_RANGE)
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

/* Is there anything that poll could return? Drops what is of older generations, and follows
 * markers that have been reached. */
static bool has_work(struct klient_consumer *consumer)
{
    collect(consumer);
    for (struct chunk **at = &consumer->ready; *at != NULL;) {
        struct chunk *chunk = *at;
        bool current = chunk->generation == chunk->partition->generation;
        if (!current || (is_marker(chunk) && is_first_of_partition(consumer, chunk))) {
            if (current)
                chunk->partition->position = chunk->position;
            unlink_ready(consumer, at);
            discard(consumer, chunk);
            continue;
        }
        if (!chunk->partition->paused && !is_marker(chunk))
            return true;
        at = &chunk->next;
    }
    return atomic_load(&consumer->woken);
}

/* Keep the descriptor in step: readable exactly while there is work. */
static void refresh_descriptor(struct klient_consumer *consumer)
{
    int fd = atomic_load(&consumer->descriptor);
    eventfd_t count;

    if (fd < 0)
        return;
    (void)eventfd_read(fd, &count);
    if (has_work(consumer))
        (void)eventfd_write(fd, 1);
}

/* --- poll ------------------------------------------------------------------------------------- */

/* Trouble at the head of the list: tell it. */
static klient_code_t tell_trouble(struct klient_consumer *consumer, struct chunk **at,
                                  klient_error_t **error)
{
    struct chunk *chunk = *at;
    struct assigned *assigned = chunk->partition;
    klient_code_t code = fail_partition(error, chunk->code, assigned->topic, assigned->partition,
                                        chunk->skip_to, NULL);

    unlink_ready(consumer, at);
    if (chunk->code == K_CORRUPT_MESSAGE) {
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
    klient_records_t *records = records_new();

    if (records == NULL) {
        *code = fail(error, K_NOMEM, NULL);
        return true;
    }
    for (struct chunk **at = &consumer->ready; *at != NULL;) {
        struct chunk *chunk = *at;
        bool finished = false;
        if (klient_records_count(records) >= limit)
            break;
        if (chunk->partition->paused || is_marker(chunk) ||
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
    *out = records;
    *code = KLIENT_OK;
    return true;
}

/* Fetching stopped for lack of memory and there is some again. */
static void kick_if_stalled(struct klient_consumer *consumer)
{
    if (atomic_load(&consumer->stalled) &&
        atomic_load(&consumer->budget->held) < consumer->config->values.consumer_buffer_bytes &&
        atomic_exchange(&consumer->stalled, false))
        order(consumer, ORDER_KICK, NULL, 0);
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
        if (has_work(consumer) && take(consumer, out, &code, error))
            return code;
        kick_if_stalled(consumer);
        if (!gate_wait(&consumer->budget->gate, ticket, deadline_ms))
            return KLIENT_OK;
    }
}

klient_code_t klient_consumer_poll(klient_consumer_t *consumer, int64_t timeout_ms,
                                   klient_records_t **out, klient_error_t **error)
{
    int code = enter(consumer);
    if (code != 0)
        return fail(error, code, NULL);
    if (out == NULL)
        return leave(consumer, fail(error, K_INVALID_ARGUMENT, NULL));
    *out = NULL;
    klient_code_t outcome = poll(consumer, timeout_ms, out, error);
    kick_if_stalled(consumer);
    refresh_descriptor(consumer);
    return leave(consumer, outcome);
}

void klient_consumer_wakeup(klient_consumer_t *consumer)
{
    if (consumer == NULL || handle_forked(consumer->klient))
        return;
    atomic_store(&consumer->woken, true);
    int fd = atomic_load(&consumer->descriptor);
    if (fd >= 0)
        (void)eventfd_write(fd, 1);
    gate_signal(&consumer->budget->gate);
}

int klient_consumer_descriptor(klient_consumer_t *consumer)
{
    if (enter(consumer) != 0)
        return -1;
    int fd = atomic_load(&consumer->descriptor);
    if (fd < 0) {
        fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        atomic_store(&consumer->descriptor, fd);
        refresh_descriptor(consumer);
    }
    leave(consumer, KLIENT_OK);
    return fd;
}

/* --- assign ----------------------------------------------------------------------------------- */

static int check_partitions(const klient_topic_partition_t *partitions, size_t count)
{
    if (count > 0 && partitions == NULL)
        return K_INVALID_ARGUMENT;
    for (size_t i = 0; i < count; i++) {
        if (partitions[i].topic == NULL || partitions[i].topic[0] == '\0' ||
            strlen(partitions[i].topic) > TOPIC_NAME_MAX || partitions[i].partition < 0)
            return K_INVALID_ARGUMENT;
        for (size_t j = 0; j < i; j++)
            if (partitions[i].partition == partitions[j].partition &&
                strcmp(partitions[i].topic, partitions[j].topic) == 0)
                return K_INVALID_ARGUMENT;
    }
    return 0;
}

static int assign(struct klient_consumer *consumer, const klient_topic_partition_t *partitions,
                  size_t count)
{
    struct assigned **next = calloc(count + 1, sizeof *next);
    int code = next == NULL ? K_NOMEM : check_partitions(partitions, count);

    for (size_t i = 0; code == 0 && i < count; i++) {
        struct assigned *old = find(consumer, partitions[i].topic, partitions[i].partition);
        next[i] = old != NULL ? old : assigned_new(consumer, &partitions[i]);
        code = next[i] == NULL ? K_NOMEM : 0;
    }
    if (code != 0) {
        for (size_t i = 0; next != NULL && i < count; i++)
            if (next[i] != NULL && find(consumer, next[i]->topic, next[i]->partition) != next[i])
                assigned_unref(next[i]);
        free(next);
        return code;
    }
    for (size_t i = 0; i < count; i++)
        if (find(consumer, next[i]->topic, next[i]->partition) == NULL)
            order(consumer, ORDER_ADD, next[i], POSITION_BY_POLICY);
    for (size_t i = 0; i < consumer->assigned_count; i++) {
        struct assigned *old = consumer->assigned[i];
        bool stays = false;
        for (size_t j = 0; j < count; j++)
            stays |= next[j] == old;
        if (stays)
            continue;
        old->generation++;          /* drops its chunks */
        order(consumer, ORDER_REMOVE, old, 0);
        assigned_unref(old);
    }
    free(consumer->assigned);
    consumer->assigned = next;
    consumer->assigned_count = count;
    has_work(consumer);
    return 0;
}

klient_code_t klient_consumer_assign(klient_consumer_t *consumer,
                                     const klient_topic_partition_t *partitions, size_t count,
                                     klient_error_t **error)
{
    int code = enter(consumer);
    if (code != 0)
        return fail(error, code, NULL);
    code = assign(consumer, partitions, count);
    refresh_descriptor(consumer);
    return leave(consumer, code == 0 ? KLIENT_OK : fail(error, code, NULL));
}

klient_code_t klient_consumer_unassign(klient_consumer_t *consumer, klient_error_t **error)
{
    return klient_consumer_assign(consumer, NULL, 0, error);
}

size_t klient_consumer_assignment_count(klient_consumer_t *consumer)
{
    return consumer->assigned_count;
}

klient_code_t klient_consumer_assignment(klient_consumer_t *consumer, size_t index,
                                         klient_topic_partition_t *out, klient_error_t **error)
{
    if (index >= consumer->assigned_count)
        return fail(error, K_INVALID_ARGUMENT, NULL);
    *out = (klient_topic_partition_t){ consumer->assigned[index]->topic,
                                       consumer->assigned[index]->partition };
    return KLIENT_OK;
}

/* --- positions -------------------------------------------------------------------------------- */

static klient_code_t seek(struct klient_consumer *consumer, const char *topic, int32_t partition,
                          int64_t where, klient_error_t **error)
{
    int code = enter(consumer);
    if (code != 0)
        return fail(error, code, NULL);
    struct assigned *assigned = find(consumer, topic, partition);
    if (assigned == NULL)
        return leave(consumer, fail(error, K_NOT_ASSIGNED, NULL));
    assigned->generation++;
    assigned->position = where >= 0 ? where : -1;
    assigned->no_position = 0;
    assigned->damaged = false;
    code = order(consumer, ORDER_SEEK, assigned, where);
    refresh_descriptor(consumer);
    return leave(consumer, code == 0 ? KLIENT_OK : fail(error, code, NULL));
}

klient_code_t klient_consumer_seek(klient_consumer_t *consumer, const char *topic,
                                   int32_t partition, int64_t offset, klient_error_t **error)
{
    if (offset < 0)
        return fail(error, K_INVALID_ARGUMENT, "an offset is never negative");
    return seek(consumer, topic, partition, offset, error);
}

klient_code_t klient_consumer_seek_to_beginning(klient_consumer_t *consumer, const char *topic,
                                                int32_t partition, klient_error_t **error)
{
    return seek(consumer, topic, partition, POSITION_BEGINNING, error);
}

klient_code_t klient_consumer_seek_to_end(klient_consumer_t *consumer, const char *topic,
                                          int32_t partition, klient_error_t **error)
{
    return seek(consumer, topic, partition, POSITION_END, error);
}

klient_code_t klient_consumer_position(klient_consumer_t *consumer, const char *topic,
                                       int32_t partition, int64_t timeout_ms, int64_t *offset,
                                       klient_error_t **error)
{
    int64_t deadline_ms = deadline_after(timeout_ms);
    int code = enter(consumer);
    if (code != 0)
        return fail(error, code, NULL);
    struct assigned *assigned = find(consumer, topic, partition);
    code = assigned == NULL ? K_NOT_ASSIGNED : offset == NULL ? K_INVALID_ARGUMENT : 0;
    while (code == 0) {
        unsigned ticket = gate_ticket(&consumer->budget->gate);
        if (atomic_exchange(&consumer->woken, false)) {
            code = K_WOKEN_UP;
            break;
        }
        collect(consumer);
        code = assigned->no_position;
        if (code != 0 || assigned->position >= 0)
            break;
        if (!gate_wait(&consumer->budget->gate, ticket, deadline_ms))
            code = K_REQUEST_TIMED_OUT;
    }
    if (code == 0)
        *offset = assigned->position;
    return leave(consumer, code == 0 ? KLIENT_OK : fail(error, code, NULL));
}

static klient_code_t set_paused(struct klient_consumer *consumer, const char *topic,
                                int32_t partition, bool paused, klient_error_t **error)
{
    int code = enter(consumer);
    if (code != 0)
        return fail(error, code, NULL);
    struct assigned *assigned = find(consumer, topic, partition);
    code = assigned == NULL ? K_NOT_ASSIGNED
                            : order(consumer, paused ? ORDER_PAUSE : ORDER_RESUME, assigned, 0);
    if (code == 0)
        assigned->paused = paused;
    refresh_descriptor(consumer);
    return leave(consumer, code == 0 ? KLIENT_OK : fail(error, code, NULL));
}

klient_code_t klient_consumer_pause(klient_consumer_t *consumer, const char *topic,
                                    int32_t partition, klient_error_t **error)
{
    return set_paused(consumer, topic, partition, true, error);
}

klient_code_t klient_consumer_resume(klient_consumer_t *consumer, const char *topic,
                                     int32_t partition, klient_error_t **error)
{
    return set_paused(consumer, topic, partition, false, error);
}

/* Wait for a task of the loop; a wake-up ends it. */
static int wait_for_task(void *context, struct task *task, int64_t deadline_ms)
{
    enum { STEP_MS = 50 };          /* how often a wake-up is looked for */
    struct klient_consumer *consumer = context;

    for (;;) {
        int64_t step_ms = deadline_after(STEP_MS);
        if (task_wait(task, step_ms < deadline_ms ? step_ms : deadline_ms))
            return 0;
        if (atomic_exchange(&consumer->woken, false))
            return K_WOKEN_UP;
        if (mono_ms() >= deadline_ms)
            return K_REQUEST_TIMED_OUT;
    }
}

static klient_code_t offsets(struct klient_consumer *consumer,
                             const klient_topic_partition_t *partitions, const int64_t *timestamps,
                             int64_t timestamp, size_t count, int64_t timeout_ms, int64_t *out,
                             klient_error_t **error)
{
    int code = enter(consumer);
    if (code != 0)
        return fail(error, code, NULL);
    code = check_partitions(partitions, count);
    if (code != 0 || (count > 0 && out == NULL))
        return leave(consumer, fail(error, K_INVALID_ARGUMENT, NULL));
    for (size_t i = 0; timestamps != NULL && i < count; i++)
        if (timestamps[i] < 0)
            return leave(consumer, fail(error, K_INVALID_ARGUMENT, "a time is never negative"));
    return leave(consumer, lookup_all(consumer->klient, consumer->config->values.isolation,
                                      partitions, timestamps, timestamp, count,
                                      deadline_after(timeout_ms), wait_for_task, consumer, out,
                                      error));
}

klient_code_t klient_consumer_beginning_offsets(klient_consumer_t *consumer,
                                                const klient_topic_partition_t *partitions,
                                                size_t count, int64_t timeout_ms, int64_t *out,
                                                klient_error_t **error)
{
    return offsets(consumer, partitions, NULL, POSITION_BEGINNING, count, timeout_ms, out, error);
}

klient_code_t klient_consumer_end_offsets(klient_consumer_t *consumer,
                                          const klient_topic_partition_t *partitions, size_t count,
                                          int64_t timeout_ms, int64_t *out,
                                          klient_error_t **error)
{
    return offsets(consumer, partitions, NULL, POSITION_END, count, timeout_ms, out, error);
}

klient_code_t klient_consumer_offsets_for_times(klient_consumer_t *consumer,
                                                const klient_topic_partition_t *partitions,
                                                const int64_t *timestamps, size_t count,
                                                int64_t timeout_ms, int64_t *out,
                                                klient_error_t **error)
{
    if (count > 0 && timestamps == NULL)
        return fail(error, K_INVALID_ARGUMENT, NULL);
    return offsets(consumer, partitions, timestamps, 0, count, timeout_ms, out, error);
}

klient_code_t klient_consumer_partitions_for(klient_consumer_t *consumer, const char *topic,
                                             int64_t timeout_ms, klient_metadata_t **out,
                                             klient_error_t **error)
{
    int code = enter(consumer);
    if (code != 0)
        return fail(error, code, NULL);
    return leave(consumer, describe_topic(consumer->klient, topic, timeout_ms, out, error));
}

/* --- life ------------------------------------------------------------------------------------- */

static void destroy(struct klient_consumer *consumer)
{
    for (struct chunk *chunk = consumer->ready, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        chunk_unref(chunk);
    }
    for (size_t i = 0; i < consumer->assigned_count; i++)
        assigned_unref(consumer->assigned[i]);
    free(consumer->assigned);
    if (consumer->fetcher != NULL)
        fetcher_free(consumer->fetcher);
    if (consumer->budget != NULL)
        budget_unref(consumer->budget);
    int fd = atomic_load(&consumer->descriptor);
    if (fd >= 0)
        close(fd);
    klient_config_free(consumer->config);
    free(consumer);
}

struct start {
    struct klient_consumer *consumer;
    int code;
};

static void start(void *context)
{
    struct start *request = context;

    request->code = fetcher_start(request->consumer->fetcher);
}

static void stop(void *context)
{
    struct klient_consumer *consumer = context;

    fetcher_stop(consumer->fetcher);
}

klient_consumer_t *klient_consumer_open(klient_t *klient, const klient_config_t *config,
                                        klient_error_t **error)
{
    if (klient == NULL || handle_forked(klient)) {
        fail(error, klient == NULL ? K_INVALID_ARGUMENT : K_FORKED, NULL);
        return NULL;
    }
    if (config != NULL && config_check(config, error) != 0)
        return NULL;
    struct klient_consumer *consumer = calloc(1, sizeof *consumer);
    if (consumer == NULL)
        goto nomem;
    consumer->klient = klient;
    atomic_init(&consumer->descriptor, -1);
    spin_init(&consumer->spin);
    consumer->arrived_last = &consumer->arrived;
    consumer->ready_last = &consumer->ready;
    consumer->budget = budget_new();
    consumer->config = klient_config_copy(config == NULL ? klient->config : config);
    if (consumer->budget == NULL || consumer->config == NULL ||
        fetcher_new(consumer, &consumer->fetcher) != 0)
        goto undo;
    struct start request = { .consumer = consumer };
    task_call(klient, start, &request);
    if (request.code != 0)
        goto undo;
    handle_ref(klient);
    return consumer;

undo:
    destroy(consumer);
nomem:
    fail(error, K_NOMEM, NULL);
    return NULL;
}

klient_consumer_t *klient_consumer_new(const klient_config_t *config, klient_error_t **error)
{
    klient_t *klient = klient_new(config, error);
    if (klient == NULL)
        return NULL;
    klient_consumer_t *consumer = klient_consumer_open(klient, config, error);
    klient_free(klient);
    return consumer;
}

klient_code_t klient_consumer_close(klient_consumer_t *consumer, int64_t timeout_ms,
                                    klient_error_t **error)
{
    (void)timeout_ms;               /* nothing to wait for until there are groups */
    if (consumer == NULL)
        return KLIENT_OK;
    int code = enter(consumer);
    if (code != 0)
        return fail(error, code, NULL);
    task_call(consumer->klient, stop, consumer);
    collect(consumer);
    struct klient *klient = consumer->klient;
    destroy(consumer);
    handle_unref(klient);
    return KLIENT_OK;
}
