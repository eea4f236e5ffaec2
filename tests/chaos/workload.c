/* workload - the clients of a chaos run: they send, read, and write down all that they see.
 *
 *   workload run BOOTSTRAP TOPIC PARTITIONS DIRECTORY PRODUCERS CONSUMERS RATE
 *       PRODUCERS idempotent producers, each RATE records a second over all partitions, and
 *       CONSUMERS that read everything, until SIGTERM; then the producers are closed, and every
 *       record has an outcome. Every other producer gives a record up after a few seconds. Every
 *       other consumer is closed now and then and a new one goes on where it was. Writes
 *       DIRECTORY/producer-N and DIRECTORY/consumer-N, and ten times a second to DIRECTORY/progress
 *       how many records were acknowledged.
 *   workload final BOOTSTRAP TOPIC PARTITIONS DIRECTORY
 *       a fresh client reads everything, up to the ends that it is told first: DIRECTORY/final.
 *
 * Members of groups are elsewhere: crowd.c. */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/klient.h"
#include "tests/chaos/history.h"
#include "tests/chaos/record.h"

enum {
    CLIENTS_MAX = 32,
    POLL_MS = 20,
    ENDS_EVERY_US = 500 * 1000,
    ENDS_WAIT_MS = 1500,
    REOPEN_EVERY_US = 4 * 1000 * 1000,
    PROGRESS_MS = 100,
    WAIT_MS = 120000
};

static atomic_bool stopping;
static atomic_uint_fast64_t acked_all;

static void on_signal(int signal)
{
    (void)signal;
    atomic_store(&stopping, true);
}

static void quit(const char *what, klient_error_t *error)
{
    fprintf(stderr, "workload: %s: %s\n", what, error != NULL ? klient_error_text(error) : "");
    exit(1);
}

struct client {
    pthread_t thread;
    const char *bootstrap, *topic;
    int id, partitions, rate;
    FILE *history;
    klient_producer_t *producer;
    klient_consumer_t *consumer;
    int64_t next[HISTORY_PARTITIONS_MAX];       /* of a consumer: what it wants next */
};

static void note(struct client *client, enum history_kind kind, uint64_t number, int partition,
                 int64_t offset, uint32_t sum)
{
    struct history_event event = { .time_us = history_now_us(), .number = number, .offset = offset,
                                   .checksum = sum, .partition = (uint16_t)partition,
                                   .kind = (uint8_t)kind, .client = (uint8_t)client->id };
    history_write(client->history, &event);
}

static klient_config_t *configure(const struct client *client, const char *const *pairs)
{
    klient_error_t *error = NULL;
    klient_config_t *config = klient_config_new();
    if (config == NULL ||
        klient_config_set(config, "bootstrap.servers", client->bootstrap, &error) != KLIENT_OK)
        quit("configuration", error);
    for (; *pairs != NULL; pairs++)
        if (klient_config_set_pair(config, *pairs, &error) != KLIENT_OK)
            quit("configuration", error);
    return config;
}

static FILE *open_history(const char *directory, const char *kind, int id)
{
    char path[4096];
    snprintf(path, sizeof path, id < 0 ? "%s/%s" : "%s/%s-%d", directory, kind, id);
    FILE *file = history_create(path);
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    return file;
}

static void close_history(FILE *file)
{
    if (ferror(file) || fclose(file) != 0) {
        fputs("workload: the history can not be written\n", stderr);
        exit(1);
    }
}

/* --- producers -------------------------------------------------------------------------------- */

static void reported(void *context, const klient_report_t *report)
{
    uint64_t number = (uint64_t)(uintptr_t)report->opaque;
    if (report->code == KLIENT_OK) {
        note(context, HISTORY_ACKED, number, report->partition, report->offset, 0);
        atomic_fetch_add(&acked_all, 1);
    } else {
        note(context, report->may_have_been_written ? HISTORY_UNKNOWN : HISTORY_REFUSED, number,
             report->partition, report->code, 0);
    }
}

