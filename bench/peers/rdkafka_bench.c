/* rdkafka_bench - librdkafka doing what `kairn perf` does, as fast as its C interface allows.
 *
 *   rdkafka_bench produce BOOTSTRAP TOPIC SIZE RECORDS WARM-UP [NAME=VALUE...]
 *   rdkafka_bench consume BOOTSTRAP TOPIC RECORDS [NAME=VALUE...]
 *   rdkafka_bench latency BOOTSTRAP TOPIC SIZE RATE SECONDS [NAME=VALUE...]
 *
 * Partition 0 of TOPIC; "TOPIC/16" produces to 16 partitions in turn. BOOTSTRAP "mock" is
 * librdkafka's own cluster inside of this process. Prints the JSON that `kairn perf` prints, under
 * the same names. No delivery reports but for failures; a consumer checks every offset; latency is
 * open loop, from the moment that a record was due. */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include "common/endian.h"
#include "common/hdr.h"
#include "common/rand.h"

enum { WAIT_MS = 60000, BATCH = 1000, WARM_UP_S = 1, STAMP = 16 };

static void die(const char *what, const char *why)
{
    fprintf(stderr, "rdkafka_bench: %s: %s\n", what, why);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static double processor_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    (void)client;
    (void)opaque;
    fprintf(stderr, "rdkafka_bench: %s: %s\n", rd_kafka_err2name((rd_kafka_resp_err_t)code),
            reason);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        die(name, why);
}

static rd_kafka_t *client_new(rd_kafka_type_t type, const char *bootstrap, int count, char **pairs)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256], name[128];

    if (strcmp(bootstrap, "mock") == 0)
        set(conf, "test.mock.num.brokers", "1");
    else
        set(conf, "bootstrap.servers", bootstrap);
    set(conf, "socket.nagle.disable", "true");
    if (type == RD_KAFKA_CONSUMER) {
        set(conf, "group.id", "bench");
        set(conf, "enable.auto.commit", "false");
        set(conf, "check.crcs", "true");
    }
    for (int i = 0; i < count; i++) {
        char *equals = strchr(pairs[i], '=');
        if (equals == NULL)
            die(pairs[i], "no NAME=VALUE");
        snprintf(name, sizeof name, "%.*s", (int)(equals - pairs[i]), pairs[i]);
        set(conf, name, equals + 1);
    }
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_t *client = rd_kafka_new(type, conf, why, sizeof why);
    if (client == NULL)
        die("rd_kafka_new", why);
    return client;
}

static void fill(unsigned char *value, size_t size)
{
    struct rand rand;
    rand_seed(&rand, 1);
    for (size_t i = 0; i < size; i++)
        value[i] = (unsigned char)rand_u64(&rand);
}

/* Waits for room in the queue. */
static void send_one(rd_kafka_t *client, rd_kafka_topic_t *topic, int32_t partition, void *value,
                     size_t size)
{
    while (rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, value, size, NULL, 0, NULL) !=
           0) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            die("produce", rd_kafka_err2str(rd_kafka_last_error()));
        rd_kafka_poll(client, 1);
    }
}

static void send_many(rd_kafka_t *client, rd_kafka_topic_t *topic, unsigned partitions,
                      unsigned char *value, size_t size, uint64_t *number, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        store_u64(value, (*number)++);
        send_one(client, topic, (int32_t)(i % partitions), value, size);
        if (i % 10000 == 0)
            rd_kafka_poll(client, 0);
    }
    rd_kafka_resp_err_t code = rd_kafka_flush(client, WAIT_MS);
    if (code != 0)
        die("flush", rd_kafka_err2str(code));
}

static void print_rate(uint64_t records, double bytes, double seconds, double processor)
{
    printf("{\"records\": %" PRIu64 ", \"seconds\": %f, \"records_per_second\": %.1f, "
           "\"mb_per_second\": %.2f, \"ns_per_record\": %.2f, \"processor_ns_per_record\": %.2f}\n",
           records, seconds, (double)records / seconds, bytes / 1e6 / seconds,
           seconds * 1e9 / (double)records, processor * 1e9 / (double)records);
}

