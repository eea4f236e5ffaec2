/* consumer_assign.c - which partitions a consumer reads, and from where. */
#include <stdlib.h>
#include <string.h>

#include "client/config.h"
#include "client/consumer.h"
#include "client/commits.h"
#include "client/describe.h"
#include "client/error.h"
#include "client/failures.h"
#include "client/group.h"
#include "client/partitions.h"
#include "client/retry_policy.h"
#include "client/task.h"
#include "common/error.h"

struct assigned *assigned_new(struct klient_consumer *consumer,
                              const klient_topic_partition_t *from)
{
    const struct klient_config *config = consumer->config;
    struct assigned *assigned = calloc(1, sizeof *assigned);

    if (assigned == NULL)
        return NULL;
    atomic_init(&assigned->references, 1);
    assigned->consumer = consumer;
    assigned->topic = strdup(from->topic);
    assigned->partition = from->partition;
    assigned->values = config_values_of(config, from->topic);
    assigned->position = -1;
    assigned->position_epoch = -1;
    assigned->losses = consumer->losses;
    atomic_init(&assigned->low, -1);
    atomic_init(&assigned->high, -1);
    atomic_init(&assigned->end, -1);
    assigned->retries = retry_policy_is_retry_topic(config->retry_policy, config_group(config),
                                                    from->topic);
    progress_init(&assigned->progress);
    list_init(&assigned->node);
    list_init(&assigned->due);
    list_init(&assigned->standings);
    if (assigned->topic == NULL) {
        free(assigned);
        return NULL;
    }
    return assigned;
}

struct assigned *consumer_find(struct klient_consumer *consumer, const char *topic,
                               int32_t partition)
{
    for (size_t i = 0; topic != NULL && i < consumer->assigned_count; i++)
        if (consumer->assigned[i]->partition == partition &&
            strcmp(consumer->assigned[i]->topic, topic) == 0)
            return consumer->assigned[i];
    return NULL;
}

int check_topic(const char *topic)
{
    bool sound = topic != NULL && topic[0] != '\0' && strlen(topic) <= TOPIC_NAME_MAX;

    return sound ? 0 : K_INVALID_ARGUMENT;
}

int check_partitions(const klient_topic_partition_t *partitions, size_t count)
{
    if (count > 0 && partitions == NULL)
        return K_INVALID_ARGUMENT;
    for (size_t i = 0; i < count; i++) {
        if (check_topic(partitions[i].topic) != 0 || partitions[i].partition < 0)
            return K_INVALID_ARGUMENT;
        for (size_t j = 0; j < i; j++)
            if (partitions[i].partition == partitions[j].partition &&
                strcmp(partitions[i].topic, partitions[j].topic) == 0)
                return K_INVALID_ARGUMENT;
    }
    return 0;
}

/* Those that are held already, and new ones for the others. 0 or K_NOMEM: then none were made. */
static int gather(struct klient_consumer *consumer, const klient_topic_partition_t *partitions,
                  size_t count, struct assigned **next)
{
    for (size_t i = 0; i < count; i++) {
        next[i] = consumer_find(consumer, partitions[i].topic, partitions[i].partition);
        if (next[i] != NULL)
            atomic_fetch_add(&next[i]->references, 1);
        else
            next[i] = assigned_new(consumer, &partitions[i]);
        if (next[i] == NULL) {
            while (i > 0)
                assigned_unref(next[--i]);
            return K_NOMEM;
        }
    }
    return 0;
}

static bool is_among(struct assigned *const *list, size_t count, const struct assigned *assigned)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == assigned)
            return true;
    return false;
}

/* The partitions of consumer->assigned that are not in `next` come to its front. How many? */
static size_t separate(struct klient_consumer *consumer, struct assigned *const *next, size_t count)
{
    size_t going = 0;

    for (size_t i = 0; i < consumer->assigned_count; i++) {
        struct assigned *assigned = consumer->assigned[i];
        if (is_among(next, count, assigned))
            continue;
        consumer->assigned[i] = consumer->assigned[going];
        consumer->assigned[going++] = assigned;
    }
    return going;
}

static void commit_progress(struct klient_consumer *consumer, size_t count)
{
    if (consumer->group == NULL || !consumer->config->values.auto_commit)
        return;
    struct commit *commit = commit_of_progress(consumer->group, consumer, consumer->assigned, count,
                                               consumer->losses);
    if (commit == NULL)
        return;
    commit_send(commit);
    task_unref(&commit->task);
}

