/* headers.c - send a record with headers, read it back and print them.
 *
 *   ./headers 127.0.0.1:9092 [TOPIC] */
#include <klient.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    static const klient_header_t headers[] = { { "content-type", 12, "text/plain", 10 },
                                               { "trace-id", 8, "4711", 4 } };
    klient_topic_partition_t place = { argc > 2 ? argv[2] : "CustomerCountry", 0 };
    klient_config_t *config = klient_config_new();
    klient_records_t *records = NULL;
    klient_record_t record;
    int64_t end = 0;

    /* One handle: producer and consumer share its thread and connections. */
    klient_config_set(config, "bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092", NULL);
    klient_t *klient = klient_new(config, NULL);
    klient_config_free(config);
    klient_producer_t *producer = klient_producer_open(klient, NULL, NULL);
    klient_consumer_t *consumer = klient_consumer_open(klient, NULL, NULL);
    klient_free(klient);
    if (producer == NULL || consumer == NULL ||
        klient_consumer_end_offsets(consumer, &place, 1, 10000, &end, NULL) != KLIENT_OK)
        return 1;

    klient_record_init(&record);
    record.topic = place.topic;
    record.partition = place.partition;
    record.value = "France";
    record.value_size = 6;
    record.headers = headers;
    record.header_count = 2;
    klient_producer_send(producer, &record, NULL);
    if (klient_producer_close(producer, 10000, NULL) != KLIENT_OK)
        return 1;

    klient_consumer_assign(consumer, &place, 1, NULL);
    klient_consumer_seek(consumer, place.topic, place.partition, end, NULL);
    klient_code_t code = klient_consumer_poll(consumer, 10000, &records, NULL);
    if (code != KLIENT_OK || records == NULL || !klient_records_next(records, &record))
        return 1;
    for (size_t i = 0; i < record.header_count; i++)
        printf("%.*s: %.*s\n", (int)record.headers[i].key_size, record.headers[i].key,
               (int)record.headers[i].value_size, (const char *)record.headers[i].value);
    klient_records_free(records);
    klient_consumer_close(consumer, 1000, NULL);
    return 0;
}
