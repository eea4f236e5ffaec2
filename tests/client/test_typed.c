/* Typed keys and values on their way through a producer, a broker and a consumer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/outgoing.h"
#include "proto/batch.h"
#include "tests/client/helpers.h"

static struct fake *fake;

static void setup(void)
{
    fake = fake_new(1);
    fake_add_topic(fake, "t", 1);
    fake_add_topic(fake, "many", 8);
}

static void teardown(void)
{
    fake_free(fake);
}

static klient_record_t record_of(const void *value, size_t size)
{
    klient_record_t record;

    klient_record_init(&record);
    record.topic = "t";
    record.value = value;
    record.value_size = size;
    return record;
}

static klient_config_t *reading(const char *name, const char *value)
{
    return config_for(fake, "auto.offset.reset", "earliest", name, value, NULL);
}

/* The next record of "t", partition 0. */
static klient_records_t *next_record(klient_consumer_t *consumer, klient_record_t *record)
{
    klient_records_t *records = NULL;

    klient_record_init(record);
    ck_assert_int_eq(poll_something(consumer, &records, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_records_next(records, record), 1);
    return records;
}

/* --- built-in --------------------------------------------------------------------------------- */

static const int32_t an_int32 = -7;
static const int64_t an_int64 = 1234567890123456789;
static const double a_double = 2.75;
static const uint8_t a_uuid[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255 };

static const struct {
    const char *name;
    klient_type_t type;
    const void *data;
    size_t size;
} types[] = {
    { "bytes", KLIENT_TYPE_BYTES, "\xff\0", 2 },
    { "string", KLIENT_TYPE_STRING, "France", 6 },
    { "int32", KLIENT_TYPE_INT32, &an_int32, sizeof an_int32 },
    { "int64", KLIENT_TYPE_INT64, &an_int64, sizeof an_int64 },
    { "double", KLIENT_TYPE_DOUBLE, &a_double, sizeof a_double },
    { "uuid", KLIENT_TYPE_UUID, a_uuid, sizeof a_uuid },
    { "json", KLIENT_TYPE_JSON, "{\"a\":[1,2]}", 11 },
};
enum { TYPES = sizeof types / sizeof types[0] };

static void expect_value(const klient_value_t *value, int i)
{
    ck_assert_int_eq(value->type, types[i].type);
    switch (value->type) {
    case KLIENT_TYPE_BYTES:
        ck_assert_uint_eq(value->as.bytes.size, types[i].size);
        ck_assert_mem_eq(value->as.bytes.data, types[i].data, types[i].size);
        break;
    case KLIENT_TYPE_STRING:
    case KLIENT_TYPE_JSON:
        ck_assert_uint_eq(value->as.text.size, types[i].size);
        ck_assert_mem_eq(value->as.text.data, types[i].data, types[i].size);
        break;
    default:
        ck_assert_mem_eq(&value->as, types[i].data, types[i].size);
    }
}

START_TEST(keys_and_values_come_back_as_they_were_sent)
{
    int other = (_i + 1) % TYPES;
    klient_producer_t *producer = producer_with(config_for(
        fake, "value.serializer", types[_i].name, "key.serializer", types[other].name, NULL));
    klient_record_t record = record_of(types[_i].data, types[_i].size);
    klient_value_t value = { .size = sizeof value };
    record.key = types[other].data;
    record.key_size = types[other].size;
    ck_assert_int_eq(klient_producer_send(producer, &record, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);

    klient_consumer_t *consumer = consumer_with(
        config_for(fake, "auto.offset.reset", "earliest", "value.deserializer", types[_i].name,
                   "key.deserializer", types[other].name, NULL));
    assign_one(consumer, "t", 0);
    klient_records_t *records = next_record(consumer, &record);
    ck_assert_int_eq(klient_record_value(&record, &value, NULL), KLIENT_OK);
    expect_value(&value, _i);
    ck_assert_int_eq(klient_record_key(&record, &value, NULL), KLIENT_OK);
    expect_value(&value, other);

    klient_value_free(&value);
    klient_records_free(records);
    klient_consumer_close(consumer, 0, NULL);
}
END_TEST

START_TEST(what_a_built_in_one_writes_takes_no_memory)
{
    klient_config_t *config = config_for(fake, "value.serializer", types[_i].name, NULL);
    klient_record_t record = record_of(types[_i].data, types[_i].size);
    struct outgoing outgoing;
    struct parcel parcel;
    ck_assert_int_eq(outgoing_open(&outgoing, config, NULL), 0);

    ck_assert_int_eq(outgoing_pack(&outgoing, &record, &parcel), 0);

    ck_assert_uint_eq(parcel.scratch.arena.used, 0);
    const uint8_t *written = parcel.record.value;
    ck_assert(written == parcel.value || parcel.record.value == record.value);
    parcel_fini(&parcel);
    outgoing_close(&outgoing);
    klient_config_free(config);
}
END_TEST

START_TEST(null_passes_every_serializer_and_deserializer)
{
    klient_producer_t *producer = producer_with(config_for(
        fake, "value.serializer", types[_i].name, "key.serializer", types[_i].name, NULL));
    klient_record_t record = record_of(NULL, 0);
    klient_value_t value = { .size = sizeof value };
    ck_assert_int_eq(klient_producer_send(producer, &record, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);

    klient_consumer_t *consumer = consumer_with(reading("value.deserializer", types[_i].name));
    assign_one(consumer, "t", 0);
    klient_records_t *records = next_record(consumer, &record);
    ck_assert_ptr_null(record.key);
    ck_assert_ptr_null(record.value);
    ck_assert_int_eq(klient_record_value(&record, &value, NULL), KLIENT_OK);
    ck_assert_int_eq(value.type, KLIENT_TYPE_NULL);
    ck_assert_int_eq(klient_record_key(&record, &value, NULL), KLIENT_OK);
    ck_assert_int_eq(value.type, KLIENT_TYPE_NULL);

    klient_records_free(records);
    klient_consumer_close(consumer, 0, NULL);
}
END_TEST

START_TEST(a_value_that_is_refused_fails_its_send_alone)
{
    klient_producer_t *producer =
        producer_with(config_for(fake, "value.serializer", "int64", NULL));
    klient_record_t bad = record_of("France", 6), good = record_of(&an_int64, sizeof an_int64);
    klient_error_t *error = NULL;
    size_t size;

    ck_assert_int_eq(klient_producer_send(producer, &bad, &error), KLIENT_SERIALIZER_FAILED);
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "t: value.serializer: an int64"));
    ck_assert_int_eq(klient_error_retriable(error), 0);
    ck_assert_int_eq(klient_error_detail(error), 0);
    klient_error_free(error);
    ck_assert_int_eq(klient_producer_try_send(producer, &bad, NULL), KLIENT_SERIALIZER_FAILED);
    ck_assert_int_eq(klient_producer_send(producer, &good, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);

    uint8_t *bytes = fake_read(fake, "t", 0, &size);
    ck_assert_int_eq(batch_count(bytes), 1);
    free(bytes);
}
END_TEST

static void note_partition(void *context, const klient_report_t *report)
{
    *(int32_t *)context = report->partition;
}

START_TEST(a_typed_key_goes_where_its_bytes_belong)
{
    int32_t partition = -1;
    klient_config_t *config = config_for(fake, "key.serializer", "int64", NULL);
    klient_config_set_report(config, note_partition, &partition);
    klient_producer_t *producer = producer_with(config);

    for (int64_t key = 0; key < 20; key++) {
        uint8_t bytes[8];
        klient_record_t record = record_of("x", 1);
        record.topic = "many";
        record.key = &key;
        record.key_size = sizeof key;
        store_u64(bytes, (uint64_t)key);
        ck_assert_int_eq(klient_producer_send(producer, &record, NULL), KLIENT_OK);
        ck_assert_int_eq(klient_producer_flush(producer, PATIENCE_MS, NULL), KLIENT_OK);
        ck_assert_int_eq(partition, klient_partition_for_key(bytes, sizeof bytes, 8));
    }

    klient_producer_close(producer, 0, NULL);
}
END_TEST

START_TEST(what_a_deserializer_refuses_comes_as_bytes_and_reading_goes_on)
{
    klient_consumer_t *consumer = consumer_with(reading("value.deserializer", "json"));
    klient_producer_t *producer = producer_with(config_for(fake, NULL));
    klient_value_t value = { .size = sizeof value };
    klient_error_t *error = NULL;
    klient_record_t record;

    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "0"), KLIENT_OK);
    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "no JSON"), KLIENT_OK);
    ck_assert_int_eq(send_text(producer, "t", 0, NULL, "2"), KLIENT_OK);
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
    assign_one(consumer, "t", 0);
    klient_records_t *records = next_record(consumer, &record);
    ck_assert_int_eq(klient_record_value(&record, &value, NULL), KLIENT_OK);
    ck_assert_int_eq(klient_records_next(records, &record), 1);

    ck_assert_int_eq(klient_record_value(&record, &value, &error), KLIENT_DESERIALIZER_FAILED);
    ck_assert_mem_eq(record.value, "no JSON", 7);
    ck_assert_ptr_nonnull(strstr(klient_error_text(error), "t-0: offset 1: value.deserializer:"));
    ck_assert_str_eq(klient_error_topic(error), "t");
    ck_assert_int_eq(klient_error_partition(error), 0);
    ck_assert_int_eq(klient_error_skip_to(error), 2);
    ck_assert_int_eq(value.type, KLIENT_TYPE_JSON);     /* as it was: written on success only */

    ck_assert_int_eq(klient_records_next(records, &record), 1);
    ck_assert_int_eq(klient_record_value(&record, &value, NULL), KLIENT_OK);
    ck_assert_mem_eq(value.as.text.data, "2", 1);
    klient_records_free(records);

    /* The position can also be moved past it, by what the error says. */
    klient_consumer_seek(consumer, "t", 0, klient_error_skip_to(error), NULL);
    records = next_record(consumer, &record);
    ck_assert_int_eq(record.offset, 2);
    klient_error_free(error);
    klient_records_free(records);
    klient_consumer_close(consumer, 0, NULL);
}
END_TEST

