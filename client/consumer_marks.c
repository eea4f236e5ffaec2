/* consumer_marks.c - where partitions begin and end: as fetches have told it, and asked anew. */
#include "client/config.h"
#include "client/consumer.h"
#include "client/error.h"
#include "client/position.h"
#include "common/error.h"

/* Wait until a fetch has told where the partition ends, and, if that is needed, until it is known
 * where it is read. 0, K_WOKEN_UP or K_REQUEST_TIMED_OUT. */
static int await_marks(struct klient_consumer *consumer, const struct assigned *assigned,
                       bool position, int64_t deadline_ms)
{
    for (;;) {
        unsigned ticket = gate_ticket(&consumer->budget->gate);
        if (atomic_exchange(&consumer->woken, false))
            return K_WOKEN_UP;
        consumer_catch_up(consumer);
        if (atomic_load(&assigned->end) >= 0 && (!position || assigned->position >= 0))
            return 0;
        if (!gate_wait(&consumer->budget->gate, ticket, deadline_ms))
            return K_REQUEST_TIMED_OUT;
    }
}

klient_code_t klient_consumer_lag(klient_consumer_t *consumer, const char *topic, int32_t partition,
                                  int64_t timeout_ms, int64_t *lag, klient_error_t **error)
{
    int64_t deadline_ms = deadline_after(timeout_ms);
    int code = consumer_enter_again(consumer);

    if (code != 0)
        return fail(error, code, NULL);
    const struct assigned *assigned = consumer_find(consumer, topic, partition);
    code = assigned == NULL ? K_NOT_ASSIGNED : lag == NULL ? K_INVALID_ARGUMENT : 0;
    if (code == 0)
        code = await_marks(consumer, assigned, true, deadline_ms);
    if (code == 0) {
        int64_t left = atomic_load(&assigned->end) - assigned->position;
        *lag = left > 0 ? left : 0;
    }
    return consumer_leave(consumer, code == 0 ? KLIENT_OK : fail(error, code, NULL));
}

/* Each may be unwanted. */
static void set_marks(int64_t *low, int64_t *high, int64_t first, int64_t end)
{
    if (low != NULL)
        *low = first;
    if (high != NULL)
        *high = end;
}

klient_code_t klient_consumer_watermarks(klient_consumer_t *consumer, const char *topic,
                                         int32_t partition, int64_t timeout_ms, int64_t *low,
                                         int64_t *high, klient_error_t **error)
{
    int64_t deadline_ms = deadline_after(timeout_ms);
    int code = consumer_enter_again(consumer);

    if (code != 0)
        return fail(error, code, NULL);
    const struct assigned *assigned = consumer_find(consumer, topic, partition);
    code = check_topic(topic);
    if (code == 0)
        code = assigned == NULL ? K_NOT_ASSIGNED
                                : await_marks(consumer, assigned, false, deadline_ms);
    if (code == 0)
        set_marks(low, high, atomic_load(&assigned->low), atomic_load(&assigned->high));
    return consumer_leave(consumer, code == 0 ? KLIENT_OK : fail(error, code, NULL));
}

/* The first is where it begins, the second where it ends. */
static klient_code_t begin_query(struct call *call, struct klient_consumer *consumer,
                                 const char *topic, int32_t partition, int64_t timeout_ms,
                                 klient_error_t **error)
{
    static const int64_t where[] = { POSITION_BEGINNING, POSITION_END };
    const klient_topic_partition_t of[] = { { topic, partition }, { topic, partition } };

    if (check_partitions(of, 1) != 0)
        return fail(error, K_INVALID_ARGUMENT, NULL);
    klient_code_t code = lookup_all(consumer->klient, ISOLATION_UNCOMMITTED, of, where, 0, 2,
                                    deadline_after(timeout_ms), call, error);
    if (code == KLIENT_OK)
        call_wait_by(call, consumer_wait, consumer);
    return code;
}

klient_code_t klient_consumer_query_watermarks(klient_consumer_t *consumer, const char *topic,
                                               int32_t partition, int64_t timeout_ms, int64_t *low,
                                               int64_t *high, klient_error_t **error)
{
    struct call call;
    int64_t marks[2];
    int refused = consumer_enter_again(consumer);

    if (refused != 0)
        return fail(error, refused, NULL);
    klient_code_t code = begin_query(&call, consumer, topic, partition, timeout_ms, error);
    if (code == KLIENT_OK)
        code = lookup_wait(&call, marks, NULL, error);
    if (code == KLIENT_OK)
        set_marks(low, high, marks[0], marks[1]);
    return consumer_leave(consumer, code);
}

klient_code_t klient_consumer_query_watermarks_async(klient_consumer_t *consumer,
                                                     const char *topic, int32_t partition,
                                                     int64_t timeout_ms, klient_queue_t *queue,
                                                     void *opaque, klient_error_t **error)
{
    struct call call;
    int refused = consumer_enter_again(consumer);

    if (refused != 0)
        return fail(error, refused, NULL);
    klient_code_t code = begin_query(&call, consumer, topic, partition, timeout_ms, error);
    if (code == KLIENT_OK)
        code = call_post(&call, queue, opaque, error);
    return consumer_leave(consumer, code);
}