/* False: not now. */
static bool send_one(struct client *client, uint64_t sequence)
{
    char value[RECORD_VALUE_MAX + 1], key[24];
    uint64_t number = history_number((unsigned)client->id, sequence);
    int64_t before_us = history_now_us();
    klient_error_t *error = NULL;
    klient_record_t record;

    klient_record_init(&record);
    record.topic = client->topic;
    record.partition = (int32_t)(sequence % (uint64_t)client->partitions);
    record.key = key;
    record.key_size = (size_t)snprintf(key, sizeof key, "producer-%d", client->id);
    record.value = value;
    record.value_size = record_make_value(number, value);
    record.opaque = (void *)(uintptr_t)number;
    klient_code_t code = klient_producer_send(client->producer, &record, &error);
    if (code != KLIENT_OK) {
        if (!klient_error_retriable(error))
            quit("send", error);
        klient_error_free(error);
        return false;
    }
    struct history_event event = {
        .time_us = before_us, .number = number, .offset = -1,
        .checksum = record_checksum(&record),
        .partition = (uint16_t)record.partition, .kind = HISTORY_SENT,
        .client = (uint8_t)client->id };
    history_write(client->history, &event);
    return true;
}

static void *produce(void *context)
{
    static const char *const patient[] = { "max.block.ms=1000", NULL };
    static const char *const hasty[] = { "max.block.ms=1000", "delivery.timeout.ms=4000",
                                         "request.timeout.ms=1500", NULL };
    struct client *client = context;
    klient_error_t *error = NULL;
    klient_config_t *config = configure(client, client->id % 2 == 0 ? patient : hasty);
    uint64_t sent = 0, missed = 0;
    int64_t started_us = history_now_us();

    klient_config_set_report(config, reported, client);
    client->producer = klient_producer_new(config, &error);
    klient_config_free(config);
    if (client->producer == NULL)
        quit("producer", error);
    while (!atomic_load(&stopping)) {
        uint64_t due = (uint64_t)((history_now_us() - started_us) * client->rate / 1000000);
        while (!atomic_load(&stopping) && sent + missed < due) {
            if (!send_one(client, sent)) {
                missed = due - sent;    /* what could not be sent in time is not made up for */
                break;
            }
            sent++;
        }
        klient_producer_poll(client->producer, POLL_MS, NULL, NULL);
    }
    klient_producer_close(client->producer, WAIT_MS, NULL);
    close_history(client->history);
    return NULL;
}

/* --- consumers -------------------------------------------------------------------------------- */

static void open_consumer(struct client *client)
{
    static const char *const properties[] = { "auto.offset.reset=none", NULL };
    klient_topic_partition_t list[HISTORY_PARTITIONS_MAX];
    klient_error_t *error = NULL;
    klient_config_t *config = configure(client, properties);

    client->consumer = klient_consumer_new(config, &error);
    klient_config_free(config);
    if (client->consumer == NULL)
        quit("consumer", error);
    for (int p = 0; p < client->partitions; p++)
        list[p] = (klient_topic_partition_t){ client->topic, p };
    if (klient_consumer_assign(client->consumer, list, (size_t)client->partitions, &error) !=
        KLIENT_OK)
        quit("assign", error);
    for (int p = 0; p < client->partitions; p++)
        klient_consumer_seek(client->consumer, client->topic, p, client->next[p], NULL);
}

/* Poll once; records are noted as `kind`. */
static void read_some(struct client *client, int64_t timeout_ms, enum history_kind kind)
{
    klient_records_t *records = NULL;
    klient_error_t *error = NULL;
    klient_record_t record;
    klient_code_t code = klient_consumer_poll(client->consumer, timeout_ms, &records, &error);

    if (code == KLIENT_OFFSET_OUT_OF_RANGE && klient_error_partition(error) >= 0) {
        int partition = klient_error_partition(error);
        note(client, HISTORY_RANGE, 0, partition, client->next[partition], 0);
        klient_consumer_seek(client->consumer, client->topic, partition, client->next[partition],
                             NULL);
    }
    klient_error_free(error);
    klient_record_init(&record);
    while (records != NULL && klient_records_next(records, &record) == 1) {
        note(client, kind, record_number(&record), record.partition, record.offset,
             record_checksum(&record));
        client->next[record.partition] = record.offset + 1;
    }
    klient_records_free(records);
}

static bool ask_ends(struct client *client, int64_t timeout_ms, enum history_kind kind,
                     int64_t *ends)
{
    /* One partition a call: one without a leader must not hide the others' ends. */
    for (int p = 0; p < client->partitions; p++) {
        klient_topic_partition_t one = { client->topic, p };
        klient_error_t *error = NULL;
        if (klient_consumer_end_offsets(client->consumer, &one, 1, timeout_ms, &ends[p], &error) !=
            KLIENT_OK) {
            if (kind == HISTORY_FINAL_END)
                fprintf(stderr, "workload: partition %d: %s\n", p, klient_error_text(error));
            klient_error_free(error);
            return false;
        }
        note(client, kind, 0, p, ends[p], 0);
    }
    return true;
}