START_TEST(only_records_that_were_received_are_read)
{
    klient_record_t record = record_of("x", 1);
    klient_value_t value = { .size = sizeof value }, small = { .size = 1 };
    klient_consumer_t *consumer = consumer_with(reading("value.deserializer", "string"));

    ck_assert_int_eq(klient_record_value(&record, &value, NULL), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_record_key(NULL, &value, NULL), KLIENT_INVALID_ARGUMENT);
    fill(fake, "t", 0, 1);
    assign_one(consumer, "t", 0);
    klient_records_t *records = next_record(consumer, &record);
    ck_assert_int_eq(klient_record_value(&record, &small, NULL), KLIENT_INVALID_ARGUMENT);
    ck_assert_int_eq(klient_record_value(&record, NULL, NULL), KLIENT_INVALID_ARGUMENT);

    klient_records_free(records);
    klient_consumer_close(consumer, 0, NULL);
}
END_TEST

START_TEST(a_property_must_name_something_that_there_is)
{
    static const struct { const char *property, *name; klient_code_t code; } bad[] = {
        { "key.serializer", "avro", KLIENT_INVALID_CONFIG },
        { "value.serializer", "", KLIENT_INVALID_CONFIG },
        { "value.serializer", "org.apache.kafka.common.serialization.ShortSerializer",
          KLIENT_NOT_SUPPORTED_YET },
        { "key.deserializer", "int", KLIENT_INVALID_CONFIG },
        { "value.deserializer", "org.apache.kafka.common.serialization.LongSerializer",
          KLIENT_NOT_SUPPORTED_YET },
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        klient_config_t *config = config_for(fake, bad[i].property, bad[i].name, NULL);
        klient_error_t *error = NULL;
        ck_assert_ptr_null(klient_new(config, &error));
        ck_assert_int_eq(klient_error_code(error), bad[i].code);
        ck_assert_ptr_nonnull(strstr(klient_error_text(error), bad[i].property));
        klient_error_free(error);
        klient_config_free(config);
    }
}
END_TEST

Suite *typed_suite(void)
{
    Suite *suite = suite_create("client/typed");
    TCase *tcase = tcase_create("typed");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, keys_and_values_come_back_as_they_were_sent, 0, TYPES);
    tcase_add_loop_test(tcase, what_a_built_in_one_writes_takes_no_memory, 0, TYPES);
    tcase_add_loop_test(tcase, null_passes_every_serializer_and_deserializer, 0, TYPES);
    tcase_add_test(tcase, a_value_that_is_refused_fails_its_send_alone);
    tcase_add_test(tcase, a_typed_key_goes_where_its_bytes_belong);
    tcase_add_test(tcase, what_a_deserializer_refuses_comes_as_bytes_and_reading_goes_on);
    tcase_add_test(tcase, only_records_that_were_received_are_read);
    tcase_add_test(tcase, a_property_must_name_something_that_there_is);
    suite_add_tcase(suite, tcase);
    return suite;
}
