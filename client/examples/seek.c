/* seek.c - print the last records of a partition, or what came since a time, up to its end.
 *
 *   ./seek 127.0.0.1:9092 TOPIC PARTITION last COUNT
 *   ./seek 127.0.0.1:9092 TOPIC PARTITION since MILLISECONDS-SINCE-1970 */
#include <klient.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 10000 };

static int failed(klient_error_t *error)
{
    fprintf(stderr, "%s\n", klient_error_text(error));
    klient_error_free(error);
    return 1;
}

/* To an offset, counted from the end; the log may begin later. */
static klient_code_t seek_last(klient_consumer_t *consumer, const klient_topic_partition_t *of,
                               long long count, klient_error_t **error)
{
    int64_t low, high;
    klient_code_t code = klient_consumer_query_watermarks(consumer, of->topic, of->partition,
                                                          TIMEOUT_MS, &low, &high, error);

    if (code != KLIENT_OK)
        return code;
    return klient_consumer_seek(consumer, of->topic, of->partition,
                                high - count > low ? high - count : low, error);
}

int main(int argc, char **argv)
{
    klient_topic_partition_t of = { argc > 2 ? argv[2] : "CustomerCountry",
                                    argc > 3 ? atoi(argv[3]) : 0 };
    int since = argc > 4 && strcmp(argv[4], "since") == 0;
    long long number = argc > 5 ? atoll(argv[5]) : 1;
    klient_error_t *error = NULL;
    klient_config_t *config = klient_config_new();
    int64_t end, position = 0;

    klient_config_set(config, "bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092", NULL);
    klient_consumer_t *consumer = klient_consumer_new(config, &error);
    klient_config_free(config);
    if (consumer == NULL || klient_consumer_assign(consumer, &of, 1, &error) != KLIENT_OK ||
        klient_consumer_end_offsets(consumer, &of, 1, TIMEOUT_MS, &end, &error) != KLIENT_OK ||
        (since ? klient_consumer_seek_to_time(consumer, of.topic, of.partition, number, TIMEOUT_MS,
                                              &error)
               : seek_last(consumer, &of, number, &error)) != KLIENT_OK)
        return failed(error);

    for (;;) {
        klient_records_t *records = NULL;
        klient_record_t record;
        if (klient_consumer_position(consumer, of.topic, of.partition, TIMEOUT_MS, &position,
                                     &error) != KLIENT_OK)
            return failed(error);
        if (position >= end)
            break;
        if (klient_consumer_poll(consumer, TIMEOUT_MS, &records, &error) != KLIENT_OK)
            return failed(error);
        klient_record_init(&record);
        while (records != NULL && klient_records_next(records, &record))
            printf("%lld %.*s\n", (long long)record.offset, (int)record.value_size,
                   record.value == NULL ? "" : (const char *)record.value);
        klient_records_free(records);
    }
    klient_consumer_close(consumer, 1000, NULL);
    return 0;
}
