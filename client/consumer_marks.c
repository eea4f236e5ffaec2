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
        consumer_collect(consumer);
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

klient_code_t klient_consumer_query_watermarks(klient_consumer_t *consumer, const char *topic,
                                               int32_t partition, int64_t timeout_ms, int64_t *low,
                                               int64_t *high, klient_error_t **error)
{
    const klient_topic_partition_t of = { topic, partition };
    int64_t deadline_ms = deadline_after(timeout_ms), first, end;
    int code = consumer_enter_again(consumer);

    if (code != 0)
        return fail(error, code, NULL);
    if (check_partitions(&of, 1) != 0)
        return consumer_leave(consumer, fail(error, K_INVALID_ARGUMENT, NULL));
    klient_code_t outcome =
        lookup_all(consumer->klient, ISOLATION_UNCOMMITTED, &of, NULL, POSITION_BEGINNING, 1,
                   deadline_ms, consumer_wait, consumer, &first, NULL, error);
    if (outcome == KLIENT_OK)
        outcome = lookup_all(consumer->klient, ISOLATION_UNCOMMITTED, &of, NULL, POSITION_END, 1,
                             deadline_ms, consumer_wait, consumer, &end, NULL, error);
    if (outcome == KLIENT_OK)
        set_marks(low, high, first, end);
    return consumer_leave(consumer, outcome);
}
