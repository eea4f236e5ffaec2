/* klient_produce.c - what one record costs an application that produces.
 *
 *   klient_produce [--size BYTES] [--count N] [--partitions N] [--key BYTES] [--threads N]
 *                  [--bootstrap HOST:PORT] [--topic NAME] [--set name=value]...
 *
 * Without --bootstrap it produces to a broker in its own process that throws records away. Prints
 * nanoseconds a record as seen by the application (wall time of sends and final flush), processor
 * time of the sending threads alone, of the whole process, and MB/s. */
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "client/klient.h"
#include "tests/client/fake_broker.h"

enum { THREADS_MAX = 16, KEY_MAX = 64 };

struct sender {
    klient_producer_t *producer;
    const char *topic;
    long count;
    size_t size, key_size;
    double cpu_s;
};

static double clock_s(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void *send_all(void *context)
{
    struct sender *sender = context;
    char *value = calloc(1, sender->size + 1), key[KEY_MAX] = "";
    klient_record_t record;

    klient_record_init(&record);
    record.topic = sender->topic;
    record.value = value;
    record.value_size = sender->size;
    if (sender->key_size > 0) {
        record.key = key;
        record.key_size = sender->key_size;
    }
    for (long i = 0; i < sender->count; i++) {
        memcpy(key, &i, sizeof i);
        klient_code_t code = klient_producer_send(sender->producer, &record, NULL);
        if (code != KLIENT_OK) {
            fprintf(stderr, "send: %s\n", klient_code_text(code));
            exit(EXIT_FAILURE);
        }
    }
    sender->cpu_s = clock_s(CLOCK_THREAD_CPUTIME_ID);
    free(value);
    return NULL;
}

/* The error by address: it is set by the call that is the other argument. */
static void require(int ok, klient_error_t **error)
{
    if (ok)
        return;
    fprintf(stderr, "%s\n", klient_error_text(*error));
    exit(EXIT_FAILURE);
}

struct run {
    struct sender sender;
    long count;
    int partitions, threads;
    const char *bootstrap;
    klient_config_t *config;
};

static void read_options(int argc, char **argv, struct run *run)
{
    static const struct option options[] = {
        { "size", required_argument, NULL, 's' },
        { "count", required_argument, NULL, 'n' },
        { "partitions", required_argument, NULL, 'p' },
        { "key", required_argument, NULL, 'k' },
        { "threads", required_argument, NULL, 't' },
        { "bootstrap", required_argument, NULL, 'b' },
        { "topic", required_argument, NULL, 'T' },
        { "set", required_argument, NULL, 'S' },
        { NULL, 0, NULL, 0 },
    };
    klient_error_t *error = NULL;
    int choice;

    while ((choice = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (choice) {
        case 's': run->sender.size = (size_t)atol(optarg); break;
        case 'n': run->count = atol(optarg); break;
        case 'p': run->partitions = atoi(optarg); break;
        case 'k': run->sender.key_size = (size_t)atol(optarg) % KEY_MAX; break;
        case 't': run->threads = atoi(optarg) > THREADS_MAX ? THREADS_MAX : atoi(optarg); break;
        case 'b': run->bootstrap = optarg; break;
        case 'T': run->sender.topic = optarg; break;
        case 'S':
            require(klient_config_set_pair(run->config, optarg, &error) == KLIENT_OK, &error);
            break;
        default: exit(EXIT_FAILURE);
        }
    }
}

static void measure(const struct run *run)
{
    pthread_t ids[THREADS_MAX];
    struct sender each[THREADS_MAX];
    struct rusage usage;
    klient_error_t *error = NULL;
    double started_s = clock_s(CLOCK_MONOTONIC), cpu_s = 0, count = (double)run->count;

    for (int i = 0; i < run->threads; i++) {
        each[i] = run->sender;
        each[i].count = run->count / run->threads;
        pthread_create(&ids[i], NULL, send_all, &each[i]);
    }
    for (int i = 0; i < run->threads; i++) {
        pthread_join(ids[i], NULL);
        cpu_s += each[i].cpu_s;
    }
    require(klient_producer_flush(run->sender.producer, 60000, &error) == KLIENT_OK, &error);
    double wall_s = clock_s(CLOCK_MONOTONIC) - started_s;
    getrusage(RUSAGE_SELF, &usage);
    double all_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("%.0f ns/record wall, %.0f ns cpu in send, %.0f ns cpu in all, %.0f MB/s, "
           "%.2f M records/s\n",
           wall_s * 1e9 / count, cpu_s * 1e9 / count, all_s * 1e9 / count,
           count * (double)(run->sender.size + run->sender.key_size) / wall_s / 1e6,
           count / wall_s / 1e6);
}

int main(int argc, char **argv)
{
    struct run run = { .sender = { .topic = "bench", .size = 100 }, .count = 10 * 1000 * 1000,
                       .partitions = 1, .threads = 1, .config = klient_config_new() };
    klient_error_t *error = NULL;
    klient_metadata_t *metadata = NULL;
    struct fake *fake = NULL;

    read_options(argc, argv, &run);
    if (run.bootstrap == NULL) {
        fake = fake_new(1);
        fake_add_topic(fake, run.sender.topic, run.partitions);
        atomic_store(&fake_faults(fake)->discard, 1);
        run.bootstrap = fake_bootstrap(fake);
    }
    klient_config_set(run.config, "bootstrap.servers", run.bootstrap, NULL);
    run.sender.producer = klient_producer_new(run.config, &error);
    require(run.sender.producer != NULL, &error);
    require(klient_producer_partitions_for(run.sender.producer, run.sender.topic, 10000, &metadata,
                                           &error) == KLIENT_OK, &error);
    klient_metadata_free(metadata);

    measure(&run);
    klient_producer_close(run.sender.producer, 10000, NULL);
    klient_config_free(run.config);
    if (fake != NULL)
        fake_free(fake);
    return EXIT_SUCCESS;
}
