/* perf_produce.c - kairn perf produce: records of one size, as fast as possible or at a rate. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/endian.h"
#include "common/rand.h"
#include "tools/kairn/connect.h"
#include "tools/kairn/interrupt.h"
#include "tools/kairn/json.h"
#include "tools/kairn/perf.h"

enum {
    KEY_SIZE = 8,
    LOOK_EVERY = 256,
    VALUE_MAX = 100 << 20,
    RECORDS_DEFAULT = 1000000,
    FLUSH_MS = 120000
};

struct producing {
    const struct args *args;
    const char *topic;
    klient_producer_t *producers[PERF_THREADS_MAX];
    int64_t size, records, warm_up, seconds, rate, threads, connections, partition, keys;
    int64_t block_ms;
    /* Of the phase under way: per thread. */
    uint64_t numbers[PERF_THREADS_MAX]; /* the next record's, of each thread */
    uint64_t count;
    int64_t started_ns, end_ns;
    double rate_each;                   /* 0: as fast as possible */
};

/* May the thread send its i-th record now? It waits for its turn when there is a rate. */
static bool is_due(const struct producing *producing, uint64_t i)
{
    if (producing->rate_each > 0) {
        int64_t due_ns = producing->started_ns + (int64_t)((double)i * 1e9 / producing->rate_each);
        return due_ns < producing->end_ns && perf_await(due_ns) &&
               perf_now_ns() < producing->end_ns;
    }
    if (i % LOOK_EVERY != 0)
        return true;
    return !interrupt_came() &&
           (producing->end_ns == INT64_MAX || perf_now_ns() < producing->end_ns);
}

static void *send_all(void *context)
{
    struct perf_thread *thread = context;
    struct producing *producing = thread->context;
    klient_producer_t *producer = producing->producers[thread->index % producing->connections];
    unsigned char *value = malloc((size_t)producing->size);
    unsigned char key[KEY_SIZE];
    klient_record_t record;
    uint64_t number = producing->numbers[thread->index], i;
    struct rand rand;

    if (value == NULL)
        return perf_give_up(thread, "out of memory");
    perf_fill(value, (size_t)producing->size);
    klient_record_init(&record);
    record.topic = producing->topic;
    record.value = value;
    record.value_size = (size_t)producing->size;
    record.partition = (int32_t)producing->partition;
    rand_seed(&rand, thread->index);
    if (producing->keys > 0) {
        record.key = key;
        record.key_size = sizeof key;
    }
    for (i = 0; i < producing->count && is_due(producing, i); i++) {
        perf_store_number(value, (uint64_t)thread->index << PERF_THREAD_SHIFT | number++);
        if (producing->keys > 0)
            store_u64(key, rand_below(&rand, (uint64_t)producing->keys));
        if (!perf_send(thread, producer, &record, producing->block_ms))
            break;
        if (i % LOOK_EVERY == 0 || producing->rate_each > 0) {
            atomic_store_explicit(&thread->records, i + 1, memory_order_relaxed);
            atomic_store_explicit(&thread->bytes, (i + 1) * record.value_size,
                                  memory_order_relaxed);
        }
    }
    producing->numbers[thread->index] = number;
    atomic_store_explicit(&thread->records, i, memory_order_relaxed);
    free(value);
    return NULL;
}

/* Send `records` in all and wait until they are acknowledged. */
static int run_phase(struct producing *producing, int64_t records, int64_t seconds, int64_t rate,
                     uint64_t *sent, double *sending_s)
{
    struct perf_thread threads[PERF_THREADS_MAX] = { { .index = 0 } };
    char text[PERF_TROUBLE_SIZE];
    unsigned count = (unsigned)producing->threads;

    for (unsigned i = 0; i < count; i++) {
        threads[i].context = producing;
        threads[i].index = i;
    }
    producing->count = (uint64_t)(records / producing->threads +
                                  (records % producing->threads != 0 && records < INT64_MAX));
    producing->rate_each = (double)rate / (double)producing->threads;
    producing->started_ns = perf_now_ns();
    producing->end_ns = seconds > 0 ? producing->started_ns + seconds * 1000000000 : INT64_MAX;
    int status = perf_run(producing->args, threads, count, send_all);
    *sending_s = (double)(perf_now_ns() - producing->started_ns) / 1e9;
    for (unsigned i = 0; i < count; i++)
        *sent += atomic_load(&threads[i].records);
    for (int64_t i = 0; status == EXIT_DONE && i < producing->connections; i++) {
        klient_code_t code = perf_flush(producing->args, producing->producers[i], FLUSH_MS, text);
        if (code == KLIENT_OK)
            continue;
        status = command_failed(producing->args, "of %llu records not all were acknowledged: %s",
                                (unsigned long long)*sent, text);
        connect_advise(producing->args, code);
    }
    return status;
}

