/* Serializers and deserializers of the application's own, and the properties that they declare. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/outgoing.h"
#include "tests/client/helpers.h"

static struct fake *fake;

static void setup(void)
{
    fake = fake_new(1);
    fake_add_topic(fake, "t", 1);
}

static void teardown(void)
{
    fake_free(fake);
}

/* --- an order and its serializer -------------------------------------------------------------- */

struct order {
    int64_t id;
    int32_t cents;
};

enum { NO_SUCH_UNIT = 17, NEGATIVE = 18 };

/* What the application sees of its serializers; also their state. */
struct shop {
    char unit[16], client_id[32];
    int opened, closed;
    atomic_int freed;
    size_t wanted_scratch;              /* bytes to ask for on the way */
    int refused_scratch;
};

static const klient_property_t shop_properties[] = {
    { "order.unit", "cent", 0 },
    { "order.key.secret", NULL, 1 },
};

static int shop_open(void *context, const klient_config_t *config, int is_key, void **state,
                     char *reason, size_t reason_size)
{
    struct shop *shop = context;

    ck_assert_int_eq(is_key, 0);
    ck_assert_int_eq(klient_config_get(config, "order.unit", shop->unit, sizeof shop->unit, NULL),
                     KLIENT_OK);
    klient_config_get(config, "client.id", shop->client_id, sizeof shop->client_id, NULL);
    if (strcmp(shop->unit, "cent") != 0 && strcmp(shop->unit, "euro") != 0) {
        snprintf(reason, reason_size, "there is no unit %s", shop->unit);
        return NO_SUCH_UNIT;
    }
    shop->opened++;
    *state = shop;
    return 0;
}

static void shop_close(void *state)
{
    ((struct shop *)state)->closed++;
}

/* "ID:AMOUNT", and a header that names the unit. */
static int order_serialize(void *state, klient_serialization_t *call)
{
    struct shop *shop = state;
    const struct order *order = call->data;

    ck_assert_str_eq(call->topic, "t");
    ck_assert_uint_eq(call->data_size, sizeof *order);
    if (order->cents < 0) {
        snprintf(call->reason, call->reason_size, "order %lld costs less than nothing",
                 (long long)order->id);
        return NEGATIVE;
    }
    if (shop->wanted_scratch > 0)
        shop->refused_scratch += klient_scratch_alloc(call->scratch, shop->wanted_scratch) == NULL;
    char *text = klient_scratch_alloc(call->scratch, 64);
    klient_header_t *header = klient_scratch_alloc(call->scratch, sizeof *header);
    if (text == NULL || header == NULL)
        return -1;
    int divisor = strcmp(shop->unit, "euro") == 0 ? 100 : 1;
    call->bytes = text;
    call->bytes_size = (size_t)snprintf(text, 64, "%lld:%d", (long long)order->id,
                                        (int)order->cents / divisor);
    *header = (klient_header_t){ "unit", 4, shop->unit, strlen(shop->unit) };
    call->headers = header;
    call->header_count = 1;
    return 0;
}

static int order_deserialize(void *state, klient_deserialization_t *call, void **own)
{
    struct order *order = malloc(sizeof *order);
    long long id;
    int cents;
    char text[64];

    (void)state;
    ck_assert_str_eq(call->topic, "t");
    ck_assert_int_eq(call->partition, 0);
    snprintf(text, sizeof text, "%.*s", (int)call->bytes_size, (const char *)call->bytes);
    if (sscanf(text, "%lld:%d", &id, &cents) != 2) {
        free(order);
        snprintf(call->reason, call->reason_size, "no order at %lld", (long long)call->offset);
        return NEGATIVE;
    }
    *order = (struct order){ id, cents };
    *own = order;
    return 0;
}

static void order_free(void *state, void *own)
{
    atomic_fetch_add(&((struct shop *)state)->freed, 1);
    free(own);
}

static klient_serializer_t order_serializer(struct shop *shop)
{
    klient_serializer_t serializer;

    klient_serializer_init(&serializer);
    serializer.context = shop;
    serializer.properties = shop_properties;
    serializer.property_count = 2;
    serializer.open = shop_open;
    serializer.serialize = order_serialize;
    serializer.close = shop_close;
    return serializer;
}

static klient_deserializer_t order_deserializer(struct shop *shop)
{
    klient_deserializer_t deserializer;

    klient_deserializer_init(&deserializer);
    deserializer.context = shop;
    deserializer.properties = shop_properties;
    deserializer.property_count = 2;
    deserializer.open = shop_open;
    deserializer.deserialize = order_deserialize;
    deserializer.free_own = order_free;
    deserializer.close = shop_close;
    return deserializer;
}

