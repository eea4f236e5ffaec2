#include "tests/client/helpers.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buffer.h"
#include "common/compress.h"
#include "proto/batch.h"

enum { RECORDS_MAX = 16 << 20 };        /* bytes of a batch, decompressed */

klient_config_t *config_for(const struct fake *fake, ...)
{
    klient_config_t *config = klient_config_new();
    klient_error_t *error = NULL;
    va_list arguments;
    const char *name;

    klient_config_set(config, "bootstrap.servers", fake_bootstrap(fake), NULL);
    klient_config_set(config, "retry.backoff.ms", "5", NULL);
    klient_config_set(config, "retry.backoff.max.ms", "40", NULL);
    klient_config_set(config, "reconnect.backoff.ms", "5", NULL);
    klient_config_set(config, "reconnect.backoff.max.ms", "40", NULL);
    va_start(arguments, fake);
    while ((name = va_arg(arguments, const char *)) != NULL) {
        klient_code_t code = klient_config_set(config, name, va_arg(arguments, const char *),
                                               &error);
        ck_assert_msg(code == KLIENT_OK, "%s: %s", name, klient_error_text(error));
    }
    va_end(arguments);
    return config;
}

klient_producer_t *producer_with(klient_config_t *config)
{
    klient_error_t *error = NULL;
    klient_producer_t *producer = klient_producer_new(config, &error);

    ck_assert_msg(producer != NULL, "%s", klient_error_text(error));
    klient_config_free(config);
    return producer;
}

klient_consumer_t *consumer_with(klient_config_t *config)
{
    klient_error_t *error = NULL;
    klient_consumer_t *consumer = klient_consumer_new(config, &error);

    ck_assert_msg(consumer != NULL, "%s", klient_error_text(error));
    klient_config_free(config);
    return consumer;
}

klient_admin_t *admin_with(klient_config_t *config)
{
    klient_error_t *error = NULL;
    klient_admin_t *admin = klient_admin_new(config, &error);

    ck_assert_msg(admin != NULL, "%s", klient_error_text(error));
    klient_config_free(config);
    return admin;
}

klient_code_t send_text(klient_producer_t *producer, const char *topic, int partition,
                        const char *key, const char *value)
{
    klient_record_t record;

    klient_record_init(&record);
    record.topic = topic;
    record.partition = partition;
    record.key = key;
    record.key_size = key == NULL ? 0 : strlen(key);
    record.value = value;
    record.value_size = strlen(value);
    return klient_producer_send(producer, &record, NULL);
}

void fill(struct fake *fake, const char *topic, int partition, int count)
{
    klient_producer_t *producer = producer_with(config_for(fake, NULL));
    char value[16];

    for (int i = 0; i < count; i++) {
        snprintf(value, sizeof value, "%d", i);
        ck_assert_int_eq(send_text(producer, topic, partition, NULL, value), KLIENT_OK);
    }
    ck_assert_int_eq(klient_producer_close(producer, PATIENCE_MS, NULL), KLIENT_OK);
}

klient_code_t poll_something(klient_consumer_t *consumer, klient_records_t **out,
                             klient_error_t **error)
{
    klient_code_t code = klient_consumer_poll(consumer, PATIENCE_MS, out, error);

    ck_assert_msg(code != KLIENT_OK || *out != NULL, "nothing came");
    return code;
}

void assign_one(klient_consumer_t *consumer, const char *topic, int partition)
{
    klient_topic_partition_t one = { topic, partition };

    ck_assert_int_eq(klient_consumer_assign(consumer, &one, 1, NULL), KLIENT_OK);
}

void expect_numbers(klient_consumer_t *consumer, long first, int count)
{
    klient_error_t *error = NULL;
    klient_record_t record;
    char text[32];

    klient_record_init(&record);
    for (int seen = 0; seen < count;) {
        klient_records_t *records = NULL;
        klient_code_t code = poll_something(consumer, &records, &error);
        ck_assert_msg(code == KLIENT_OK, "%s", klient_error_text(error));
        while (klient_records_next(records, &record)) {
            snprintf(text, sizeof text, "%ld", first + seen);
            ck_assert_uint_eq(record.value_size, strlen(text));
            ck_assert_mem_eq(record.value, text, record.value_size);
            seen++;
        }
        ck_assert_int_eq(klient_records_code(records), KLIENT_OK);
        klient_records_free(records);
        ck_assert_int_le(seen, count);
    }
}

void each_stored(struct fake *fake, const char *topic, int partition,
                 void (*each)(void *context, int64_t offset, const char *value), void *context)
{
    size_t size, batch;
    uint8_t *bytes = fake_read(fake, topic, partition, &size);
    char text[64];

    for (size_t at = 0; at < size; at += batch) {
        struct batch_reader reader;
        struct record_view view;
        struct buffer records;
        buffer_init(&records);
        ck_assert_int_eq(batch_check(bytes + at, size - at, true, &batch), 0);
        ck_assert_int_eq(decompress_bytes(batch_codec(bytes + at), bytes + at + BATCH_HEADER_SIZE,
                                          batch - BATCH_HEADER_SIZE, RECORDS_MAX, &records), 0);
        ck_assert_int_eq(batch_reader_init(&reader, bytes + at, records.bytes, records.size), 0);
        while (batch_reader_next(&reader, &view) == 1) {
            snprintf(text, sizeof text, "%.*s", view.value_size, (const char *)view.value);
            each(context, view.offset, text);
        }
        buffer_fini(&records);
    }
    free(bytes);
}

static void count_one(void *context, int64_t offset, const char *value)
{
    (void)offset, (void)value;
    ++*(int *)context;
}

int records_stored(struct fake *fake, const char *topic, int partition)
{
    int count = 0;

    each_stored(fake, topic, partition, count_one, &count);
    return count;
}

int last_epoch(struct fake *fake, const char *topic, int partition)
{
    size_t size, at = 0;
    uint8_t *bytes = fake_read(fake, topic, partition, &size);
    int epoch = -1;

    for (; at < size; at += batch_size(bytes + at))
        epoch = batch_producer_epoch(bytes + at);
    free(bytes);
    return epoch;
}

void expect_in_page(const char *page, void (*print)(FILE *out), const char *command)
{
    char *made = NULL, *stored, path[512];
    size_t made_size = 0;
    FILE *out = open_memstream(&made, &made_size);

    snprintf(path, sizeof path, "%s/docs/%s", SOURCE_DIR, page);
    FILE *in = fopen(path, "r");
    print(out);
    fclose(out);
    ck_assert_ptr_nonnull(in);
    stored = calloc(1, 2 * made_size + 65536);
    ck_assert_uint_gt(fread(stored, 1, 2 * made_size + 65535, in), 0);
    fclose(in);
    ck_assert_msg(strstr(stored, made) != NULL, "out of date: %s", command);
    free(stored);
    free(made);
}

klient_event_t *expect_answer(klient_queue_t *queue, void *opaque, klient_code_t code)
{
    klient_event_t *event = NULL;

    ck_assert_int_eq(klient_queue_poll(queue, PATIENCE_MS, &event, NULL), KLIENT_OK);
    ck_assert_ptr_nonnull(event);
    ck_assert_int_eq(klient_event_kind(event), KLIENT_EVENT_ANSWER);
    ck_assert_ptr_eq(klient_event_opaque(event), opaque);
    ck_assert_msg(klient_event_code(event) == code, "%s",
                  klient_error_text(klient_event_error(event)));
    ck_assert_int_eq(klient_error_code(klient_event_error(event)), code);
    return event;
}
