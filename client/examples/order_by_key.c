/* order_by_key.c - the events of each order in the order in which they happened: the order's id is
 * the key, so all of its events go to one partition, which keeps their order. Events of different
 * orders come in any order.
 *
 *   ./order_by_key 127.0.0.1:9092 [TOPIC] */
#include <klient.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ORDERS = 5, STEPS = 3, PARTITIONS_MAX = 64, TIMEOUT_MS = 10000 };

static const char *const steps[STEPS] = { "created", "paid", "shipped" };

static int failed(klient_error_t *error)
{
    fprintf(stderr, "%s\n", klient_error_text(error));
    klient_error_free(error);
    return 1;
}

/* acks=all and enable.idempotence=true are the defaults: retries keep the order, too. */
static int produce(klient_t *klient, const char *topic)
{
    klient_error_t *error = NULL;
    klient_producer_t *producer = klient_producer_open(klient, NULL, &error);
    klient_record_t record;
    char order_id[16];

    klient_record_init(&record);
    record.topic = topic;
    record.key = order_id;
    for (int step = 0; producer != NULL && step < STEPS; step++)
        for (int order = 0; order < ORDERS; order++) {
            record.key_size = (size_t)snprintf(order_id, sizeof order_id, "%d", 4711 + order);
            record.value = steps[step];
            record.value_size = strlen(steps[step]);
            if (klient_producer_send(producer, &record, &error) != KLIENT_OK)
                return failed(error);
        }
    if (producer == NULL || klient_producer_close(producer, TIMEOUT_MS, &error) != KLIENT_OK)
        return failed(error);
    return 0;
}

/* 0: every event came as the next one of its order. */
static int check(klient_consumer_t *consumer)
{
    klient_error_t *error = NULL;
    int next[ORDERS] = { 0 };

    for (int left = ORDERS * STEPS; left > 0;) {
        klient_records_t *records = NULL;
        klient_record_t record;
        if (klient_consumer_poll(consumer, TIMEOUT_MS, &records, &error) != KLIENT_OK)
            return failed(error);
        if (records == NULL)
            return 1;
        klient_record_init(&record);
        while (klient_records_next(records, &record)) {
            char order_id[16];
            snprintf(order_id, sizeof order_id, "%.*s", (int)record.key_size,
                     (const char *)record.key);
            int order = atoi(order_id) - 4711;
            printf("order %s, partition %d: %.*s\n", order_id, record.partition,
                   (int)record.value_size, (const char *)record.value);
            if (order < 0 || order >= ORDERS || next[order] >= STEPS ||
                strlen(steps[next[order]]) != record.value_size ||
                memcmp(steps[next[order]], record.value, record.value_size) != 0)
                return 1;
            next[order]++;
            left--;
        }
        klient_records_free(records);
    }
    printf("every order in its order\n");
    return 0;
}

int main(int argc, char **argv)
{
    const char *topic = argc > 2 ? argv[2] : "Orders";
    klient_topic_partition_t all[PARTITIONS_MAX];
    klient_metadata_t *metadata = NULL;
    klient_topic_info_t info = { .size = sizeof info };
    klient_error_t *error = NULL;
    klient_config_t *config = klient_config_new();
    size_t count = 0;

    klient_config_set(config, "bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092", NULL);
    klient_t *klient = klient_new(config, &error);
    klient_config_free(config);
    if (klient == NULL)
        return failed(error);
    klient_consumer_t *consumer = klient_consumer_open(klient, NULL, &error);
    if (consumer == NULL || klient_consumer_partitions_for(consumer, topic, TIMEOUT_MS, &metadata,
                                                           &error) != KLIENT_OK)
        return failed(error);
    klient_metadata_topic(metadata, 0, &info);
    for (; count < (size_t)info.partition_count && count < PARTITIONS_MAX; count++)
        all[count] = (klient_topic_partition_t){ topic, (int32_t)count };
    klient_metadata_free(metadata);

    /* From its end on: what comes now. */
    int64_t position;
    if (klient_consumer_assign(consumer, all, count, &error) != KLIENT_OK)
        return failed(error);
    for (size_t i = 0; i < count; i++)
        if (klient_consumer_position(consumer, topic, all[i].partition, TIMEOUT_MS, &position,
                                     &error) != KLIENT_OK)
            return failed(error);
    int status = produce(klient, topic) != 0 || check(consumer) != 0;
    klient_consumer_close(consumer, 1000, NULL);
    klient_free(klient);
    return status;
}
