/* dlq_probe.c - a consumer with a retry policy that says what it does, to be killed at any time.
 *
 *   dlq_probe BOOTSTRAP GROUP TOPIC [NAME=VALUE...]      properties of the policy
 *
 * A value that begins with "bad" fails each time, one that begins with "once" the first time, one
 * that begins with "poison" for good. Prints a line for each record: "done VALUE", "failed VALUE
 * ATTEMPTS MILLISECONDS" and, when a dead letter is acknowledged, "dead PARTITION OFFSET". Ends by
 * SIGTERM. */
#include <klient.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static klient_consumer_t *consumer;

static void on_signal(int signal)
{
    (void)signal;
    klient_consumer_wakeup(consumer);
}

static void told(void *context, const klient_failure_event_t *event)
{
    (void)context;
    if (event->kind == KLIENT_FAILURE_DEAD)
        printf("dead %d %lld\n", event->partition, (long long)event->offset);
    else if (event->kind == KLIENT_FAILURE_UNWRITTEN)
        printf("unwritten %s %s\n", event->to_topic, klient_code_name(event->code));
    else
        printf("alert %d\n", event->count);
    fflush(stdout);
}

static int failed(klient_error_t *error)
{
    fprintf(stderr, "dlq_probe: %s\n", klient_error_text(error));
    klient_error_free(error);
    return 1;
}

static int begins(const klient_record_t *record, const char *with)
{
    return record->value_size >= strlen(with) && memcmp(record->value, with, strlen(with)) == 0;
}

static long long wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static klient_code_t process(const klient_record_t *record, klient_error_t **error)
{
    static const struct timespec a_while = { .tv_nsec = 1000000 };
    int attempts = klient_record_attempts(record), size = (int)record->value_size;
    int fails = begins(record, "bad") || begins(record, "poison") ||
                (begins(record, "once") && attempts == 0);

    nanosleep(&a_while, NULL);      /* so that it can be killed between commits */
    if (!fails)
        printf("done %.*s\n", size, (const char *)record->value);
    else
        printf("failed %.*s %d %lld\n", size, (const char *)record->value, attempts, wall_ms());
    fflush(stdout);
    if (!fails)
        return KLIENT_OK;
    return klient_consumer_fail(consumer, record,
                                begins(record, "poison") ? KLIENT_FAIL_FOR_GOOD
                                                         : KLIENT_FAIL_RETRY,
                                begins(record, "poison") ? "it is poison" : "it is bad", error);
}

static int open_consumer(int argc, char **argv, klient_error_t **error)
{
    klient_config_t *config = klient_config_new();
    klient_retry_policy_t *policy = klient_retry_policy_new();
    klient_code_t code = KLIENT_OK;

    klient_config_set(config, "bootstrap.servers", argv[1], NULL);
    klient_config_set(config, "group.id", argv[2], NULL);
    klient_config_set(config, "auto.offset.reset", "earliest", NULL);
    klient_config_set(config, "auto.commit.interval.ms", "100", NULL);
    klient_config_set(config, "session.timeout.ms", "6000", NULL);
    klient_config_set(config, "max.poll.records", "20", NULL);
    for (int i = 4; code == KLIENT_OK && i < argc; i++) {
        char *value = strchr(argv[i], '=');
        *value++ = '\0';
        code = klient_retry_policy_set(policy, argv[i], value, error);
    }
    klient_retry_policy_set_event(policy, told, NULL);
    if (code == KLIENT_OK)
        code = klient_config_set_retry_policy(config, policy, error);
    if (code == KLIENT_OK)
        consumer = klient_consumer_new(config, error);
    klient_retry_policy_free(policy);
    klient_config_free(config);
    return consumer != NULL;
}

int main(int argc, char **argv)
{
    klient_error_t *error = NULL;
    klient_record_t record;
    klient_code_t code = KLIENT_OK;

    if (argc < 4)
        return 2;
    if (!open_consumer(argc, argv, &error))
        return failed(error);
    signal(SIGTERM, on_signal);
    code = klient_consumer_subscribe(consumer, (const char *const *)&argv[3], 1, NULL, &error);
    klient_record_init(&record);
    while (code == KLIENT_OK) {
        klient_records_t *records = NULL;
        code = klient_consumer_poll(consumer, 1000, &records, &error);
        while (code == KLIENT_OK && records != NULL && klient_records_next(records, &record))
            code = process(&record, &error);
        klient_records_free(records);
    }
    if (code != KLIENT_WOKEN_UP)
        return failed(error);
    klient_error_free(error);
    error = NULL;
    return klient_consumer_close(consumer, 10000, &error) == KLIENT_OK ? 0 : failed(error);
}