static klient_config_t *writing_orders(struct shop *shop)
{
    klient_config_t *config = config_for(fake, "value.serializer", "order", NULL);
    klient_serializer_t serializer = order_serializer(shop);

    ck_assert_int_eq(klient_config_add_serializer(config, "order", &serializer, NULL), KLIENT_OK);
    return config;
}

static klient_config_t *reading_orders(struct shop *shop)
{
    klient_config_t *config = config_for(fake, "auto.offset.reset", "earliest",
                                         "value.deserializer", "order", NULL);
    klient_deserializer_t deserializer = order_deserializer(shop);

    ck_assert_int_eq(klient_config_add_deserializer(config, "order", &deserializer, NULL),
                     KLIENT_OK);
    return config;
}

static klient_code_t send_order(klient_producer_t *producer, int64_t id, int32_t cents,
                                klient_error_t **error)
{
    struct order order = { id, cents };
    klient_record_t record;

    klient_record_init(&record);
    record.topic = "t";
    record.value = &order;
    record.value_size = sizeof order;
    return klient_producer_send(producer, &record, error);
}

/* --- tests ------------------------------------------------------------------------------------ */

START_TEST(what_an_own_serializer_writes_an_own_deserializer_reads)
{
    struct shop sending = { 0 }, receiving = { 0 };
    klient_producer_t *producer = producer_with(writing_orders(&sending));
    klient_value_t value = { .size = sizeof value };
    klient_records_t *records = NULL;
    klient_record_t record;
    ck_assert_int_eq(send_order(producer, 4711, 1250, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    ck_assert_int_eq(sending.opened, 1);
    ck_assert_int_eq(sending.closed, 1);

    klient_consumer_t *consumer = consumer_with(reading_orders(&receiving));
    assign_one(consumer, "t", 0);
    klient_record_init(&record);
    ck_assert_int_eq(poll_something(consumer, &records, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_records_next(records, &record), 1);
    ck_assert_mem_eq(record.value, "4711:1250", 9);
    ck_assert_uint_eq(record.header_count, 1);
    ck_assert_mem_eq(record.headers[0].key, "unit", 4);
    ck_assert_mem_eq(record.headers[0].value, "cent", 4);
    ck_assert_int_eq(klient_record_value(&record, &value, NULL), KLIENT_OK);

    /* The value outlives all that it is from, and with it what can free it. */
    klient_records_free(records);
    klient_consumer_close(consumer, 0, NULL);
    ck_assert_int_eq(receiving.closed, 0);
    ck_assert_int_eq(value.type, KLIENT_TYPE_OWN);
    ck_assert_int_eq(((struct order *)value.as.own)->id, 4711);
    ck_assert_int_eq(((struct order *)value.as.own)->cents, 1250);
    klient_value_free(&value);
    klient_value_free(&value);
    ck_assert_int_eq(receiving.freed, 1);
    ck_assert_int_eq(receiving.closed, 1);
}
END_TEST

START_TEST(an_own_serializer_sees_its_own_properties_and_the_handles)
{
    struct shop shop = { 0 };
    klient_config_t *config = writing_orders(&shop);
    ck_assert_int_eq(klient_config_set(config, "order.unit", "euro", NULL), KLIENT_OK);
    ck_assert_int_eq(klient_config_set(config, "client.id", "till-3", NULL), KLIENT_OK);
    klient_producer_t *producer = producer_with(config);

    ck_assert_str_eq(shop.unit, "euro");
    ck_assert_str_eq(shop.client_id, "till-3");
    klient_producer_close(producer, 0, NULL);
}
END_TEST

START_TEST(it_fails_a_send_with_its_own_error)
{
    struct shop shop = { 0 };
    klient_producer_t *producer = producer_with(writing_orders(&shop));
    klient_error_t *error = NULL;

    ck_assert_int_eq(send_order(producer, 7, -1, &error), KLIENT_SERIALIZER_FAILED);

    ck_assert_int_eq(klient_error_detail(error), NEGATIVE);
    ck_assert_str_eq(klient_error_text(error),
                     "t: value.serializer: order 7 costs less than nothing");
    klient_error_free(error);
    ck_assert_int_eq(send_order(producer, 7, -1, NULL), KLIENT_SERIALIZER_FAILED);
    ck_assert_int_eq(send_order(producer, 7, 1, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
}
END_TEST

START_TEST(what_an_own_deserializer_refuses_comes_as_bytes)
{
    struct shop shop = { 0 };
    klient_consumer_t *consumer = consumer_with(reading_orders(&shop));
    klient_value_t value = { .size = sizeof value };
    klient_error_t *error = NULL;
    klient_records_t *records = NULL;
    klient_record_t record;
    fill(fake, "t", 0, 1);
    assign_one(consumer, "t", 0);
    klient_record_init(&record);
    ck_assert_int_eq(poll_something(consumer, &records, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_records_next(records, &record), 1);

    ck_assert_int_eq(klient_record_value(&record, &value, &error), KLIENT_DESERIALIZER_FAILED);
    ck_assert_int_eq(klient_error_detail(error), NEGATIVE);
    ck_assert_str_eq(klient_error_text(error), "t-0: offset 0: value.deserializer: no order at 0");
    ck_assert_mem_eq(record.value, "0", 1);

    klient_error_free(error);
    klient_records_free(records);
    klient_consumer_close(consumer, 0, NULL);
    ck_assert_int_eq(shop.closed, 1);
}
END_TEST

START_TEST(one_that_does_not_start_fails_the_opening)
{
    struct shop shop = { 0 };
    klient_config_t *config = writing_orders(&shop);
    klient_error_t *error = NULL;
    klient_config_set(config, "order.unit", "ell", NULL);

    ck_assert_ptr_null(klient_producer_new(config, &error));

    ck_assert_int_eq(klient_error_code(error), KLIENT_INVALID_CONFIG);
    ck_assert_int_eq(klient_error_detail(error), NO_SUCH_UNIT);
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "there is no unit ell"));
    ck_assert_int_eq(shop.closed, 0);
    klient_error_free(error);
    klient_config_free(config);
}
END_TEST

START_TEST(a_little_scratch_memory_takes_no_allocation)
{
    struct shop shop = { .wanted_scratch = 700 };
    struct order order = { 1, 1 };
    klient_config_t *config = writing_orders(&shop);
    klient_record_t record;
    struct outgoing outgoing;
    struct parcel parcel;
    klient_record_init(&record);
    record.topic = "t";
    record.value = &order;
    record.value_size = sizeof order;
    ck_assert_int_eq(outgoing_open(&outgoing, config, NULL), 0);

    ck_assert_int_eq(outgoing_pack(&outgoing, &record, &parcel), 0);

    ck_assert_uint_ge(parcel.scratch.arena.used, 700);
    ck_assert_ptr_null(parcel.scratch.arena.blocks);
    parcel_fini(&parcel);
    outgoing_close(&outgoing);
    klient_config_free(config);
}
END_TEST

START_TEST(scratch_memory_has_a_bound)
{
    struct shop shop = { .wanted_scratch = 4000 };
    klient_config_t *config = writing_orders(&shop);
    klient_config_set(config, "max.request.size", "10000", NULL);
    klient_config_set(config, "batch.size", "10000", NULL);
    klient_producer_t *producer = producer_with(config);

    ck_assert_int_eq(send_order(producer, 1, 1, NULL), KLIENT_OK);
    ck_assert_int_eq(shop.refused_scratch, 0);
    shop.wanted_scratch = 40001;
    ck_assert_int_eq(send_order(producer, 2, 1, NULL), KLIENT_OK);
    ck_assert_int_eq(shop.refused_scratch, 1);

    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
}
END_TEST

enum { SENDERS = 4, ORDERS_EACH = 500 };

static void *send_orders(void *context)
{
    for (int i = 0; i < ORDERS_EACH; i++)
        ck_assert_int_eq(send_order(context, i, i, NULL), KLIENT_OK);
    return NULL;
}

static void check_order(void *context, int64_t offset, const char *text)
{
    long long id;
    int cents;

    (void)offset;
    ck_assert_int_eq(sscanf(text, "%lld:%d", &id, &cents), 2);
    ck_assert_int_eq(id, cents);
    ++*(int *)context;
}

START_TEST(it_runs_in_any_number_of_threads_at_once)
{
    struct shop shop = { 0 };
    klient_producer_t *producer = producer_with(writing_orders(&shop));
    pthread_t threads[SENDERS];
    int count = 0;

    for (int i = 0; i < SENDERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, send_orders, producer), 0);
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);

    each_stored(fake, "t", 0, check_order, &count);
    ck_assert_int_eq(count, SENDERS * ORDERS_EACH);
}
END_TEST

START_TEST(declared_properties_are_set_loaded_printed_and_copied)
{
    struct shop shop = { 0 };
    klient_config_t *config = writing_orders(&shop);
    klient_error_t *error = NULL;
    char path[] = "/tmp/klient-config-XXXXXX", text[64], *printed = NULL;
    size_t size = 0;
    int fd = mkstemp(path);

    ck_assert_int_gt(dprintf(fd, "order.key.secret = xyzzy\nlinger.ms=7\n"), 0);
    close(fd);
    ck_assert_int_eq(klient_config_get(config, "order.unit", text, sizeof text, NULL), KLIENT_OK);
    ck_assert_str_eq(text, "cent");
    ck_assert_int_eq(klient_config_load(config, path, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_config_set_pair(config, "order.unit=euro", NULL), KLIENT_OK);
    klient_config_t *copy = klient_config_copy(config);
    klient_config_free(config);
    FILE *out = open_memstream(&printed, &size);
    klient_config_print(copy, out);
    fclose(out);

    ck_assert_ptr_nonnull(strstr(printed, "order.unit=euro  # set\n"));
    ck_assert_ptr_nonnull(strstr(printed, "order.key.secret=***  # file\n"));
    ck_assert_ptr_null(strstr(printed, "xyzzy"));
    klient_config_get(copy, "order.key.secret", text, sizeof text, NULL);
    ck_assert_str_eq(text, "xyzzy");
    ck_assert_int_eq(klient_config_set(copy, "order.units", "x", &error), KLIENT_UNKNOWN_NAME);
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "did you mean \"order.unit\""));

    klient_error_free(error);
    unlink(path);
    free(printed);
    klient_config_free(copy);
}
END_TEST

START_TEST(without_a_declaration_a_property_is_unknown)
{
    klient_config_t *config = klient_config_new();

    ck_assert_int_eq(klient_config_set(config, "order.unit", "euro", NULL), KLIENT_UNKNOWN_NAME);

    klient_config_free(config);
}
END_TEST

START_TEST(what_can_not_be_registered_changes_nothing)
{
    static const klient_property_t taken[] = { { "order.color", NULL, 0 }, { "acks", "1", 0 } };
    struct shop shop = { 0 };
    klient_config_t *config = klient_config_new();
    klient_serializer_t serializer = order_serializer(&shop);
    klient_deserializer_t deserializer = order_deserializer(&shop);

    ck_assert_int_eq(klient_config_add_serializer(config, "int64", &serializer, NULL),
                     KLIENT_EXISTS);
    ck_assert_int_eq(klient_config_add_serializer(
                         config, "org.apache.kafka.common.serialization.LongSerializer",
                         &serializer, NULL), KLIENT_EXISTS);
    ck_assert_int_eq(klient_config_add_serializer(config, "a b", &serializer, NULL),
                     KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_config_add_serializer(config, NULL, &serializer, NULL),
                     KLIENT_INVALID_ARGUMENT);
    serializer.properties = taken;
    ck_assert_int_eq(klient_config_add_serializer(config, "order", &serializer, NULL),
                     KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_config_set(config, "order.color", "red", NULL), KLIENT_UNKNOWN_NAME);
    serializer = order_serializer(&shop);
    ck_assert_int_eq(klient_config_add_serializer(config, "order", &serializer, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_config_add_serializer(config, "order", &serializer, NULL),
                     KLIENT_EXISTS);
    /* The other side has names of its own, and may declare the same properties. */
    ck_assert_int_eq(klient_config_add_deserializer(config, "order", &deserializer, NULL),
                     KLIENT_OK);
    deserializer.deserialize = NULL;
    ck_assert_int_eq(klient_config_add_deserializer(config, "other", &deserializer, NULL),
                     KLIENT_INVALID_ARGUMENT);

    klient_config_free(config);
}
END_TEST

Suite *own_serde_suite(void)
{
    Suite *suite = suite_create("client/own-serde");
    TCase *tcase = tcase_create("own-serde");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, what_an_own_serializer_writes_an_own_deserializer_reads);
    tcase_add_test(tcase, an_own_serializer_sees_its_own_properties_and_the_handles);
    tcase_add_test(tcase, it_fails_a_send_with_its_own_error);
    tcase_add_test(tcase, what_an_own_deserializer_refuses_comes_as_bytes);
    tcase_add_test(tcase, one_that_does_not_start_fails_the_opening);
    tcase_add_test(tcase, a_little_scratch_memory_takes_no_allocation);
    tcase_add_test(tcase, scratch_memory_has_a_bound);
    tcase_add_test(tcase, it_runs_in_any_number_of_threads_at_once);
    tcase_add_test(tcase, declared_properties_are_set_loaded_printed_and_copied);
    tcase_add_test(tcase, without_a_declaration_a_property_is_unknown);
    tcase_add_test(tcase, what_can_not_be_registered_changes_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}
