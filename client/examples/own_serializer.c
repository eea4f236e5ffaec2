/* own_serializer.c - send and receive a struct of the application, with a serializer and a
 * deserializer of its own and a property that they declare.
 *
 *   ./own_serializer 127.0.0.1:9092 [TOPIC] */
#include <klient.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct order {
    int id, cents;
    char currency[4];
};

enum { ORDER_NEGATIVE = 1, ORDER_NOMEM = 2, ORDER_UNREADABLE = 3 };

static const klient_property_t order_properties[] = { { "order.currency", "EUR", 0 } };

/* The state of both: the currency that the handle is configured with. */
static int order_open(void *context, const klient_config_t *config, int is_key, void **state,
                      char *reason, size_t reason_size)
{
    char *currency = malloc(8);

    (void)context;
    (void)is_key;
    if (currency == NULL)
        return ORDER_NOMEM;
    klient_config_get(config, "order.currency", currency, 8, NULL);
    if (strlen(currency) != 3) {
        snprintf(reason, reason_size, "order.currency has three letters, not \"%s\"", currency);
        free(currency);
        return ORDER_UNREADABLE;
    }
    *state = currency;
    return 0;
}

static int order_serialize(void *state, klient_serialization_t *call)
{
    enum { TEXT_SIZE = 64 };
    const struct order *order = call->data;
    char *text = klient_scratch_alloc(call->scratch, TEXT_SIZE);

    if (text == NULL)
        return ORDER_NOMEM;
    if (order->cents < 0) {
        snprintf(call->reason, call->reason_size, "order %d has %d cents", order->id, order->cents);
        return ORDER_NEGATIVE;
    }
    call->bytes = text;
    call->bytes_size = (size_t)snprintf(text, TEXT_SIZE, "%d %d %s", order->id, order->cents,
                                        (const char *)state);
    return 0;
}

static int order_deserialize(void *state, klient_deserialization_t *call, void **own)
{
    struct order *order = malloc(sizeof *order);
    char text[64];

    (void)state;
    if (order == NULL)
        return ORDER_NOMEM;
    snprintf(text, sizeof text, "%.*s", (int)call->bytes_size, (const char *)call->bytes);
    if (sscanf(text, "%d %d %3s", &order->id, &order->cents, order->currency) != 3) {
        snprintf(call->reason, call->reason_size, "no order: %s", text);
        free(order);
        return ORDER_UNREADABLE;
    }
    *own = order;
    return 0;
}

static void order_free(void *state, void *own)
{
    (void)state;
    free(own);
}

static klient_t *open_handle(const char *servers)
{
    klient_config_t *config = klient_config_new();
    klient_serializer_t serializer;
    klient_deserializer_t deserializer;

    klient_serializer_init(&serializer);
    serializer.properties = order_properties;
    serializer.property_count = 1;
    serializer.open = order_open;
    serializer.serialize = order_serialize;
    serializer.close = free;
    klient_config_add_serializer(config, "order", &serializer, NULL);
    klient_deserializer_init(&deserializer);
    deserializer.properties = order_properties;
    deserializer.property_count = 1;
    deserializer.open = order_open;
    deserializer.deserialize = order_deserialize;
    deserializer.free_own = order_free;
    deserializer.close = free;
    klient_config_add_deserializer(config, "order", &deserializer, NULL);

    klient_config_set(config, "bootstrap.servers", servers, NULL);
    klient_config_set(config, "value.serializer", "order", NULL);
    klient_config_set(config, "value.deserializer", "order", NULL);
    klient_config_set(config, "order.currency", "CHF", NULL);
    klient_t *klient = klient_new(config, NULL);
    klient_config_free(config);
    return klient;
}

static klient_code_t send_order(klient_producer_t *producer, const char *topic, int id, int cents)
{
    struct order order = { .id = id, .cents = cents };
    klient_error_t *error = NULL;
    klient_record_t record;

    klient_record_init(&record);
    record.topic = topic;
    record.partition = 0;
    record.value = &order;
    record.value_size = sizeof order;
    klient_code_t code = klient_producer_send(producer, &record, &error);
    if (code != KLIENT_OK)
        printf("not sent: %s (%d)\n", klient_error_text(error), klient_error_detail(error));
    klient_error_free(error);
    return code;
}

/* Bytes that are no order are skipped. */
static void print_order(const klient_record_t *record)
{
    klient_value_t value = { .size = sizeof value };
    klient_error_t *error = NULL;

    if (klient_record_value(record, &value, &error) != KLIENT_OK) {
        printf("%s\n", klient_error_text(error));
    } else if (value.type == KLIENT_TYPE_OWN) {
        const struct order *order = value.as.own;
        printf("order %d: %d.%02d %s\n", order->id, order->cents / 100, order->cents % 100,
               order->currency);
    }
    klient_value_free(&value);
    klient_error_free(error);
}

int main(int argc, char **argv)
{
    klient_topic_partition_t place = { argc > 2 ? argv[2] : "CustomerCountry", 0 };
    klient_t *klient = open_handle(argc > 1 ? argv[1] : "127.0.0.1:9092");
    klient_producer_t *producer = klient == NULL ? NULL : klient_producer_open(klient, NULL, NULL);
    klient_consumer_t *consumer = klient == NULL ? NULL : klient_consumer_open(klient, NULL, NULL);
    klient_records_t *records = NULL;
    klient_record_t record;
    int64_t end = 0;

    klient_free(klient);
    if (producer == NULL || consumer == NULL ||
        klient_consumer_end_offsets(consumer, &place, 1, 10000, &end, NULL) != KLIENT_OK)
        return 1;
    send_order(producer, place.topic, 4711, -1);
    send_order(producer, place.topic, 4712, 1250);
    if (klient_producer_close(producer, 10000, NULL) != KLIENT_OK)
        return 1;

    klient_consumer_assign(consumer, &place, 1, NULL);
    klient_consumer_seek(consumer, place.topic, place.partition, end, NULL);
    if (klient_consumer_poll(consumer, 10000, &records, NULL) != KLIENT_OK || records == NULL)
        return 1;
    klient_record_init(&record);
    while (klient_records_next(records, &record))
        print_order(&record);
    klient_records_free(records);
    klient_consumer_close(consumer, 1000, NULL);
    return 0;
}
