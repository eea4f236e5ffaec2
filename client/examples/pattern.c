/* pattern.c - a member of a group that reads every topic whose whole name matches a regular
 * expression, also those that are made later. Commits by itself what it has freed.
 *
 *   ./pattern 127.0.0.1:9092 ['CUSTOMER.*' [COUNT]]      ends after COUNT records */
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
    long left = argc > 3 ? atol(argv[3]) : -1;
    klient_error_t *error = NULL;
    klient_config_t *config = klient_config_new();

    klient_config_set(config, "bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092", NULL);
    klient_config_set(config, "group.id", "Pattern", NULL);
    klient_config_set(config, "auto.offset.reset", "earliest", NULL);
    klient_consumer_t *consumer = klient_consumer_new(config, &error);
    klient_config_free(config);
    if (consumer == NULL ||
        klient_consumer_subscribe_pattern(consumer, argc > 2 ? argv[2] : "Customer.*", NULL,
                                          &error) != KLIENT_OK)
        return failed(error);               /* an expression that does not compile says where */

    while (left != 0) {
        klient_records_t *records = NULL;
        klient_record_t record;
        if (klient_consumer_poll(consumer, KLIENT_FOREVER, &records, &error) != KLIENT_OK)
            return failed(error);
        klient_record_init(&record);
        for (; left != 0 && klient_records_next(records, &record); left -= left > 0)
            printf("%s-%d %lld %.*s\n", record.topic, record.partition, (long long)record.offset,
                   (int)record.value_size, record.value == NULL ? "" : (const char *)record.value);
        klient_records_free(records);       /* done with: may be committed */
    }
    if (klient_consumer_close(consumer, 5000, &error) != KLIENT_OK)
        return failed(error);
    return 0;
}