int consumer_hold(struct klient_consumer *consumer, const klient_topic_partition_t *partitions,
                  size_t count, bool commits)
{
    int64_t start = consumer->group != NULL ? POSITION_COMMITTED : POSITION_BY_POLICY;
    int code = check_partitions(partitions, count);
    struct assigned **next = code != 0 ? NULL : calloc(count + 1, sizeof *next);

    if (next == NULL)
        return code != 0 ? code : K_NOMEM;
    code = gather(consumer, partitions, count, next);
    if (code != 0) {
        free(next);
        return code;
    }
    size_t going = separate(consumer, next, count);
    if (commits)
        commit_progress(consumer, going);
    for (size_t i = 0; consumer->failures != NULL && i < going; i++)
        failures_forget(consumer->failures, consumer->assigned[i]);
    for (size_t i = 0; i < count; i++)
        if (!is_among(consumer->assigned, consumer->assigned_count, next[i]))
            consumer_order(consumer, ORDER_ADD, next[i], start);
    for (size_t i = 0; i < going; i++) {
        consumer->assigned[i]->generation++;    /* drops its chunks */
        consumer_order(consumer, ORDER_REMOVE, consumer->assigned[i], 0);
    }
    for (size_t i = 0; i < consumer->assigned_count; i++)
        assigned_unref(consumer->assigned[i]);
    free(consumer->assigned);
    consumer->assigned = next;
    consumer->assigned_count = count;
    consumer_has_work(consumer);
    return 0;
}

klient_code_t klient_consumer_assign(klient_consumer_t *consumer,
                                     const klient_topic_partition_t *partitions, size_t count,
                                     klient_error_t **error)
{
    int code = consumer_enter(consumer);
    if (code != 0)
        return fail(error, code, NULL);
    if (consumer->mode == ASSIGNED_BY_GROUP)
        return consumer_leave(consumer, fail(error, K_WRONG_STATE, "it is subscribed: unsubscribe "
                                             "before partitions are assigned by hand"));
    code = consumer_hold(consumer, partitions, count, true);
    if (code == 0)
        consumer->mode = count > 0 ? ASSIGNED_BY_HAND : ASSIGNED_NOTHING;
    consumer_refresh_descriptor(consumer);
    return consumer_leave(consumer, code == 0 ? KLIENT_OK : fail(error, code, NULL));
}

klient_code_t klient_consumer_unassign(klient_consumer_t *consumer, klient_error_t **error)
{
    return klient_consumer_assign(consumer, NULL, 0, error);
}

size_t klient_consumer_assignment_count(klient_consumer_t *consumer)
{
    if (consumer_enter_again(consumer) != 0)
        return 0;
    size_t count = consumer->assigned_count;
    consumer_leave(consumer, KLIENT_OK);
    return count;
}

klient_code_t klient_consumer_assignment(klient_consumer_t *consumer, size_t index,
                                         klient_topic_partition_t *out, klient_error_t **error)
{
    int code = consumer_enter_again(consumer);

    if (code != 0)
        return fail(error, code, NULL);
    if (index >= consumer->assigned_count)
        return consumer_leave(consumer, fail(error, K_INVALID_ARGUMENT, NULL));
    *out = (klient_topic_partition_t){ consumer->assigned[index]->topic,
                                       consumer->assigned[index]->partition };
    return consumer_leave(consumer, KLIENT_OK);
}

/* --- positions -------------------------------------------------------------------------------- */

static int move_to(struct klient_consumer *consumer, struct assigned *assigned, int64_t where)
{
    assigned->generation++;
    assigned->position = where >= 0 ? where : -1;
    assigned->position_epoch = -1;
    assigned->no_position = 0;
    spin_lock(&consumer->spin);
    progress_restart(&assigned->progress);
    spin_unlock(&consumer->spin);
    assigned->damaged = false;
    int code = consumer_order(consumer, ORDER_SEEK, assigned, where);
    consumer_refresh_descriptor(consumer);
    return code;
}

