/* dead_letters.c - orders without a customer can not be processed: each is tried again twice, then
 * it becomes a dead letter in orders.dlq (TOPIC.dlq) that says why. Ends after COUNT dead letters.
 *
 *   ./dead_letters 127.0.0.1:9092 [TOPIC [COUNT]]
 *   kairn dlq show orders.dlq */
#include <klient.h>
#include <stdio.h>
#include <stdlib.h>

enum { POLL_MS = 200 };

static long dead;

/* Inside poll: a dead letter is acknowledged, or something is wrong. */
static void told(void *context, const klient_failure_event_t *event)
{
    (void)context;
    if (event->kind == KLIENT_FAILURE_DEAD) {
        dead++;
        printf("dead letter: %s-%d at %lld, failed %d times: %s\n", event->topic, event->partition,
               (long long)event->offset, event->attempts, event->error);
    } else if (event->kind == KLIENT_FAILURE_UNWRITTEN) {
        fprintf(stderr, "not written to %s: %s\n", event->to_topic, klient_code_text(event->code));
    }
}

/* NULL: done. */
static const char *process(const klient_record_t *order)
{
    if (order->key == NULL)
        return "it names no customer";
    printf("processed: %.*s for %.*s\n", (int)order->value_size,
           order->value == NULL ? "" : (const char *)order->value, (int)order->key_size,
           (const char *)order->key);
    return NULL;
}

static int failed(klient_error_t *error)
{
    fprintf(stderr, "%s\n", klient_error_text(error));
    klient_error_free(error);
    return 1;
}

static klient_consumer_t *open_consumer(const char *servers, klient_error_t **error)
{
    klient_config_t *config = klient_config_new();
    klient_retry_policy_t *policy = klient_retry_policy_new();

    klient_config_set(config, "bootstrap.servers", servers, NULL);
    klient_config_set(config, "group.id", "OrderProcessor", NULL);
    klient_config_set(config, "auto.offset.reset", "earliest", NULL);
    klient_retry_policy_set(policy, "retries", "2", NULL);
    klient_retry_policy_set(policy, "backoff.ms", "100", NULL);
    klient_retry_policy_set_event(policy, told, NULL);
    klient_config_set_retry_policy(config, policy, NULL);
    klient_consumer_t *consumer = klient_consumer_new(config, error);
    klient_retry_policy_free(policy);
    klient_config_free(config);
    return consumer;
}

int main(int argc, char **argv)
{
    const char *topic = argc > 2 ? argv[2] : "orders";
    long count = argc > 3 ? atol(argv[3]) : -1;
    klient_error_t *error = NULL;
    klient_consumer_t *consumer = open_consumer(argc > 1 ? argv[1] : "127.0.0.1:9092", &error);
    klient_record_t record;

    if (consumer == NULL ||
        klient_consumer_subscribe(consumer, &topic, 1, NULL, &error) != KLIENT_OK)
        return failed(error);
    klient_record_init(&record);
    while (dead != count) {
        klient_records_t *records = NULL;
        if (klient_consumer_poll(consumer, POLL_MS, &records, &error) != KLIENT_OK)
            return failed(error);
        while (records != NULL && klient_records_next(records, &record)) {
            const char *why = process(&record);
            if (why != NULL &&
                klient_consumer_fail(consumer, &record, KLIENT_FAIL_RETRY, why, &error))
                return failed(error);
        }
        klient_records_free(records);       /* what did not fail is processed */
    }
    printf("dead letters: %ld\n", dead);
    return klient_consumer_close(consumer, 5000, &error) == KLIENT_OK ? 0 : failed(error);
}
