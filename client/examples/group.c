/* group.c - a member of a group: commits without waiting while it reads, and once with waiting at
 * the end. Start several: they share the topic's partitions. Ends after COUNT records, or by
 * interrupt.
 *
 *   ./group 127.0.0.1:9092 [TOPIC [COUNT]] */
#include <klient.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static klient_consumer_t *consumer;

static void interrupted(int number)
{
    (void)number;
    klient_consumer_wakeup(consumer);       /* allowed in a signal handler */
}

/* Somebody else reads on from here: the last moment to say how far we are. */
static void revoked(void *context, klient_consumer_t *self,
                    const klient_topic_partition_t *partitions, size_t count)
{
    klient_error_t *error = NULL;

    (void)context, (void)partitions;
    if (klient_consumer_commit_sync(self, NULL, 0, 5000, &error) != KLIENT_OK)
        fprintf(stderr, "not committed: %s\n", klient_error_text(error));
    klient_error_free(error);
    fprintf(stderr, "%zu partitions go\n", count);
}

static void assigned(void *context, klient_consumer_t *self,
                     const klient_topic_partition_t *partitions, size_t count)
{
    (void)context, (void)self, (void)partitions;
    fprintf(stderr, "%zu partitions come\n", count);
}

/* They may be read by somebody else already: what we have done since our last commit is done twice.
 */
static void lost(void *context, klient_consumer_t *self,
                 const klient_topic_partition_t *partitions, size_t count)
{
    (void)context, (void)self, (void)partitions;
    fprintf(stderr, "%zu partitions are lost\n", count);
}

static void committed(void *context, klient_consumer_t *self, klient_code_t code,
                      const klient_offset_t *const *offsets, size_t count)
{
    (void)context, (void)self, (void)offsets;
    if (code != KLIENT_OK)          /* the next commit covers it */
        fprintf(stderr, "%zu offsets not committed: %s\n", count, klient_code_text(code));
}

static int failed(klient_error_t *error)
{
    fprintf(stderr, "%s\n", klient_error_text(error));
    klient_error_free(error);
    return 1;
}

/* Read until `left` is 0 or an interrupt comes. */
static int work(long left)
{
    klient_error_t *error = NULL;
    klient_record_t record;

    klient_record_init(&record);
    while (left != 0) {
        klient_records_t *records = NULL;
        klient_code_t code = klient_consumer_poll(consumer, KLIENT_FOREVER, &records, &error);
        if (code == KLIENT_WOKEN_UP)
            break;
        if (code != KLIENT_OK && klient_error_fatal(error))
            return failed(error);
        if (code != KLIENT_OK)
            fprintf(stderr, "%s\n", klient_error_text(error));
        klient_error_free(error);
        error = NULL;
        while (records != NULL && left != 0 && klient_records_next(records, &record)) {
            printf("%d %lld %.*s\n", record.partition, (long long)record.offset,
                   (int)record.value_size, record.value == NULL ? "" : (const char *)record.value);
            left--;
        }
        if (records != NULL)
            klient_consumer_commit_async(consumer, NULL, 0, committed, NULL, NULL);
        klient_records_free(records);
    }
    if (klient_consumer_commit_sync(consumer, NULL, 0, 5000, &error) != KLIENT_OK)
        return failed(error);
    return 0;
}

int main(int argc, char **argv)
{
    const char *topic = argc > 2 ? argv[2] : "CustomerCountry";
    long count = argc > 3 ? atol(argv[3]) : -1;
    klient_error_t *error = NULL;
    klient_config_t *config = klient_config_new();
    klient_listener_t listener;

    klient_config_set(config, "bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092", NULL);
    klient_config_set(config, "group.id", "CountryCounter", NULL);
    klient_config_set(config, "enable.auto.commit", "false", NULL);
    klient_config_set(config, "auto.offset.reset", "earliest", NULL);
    consumer = klient_consumer_new(config, &error);
    klient_config_free(config);
    if (consumer == NULL)
        return failed(error);
    signal(SIGINT, interrupted);

    klient_listener_init(&listener);
    listener.revoked = revoked;
    listener.assigned = assigned;
    listener.lost = lost;
    if (klient_consumer_subscribe(consumer, &topic, 1, &listener, &error) != KLIENT_OK)
        return failed(error);
    int status = work(count);
    if (klient_consumer_close(consumer, 5000, &error) != KLIENT_OK)
        return failed(error);
    return status;
}