static klient_code_t seek(struct klient_consumer *consumer, const char *topic, int32_t partition,
                          int64_t where, klient_error_t **error)
{
    int code = consumer_enter_again(consumer);
    if (code != 0)
        return fail(error, code, NULL);
    struct assigned *assigned = consumer_find(consumer, topic, partition);
    code = assigned == NULL ? K_NOT_ASSIGNED : move_to(consumer, assigned, where);
    return consumer_leave(consumer, code == 0 ? KLIENT_OK : fail(error, code, NULL));
}

int consumer_step_back(struct klient_consumer *consumer, struct assigned *assigned,
                       int64_t offset)
{
    assigned->generation++;
    assigned->position = offset;
    assigned->position_epoch = -1;
    assigned->damaged = false;
    atomic_store(&assigned->valid_from, assigned->generation);
    spin_lock(&consumer->spin);
    progress_cut(&assigned->progress, offset);
    spin_unlock(&consumer->spin);
    return consumer_order(consumer, ORDER_SEEK, assigned, offset);
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

klient_code_t klient_consumer_seek_to_time(klient_consumer_t *consumer, const char *topic,
                                           int32_t partition, int64_t timestamp,
                                           int64_t timeout_ms, klient_error_t **error)
{
    const klient_topic_partition_t of = { topic, partition };
    int64_t deadline_ms = deadline_after(timeout_ms), offset;
    int code = consumer_enter_again(consumer);
    if (code != 0)
        return fail(error, code, NULL);
    struct assigned *assigned = consumer_find(consumer, topic, partition);
    if (assigned == NULL)
        return consumer_leave(consumer, fail(error, K_NOT_ASSIGNED, NULL));
    if (timestamp < 0)
        return consumer_leave(consumer, fail(error, K_INVALID_ARGUMENT,
                                             "a time is never negative"));
    struct call call;
    klient_code_t outcome = lookup_all(consumer->klient, consumer->config->values.isolation, &of,
                                       &timestamp, 0, 1, deadline_ms, &call, error);
    if (outcome == KLIENT_OK) {
        call_wait_by(&call, consumer_wait, consumer);
        outcome = lookup_wait(&call, &offset, NULL, error);
    }
    if (outcome != KLIENT_OK)
        return consumer_leave(consumer, outcome);
    code = move_to(consumer, assigned, offset >= 0 ? offset : POSITION_END);
    return consumer_leave(consumer, code == 0 ? KLIENT_OK : fail(error, code, NULL));
}

klient_code_t klient_consumer_position(klient_consumer_t *consumer, const char *topic,
                                       int32_t partition, int64_t timeout_ms, int64_t *offset,
                                       klient_error_t **error)
{
    int64_t deadline_ms = deadline_after(timeout_ms);
    int code = consumer_enter_again(consumer);
    if (code != 0)
        return fail(error, code, NULL);
    struct assigned *assigned = consumer_find(consumer, topic, partition);
    code = assigned == NULL ? K_NOT_ASSIGNED : offset == NULL ? K_INVALID_ARGUMENT : 0;
    while (code == 0) {
        unsigned ticket = gate_ticket(&consumer->budget->gate);
        if (atomic_exchange(&consumer->woken, false)) {
            code = K_WOKEN_UP;
            break;
        }
        consumer_catch_up(consumer);
        code = assigned->no_position;
        if (code != 0 || assigned->position >= 0)
            break;
        if (!gate_wait(&consumer->budget->gate, ticket, deadline_ms))
            code = K_REQUEST_TIMED_OUT;
    }
    if (code == 0)
        *offset = assigned->position;
    return consumer_leave(consumer, code == 0 ? KLIENT_OK : fail(error, code, NULL));
}

static klient_code_t set_paused(struct klient_consumer *consumer, const char *topic,
                                int32_t partition, bool paused, klient_error_t **error)
{
    int code = consumer_enter_again(consumer);
    if (code != 0)
        return fail(error, code, NULL);
    struct assigned *assigned = consumer_find(consumer, topic, partition);
    enum order_kind kind = paused ? ORDER_PAUSE : ORDER_RESUME;
    code = assigned == NULL ? K_NOT_ASSIGNED : consumer_order(consumer, kind, assigned, 0);
    if (code == 0)
        assigned->paused = paused;
    consumer_refresh_descriptor(consumer);
    return consumer_leave(consumer, code == 0 ? KLIENT_OK : fail(error, code, NULL));
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

int consumer_wait(void *context, struct task *task, int64_t deadline_ms)
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
