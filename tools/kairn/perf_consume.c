/* perf_consume.c - kairn perf consume: everything that is in a topic, as fast as possible. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/interrupt.h"
#include "tools/kairn/json.h"
#include "tools/kairn/perf.h"

enum { POLL_MS = 500, FIRST_MS = 60000 };

struct consuming {
    const struct args *args;
    const char *topic;
    int32_t partitions;
    int64_t records, seconds, threads, timeout_ms;
    bool verify;
    _Atomic int64_t left;               /* of --records */
    _Atomic int64_t first_ns;           /* when the first records came; 0: none yet */
    int64_t started_ns, end_ns;
    _Atomic uint64_t gaps;              /* offsets that no record has */
    _Atomic uint64_t processor_ns;      /* when the first records came */
};

/* What one thread knows of a partition. */
struct reading {
    int64_t next, end;                  /* the offset that is due, and where to stop */
    uint64_t *numbers;                  /* --verify: the next of each producing thread */
};

/* Partition p is read by thread p % threads; its place among theirs is p / threads. */
static struct reading *reading_of(struct reading *readings, const struct consuming *consuming,
                                  int32_t partition)
{
    return &readings[partition / (int32_t)consuming->threads];
}

/* The value is one that kairn perf produce sends, and the number follows the thread's last one. */
static bool is_right(const struct consuming *consuming, struct reading *reading,
                     const klient_record_t *record, const unsigned char *expected)
{
    if (record->value_size < PERF_NUMBER_SIZE)
        return false;
    const unsigned char *value = record->value;
    uint64_t number = perf_load_number(value), thread = number >> PERF_THREAD_SHIFT;
    number &= (UINT64_C(1) << PERF_THREAD_SHIFT) - 1;
    if (thread >= PERF_THREADS_MAX)
        return false;
    /* One partition holds all records of a thread; several hold some each, in order. */
    bool follows = consuming->partitions == 1 ? number == reading->numbers[thread]
                                              : number >= reading->numbers[thread];
    reading->numbers[thread] = number + 1;
    return follows && memcmp(value + PERF_NUMBER_SIZE, expected + PERF_NUMBER_SIZE,
                             record->value_size - PERF_NUMBER_SIZE) == 0;
}

static void note_first(struct consuming *consuming)
{
    int64_t none = 0;
    if (atomic_load_explicit(&consuming->first_ns, memory_order_relaxed) == 0 &&
        atomic_compare_exchange_strong(&consuming->first_ns, &none, perf_now_ns()))
        atomic_store(&consuming->processor_ns, (uint64_t)(perf_processor_s() * 1e9));
}

/* Returns false when the thread has given up. */
static bool take(struct perf_thread *thread, struct reading *readings, klient_records_t *records,
                 unsigned char **expected, size_t *expected_size)
{
    struct consuming *consuming = thread->context;
    uint64_t count = 0, bytes = 0, gaps = 0;
    klient_record_t record;

    klient_record_init(&record);
    while (klient_records_next(records, &record) == 1) {
        struct reading *reading = reading_of(readings, consuming, record.partition);
        if (record.offset < reading->next)
            return perf_give_up(thread, "partition %d: offset %" PRId64 " where %" PRId64
                                " was due", (int)record.partition, record.offset, reading->next);
        gaps += (uint64_t)(record.offset - reading->next);
        reading->next = record.offset + 1;
        count++;
        bytes += record.key_size + record.value_size;
        if (!consuming->verify)
            continue;
        if (record.value_size > *expected_size) {
            free(*expected);
            *expected = malloc(record.value_size);
            *expected_size = *expected != NULL ? record.value_size : 0;
            if (*expected == NULL)
                return perf_give_up(thread, "out of memory");
            perf_fill(*expected, *expected_size);
        }
        if (!is_right(consuming, reading, &record, *expected))
            return perf_give_up(thread, "partition %d, offset %" PRId64
                                ": not the record that was sent, or not in its order",
                                (int)record.partition, record.offset);
    }
    if (klient_records_code(records) != KLIENT_OK)
        return perf_give_up(thread, "records: %s",
                            klient_code_text(klient_records_code(records)));
    atomic_fetch_add_explicit(&thread->records, count, memory_order_relaxed);
    atomic_fetch_add_explicit(&thread->bytes, bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&consuming->gaps, gaps, memory_order_relaxed);
    atomic_fetch_sub_explicit(&consuming->left, (int64_t)count, memory_order_relaxed);
    return true;
}

