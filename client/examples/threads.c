/* threads.c - a group with one consumer in each of several threads. A consumer belongs to one
 * thread at a time, so each thread has its own; all share the connections of one handle.
 *
 *   ./threads 127.0.0.1:9092 [TOPIC [COUNT [THREADS]]]      ends after COUNT records */
#include <klient.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS_MAX = 64 };

struct work {
    klient_consumer_t *consumer;
    pthread_t thread;
    long count;
    int failed;
};

static struct work works[THREADS_MAX];
static int threads;
static atomic_long left;

static int failed(klient_error_t *error)
{
    fprintf(stderr, "%s\n", klient_error_text(error));
    klient_error_free(error);
    return 1;
}

/* The only call of a consumer that other threads may make. */
static void stop_all(void)
{
    for (int i = 0; i < threads; i++)
        klient_consumer_wakeup(works[i].consumer);
}

static void *run(void *context)
{
    struct work *work = context;
    klient_error_t *error = NULL;
    klient_code_t code = KLIENT_OK;

    while (code == KLIENT_OK && atomic_load(&left) > 0) {
        klient_records_t *records = NULL;
        klient_record_t record;
        code = klient_consumer_poll(work->consumer, KLIENT_FOREVER, &records, &error);
        klient_record_init(&record);
        while (records != NULL && klient_records_next(records, &record)) {
            work->count++;                  /* in the order of its partition */
            if (atomic_fetch_sub(&left, 1) == 1)
                stop_all();
        }
        klient_records_free(records);       /* done with: may be committed */
    }
    work->failed = code != KLIENT_OK && code != KLIENT_WOKEN_UP;
    if (work->failed)
        stop_all();
    if (work->failed)
        failed(error);
    else
        klient_error_free(error);
    return NULL;
}

static klient_t *open_handle(const char *servers, klient_error_t **error)
{
    klient_config_t *config = klient_config_new();

    klient_config_set(config, "bootstrap.servers", servers, NULL);
    klient_config_set(config, "group.id", "Threads", NULL);
    klient_config_set(config, "auto.offset.reset", "earliest", NULL);
    klient_t *klient = klient_new(config, error);
    klient_config_free(config);
    return klient;
}

int main(int argc, char **argv)
{
    const char *topic = argc > 2 ? argv[2] : "CustomerCountry";
    int wanted = argc > 4 ? atoi(argv[4]) : 3, status = 0;
    klient_error_t *error = NULL;
    klient_t *klient = open_handle(argc > 1 ? argv[1] : "127.0.0.1:9092", &error);

    if (klient == NULL)
        return failed(error);
    atomic_store(&left, argc > 3 ? atol(argv[3]) : 1000);
    for (; threads < wanted && threads < THREADS_MAX; threads++) {
        struct work *work = &works[threads];
        work->consumer = klient_consumer_open(klient, NULL, &error);
        if (work->consumer == NULL || klient_consumer_subscribe(work->consumer, &topic, 1, NULL,
                                                                &error) != KLIENT_OK)
            return failed(error);
    }
    klient_free(klient);                    /* the consumers keep it */
    for (int i = 0; i < threads; i++)
        if (pthread_create(&works[i].thread, NULL, run, &works[i]) != 0)
            return 1;
    for (int i = 0; i < threads; i++)
        pthread_join(works[i].thread, NULL);
    for (int i = 0; i < threads; i++) {
        status |= works[i].failed;
        if (klient_consumer_close(works[i].consumer, 5000, &error) != KLIENT_OK)
            return failed(error);
        fprintf(stderr, "thread %d: %ld records\n", i, works[i].count);
    }
    printf("%d threads are done\n", threads);
    return status;
}