static int produce(int argc, char **argv)
{
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, argv[2], argc - 7, argv + 7);
    char *slash = strchr(argv[3], '/');
    unsigned partitions = slash != NULL ? (unsigned)atoi(slash + 1) : 1;
    if (slash != NULL)
        *slash = '\0';
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, argv[3], NULL);
    size_t size = strtoul(argv[4], NULL, 10);
    uint64_t records = strtoull(argv[5], NULL, 10), number = 0;
    unsigned char *value = size >= 8 ? malloc(size) : NULL;

    if (topic == NULL || partitions == 0 || value == NULL || records == 0)
        die("produce", "arguments");
    fill(value, size);
    send_many(client, topic, partitions, value, size, &number, strtoull(argv[6], NULL, 10));
    int64_t started_ns = now_ns();
    double processor = processor_s();
    send_many(client, topic, partitions, value, size, &number, records);
    print_rate(records, (double)records * (double)size, (double)(now_ns() - started_ns) / 1e9,
               processor_s() - processor);
    free(value);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(client);
    return 0;
}

static rd_kafka_queue_t *read_from(rd_kafka_t *client, const char *topic, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = offset;
    rd_kafka_resp_err_t code = rd_kafka_assign(client, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != 0)
        die("assign", rd_kafka_err2str(code));
    return rd_kafka_queue_get_consumer(client);
}

static int consume(int argc, char **argv)
{
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, argv[2], argc - 5, argv + 5);
    rd_kafka_queue_t *queue = read_from(client, argv[3], RD_KAFKA_OFFSET_BEGINNING);
    uint64_t wanted = strtoull(argv[4], NULL, 10), records = 0, bytes = 0;
    int64_t started_ns = 0, next = 0;
    double processor = 0;
    rd_kafka_message_t *messages[BATCH];

    while (records < wanted) {
        ssize_t got = rd_kafka_consume_batch_queue(queue, WAIT_MS, messages, BATCH);
        if (got <= 0)
            die("consume", "nothing comes");
        if (started_ns == 0) {
            started_ns = now_ns();
            processor = processor_s();
        }
        for (ssize_t i = 0; i < got; i++) {
            if (messages[i]->err != 0)
                die("consume", rd_kafka_message_errstr(messages[i]));
            if (messages[i]->offset != next++)
                die("consume", "an offset is missing, or out of order");
            records++;
            bytes += messages[i]->len;
            rd_kafka_message_destroy(messages[i]);
        }
    }
    print_rate(records, (double)bytes, (double)(now_ns() - started_ns) / 1e9,
               processor_s() - processor);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
    return 0;
}

/* --- latency ---------------------------------------------------------------------------------- */

struct latency {
    rd_kafka_t *producer;
    rd_kafka_topic_t *topic;
    size_t size;
    uint64_t rate, count;
};

static void *send_on_time(void *context)
{
    struct latency *latency = context;
    unsigned char *value = malloc(latency->size);
    int64_t started_ns = now_ns();

    if (value == NULL)
        die("latency", "memory");
    prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
    fill(value, latency->size);
    for (uint64_t i = 0; i < latency->count; i++) {
        int64_t due_ns = started_ns + (int64_t)((double)i * 1e9 / (double)latency->rate);
        struct timespec due = { due_ns / 1000000000, due_ns % 1000000000 };
        if (now_ns() < due_ns)
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        store_u64(value, i);
        store_u64(value + 8, (uint64_t)due_ns);
        send_one(latency->producer, latency->topic, 0, value, latency->size);
        if (i % 1000 == 0)
            rd_kafka_poll(latency->producer, 0);
    }
    rd_kafka_flush(latency->producer, WAIT_MS);
    free(value);
    return NULL;
}

static void print_quantile(const struct hdr *hdr, const char *name, double q)
{
    if (hdr_supports(hdr, q))
        printf("\"%s\": %" PRIu64 ", ", name, hdr_quantile(hdr, q));
    else
        printf("\"%s\": null, ", name);
}

