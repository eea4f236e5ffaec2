/* global_order.c - one order for everything: a topic with one partition, one producer that numbers
 * its batches (the default), one reader. What that costs: one broker writes, one consumer reads.
 *
 *   ./global_order 127.0.0.1:9092 [TOPIC [COUNT]] */
#include <klient.h>
#include <stdio.h>
#include <stdlib.h>

enum { TIMEOUT_MS = 10000 };

static int failed(klient_error_t *error)
{
    fprintf(stderr, "%s\n", klient_error_text(error));
    klient_error_free(error);
    return 1;
}

static int create(klient_t *klient, const char *topic)
{
    klient_error_t *error = NULL;
    klient_new_topic_t wanted;
    const klient_new_topic_t *all[] = { &wanted };
    klient_admin_t *admin = klient_admin_open(klient, &error);

    klient_new_topic_init(&wanted);
    wanted.name = topic;
    wanted.partitions = 1;
    klient_code_t code = admin == NULL ? klient_error_code(error)
                                       : klient_admin_create_topics(admin, all, 1, 0, TIMEOUT_MS,
                                                                    NULL, &error);
    klient_admin_close(admin);
    if (code != KLIENT_OK && code != KLIENT_TOPIC_ALREADY_EXISTS)
        return failed(error);
    klient_error_free(error);
    return 0;
}

static int produce(klient_t *klient, const char *topic, long count)
{
    klient_error_t *error = NULL;
    klient_producer_t *producer = klient_producer_open(klient, NULL, &error);
    klient_record_t record;
    char number[24];

    klient_record_init(&record);
    record.topic = topic;
    record.value = number;
    for (long i = 0; producer != NULL && i < count; i++) {
        record.value_size = (size_t)snprintf(number, sizeof number, "%ld", i);
        if (klient_producer_send(producer, &record, &error) != KLIENT_OK)
            return failed(error);
    }
    if (producer == NULL || klient_producer_close(producer, TIMEOUT_MS, &error) != KLIENT_OK)
        return failed(error);
    return 0;
}

int main(int argc, char **argv)
{
    klient_topic_partition_t one = { argc > 2 ? argv[2] : "Ledger", 0 };
    long count = argc > 3 ? atol(argv[3]) : 1000, next = 0;
    klient_error_t *error = NULL;
    klient_config_t *config = klient_config_new();
    int64_t start;

    klient_config_set(config, "bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092", NULL);
    klient_t *klient = klient_new(config, &error);
    klient_config_free(config);
    if (klient == NULL)
        return failed(error);
    if (create(klient, one.topic) != 0)
        return 1;
    klient_consumer_t *consumer = klient_consumer_open(klient, NULL, &error);
    if (consumer == NULL || klient_consumer_assign(consumer, &one, 1, &error) != KLIENT_OK ||
        klient_consumer_position(consumer, one.topic, 0, TIMEOUT_MS, &start, &error) != KLIENT_OK)
        return failed(error);
    if (produce(klient, one.topic, count) != 0)
        return 1;

    while (next < count) {
        klient_records_t *records = NULL;
        klient_record_t record;
        if (klient_consumer_poll(consumer, TIMEOUT_MS, &records, &error) != KLIENT_OK)
            return failed(error);
        klient_record_init(&record);
        for (; records != NULL && klient_records_next(records, &record); next++) {
            char number[24];
            snprintf(number, sizeof number, "%.*s", (int)record.value_size,
                     (const char *)record.value);
            if (atol(number) != next || record.offset != start + next)
                return 1;
        }
        klient_records_free(records);
    }
    printf("%ld records in one order\n", next);
    klient_consumer_close(consumer, 1000, NULL);
    klient_free(klient);
    return 0;
}
