/* consumer_life.c - how a consumer begins and ends. */
#include <stdlib.h>
#include <unistd.h>

#include "client/config.h"
#include "client/consumer.h"
#include "client/deserializer.h"
#include "client/error.h"
#include "client/failures.h"
#include "client/group.h"
#include "client/task.h"
#include "common/error.h"

static void destroy(struct klient_consumer *consumer)
{
    failures_free(consumer->failures);
    for (struct chunk *chunk = consumer->ready, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        chunk_unref(chunk);
    }
    for (size_t i = 0; i < consumer->assigned_count; i++)
        assigned_unref(consumer->assigned[i]);
    free(consumer->assigned);
    if (consumer->fetcher != NULL)
        fetcher_free(consumer->fetcher);
    group_close(consumer->group);
    consumer_group_fini(consumer);
    if (consumer->budget != NULL)
        budget_unref(consumer->budget);
    int fd = atomic_load(&consumer->descriptor);
    if (fd >= 0)
        close(fd);
    interceptors_close(&consumer->interceptors);
    if (consumer->deserializers != NULL)
        deserializers_unref(consumer->deserializers);
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
    struct klient_consumer *consumer = request->consumer;

    request->code = troubles_open(&consumer->troubles, consumer->klient, consumer->config);
    if (request->code != 0)
        return;
    request->code = fetcher_start(consumer->fetcher);
    if (request->code != 0) {
        troubles_close(&consumer->troubles);
        return;
    }
    if (consumer->failures != NULL)
        request->code = failures_start(consumer->failures);
    if (request->code == 0 && consumer->group != NULL)
        request->code = group_start(consumer->group);
    if (request->code == 0)
        return;
    if (consumer->failures != NULL)
        failures_stop(consumer->failures);
    fetcher_stop(consumer->fetcher);
    troubles_close(&consumer->troubles);
}

static void stop(void *context)
{
    struct klient_consumer *consumer = context;

    fetcher_stop(consumer->fetcher);
    if (consumer->failures != NULL)
        failures_stop(consumer->failures);
    if (consumer->group != NULL)
        group_stop(consumer->group);
    troubles_close(&consumer->troubles);
}

klient_consumer_t *klient_consumer_open(klient_t *klient, const klient_config_t *config,
                                        klient_error_t **error)
{
    int code = klient == NULL ? K_INVALID_ARGUMENT : handle_check(klient);

    if (code != 0) {
        fail(error, code, NULL);
        return NULL;
    }
    if (config != NULL && (config_check(config, error) != 0 ||
                           config_suits(config, USE_CONSUMER, error) != 0))
        return NULL;
    struct klient_consumer *consumer = calloc(1, sizeof *consumer);
    if (consumer == NULL)
        goto nomem;
    consumer->klient = klient;
    atomic_init(&consumer->descriptor, -1);
    spin_init(&consumer->spin);
    consumer->arrived_last = &consumer->arrived;
    consumer->ready_last = &consumer->ready;
    consumer_group_init(consumer);
    consumer->budget = budget_new();
    consumer->config = klient_config_copy(config == NULL ? klient->config : config);
    if (consumer->budget == NULL || consumer->config == NULL ||
        fetcher_new(consumer, &consumer->fetcher) != 0)
        goto undo;
    if (deserializers_open(consumer->config, &consumer->deserializers, error) != 0 ||
        interceptors_open(&consumer->interceptors, consumer->config, USE_CONSUMER, error) != 0) {
        destroy(consumer);
        return NULL;                    /* they have told why */
    }
    if (consumer->config->values.group_id != NULL && consumer->config->values.group_id[0] != '\0' &&
        group_open(consumer, &consumer->group, error) != 0) {
        destroy(consumer);
        return NULL;                    /* likewise */
    }
    if (consumer->config->retry_policy != NULL &&
        failures_new(consumer, &consumer->failures, error) != KLIENT_OK) {
        destroy(consumer);
        return NULL;
    }
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

/* In a forked child; see handle_unref(). */
static void abandon(struct klient_consumer *consumer)
{
    int fd = atomic_exchange(&consumer->descriptor, -1);

    if (fd >= 0)
        close(fd);
    if (consumer->failures != NULL)
        failures_abandon(consumer->failures);
    handle_unref(consumer->klient);
}

klient_code_t klient_consumer_statistics(klient_consumer_t *consumer, char **json,
                                         klient_error_t **error)
{
    return statistics_ask(consumer->klient, json, error);
}

klient_code_t klient_consumer_close(klient_consumer_t *consumer, int64_t timeout_ms,
                                    klient_error_t **error)
{
    int64_t deadline_ms = deadline_after(timeout_ms);

    if (consumer == NULL)
        return KLIENT_OK;
    int code = consumer_enter(consumer);
    if (code == K_FORKED)
        abandon(consumer);
    if (code != 0)
        return fail(error, code, NULL);
    int settled = failures_settle_early(consumer->failures, deadline_ms);
    code = consumer_end_group(consumer, deadline_ms);
    code = code == 0 ? settled : code;
    task_call(consumer->klient, stop, consumer);
    consumer->stopped = true;
    consumer_tell_outcomes(consumer);
    consumer_collect(consumer);
    struct klient *klient = consumer->klient;
    destroy(consumer);
    handle_unref(klient);
    return code == 0 ? KLIENT_OK : fail(error, code, NULL);
}
