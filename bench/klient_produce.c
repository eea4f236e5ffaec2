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
    char *value = calloc(1, sender->size + 1), key[64] = "";
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

static void require(int ok, klient_error_t *error)
{
    if (ok)
        return;
    fprintf(stderr, "%s\n", klient_error_text(error));
    exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "size", required_argument, NULL, 's' },      { "count", required_argument, NULL, 'n' },
        { "partitions", required_argument, NULL, 'p' }, { "key", required_argument, NULL, 'k' },
        { "threads", required_argument, NULL, 't' },   { "bootstrap", required_argument, NULL, 'b' },
        { "topic", required_argument, NULL, 'T' },     { "set", required_argument, NULL, 'S' },
        { NULL, 0, NULL, 0 },
    };
    enum { THREADS_MAX = 16 };
    long count = 10 * 1000 * 1000;
    int partitions = 1, threads = 1, choice;
    struct sender sender = { .topic = "bench", .size = 100 };
    const char *bootstrap = NULL;
    klient_error_t *error = NULL;
    klient_config_t *config = klient_config_new();

    while ((choice = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (choice) {
        case 's': sender.size = (size_t)atol(optarg); break;
        case 'n': count = atol(optarg); break;
        case 'p': partitions = atoi(optarg); break;
        case 'k': sender.key_size = (size_t)atol(optarg) % 64; break;
        case 't': threads = atoi(optarg) > THREADS_MAX ? THREADS_MAX : atoi(optarg); break;
        case 'b': bootstrap = optarg; break;
        case 'T': sender.topic = optarg; break;
        case 'S': require(klient_config_set_pair(config, optarg, &error) == KLIENT_OK, error); break;
        default: return EXIT_FAILURE;
        }
    }
    struct fake *fake = bootstrap == NULL ? fake_new(1) : NULL;
    if (fake != NULL) {
        fake_add_topic(fake, sender.topic, partitions);
        atomic_store(&fake_faults(fake)->discard, 1);
        bootstrap = fake_bootstrap(fake);
    }
    klient_config_set(config, "bootstrap.servers", bootstrap, NULL);
    sender.producer = klient_producer_new(config, &error);
    require(sender.producer != NULL, error);
    klient_metadata_t *metadata = NULL;
    require(klient_producer_partitions_for(sender.producer, sender.topic, 10000, &metadata,
                                           &error) == KLIENT_OK, error);
    klient_metadata_free(metadata);

    pthread_t ids[THREADS_MAX];
    struct sender each[THREADS_MAX];
    struct rusage usage;
    double started_s = clock_s(CLOCK_MONOTONIC), cpu_s = 0;
    sender.count = count / threads;
    for (int i = 0; i < threads; i++) {
        each[i] = sender;
        pthread_create(&ids[i], NULL, send_all, &each[i]);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        cpu_s += each[i].cpu_s;
    }
    require(klient_producer_flush(sender.producer, 60000, &error) == KLIENT_OK, error);
    double wall_s = clock_s(CLOCK_MONOTONIC) - started_s;
    getrusage(RUSAGE_SELF, &usage);
    double all_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("%.0f ns/record wall, %.0f ns cpu in send, %.0f ns cpu in all, %.0f MB/s, %.2f M records/s\n",
           wall_s * 1e9 / (double)count, cpu_s * 1e9 / (double)count, all_s * 1e9 / (double)count,
           (double)count * (double)(sender.size + sender.key_size) / wall_s / 1e6,
           (double)count / wall_s / 1e6);

    klient_producer_close(sender.producer, 10000, NULL);
    klient_config_free(config);
    if (fake != NULL)
        fake_free(fake);
    return EXIT_SUCCESS;
}
