/* custom_partitioner.c - put urgent records in partition 0 and spread the others.
 *
 *   ./custom_partitioner 127.0.0.1:9092 [TOPIC] */
#include <klient.h>
#include <stdio.h>
#include <string.h>

static int32_t urgent_first(void *context, const klient_partitioning_t *record)
{
    const char *urgent = context;

    if (record->partition_count == 1 ||
        (record->key_size == strlen(urgent) && memcmp(record->key, urgent, record->key_size) == 0))
        return 0;
    return 1 + klient_partition_for_key(record->value, record->value_size,
                                        record->partition_count - 1);
}

static void print_report(void *context, const klient_report_t *report)
{
    int *failures = context;

    *failures += report->code != KLIENT_OK;
    printf("%s: partition %d, %s\n", (const char *)report->opaque, report->partition,
           klient_code_text(report->code));
}

int main(int argc, char **argv)
{
    static const char *const keys[] = { "urgent", "usual", "urgent", "usual" };
    static char urgent[] = "urgent";
    int failures = 0;
    klient_config_t *config = klient_config_new();

    klient_config_set(config, "bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092", NULL);
    klient_config_set_partitioner(config, urgent_first, urgent);
    klient_config_set_report(config, print_report, &failures);
    klient_producer_t *producer = klient_producer_new(config, NULL);
    klient_config_free(config);
    for (size_t i = 0; producer != NULL && i < sizeof keys / sizeof keys[0]; i++) {
        klient_record_t record;
        klient_record_init(&record);
        record.topic = argc > 2 ? argv[2] : "CustomerCountry";
        record.key = keys[i];
        record.key_size = strlen(keys[i]);
        record.value = keys[i];
        record.value_size = strlen(keys[i]);
        record.opaque = (void *)keys[i];
        failures += klient_producer_send(producer, &record, NULL) != KLIENT_OK;
    }
    klient_producer_close(producer, 10000, NULL);      /* runs the reports */
    return producer == NULL || failures > 0;
}