struct share {                          /* of one thread */
    klient_consumer_t *consumer;
    klient_topic_partition_t *partitions;
    struct reading *readings;
    size_t count;
    unsigned char *expected;            /* --verify: what values look like */
    size_t expected_size;
};

static bool make_share(struct share *share, const struct consuming *consuming, unsigned index)
{
    share->count = (size_t)((consuming->partitions - (int32_t)index + consuming->threads - 1) /
                            consuming->threads);
    share->partitions = calloc(share->count, sizeof *share->partitions);
    share->readings = calloc(share->count, sizeof *share->readings);
    for (size_t i = 0; share->partitions != NULL && share->readings != NULL && i < share->count;
         i++) {
        share->partitions[i] = (klient_topic_partition_t){
            consuming->topic, (int32_t)((int64_t)i * consuming->threads) + (int32_t)index
        };
        if (consuming->verify) {
            share->readings[i].numbers = calloc(PERF_THREADS_MAX, sizeof(uint64_t));
            if (share->readings[i].numbers == NULL)
                return false;
        }
    }
    return share->partitions != NULL && share->readings != NULL;
}

static void free_share(struct share *share)
{
    for (size_t i = 0; share->readings != NULL && i < share->count; i++)
        free(share->readings[i].numbers);
    free(share->readings);
    free(share->partitions);
    free(share->expected);
    klient_consumer_close(share->consumer, 1000, NULL);
}

/* Assign its partitions, and read where they begin and end now. */
static bool begin(struct share *share, const struct consuming *consuming, klient_error_t **error)
{
    int64_t *offsets = calloc(2 * share->count, sizeof *offsets), *ends = offsets + share->count;
    klient_code_t code = offsets != NULL ? KLIENT_OK : KLIENT_NOMEM;

    if (code == KLIENT_OK)
        code = klient_consumer_assign(share->consumer, share->partitions, share->count, error);
    if (code == KLIENT_OK)
        code = klient_consumer_beginning_offsets(share->consumer, share->partitions, share->count,
                                                 consuming->timeout_ms, offsets, error);
    if (code == KLIENT_OK)
        code = klient_consumer_end_offsets(share->consumer, share->partitions, share->count,
                                           consuming->timeout_ms, ends, error);
    for (size_t i = 0; code == KLIENT_OK && i < share->count; i++) {
        share->readings[i].next = offsets[i];
        share->readings[i].end = ends[i];
        code = klient_consumer_seek(share->consumer, consuming->topic,
                                    share->partitions[i].partition, offsets[i], error);
    }
    free(offsets);
    return code == KLIENT_OK;
}

/* The last offsets of a partition may hold no record, so positions count where nothing comes. */
static bool is_finished(struct share *share, const struct consuming *consuming, bool quiet)
{
    for (size_t i = 0; i < share->count; i++) {
        struct reading *reading = &share->readings[i];
        int64_t position;
        if (reading->next >= reading->end)
            continue;
        if (!quiet || klient_consumer_position(share->consumer, consuming->topic,
                                               share->partitions[i].partition, POLL_MS, &position,
                                               NULL) != KLIENT_OK)
            return false;
        reading->next = position;
        if (position < reading->end)
            return false;
    }
    return true;
}

static void read_share(struct perf_thread *thread, struct consuming *consuming,
                       struct share *share)
{
    klient_error_t *error = NULL;
    klient_records_t *records = NULL;
    bool finished = is_finished(share, consuming, false), going = true;

    while (going && !finished && !interrupt_came()) {
        records = NULL;
        if (klient_consumer_poll(share->consumer, POLL_MS, &records, &error) != KLIENT_OK) {
            perf_give_up_with(thread, "poll", error);
            return;
        }
        if (records != NULL) {
            note_first(consuming);
            going = take(thread, share->readings, records, &share->expected,
                         &share->expected_size);
        } else if (perf_now_ns() - consuming->started_ns > FIRST_MS * INT64_C(1000000) &&
                   atomic_load(&consuming->first_ns) == 0) {
            perf_give_up(thread, "no record came within %d ms", FIRST_MS);
        }
        finished = is_finished(share, consuming, records == NULL) ||
                   atomic_load_explicit(&consuming->left, memory_order_relaxed) <= 0 ||
                   (consuming->end_ns != INT64_MAX && perf_now_ns() >= consuming->end_ns) ||
                   thread->trouble[0] != '\0';
        klient_records_free(records);
    }
}

