/* produce.c - send one record and wait until it is stored.
 *
 *   cc produce.c $(pkg-config --cflags --libs klient) -o produce && ./produce 127.0.0.1:9092 */
#include <klient.h>
#include <stdio.h>
#include <string.h>

static int failed(klient_error_t *error)
{
    fprintf(stderr, "%s\n", klient_error_text(error));
    klient_error_free(error);
    return 1;
}

int main(int argc, char **argv)
{
    klient_error_t *error = NULL;
    klient_config_t *config = klient_config_new();

    klient_config_set(config, "bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092", NULL);
    klient_producer_t *producer = klient_producer_new(config, &error);
    klient_config_free(config);
    if (producer == NULL)
        return failed(error);

    klient_record_t record;
    klient_record_init(&record);
    record.topic = "CustomerCountry";
    record.key = "Precision Products";
    record.key_size = strlen(record.key);
    record.value = "France";
    record.value_size = strlen(record.value);
    klient_code_t code = klient_producer_send(producer, &record, &error);
    if (code == KLIENT_OK)
        code = klient_producer_flush(producer, 10000, &error);
    klient_producer_close(producer, 10000, NULL);
    if (code != KLIENT_OK)
        return failed(error);
    printf("stored\n");
    return 0;
}
