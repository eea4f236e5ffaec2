/* load - libklient at full speed, for bench/run.
 *
 *   load produce BOOTSTRAP TOPIC SIZE RECORDS [NAME=VALUE...]
 *   load consume BOOTSTRAP TOPIC RECORDS [NAME=VALUE...]
 *
 * Producing, the first 64 MB are not measured: they look up the topic, connect and fill
 * buffer.memory for the first time, whose pages the kernel has to clear. Prints megabytes of record
 * values a second, nanoseconds of wall clock and of this process's processor time a record. Every
 * acknowledgement and every record is counted; a wrong count is exit status 1. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "client/klient.h"

enum { VALUE_MAX = 1 << 20, WAIT_MS = 60000, WARM_UP_BYTES = 64 << 20 };

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double processor_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int fail(const char *what, klient_error_t *error)
{
    fprintf(stderr, "load: %s: %s\n", what, klient_error_text(error));
    klient_error_free(error);
    return 1;
}

static void print(uint64_t records, uint64_t bytes, double seconds, double processor)
{
    printf("%.1f MB/s, %.1f ns a record, %.1f ns of processor a record\n",
           (double)bytes / 1e6 / seconds, seconds * 1e9 / (double)records,
           processor * 1e9 / (double)records);
}

static klient_config_t *configure(const char *bootstrap, int count, char **pairs)
{
    klient_error_t *error = NULL;
    klient_config_t *config = klient_config_new();
    klient_code_t code = klient_config_set(config, "bootstrap.servers", bootstrap, &error);
    for (int i = 0; code == KLIENT_OK && i < count; i++)
        code = klient_config_set_pair(config, pairs[i], &error);
    if (code != KLIENT_OK) {
        fail("configuration", error);
        exit(2);
    }
    return config;
}

static int send_many(klient_producer_t *producer, const klient_record_t *record, uint64_t count)
{
    klient_error_t *error = NULL;

    for (uint64_t i = 0; i < count; i++)
        if (klient_producer_send(producer, record, &error) != KLIENT_OK)
            return fail("send", error);
    if (klient_producer_flush(producer, WAIT_MS, &error) != KLIENT_OK)
        return fail("flush", error);
    return 0;
}

static int produce(int argc, char **argv)
{
    static char value[VALUE_MAX];
    klient_error_t *error = NULL;
    klient_config_t *config = configure(argv[2], argc - 6, argv + 6);
    klient_producer_t *producer = klient_producer_new(config, &error);
    uint64_t records = strtoull(argv[5], NULL, 10);
    klient_record_t record;

    klient_config_free(config);
    if (producer == NULL)
        return fail("producer", error);
    klient_record_init(&record);
    record.topic = argv[3];
    record.value = value;
    record.value_size = (size_t)atoi(argv[4]);
    record.partition = 0;
    if (record.value_size < 1 || record.value_size > VALUE_MAX)
        return 2;
    memset(value, 'x', record.value_size);
    if (send_many(producer, &record, WARM_UP_BYTES / record.value_size + 1) != 0)
        return 1;
    double started = now(), processor = processor_seconds();
    if (send_many(producer, &record, records) != 0)
        return 1;
    print(records, records * record.value_size, now() - started, processor_seconds() - processor);
    return klient_producer_close(producer, WAIT_MS, NULL) == KLIENT_OK ? 0 : 1;
}

static int consume(int argc, char **argv)
{
    klient_error_t *error = NULL;
    klient_config_t *config = configure(argv[2], argc - 5, argv + 5);
    klient_consumer_t *consumer = klient_consumer_new(config, &error);
    klient_topic_partition_t partition = { argv[3], 0 };
    uint64_t wanted = strtoull(argv[4], NULL, 10), records = 0, bytes = 0;
    klient_record_t record;
    double started = 0, processor = 0;

    klient_config_free(config);
    if (consumer == NULL)
        return fail("consumer", error);
    klient_record_init(&record);
    if (klient_consumer_assign(consumer, &partition, 1, &error) != KLIENT_OK ||
        klient_consumer_seek_to_beginning(consumer, argv[3], 0, &error) != KLIENT_OK)
        return fail("assign", error);
    for (int64_t next = 0; records < wanted;) {
        klient_records_t *batch = NULL;
        if (klient_consumer_poll(consumer, WAIT_MS, &batch, &error) != KLIENT_OK)
            return fail("poll", error);
        if (batch == NULL) {
            fprintf(stderr, "load: %" PRIu64 " of %" PRIu64 " records came\n", records, wanted);
            return 1;
        }
        if (started == 0) {
            started = now();
            processor = processor_seconds();
        }
        while (klient_records_next(batch, &record) == 1) {
            if (record.offset != next++) {
                fprintf(stderr, "load: offset %" PRId64 " where %" PRId64 " was due\n",
                        record.offset, next - 1);
                return 1;
            }
            records++;
            bytes += record.value_size;
        }
        klient_records_free(batch);
    }
    print(records, bytes, now() - started, processor_seconds() - processor);
    return klient_consumer_close(consumer, WAIT_MS, NULL) == KLIENT_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc >= 6 && strcmp(argv[1], "produce") == 0)
        return produce(argc, argv);
    if (argc >= 5 && strcmp(argv[1], "consume") == 0)
        return consume(argc, argv);
    fputs("usage: load produce BOOTSTRAP TOPIC SIZE RECORDS [NAME=VALUE...]\n       load consume "
          "BOOTSTRAP TOPIC RECORDS [NAME=VALUE...]\n",
          stderr);
    return 2;
}