static void *read_all(void *context)
{
    struct perf_thread *thread = context;
    struct consuming *consuming = thread->context;
    struct share share = { .consumer = NULL };
    klient_error_t *error = NULL;
    int status;
    klient_config_t *config = connect_config(consuming->args, false, &status);

    share.consumer = config != NULL ? klient_consumer_new(config, &error) : NULL;
    klient_config_free(config);
    if (share.consumer == NULL)
        perf_give_up_with(thread, "consumer", error);
    else if (!make_share(&share, consuming, thread->index))
        perf_give_up(thread, "out of memory");
    else if (!begin(&share, consuming, &error))
        perf_give_up_with(thread, "offsets", error);
    else
        read_share(thread, consuming, &share);
    free_share(&share);
    return NULL;
}

static void summarise(const struct consuming *consuming, uint64_t records, uint64_t bytes,
                      double seconds, double processor_s)
{
    double each = records > 0 ? 1e9 / (double)records : 0, rate = (double)records / seconds,
           first_ms = (double)(consuming->first_ns - consuming->started_ns) / 1e6;
    json_int_t gaps = (json_int_t)atomic_load(&consuming->gaps);

    if (args_json(consuming->args))
        json_line(json_pack("{s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:b}", "records",
                            (json_int_t)records, "bytes", (json_int_t)bytes, "seconds", seconds,
                            "records_per_second", rate, "mb_per_second",
                            (double)bytes / 1e6 / seconds, "ns_per_record", seconds * each,
                            "processor_ns_per_record", processor_s * each, "first_ms", first_ms,
                            "gaps", gaps, "verified", consuming->verify));
    else
        printf("%llu records, %llu bytes in %.3f s: %.0f records/s, %.1f MB/s, %.1f ns a record, "
               "%.1f ns of processor; first after %.1f ms; %lld offsets without a record\n",
               (unsigned long long)records, (unsigned long long)bytes, seconds, rate,
               (double)bytes / 1e6 / seconds, seconds * each, processor_s * each, first_ms,
               (long long)gaps);
}

static int measure(struct consuming *consuming)
{
    struct perf_thread threads[PERF_THREADS_MAX] = { { .index = 0 } };
    uint64_t records = 0, bytes = 0;

    if (consuming->threads > consuming->partitions)
        consuming->threads = consuming->partitions;
    for (unsigned i = 0; i < (unsigned)consuming->threads; i++) {
        threads[i].context = consuming;
        threads[i].index = i;
    }
    consuming->left = consuming->records;
    consuming->started_ns = perf_now_ns();
    consuming->end_ns = consuming->seconds > 0
                            ? consuming->started_ns + consuming->seconds * 1000000000
                            : INT64_MAX;
    int status = perf_run(consuming->args, threads, (unsigned)consuming->threads, read_all);
    int64_t now_ns = perf_now_ns();
    double processor_s = perf_processor_s() - (double)consuming->processor_ns / 1e9;
    if (status != EXIT_DONE)
        return status;
    for (int64_t i = 0; i < consuming->threads; i++) {
        records += threads[i].records;
        bytes += threads[i].bytes;
    }
    if (records == 0)
        return command_failed(consuming->args, "%s is empty", consuming->topic);
    summarise(consuming, records, bytes, (double)(now_ns - consuming->first_ns) / 1e9,
              processor_s);
    return EXIT_DONE;
}

int perf_consume(const struct args *args)
{
    struct consuming consuming = { .args = args, .topic = args_operand(args, 0),
                                   .verify = args_has(args, "--verify") };

    if (!args_number(args, "--records", INT64_MAX, 1, INT64_MAX, &consuming.records) ||
        !args_number(args, "--seconds", 0, 1, 1000000, &consuming.seconds) ||
        !args_number(args, "--threads", 1, 1, PERF_THREADS_MAX, &consuming.threads) ||
        !connect_timeout(args, &consuming.timeout_ms))
        return EXIT_USAGE;
    int status = perf_topic(args, consuming.topic, &consuming.partitions);
    if (status != EXIT_DONE)
        return status;
    interrupt_catch();
    return measure(&consuming);
}