/* The first record wakes the consumer, which then stands at the end; from the next on it counts. */
static void await_start(struct latency *latency, rd_kafka_queue_t *queue)
{
    unsigned char *first = calloc(1, latency->size);
    rd_kafka_message_t *message = NULL;

    for (int tries = 0; message == NULL && tries < 100; tries++) {
        send_one(latency->producer, latency->topic, 0, first, latency->size);
        rd_kafka_flush(latency->producer, WAIT_MS);
        message = rd_kafka_consume_queue(queue, 300);
    }
    if (message == NULL)
        die("latency", "nothing comes");
    for (; message != NULL; message = rd_kafka_consume_queue(queue, 500))
        rd_kafka_message_destroy(message);
    free(first);
}

static void receive(const struct latency *latency, rd_kafka_queue_t *queue, struct hdr *hdr)
{
    uint64_t warm = latency->rate * WARM_UP_S;
    int64_t first_ns = 0, last_ns = 0;
    double processor = processor_s();

    for (uint64_t i = 0; i < latency->count; i++) {
        rd_kafka_message_t *message = rd_kafka_consume_queue(queue, WAIT_MS);
        if (message == NULL || message->err != 0 || message->len != latency->size)
            die("latency", "a record is missing");
        int64_t now = now_ns();
        const unsigned char *value = message->payload;
        if (load_u64(value) != i)
            die("latency", "a record is missing, or out of order");
        if (i >= warm) {
            int64_t due_ns = (int64_t)load_u64(value + 8);
            first_ns = first_ns == 0 ? due_ns : first_ns;
            last_ns = now;
            hdr_record(hdr, (uint64_t)(now - due_ns) / 1000);
        }
        rd_kafka_message_destroy(message);
    }
    double achieved = (double)(hdr->count - 1) * 1e9 / (double)(last_ns - first_ns);
    printf("{\"records\": %" PRIu64 ", \"achieved\": %.1f, \"rate_met\": %s, ", hdr->count,
           achieved, achieved >= 0.99 * (double)latency->rate ? "true" : "false");
    print_quantile(hdr, "p50_us", 0.5);
    print_quantile(hdr, "p99_us", 0.99);
    print_quantile(hdr, "p999_us", 0.999);
    printf("\"max_us\": %" PRIu64 ", \"processor_ns_per_record\": %.0f}\n", hdr->max,
           (processor_s() - processor) * 1e9 / (double)latency->count);
}

static int measure_latency(int argc, char **argv)
{
    rd_kafka_t *consumer = client_new(RD_KAFKA_CONSUMER, argv[2], 0, NULL);
    rd_kafka_queue_t *queue = read_from(consumer, argv[3], RD_KAFKA_OFFSET_END);
    struct latency latency = { client_new(RD_KAFKA_PRODUCER, argv[2], argc - 7, argv + 7), NULL,
                               strtoul(argv[4], NULL, 10), strtoull(argv[5], NULL, 10), 0 };
    struct hdr *hdr = hdr_new();
    pthread_t sender;

    latency.topic = rd_kafka_topic_new(latency.producer, argv[3], NULL);
    latency.count = latency.rate * (strtoull(argv[6], NULL, 10) + WARM_UP_S);
    if (latency.topic == NULL || hdr == NULL || latency.size < STAMP || latency.rate == 0)
        die("latency", "arguments");
    await_start(&latency, queue);
    if (pthread_create(&sender, NULL, send_on_time, &latency) != 0)
        die("latency", "thread");
    receive(&latency, queue, hdr);
    pthread_join(sender, NULL);
    hdr_free(hdr);
    rd_kafka_topic_destroy(latency.topic);
    rd_kafka_destroy(latency.producer);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(consumer);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 7 && strcmp(argv[1], "produce") == 0)
        return produce(argc, argv);
    if (argc >= 5 && strcmp(argv[1], "consume") == 0)
        return consume(argc, argv);
    if (argc >= 7 && strcmp(argv[1], "latency") == 0)
        return measure_latency(argc, argv);
    fputs("usage: rdkafka_bench produce BOOTSTRAP TOPIC SIZE RECORDS WARM-UP [NAME=VALUE...]\n"
          "       rdkafka_bench consume BOOTSTRAP TOPIC RECORDS [NAME=VALUE...]\n"
          "       rdkafka_bench latency BOOTSTRAP TOPIC SIZE RATE SECONDS [NAME=VALUE...]\n",
          stderr);
    return 2;
}
