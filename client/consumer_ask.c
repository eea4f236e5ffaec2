/* consumer_ask.c - what a consumer asks about partitions that it need not have: their offsets and
 * what the cluster says of a topic. */
#include "client/config.h"
#include "client/consumer.h"
#include "client/describe.h"
#include "client/error.h"
#include "client/position.h"
#include "common/error.h"

/* --- offsets ---------------------------------------------------------------------------------- */

/* timestamps NULL: `timestamp`, of those that are instead of a time, for all. */
struct wish {
    const klient_topic_partition_t *partitions;
    const int64_t *timestamps;
    int64_t timestamp;
    size_t count;
    int64_t timeout_ms;
};

static klient_code_t begin(struct call *call, struct klient_consumer *consumer,
                           const struct wish *wish, klient_error_t **error)
{
    if (check_partitions(wish->partitions, wish->count) != 0 ||
        (wish->count > 0 && wish->timestamps == NULL && wish->timestamp >= 0))
        return fail(error, K_INVALID_ARGUMENT, NULL);
    for (size_t i = 0; wish->timestamps != NULL && i < wish->count; i++)
        if (wish->timestamps[i] < 0)
            return fail(error, K_INVALID_ARGUMENT, "a time is never negative");
    klient_code_t code =
        lookup_all(consumer->klient, consumer->config->values.isolation, wish->partitions,
                   wish->timestamps, wish->timestamp, wish->count,
                   deadline_after(wish->timeout_ms), call, error);
    if (code == KLIENT_OK)
        call_wait_by(call, consumer_wait, consumer);
    return code;
}

static klient_code_t wait(struct klient_consumer *consumer, const struct wish *wish, int64_t *out,
                          klient_error_t **error)
{
    struct call call;
    int refused = consumer_enter_again(consumer);

    if (refused != 0)
        return fail(error, refused, NULL);
    if (wish->count == 0 || out == NULL)
        return consumer_leave(consumer, wish->count == 0
                                            ? KLIENT_OK
                                            : fail(error, K_INVALID_ARGUMENT, NULL));
    klient_code_t code = begin(&call, consumer, wish, error);
    if (code == KLIENT_OK)
        code = lookup_wait(&call, out, NULL, error);
    return consumer_leave(consumer, code);
}

static klient_code_t post(struct klient_consumer *consumer, const struct wish *wish,
                          klient_queue_t *queue, void *opaque, klient_error_t **error)
{
    struct call call;
    int refused = consumer_enter_again(consumer);

    if (refused != 0)
        return fail(error, refused, NULL);
    klient_code_t code = begin(&call, consumer, wish, error);
    if (code == KLIENT_OK)
        code = call_post(&call, queue, opaque, error);
    return consumer_leave(consumer, code);
}

klient_code_t klient_consumer_beginning_offsets(klient_consumer_t *consumer,
                                                const klient_topic_partition_t *partitions,
                                                size_t count, int64_t timeout_ms, int64_t *out,
                                                klient_error_t **error)
{
    const struct wish wish = { partitions, NULL, POSITION_BEGINNING, count, timeout_ms };

    return wait(consumer, &wish, out, error);
}

klient_code_t klient_consumer_beginning_offsets_async(klient_consumer_t *consumer,
                                                      const klient_topic_partition_t *partitions,
                                                      size_t count, int64_t timeout_ms,
                                                      klient_queue_t *queue, void *opaque,
                                                      klient_error_t **error)
{
    const struct wish wish = { partitions, NULL, POSITION_BEGINNING, count, timeout_ms };

    return post(consumer, &wish, queue, opaque, error);
}

klient_code_t klient_consumer_end_offsets(klient_consumer_t *consumer,
                                          const klient_topic_partition_t *partitions, size_t count,
                                          int64_t timeout_ms, int64_t *out,
                                          klient_error_t **error)
{
    const struct wish wish = { partitions, NULL, POSITION_END, count, timeout_ms };

    return wait(consumer, &wish, out, error);
}

klient_code_t klient_consumer_end_offsets_async(klient_consumer_t *consumer,
                                                const klient_topic_partition_t *partitions,
                                                size_t count, int64_t timeout_ms,
                                                klient_queue_t *queue, void *opaque,
                                                klient_error_t **error)
{
    const struct wish wish = { partitions, NULL, POSITION_END, count, timeout_ms };

    return post(consumer, &wish, queue, opaque, error);
}

klient_code_t klient_consumer_offsets_for_times(klient_consumer_t *consumer,
                                                const klient_topic_partition_t *partitions,
                                                const int64_t *timestamps, size_t count,
                                                int64_t timeout_ms, int64_t *out,
                                                klient_error_t **error)
{
    const struct wish wish = { partitions, timestamps, 0, count, timeout_ms };

    return wait(consumer, &wish, out, error);
}

klient_code_t klient_consumer_offsets_for_times_async(klient_consumer_t *consumer,
                                                      const klient_topic_partition_t *partitions,
                                                      const int64_t *timestamps, size_t count,
                                                      int64_t timeout_ms, klient_queue_t *queue,
                                                      void *opaque, klient_error_t **error)
{
    const struct wish wish = { partitions, timestamps, 0, count, timeout_ms };

    return post(consumer, &wish, queue, opaque, error);
}

/* --- topics ----------------------------------------------------------------------------------- */

klient_code_t klient_consumer_partitions_for(klient_consumer_t *consumer, const char *topic,
                                             int64_t timeout_ms, klient_metadata_t **out,
                                             klient_error_t **error)
{
    struct call call;
    int refused = consumer_enter_again(consumer);

    if (refused != 0)
        return fail(error, refused, NULL);
    klient_code_t code =
        out == NULL ? fail(error, K_INVALID_ARGUMENT, NULL)
                    : describe_topic(consumer->klient, topic, timeout_ms, &call, error);
    if (code == KLIENT_OK)
        code = describe_wait(&call, out, error);
    return consumer_leave(consumer, code);
}

klient_code_t klient_consumer_partitions_for_async(klient_consumer_t *consumer, const char *topic,
                                                   int64_t timeout_ms, klient_queue_t *queue,
                                                   void *opaque, klient_error_t **error)
{
    struct call call;
    int refused = consumer_enter_again(consumer);

    if (refused != 0)
        return fail(error, refused, NULL);
    klient_code_t code = describe_topic(consumer->klient, topic, timeout_ms, &call, error);
    if (code == KLIENT_OK)
        code = call_post(&call, queue, opaque, error);
    return consumer_leave(consumer, code);
}