static void *consume(void *context)
{
    struct client *client = context;
    int64_t asked_us = history_now_us(), opened_us = asked_us, ends[HISTORY_PARTITIONS_MAX];

    open_consumer(client);
    while (!atomic_load(&stopping)) {
        read_some(client, POLL_MS * 5, HISTORY_READ);
        int64_t now_us = history_now_us();
        if (now_us - asked_us > ENDS_EVERY_US) {
            ask_ends(client, ENDS_WAIT_MS, HISTORY_END, ends);
            asked_us = history_now_us();
        }
        if (client->id % 2 == 1 && now_us - opened_us > REOPEN_EVERY_US) {
            klient_consumer_close(client->consumer, 1000, NULL);
            open_consumer(client);
            opened_us = now_us;
        }
    }
    klient_consumer_close(client->consumer, 1000, NULL);
    close_history(client->history);
    return NULL;
}

/* --- both modes ------------------------------------------------------------------------------- */

static void write_progress(int fd)
{
    char text[24];
    int size = snprintf(text, sizeof text, "%-20" PRIuFAST64 "\n", atomic_load(&acked_all));
    (void)!pwrite(fd, text, (size_t)size, 0);
}

static int run_clients(const struct client *pattern, const char *directory, int producers,
                       int consumers)
{
    static struct client clients[2 * CLIENTS_MAX];
    char path[4096];

    snprintf(path, sizeof path, "%s/progress", directory);
    int progress = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (progress < 0) {
        perror(path);
        return 1;
    }
    for (int i = 0; i < producers + consumers; i++) {
        bool producer = i < producers;
        clients[i] = *pattern;
        clients[i].id = producer ? i : i - producers;
        clients[i].history = open_history(directory, producer ? "producer" : "consumer",
                                          clients[i].id);
        if (pthread_create(&clients[i].thread, NULL, producer ? produce : consume, &clients[i]) !=
            0)
            quit("no thread", NULL);
    }
    while (!atomic_load(&stopping)) {
        write_progress(progress);
        poll(NULL, 0, PROGRESS_MS);
    }
    for (int i = 0; i < producers + consumers; i++)
        pthread_join(clients[i].thread, NULL);
    write_progress(progress);
    close(progress);
    printf("acked %" PRIuFAST64 "\n", atomic_load(&acked_all));
    return 0;
}

static int read_final(struct client *client, const char *directory)
{
    int64_t ends[HISTORY_PARTITIONS_MAX] = { 0 };
    int64_t heard_us = history_now_us();
    bool done = false;

    client->history = open_history(directory, "final", -1);
    open_consumer(client);
    if (!ask_ends(client, WAIT_MS, HISTORY_FINAL_END, ends))
        return 1;
    while (!done) {
        int64_t before = 0, after = 0;
        for (int p = 0; p < client->partitions; p++)
            before += client->next[p];
        read_some(client, 1000, HISTORY_FINAL);
        done = true;
        for (int p = 0; p < client->partitions; p++) {
            after += client->next[p];
            done = done && client->next[p] >= ends[p];
        }
        if (after > before)
            heard_us = history_now_us();
        if (!done && history_now_us() - heard_us > (int64_t)WAIT_MS * 1000) {
            fputs("workload: the end was not reached in time\n", stderr);
            return 1;
        }
    }
    klient_consumer_close(client->consumer, 1000, NULL);
    close_history(client->history);
    return 0;
}

int main(int argc, char **argv)
{
    bool run = argc == 9 && strcmp(argv[1], "run") == 0,
         final = argc == 6 && strcmp(argv[1], "final") == 0;
    struct client client = { .id = HISTORY_CLIENTS_MAX - 1 };

    if (!run && !final) {
        fputs("usage: workload run BOOTSTRAP TOPIC PARTITIONS DIRECTORY PRODUCERS CONSUMERS RATE\n"
              "       workload final BOOTSTRAP TOPIC PARTITIONS DIRECTORY\n", stderr);
        return 2;
    }
    client.bootstrap = argv[2];
    client.topic = argv[3];
    client.partitions = atoi(argv[4]);
    if (client.partitions < 1 || client.partitions > HISTORY_PARTITIONS_MAX)
        return 2;
    if (final)
        return read_final(&client, argv[5]);
    int producers = atoi(argv[6]), consumers = atoi(argv[7]);
    client.rate = atoi(argv[8]);
    if (producers < 1 || producers > CLIENTS_MAX || consumers < 0 || consumers > CLIENTS_MAX ||
        client.rate < 1)
        return 2;
    signal(SIGTERM, on_signal);
    return run_clients(&client, argv[5], producers, consumers);
}
