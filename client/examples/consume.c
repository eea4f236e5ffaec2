/* consume.c - print what a partition holds from its beginning, then wait for more.
 *
 *   ./consume 127.0.0.1:9092 [TOPIC [PARTITION [COUNT]]]      ends after COUNT records */
#include <klient.h>
#include <stdio.h>
#include <stdlib.h>

static int failed(klient_error_t *error)
{
    fprintf(stderr, "%s\n", klient_error_text(error));
    klient_error_free(error);
    return 1;
}

int main(int argc, char **argv)
{
    klient_topic_partition_t from = { argc > 2 ? argv[2] : "CustomerCountry",
                                      argc > 3 ? atoi(argv[3]) : 0 };
    long left = argc > 4 ? atol(argv[4]) : -1;
    klient_error_t *error = NULL;
    klient_config_t *config = klient_config_new();

    klient_config_set(config, "bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092", NULL);
    klient_config_set(config, "auto.offset.reset", "earliest", NULL);
    klient_consumer_t *consumer = klient_consumer_new(config, &error);
    klient_config_free(config);
    if (consumer == NULL || klient_consumer_assign(consumer, &from, 1, &error) != KLIENT_OK)
        return failed(error);

    while (left != 0) {
        klient_records_t *records = NULL;
        klient_record_t record;
        if (klient_consumer_poll(consumer, KLIENT_FOREVER, &records, &error) != KLIENT_OK)
            return failed(error);
        klient_record_init(&record);
        while (left != 0 && klient_records_next(records, &record)) {
            printf("%lld %.*s %.*s\n", (long long)record.offset, (int)record.key_size,
                   record.key == NULL ? "" : (const char *)record.key, (int)record.value_size,
                   record.value == NULL ? "" : (const char *)record.value);
            left--;
        }
        klient_records_free(records);
    }
    klient_consumer_close(consumer, 1000, NULL);
    return 0;
}
