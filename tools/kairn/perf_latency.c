/* perf_latency.c - kairn perf latency: from the moment a record was due to the application that
 * reads it.
 *
 * Open loop: record i is due at start + i / rate whatever became of those before it, and that
 * moment stands in it. So a stall counts for every record that was due during it. Producer and
 * consumer are two threads of this process and share its monotonic clock. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/endian.h"
#include "common/hdr.h"
#include "tools/kairn/connect.h"
#include "tools/kairn/interrupt.h"
#include "tools/kairn/json.h"
#include "tools/kairn/perf.h"

enum { STAMP_SIZE = 2 * PERF_NUMBER_SIZE, VALUE_MAX = 1 << 20, POLL_MS = 100, FLUSH_MS = 30000 };

enum { SENDER, READER };

struct latency {
    const struct args *args;
    const char *topic;
    int32_t partitions;
    int64_t size, rate, seconds, records, warm_up, timeout_ms, block_ms;
    klient_producer_t *producer;
    klient_consumer_t *consumer;
    _Atomic uint64_t sent;              /* in all; only once everything is sent */
    struct hdr *hdr;
    int64_t first_ns, last_ns;          /* when the first that counts was due, and the last came */
};

static void *send_all(struct perf_thread *thread, struct latency *latency)
{
    unsigned char value[VALUE_MAX];
    char text[PERF_TROUBLE_SIZE];
    klient_record_t record;
    int64_t started_ns = perf_now_ns();
    uint64_t count = (uint64_t)(latency->warm_up * latency->rate + latency->records), i;

    perf_fill(value, (size_t)latency->size);
    klient_record_init(&record);
    record.topic = latency->topic;
    record.value = value;
    record.value_size = (size_t)latency->size;
    for (i = 0; i < count; i++) {
        int64_t due_ns = started_ns + (int64_t)((double)i * 1e9 / (double)latency->rate);
        if (!perf_await(due_ns))
            break;
        store_u64(value, i);
        store_u64(value + PERF_NUMBER_SIZE, (uint64_t)due_ns);
        if (!perf_send(thread, latency->producer, &record, latency->block_ms))
            break;
    }
    if (thread->trouble[0] == '\0' &&
        perf_flush(latency->args, latency->producer, FLUSH_MS, text) != KLIENT_OK)
        perf_give_up(thread, "flush: %s", text);
    atomic_store(&latency->sent, i);
    return NULL;
}

/* Returns false when a record is not what was sent. *next: the lowest number that is due. */
static bool take(struct perf_thread *thread, struct latency *latency, klient_records_t *records,
                 uint64_t *next)
{
    int64_t now_ns = perf_now_ns();
    uint64_t warm = (uint64_t)(latency->warm_up * latency->rate), count = 0;
    klient_record_t record;

    klient_record_init(&record);
    while (klient_records_next(records, &record) == 1) {
        const unsigned char *value = record.value;
        if (record.value_size != (size_t)latency->size)
            return perf_give_up(thread, "somebody else writes to %s", latency->topic);
        uint64_t number = load_u64(value);
        if (latency->partitions == 1 && number != *next)
            return perf_give_up(thread, "record %" PRIu64 " came where %" PRIu64 " was due",
                                number, *next);
        *next = number + 1;
        count++;
        if (number < warm)
            continue;
        int64_t due_ns = (int64_t)load_u64(value + PERF_NUMBER_SIZE);
        if (latency->first_ns == 0)
            latency->first_ns = due_ns;
        latency->last_ns = now_ns;
        hdr_record(latency->hdr, (uint64_t)(now_ns - due_ns) / 1000);
    }
    atomic_fetch_add(&thread->records, count);
    atomic_fetch_add(&thread->bytes, count * (uint64_t)latency->size);
    return true;
}

static void *read_all(struct perf_thread *thread, struct latency *latency)
{
    klient_error_t *error = NULL;
    uint64_t next = 0;
    int64_t deadline_ns = 0;

    for (bool going = true; going;) {
        klient_records_t *records = NULL;
        if (klient_consumer_poll(latency->consumer, POLL_MS, &records, &error) != KLIENT_OK)
            return perf_give_up_with(thread, "poll", error);
        if (records != NULL)
            going = take(thread, latency, records, &next);
        klient_records_free(records);
        uint64_t sent = atomic_load(&latency->sent);
        if (sent == UINT64_MAX)
            continue;
        if (deadline_ns == 0)
            deadline_ns = perf_now_ns() + latency->timeout_ms * 1000000;
        if (atomic_load(&thread->records) >= sent)
            return NULL;
        if (perf_now_ns() > deadline_ns || interrupt_gives_up())
            return perf_give_up(thread, "%" PRIu64 " records were sent, %" PRIu64 " came", sent,
                                atomic_load(&thread->records));
    }
    return NULL;
}

static void *run_one(void *context)
{
    struct perf_thread *thread = context;
    return thread->index == SENDER ? send_all(thread, thread->context)
                                   : read_all(thread, thread->context);
}

/* --- setting up ------------------------------------------------------------------------------- */

