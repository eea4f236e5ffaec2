#include "client/standing.h"

#include <stdlib.h>
#include <string.h>

#include "client/call.h"
#include "client/consumer.h"
#include "client/error.h"
#include "client/offsets.h"
#include "common/error.h"

enum standing_kind { STANDING_POSITION, STANDING_WATERMARKS, STANDING_LAG };

struct standing {
    struct task task;
    struct list node;                   /* in assigned->standings */
    enum standing_kind kind;
    struct assigned *assigned;          /* referenced until it is answered */
    char *topic;                        /* owned */
    int32_t partition;
    int64_t position;                   /* -1: was not known to the application */
    int64_t low, high, end;
};

/* --- on the loop ------------------------------------------------------------------------------ */

static void end(struct standing *standing, int code)
{
    struct assigned *assigned = standing->assigned;

    list_remove(&standing->node);
    standing->assigned = NULL;
    assigned_unref(assigned);
    task_done(&standing->task, code);
}

/* The application has read nothing yet if it did not know its position. */
static bool is_known(struct standing *standing)
{
    const struct assigned *assigned = standing->assigned;

    if (standing->position < 0 && assigned->state == FETCH_READY)
        standing->position = assigned->start;
    standing->end = atomic_load(&assigned->end);
    standing->low = atomic_load(&assigned->low);
    standing->high = atomic_load(&assigned->high);
    return (standing->kind == STANDING_WATERMARKS || standing->position >= 0) &&
           (standing->kind == STANDING_POSITION || standing->end >= 0);
}

void standing_look(struct assigned *assigned)
{
    LIST_EACH_SAFE(&assigned->standings, node, after) {
        struct standing *standing = LIST_OWNER(node, struct standing, node);
        if (is_known(standing))
            end(standing, 0);
    }
}

void standing_fail(struct assigned *assigned, int code)
{
    LIST_EACH_SAFE(&assigned->standings, node, after)
        end(LIST_OWNER(node, struct standing, node), code);
}

/* Those that were told that their time is over: who asks again and again leaves none behind. */
static void drop_late(struct assigned *assigned)
{
    LIST_EACH_SAFE(&assigned->standings, node, after) {
        struct standing *standing = LIST_OWNER(node, struct standing, node);
        if (!task_is_to_be_posted(&standing->task))
            end(standing, K_REQUEST_TIMED_OUT);
    }
}

static void run(struct task *task)
{
    struct standing *standing = LIST_OWNER(task, struct standing, task);
    struct assigned *assigned = standing->assigned;

    drop_late(assigned);
    list_append(&assigned->standings, &standing->node);
    if (assigned->held == NULL)
        end(standing, K_NOT_ASSIGNED);  /* not any more */
    else
        standing_look(assigned);
}

static void dispose(struct task *task)
{
    struct standing *standing = LIST_OWNER(task, struct standing, task);

    if (standing->assigned != NULL)
        assigned_unref(standing->assigned);
    free(standing->topic);
    free(standing);
}

/* --- the application -------------------------------------------------------------------------- */

static klient_code_t make(struct task *task, struct product *out, klient_error_t **error)
{
    const struct standing *standing = LIST_OWNER(task, struct standing, task);
    bool marks = standing->kind == STANDING_WATERMARKS;
    int64_t lag = standing->end - standing->position;
    const int64_t told[] = { marks                                  ? standing->low
                             : standing->kind == STANDING_POSITION ? standing->position
                                                                   : (lag > 0 ? lag : 0),
                             standing->high };
    klient_offsets_t *offsets = offsets_new(marks ? 2 : 1);
    int code = offsets == NULL ? K_NOMEM : 0;

    for (size_t i = 0; code == 0 && i < offsets->count; i++)
        code = offsets_set(offsets, i, &(klient_offset_t){ .topic = standing->topic,
                                                           .partition = standing->partition,
                                                           .offset = told[i],
                                                           .leader_epoch = -1,
                                                           .metadata = "" });
    if (code != 0) {
        klient_offsets_free(offsets);
        return fail(error, code, NULL);
    }
    *out = (struct product){ PRODUCT_OFFSETS, offsets };
    return KLIENT_OK;
}

static int standing_new(struct assigned *assigned, enum standing_kind kind, struct standing **out)
{
    struct standing *standing = calloc(1, sizeof *standing);

    if (standing == NULL)
        return K_NOMEM;
    task_init(&standing->task, run, dispose);
    list_init(&standing->node);
    standing->kind = kind;
    standing->partition = assigned->partition;
    standing->position = assigned->position;
    standing->topic = strdup(assigned->topic);
    if (standing->topic == NULL) {
        task_unref(&standing->task);
        return K_NOMEM;
    }
    atomic_fetch_add(&assigned->references, 1);
    standing->assigned = assigned;
    *out = standing;
    return 0;
}

static klient_code_t post(struct klient_consumer *consumer, enum standing_kind kind,
                          const char *topic, int32_t partition, int64_t timeout_ms,
                          klient_queue_t *queue, void *opaque, klient_error_t **error)
{
    struct standing *standing;
    struct call call;
    int code = consumer_enter_again(consumer);

    if (code != 0)
        return fail(error, code, NULL);
    consumer_catch_up(consumer);
    struct assigned *assigned = topic == NULL ? NULL : consumer_find(consumer, topic, partition);
    if (topic == NULL)
        code = K_INVALID_ARGUMENT;
    else if (consumer->stopped)
        code = K_CLOSED;
    else if (assigned == NULL)
        code = K_NOT_ASSIGNED;
    else if (kind == STANDING_POSITION && assigned->no_position != 0)
        code = assigned->no_position;
    else
        code = standing_new(assigned, kind, &standing);
    if (code != 0)
        return consumer_leave(consumer, fail(error, code, NULL));
    call_init(&call, &standing->task, consumer->klient, deadline_after(timeout_ms), make);
    call.limited = true;
    return consumer_leave(consumer, call_post(&call, queue, opaque, error));
}

klient_code_t klient_consumer_position_async(klient_consumer_t *consumer, const char *topic,
                                             int32_t partition, int64_t timeout_ms,
                                             klient_queue_t *queue, void *opaque,
                                             klient_error_t **error)
{
    return post(consumer, STANDING_POSITION, topic, partition, timeout_ms, queue, opaque, error);
}

klient_code_t klient_consumer_watermarks_async(klient_consumer_t *consumer, const char *topic,
                                               int32_t partition, int64_t timeout_ms,
                                               klient_queue_t *queue, void *opaque,
                                               klient_error_t **error)
{
    return post(consumer, STANDING_WATERMARKS, topic, partition, timeout_ms, queue, opaque, error);
}

klient_code_t klient_consumer_lag_async(klient_consumer_t *consumer, const char *topic,
                                        int32_t partition, int64_t timeout_ms,
                                        klient_queue_t *queue, void *opaque,
                                        klient_error_t **error)
{
    return post(consumer, STANDING_LAG, topic, partition, timeout_ms, queue, opaque, error);
}