static int summarise(const struct producing *producing, uint64_t records, double seconds,
                     double sending_s, double processor_s)
{
    double bytes = (double)records * (double)producing->size,
           achieved = records > 0 && sending_s > 0 ? (double)records / sending_s : 0,
           each = records > 0 ? 1e9 / (double)records : 0;
    bool met = producing->rate == 0 || perf_rate_met((double)producing->rate, achieved);

    if (args_json(producing->args))
        json_line(json_pack("{s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:I, s:b}", "records",
                            (json_int_t)records, "size", (json_int_t)producing->size, "seconds",
                            seconds, "records_per_second", (double)records / seconds,
                            "mb_per_second", bytes / 1e6 / seconds, "ns_per_record",
                            seconds * each, "processor_ns_per_record", processor_s * each,
                            "rate", (json_int_t)producing->rate, "rate_met", met));
    else
        printf("%llu records of %lld bytes in %.3f s: %.0f records/s, %.1f MB/s, %.1f ns a record, "
               "%.1f ns of processor\n",
               (unsigned long long)records, (long long)producing->size, seconds,
               (double)records / seconds, bytes / 1e6 / seconds, seconds * each,
               processor_s * each);
    if (met)
        return EXIT_DONE;
    return command_failed(producing->args, "%.0f records/s were sent, %lld were asked for",
                          achieved, (long long)producing->rate);
}

static int measure(struct producing *producing)
{
    uint64_t records = 0, warmed = 0;
    double sending_s;
    int status = EXIT_DONE;

    if (producing->warm_up > 0)
        status = run_phase(producing, producing->warm_up, 0, 0, &warmed, &sending_s);
    if (status != EXIT_DONE || interrupt_came())
        return status;
    double processor_s = perf_processor_s();
    status = run_phase(producing, producing->records, producing->seconds, producing->rate,
                       &records, &sending_s);
    double seconds = (double)(perf_now_ns() - producing->started_ns) / 1e9;
    if (status != EXIT_DONE)
        return status;
    return summarise(producing, records, seconds, sending_s, perf_processor_s() - processor_s);
}

static bool read_flags(struct producing *producing)
{
    const struct args *args = producing->args;
    bool timed = args_has(args, "--seconds");

    return args_number(args, "--size", 100, PERF_NUMBER_SIZE, VALUE_MAX, &producing->size) &&
           args_number(args, "--records", timed ? INT64_MAX : RECORDS_DEFAULT, 1, INT64_MAX,
                       &producing->records) &&
           args_number(args, "--warm-up", 0, 0, INT64_MAX, &producing->warm_up) &&
           args_number(args, "--seconds", 0, 1, 1000000, &producing->seconds) &&
           args_number(args, "--rate", 0, 1, 1000000000, &producing->rate) &&
           args_number(args, "--threads", 1, 1, PERF_THREADS_MAX, &producing->threads) &&
           args_number(args, "--connections", 1, 1, PERF_THREADS_MAX, &producing->connections) &&
           args_number(args, "--partition", KLIENT_PARTITION_ANY, 0, INT32_MAX,
                       &producing->partition) &&
           args_number(args, "--keys", 0, 1, INT64_MAX, &producing->keys);
}

int perf_produce(const struct args *args)
{
    struct producing producing = { .args = args, .topic = args_operand(args, 0) };
    klient_error_t *error = NULL;
    int32_t partitions;
    int status;

    if (!read_flags(&producing))
        return EXIT_USAGE;
    klient_config_t *config = connect_config(args, true, &status);
    if (config == NULL)
        return status;
    producing.block_ms = interrupt_step(config);
    status = perf_topic(args, producing.topic, &partitions);
    for (int64_t i = 0; status == EXIT_DONE && i < producing.connections; i++) {
        producing.producers[i] = klient_producer_new(config, &error);
        if (producing.producers[i] == NULL)
            status = connect_refused(args, error);
    }
    klient_config_free(config);
    interrupt_catch();
    if (status == EXIT_DONE)
        status = measure(&producing);
    for (int64_t i = 0; i < producing.connections; i++)
        klient_producer_close(producing.producers[i], 1000, NULL);
    return status;
}