/* The consumer stands at the end of every partition before the first record is sent. */
static klient_code_t start_reading(struct latency *latency, klient_error_t **error)
{
    size_t count = (size_t)latency->partitions;
    klient_topic_partition_t *partitions = calloc(count, sizeof *partitions);
    klient_code_t code = partitions != NULL ? KLIENT_OK : KLIENT_NOMEM;
    int64_t position;

    for (size_t i = 0; code == KLIENT_OK && i < count; i++)
        partitions[i] = (klient_topic_partition_t){ latency->topic, (int32_t)i };
    if (code == KLIENT_OK)
        code = klient_consumer_assign(latency->consumer, partitions, count, error);
    for (int32_t i = 0; code == KLIENT_OK && i < latency->partitions; i++)
        code = klient_consumer_seek_to_end(latency->consumer, latency->topic, i, error);
    for (int32_t i = 0; code == KLIENT_OK && i < latency->partitions; i++)
        code = klient_consumer_position(latency->consumer, latency->topic, i, latency->timeout_ms,
                                        &position, error);
    free(partitions);
    return code;
}

static int open_both(struct latency *latency)
{
    klient_error_t *error = NULL;
    int status;
    klient_config_t *config = connect_config(latency->args, true, &status);

    if (config == NULL)
        return status;
    latency->block_ms = interrupt_step(config);
    klient_t *klient = klient_new(config, &error);
    if (klient != NULL)
        latency->producer = klient_producer_open(klient, NULL, &error);
    if (latency->producer != NULL)
        latency->consumer = klient_consumer_open(klient, NULL, &error);
    klient_free(klient);
    klient_config_free(config);
    if (latency->consumer == NULL)
        return connect_refused(latency->args, error);
    if (start_reading(latency, &error) != KLIENT_OK)
        return connect_failed(latency->args, error);
    return EXIT_DONE;
}

/* --- the result ------------------------------------------------------------------------------- */

static json_t *quantile_json(const struct hdr *hdr, double q)
{
    return hdr_supports(hdr, q) ? json_integer((json_int_t)hdr_quantile(hdr, q)) : json_null();
}

static const char *quantile_text(const struct hdr *hdr, double q, char text[24])
{
    if (!hdr_supports(hdr, q))
        return "-";
    snprintf(text, 24, "%" PRIu64, hdr_quantile(hdr, q));
    return text;
}

static int summarise(const struct latency *latency, double processor_ns)
{
    const struct hdr *hdr = latency->hdr;
    double span_s = (double)(latency->last_ns - latency->first_ns) / 1e9,
           achieved = span_s > 0 ? (double)(hdr->count - 1) / span_s : 0;
    bool met = perf_rate_met((double)latency->rate, achieved);
    char p50[24], p99[24], p999[24];

    if (args_json(latency->args))
        json_line(json_pack("{s:I, s:I, s:f, s:b, s:o, s:o, s:o, s:I, s:f, s:f}", "records",
                            (json_int_t)hdr->count, "rate", (json_int_t)latency->rate,
                            "achieved", achieved, "rate_met", met, "p50_us",
                            quantile_json(hdr, 0.5), "p99_us", quantile_json(hdr, 0.99),
                            "p999_us", quantile_json(hdr, 0.999), "max_us",
                            (json_int_t)hdr->max, "mean_us", hdr_mean(hdr),
                            "processor_ns_per_record", processor_ns));
    else
        printf("%" PRIu64 " records at %.0f/s, microseconds: p50 %s, p99 %s, p99.9 %s, max %" PRIu64
               "; %.0f ns of processor a record\n",
               hdr->count, achieved, quantile_text(hdr, 0.5, p50), quantile_text(hdr, 0.99, p99),
               quantile_text(hdr, 0.999, p999), hdr->max, processor_ns);
    if (met || interrupt_came())
        return EXIT_DONE;
    return command_failed(latency->args, "%.0f records/s came through, %lld were asked for",
                          achieved, (long long)latency->rate);
}

static int measure(struct latency *latency)
{
    struct perf_thread threads[2] = { { .context = latency, .index = SENDER },
                                      { .context = latency, .index = READER } };
    double processor_s = perf_processor_s();
    int status = perf_run(latency->args, threads, 2, run_one);

    if (status != EXIT_DONE)
        return status;
    if (latency->hdr->count == 0)
        return command_failed(latency->args, "nothing was measured");
    return summarise(latency, (perf_processor_s() - processor_s) * 1e9 /
                                  (double)atomic_load(&threads[READER].records));
}

int perf_latency(const struct args *args)
{
    struct latency latency = { .args = args, .topic = args_operand(args, 0), .sent = UINT64_MAX };

    if (!args_number(args, "--size", 100, STAMP_SIZE, VALUE_MAX, &latency.size) ||
        !args_number(args, "--rate", 1000, 1, 10000000, &latency.rate) ||
        !args_number(args, "--seconds", 10, 1, 1000000, &latency.seconds) ||
        !args_number(args, "--records", latency.seconds * latency.rate, 2, INT64_MAX / 2,
                     &latency.records) ||
        !args_number(args, "--warm-up", 1, 0, 1000, &latency.warm_up) ||
        !connect_timeout(args, &latency.timeout_ms))
        return EXIT_USAGE;
    int status = perf_topic(args, latency.topic, &latency.partitions);
    if (status != EXIT_DONE)
        return status;
    latency.hdr = hdr_new();
    interrupt_catch();
    status = latency.hdr != NULL ? open_both(&latency) : command_failed(args, "out of memory");
    if (status == EXIT_DONE)
        status = measure(&latency);
    klient_producer_close(latency.producer, 1000, NULL);
    klient_consumer_close(latency.consumer, 1000, NULL);
    hdr_free(latency.hdr);
    return status;
}
